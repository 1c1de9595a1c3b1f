import { ipToBytes } from "../../protocols/ip.ts"
import {
  encodeMessage,
  type PacketMessage,
  type Ping,
  type PushPullNode,
  type StreamMessage,
} from "../../protocols/memberlist/message.ts"
import { encodeCompound } from "../../protocols/memberlist/wrapping.ts"
import { type Broadcast, takeBroadcasts } from "./broadcasts.ts"
import { retransmitLimit } from "./formulas.ts"
import type { Effect, Endpoint, Node, Purpose, Random, Refusal, Relay, State, Suspicion } from "./state.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Draft = Omit<
  Mutable<State>,
  "nodes" | "ring" | "suspicions" | "queue" | "relays" | "verifications" | "exchanges"
> & {
  nodes: Map<string, Node>
  ring: string[]
  suspicions: Map<string, Suspicion>
  queue: Broadcast[]
  relays: Map<number, Relay>
  verifications: Map<number, string>
  exchanges: Map<string, Purpose>
}

/** One step under way: a copy of the state to work on, and the effects so far. Nothing of it outlives the step. */
export interface Turn {
  readonly draft: Draft
  readonly effects: Effect[]
  readonly nowMs: number
  readonly random: Random
}

export function beginTurn(state: State, nowMs: number, random: Random): Turn {
  const draft: Draft = {
    ...state,
    nodes: new Map(state.nodes),
    ring: [...state.ring],
    suspicions: new Map(state.suspicions),
    queue: [...state.queue],
    relays: new Map(state.relays),
    verifications: new Map(state.verifications),
    exchanges: new Map(state.exchanges),
  }
  return { draft, effects: [], nowMs, random }
}

export function ownAddress(turn: Turn): Uint8Array {
  return ipToBytes(turn.draft.advertise.address)
}

/** What a ping says of its sender. */
export function source(turn: Turn): Pick<Ping, "sourceAddr" | "sourcePort" | "sourceNode"> {
  const { advertise, name } = turn.draft
  return { sourceAddr: ownAddress(turn), sourcePort: advertise.port, sourceNode: name }
}

export function nextSeqNo(turn: Turn): number {
  turn.draft.seqNo = (turn.draft.seqNo + 1) >>> 0
  return turn.draft.seqNo
}

export function setTimer(turn: Turn, timer: string, afterMs: number): void {
  turn.effects.push({ kind: "set-timer", timer, afterMs: Math.max(0, afterMs) })
}

export function refuse(turn: Turn, what: Refusal, detail: string): void {
  turn.effects.push({ kind: "refused", what, detail })
}

/** Opens a stream; what it brings comes back as `reply` or `no-reply`. */
export function open(turn: Turn, purpose: Purpose, to: Endpoint, message: StreamMessage, timeoutMs: number): void {
  const exchange = `out/${++turn.draft.opened}`
  turn.draft.exchanges.set(exchange, purpose)
  turn.effects.push({ kind: "open", exchange, to, message, timeoutMs })
}

/** Sends a message with as much gossip as the packet still takes. */
export function sendWithGossip(turn: Turn, to: Endpoint, message: PacketMessage): void {
  const first = encodeMessage(message)
  const parts = [first, ...drawBroadcasts(turn, first.length)]
  turn.effects.push({ kind: "send", to, payload: encodeCompound(parts), checksum: false })
}

/** Two bytes for a compound's own header are kept free, whether it becomes one or not. */
export function drawBroadcasts(turn: Turn, usedBytes: number): Uint8Array[] {
  const { draft } = turn
  const budget = draft.settings.udpBufferBytes - usedBytes - 2 - draft.overheadBytes
  const taken = takeBroadcasts(draft.queue, budget, retransmitLimit(draft.settings.retransmitMult, draft.nodes.size))
  draft.queue = taken.queue
  if (taken.finished.some(({ farewell }) => farewell)) endLeave(turn, true)
  return taken.messages
}

export function endLeave(turn: Turn, complete: boolean): void {
  if (turn.draft.leaving !== "under way") return
  turn.draft.leaving = "done"
  turn.effects.push({ kind: "cancel-timer", timer: "leave" }, { kind: "left", complete })
}

/** Up to `count` of the candidates, none twice. */
export function pickRandom<T>(candidates: readonly T[], count: number, random: Random): T[] {
  const rest = [...candidates]
  shuffle(rest, random, count)
  return rest.slice(0, count)
}

/** Fisher–Yates, from the front; `count` elements are enough for who wants no more. */
export function shuffle(items: unknown[], random: Random, count = items.length): void {
  for (let i = 0; i < Math.min(count, items.length - 1); i++) {
    const j = i + (random.u32() % (items.length - i))
    ;[items[i], items[j]] = [items[j], items[i]]
  }
}

export const wireStates = ["alive", "suspect", "dead", "left"] as const
export function pushPullNodes(turn: Turn): PushPullNode[] {
  return [...turn.draft.nodes.values()].map(({ name, addr, port, meta, vsn, incarnation, state }) => ({
    name,
    addr,
    port,
    meta,
    incarnation,
    state: wireStates.indexOf(state),
    vsn,
  }))
}
