import { encodeCompound } from "../../protocols/memberlist/wrapping.ts"
import {
  encodeMessage,
  type PacketMessage,
  type PushPullNode,
  type StreamMessage,
} from "../../protocols/memberlist/message.ts"
import { type Ip, ipFromBytes, ipToBytes } from "../../protocols/ip.ts"
import type { Member } from "../messages.ts"
import { type Broadcast, takeBroadcasts } from "./broadcasts.ts"
import { retransmitLimit } from "./formulas.ts"
import type { Settings } from "./settings.ts"

export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** The machine draws its random numbers from here. */
export interface Random {
  /** Uniform in 0 … 2³²−1. */
  u32(): number
}

/** One node as this one knows it. `addr`, `meta` and `vsn` are passed on exactly as they came. */
export interface Node {
  readonly name: string
  readonly addr: Uint8Array
  readonly port: number
  readonly meta: Uint8Array | undefined
  readonly vsn: Uint8Array
  readonly incarnation: number
  readonly state: Member["state"]
  readonly changedMs: number
}

export interface Suspicion {
  readonly startedMs: number
  readonly minMs: number
  readonly maxMs: number
  readonly dueMs: number
  /** Confirmations that bring it down to its minimum; 0: it lasts the minimum anyway. */
  readonly k: number
  /** Who accused first, then who confirmed. */
  readonly accusers: readonly string[]
  /** Of the accused, when it was made: an entry that changed since is another matter. */
  readonly changedMs: number
}

export interface Probe {
  readonly target: string
  readonly incarnation: number
  readonly seqNo: number
  readonly deadlineMs: number
  readonly nacksAsked: number
  readonly nacksHeard: number
  readonly tcpWorked: boolean
}

/** A ping sent for somebody else. */
export interface Relay {
  readonly requester: Endpoint
  readonly requesterSeqNo: number
  readonly nack: boolean
  readonly deadlineMs: number
}

/** What a stream that we opened is for. */
export type Purpose =
  | { readonly kind: "ping"; readonly seqNo: number }
  | { readonly kind: "sync" }
  | { readonly kind: "join"; readonly peer: Endpoint }

export interface JoinRound {
  readonly waiting: readonly Endpoint[]
  readonly active: number
  readonly expected: number
  readonly joined: number
  readonly errors: readonly string[]
}

export interface MachineConfig {
  readonly name: string
  readonly advertise: Endpoint & { readonly address: Ip }
  readonly settings: Settings
  /** What encryption and label add to each packet, to be kept free. */
  readonly overheadBytes: number
}

export interface State extends MachineConfig {
  readonly nodes: ReadonlyMap<string, Node>
  /** The order of probing. */
  readonly ring: readonly string[]
  readonly ringIndex: number
  readonly incarnation: number
  readonly seqNo: number
  /** 0 is healthy. */
  readonly score: number
  readonly leaving: "no" | "under way" | "done"
  readonly suspicions: ReadonlyMap<string, Suspicion>
  readonly queue: readonly Broadcast[]
  readonly queued: number
  readonly probe: Probe | undefined
  readonly nextProbeMs: number
  /** A tick came while a probe was under way: the next probe follows at once. */
  readonly probeOwed: boolean
  readonly relays: ReadonlyMap<number, Relay>
  readonly exchanges: ReadonlyMap<string, Purpose>
  readonly opened: number
  readonly peers: readonly Endpoint[]
  readonly round: JoinRound | undefined
  readonly failedRounds: number
}

export type Event =
  | { readonly kind: "start" }
  | { readonly kind: "packet"; readonly message: PacketMessage; readonly from: Endpoint }
  /** A stream that somebody else opened. */
  | { readonly kind: "request"; readonly exchange: string; readonly message: StreamMessage }
  /** The end of a stream that an `open` effect asked for. */
  | { readonly kind: "reply"; readonly exchange: string; readonly message: StreamMessage }
  | { readonly kind: "no-reply"; readonly exchange: string; readonly reason: string }
  | { readonly kind: "timer"; readonly timer: string }
  | { readonly kind: "peers"; readonly peers: readonly Endpoint[] }
  | { readonly kind: "leave" }

/** Why something heard was not taken. */
export type Refusal =
  | "bad-versions"
  | "bad-address"
  | "meta-too-long"
  | "not-for-me"
  | "table-full"
  | "relays-full"
  | "incompatible-versions"
  | "unexpected-message"

export type Effect =
  | { readonly kind: "send"; readonly to: Endpoint; readonly payload: Uint8Array; readonly checksum: boolean }
  | {
      readonly kind: "open"
      readonly exchange: string
      readonly to: Endpoint
      readonly message: StreamMessage
      readonly timeoutMs: number
    }
  | { readonly kind: "answer"; readonly exchange: string; readonly message: StreamMessage }
  | { readonly kind: "close"; readonly exchange: string }
  /** Replaces a timer of the same name. */
  | { readonly kind: "set-timer"; readonly timer: string; readonly afterMs: number }
  | { readonly kind: "cancel-timer"; readonly timer: string }
  | { readonly kind: "member-event"; readonly event: "join" | "leave" | "update" | "conflict"; readonly node: Node }
  /** The list of members is not what it was. */
  | { readonly kind: "members-changed" }
  /** All whose addresses were given have been asked to let us in. */
  | {
      readonly kind: "join-ended"
      readonly expected: number
      readonly joined: number
      readonly errors: readonly string[]
    }
  | { readonly kind: "refused"; readonly what: Refusal; readonly detail: string }
  | { readonly kind: "late-success"; readonly node: string }
  /** Our good-bye is out, or there was no time for all of it. */
  | { readonly kind: "left"; readonly complete: boolean }

export const machineLimits = {
  /** Kubernetes is built for 5000 nodes. */
  nodes: 8192,
  relays: 1024,
  peers: 8192,
  concurrentJoins: 4,
} as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Draft = Omit<Mutable<State>, "nodes" | "ring" | "suspicions" | "queue" | "relays" | "exchanges"> & {
  nodes: Map<string, Node>
  ring: string[]
  suspicions: Map<string, Suspicion>
  queue: Broadcast[]
  relays: Map<number, Relay>
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
    exchanges: new Map(state.exchanges),
  }
  return { draft, effects: [], nowMs, random }
}

/** Before `start`: nobody is known, not even oneself. */
export function initialState(config: MachineConfig): State {
  return {
    ...config,
    nodes: new Map(),
    ring: [],
    ringIndex: 0,
    incarnation: 0,
    seqNo: 0,
    score: 0,
    leaving: "no",
    suspicions: new Map(),
    queue: [],
    queued: 0,
    probe: undefined,
    nextProbeMs: 0,
    probeOwed: false,
    relays: new Map(),
    exchanges: new Map(),
    opened: 0,
    peers: [],
    round: undefined,
    failedRounds: 0,
  }
}

/** What everybody but the machine needs of it: by name, so that the same members are the same list. */
export function membersOf(state: State): Member[] {
  return [...state.nodes.values()]
    .map(({ name, addr, port, state: is }) => ({ name, address: addressText(addr), port, state: is }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export const addressText = (addr: Uint8Array): string => ipFromBytes(addr) ?? ""
export const endpointOf = (node: Node): Endpoint => ({ address: addressText(node.addr), port: node.port })
/** Alive or suspect: still a member. */
export const isMember = (node: Node): boolean => node.state === "alive" || node.state === "suspect"

export function ownAddress(turn: Turn): Uint8Array {
  return ipToBytes(turn.draft.advertise.address)
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
