import {
  type Alive,
  type Dead,
  encodeMessage,
  type PacketMessage,
  type PushPullNode,
  type Suspect,
} from "../../protocols/memberlist/message.ts"
import { limits, versionBytes } from "../../protocols/memberlist/numbers.ts"
import { expectedConfirmations, remainingSuspicionMs, suspicionSpan } from "./formulas.ts"
import { changeScore } from "./health.ts"
import { addressText, isMember, machineLimits, type Node } from "./state.ts"
import { endLeave, ownAddress, refuse, setTimer, type Turn, wireStates } from "./turn.ts"

/**
 * Who is alive: what a statement about a node does to what is known of it. An incarnation is the node's own counter;
 * it alone raises it, to speak against an accusation. At equal incarnations suspect and dead stand over alive.
 */

/** `bootstrap`: our own first word about ourselves. */
export function alive(turn: Turn, heard: Alive, bootstrap = false): void {
  const { draft } = turn
  const port = heard.port === 0 ? draft.advertise.port : heard.port
  const isSelf = heard.node === draft.name
  if (isSelf && draft.leaving !== "no") return
  const { addr, vsn = new Uint8Array() } = heard
  // Fewer than six bytes crash memberlist 0.5.1, none at all poison every later sync there: never pass them on.
  if (vsn.length !== versionBytes.length) return refuse(turn, "bad-versions", heard.node)
  if (addr === undefined || addressText(addr) === "") return refuse(turn, "bad-address", heard.node)
  if ((heard.meta?.length ?? 0) > limits.metaBytes) return refuse(turn, "meta-too-long", heard.node)
  const [pmin = 0, pmax = 0] = vsn
  if (pmin === 0 || pmax === 0 || pmin > pmax) return refuse(turn, "bad-versions", heard.node)

  const known = draft.nodes.get(heard.node) ?? admit(turn, heard.node, addr, port, heard.meta, vsn)
  if (!known) return refuse(turn, "table-full", heard.node)
  const moved = !sameBytes(known.addr, addr) || known.port !== port
  // Who said good-bye may come back elsewhere. Anybody else at another address is somebody else of the same name.
  if (moved && known.state !== "left") {
    turn.effects.push({ kind: "member-event", event: "conflict", node: { ...known, addr, port } })
    return
  }
  if (isSelf ? heard.incarnation < known.incarnation : heard.incarnation <= known.incarnation && !moved) return
  dropSuspicion(turn, heard.node)

  if (isSelf && !bootstrap) {
    const same =
      heard.incarnation === known.incarnation && sameBytes(known.meta, heard.meta) && sameBytes(known.vsn, vsn)
    if (!same) refute(turn, known, heard.incarnation)
    return
  }
  broadcast(turn, heard.node, { ...heard, port })
  const { incarnation, meta } = heard
  const changedMs = known.state === "alive" ? known.changedMs : turn.nowMs
  const node: Node = { name: heard.node, addr, port, meta, vsn, incarnation, state: "alive", changedMs }
  put(turn, node)
  if (known.state === "dead" || known.state === "left") announce(turn, "join", node)
  else if (!sameBytes(known.meta, meta)) announce(turn, "update", node)
}

export function suspect(turn: Turn, heard: Suspect): void {
  const { draft } = turn
  const known = draft.nodes.get(heard.node)
  if (!known || heard.incarnation < known.incarnation) return
  if (draft.suspicions.has(heard.node)) {
    if (confirm(turn, heard)) broadcast(turn, heard.node, heard)
    return
  }
  if (known.state !== "alive") return
  if (heard.node === draft.name) return refute(turn, known, heard.incarnation)
  broadcast(turn, heard.node, heard)
  put(turn, { ...known, incarnation: heard.incarnation, state: "suspect", changedMs: turn.nowMs })
  beginSuspicion(turn, heard)
}

/** From the node itself it is a good-bye. */
export function dead(turn: Turn, heard: Dead): void {
  const { draft } = turn
  const known = draft.nodes.get(heard.node)
  if (!known || heard.incarnation < known.incarnation) return
  dropSuspicion(turn, heard.node)
  if (!isMember(known)) return
  const isSelf = heard.node === draft.name
  if (isSelf && draft.leaving === "no") return refute(turn, known, heard.incarnation)
  broadcast(turn, heard.node, heard, isSelf)
  const state = heard.from === heard.node ? "left" : "dead"
  const node: Node = { ...known, incarnation: heard.incarnation, state, changedMs: turn.nowMs }
  put(turn, node)
  announce(turn, "leave", node)
}

/** What another node's table says. A death at second hand is only a suspicion: the node gets a chance to speak. */
export function merge(turn: Turn, nodes: readonly PushPullNode[]): void {
  for (const { name, addr, port, meta, incarnation, state, vsn } of nodes) {
    switch (wireStates[state]) {
      case "alive":
        alive(turn, { kind: "alive", node: name, addr, port, meta, incarnation, vsn })
        break
      case "left":
        dead(turn, { kind: "dead", node: name, from: name, incarnation })
        break
      case "suspect":
      case "dead":
        suspect(turn, { kind: "suspect", node: name, from: turn.draft.name, incarnation })
        break
      case undefined:
        refuse(turn, "unexpected-message", `state ${state} of ${name}`)
    }
  }
}

/** Speaks against a statement about ourselves with a higher incarnation. */
function refute(turn: Turn, self: Node, accusation: number): void {
  const { draft } = turn
  draft.incarnation = Math.max(draft.incarnation, accusation) + 1
  const node = { ...self, incarnation: draft.incarnation }
  changeScore(turn, 1)
  put(turn, node)
  const { name, addr, port, meta, vsn, incarnation } = node
  // As in memberlist under the address, not the name: what else waits about us stays in the queue.
  broadcast(turn, addressText(addr), { kind: "alive", node: name, addr, port, meta, vsn, incarnation })
}

/** The next word about ourselves. */
export function introduce(turn: Turn): void {
  const { draft } = turn
  const { port } = draft.advertise
  const incarnation = ++draft.incarnation
  const addr = ownAddress(turn)
  const { meta } = draft
  alive(turn, { kind: "alive", node: draft.name, addr, port, meta, vsn: versionBytes, incarnation }, true)
}

/** A new entry counts as dead, in a random place of the ring, until what was heard is taken. */
function admit(
  turn: Turn,
  name: string,
  addr: Uint8Array,
  port: number,
  meta: Uint8Array | undefined,
  vsn: Uint8Array,
): Node | undefined {
  const { draft, random } = turn
  const place = draft.ring.length
  if (place >= machineLimits.nodes) return undefined
  const node: Node = { name, addr, port, meta, vsn, incarnation: 0, state: "dead", changedMs: -Infinity }
  const swap = place === 0 ? 0 : random.u32() % place
  draft.ring.push(name)
  const other = draft.ring[swap]
  if (other !== undefined && swap !== place) {
    draft.ring[swap] = name
    draft.ring[place] = other
  }
  put(turn, node)
  return node
}

function put(turn: Turn, node: Node): void {
  const before = turn.draft.nodes.get(node.name)
  turn.draft.nodes.set(node.name, node)
  const seen =
    before?.state === node.state &&
    before.port === node.port &&
    sameBytes(before.addr, node.addr) &&
    sameBytes(before.meta, node.meta)
  if (!seen && turn.effects.at(-1)?.kind !== "members-changed") turn.effects.push({ kind: "members-changed" })
}

function announce(turn: Turn, event: "join" | "leave" | "update", node: Node): void {
  turn.effects.push({ kind: "member-event", event, node })
}

function broadcast(turn: Turn, key: string, message: PacketMessage, farewell = false): void {
  const { draft } = turn
  const replaced = draft.queue.find((waiting) => waiting.key === key)
  draft.queue = draft.queue.filter((waiting) => waiting !== replaced)
  const accuses = message.kind === "suspect" || (message.kind === "dead" && message.from !== message.node)
  draft.queue.push({ key, bytes: encodeMessage(message), transmits: 0, order: ++draft.queued, farewell, accuses })
  if (replaced?.farewell) endLeave(turn, true)
}

function beginSuspicion(turn: Turn, heard: Suspect): void {
  const { settings, nodes, suspicions } = turn.draft
  const span = suspicionSpan(settings, nodes.size)
  const k = expectedConfirmations(settings, nodes.size)
  const afterMs = k === 0 ? span.minMs : span.maxMs
  const startedMs = turn.nowMs
  const times = { startedMs, dueMs: startedMs + afterMs, changedMs: startedMs }
  suspicions.set(heard.node, { ...span, ...times, k, accusers: [heard.from] })
  setTimer(turn, `suspicion/${heard.node}`, afterMs)
}

/** Whether it was news. */
function confirm(turn: Turn, heard: Suspect): boolean {
  const { suspicions } = turn.draft
  const suspicion = suspicions.get(heard.node)
  if (!suspicion) return false
  const confirmations = suspicion.accusers.length - 1
  if (confirmations >= suspicion.k || suspicion.accusers.includes(heard.from)) return false
  const elapsedMs = turn.nowMs - suspicion.startedMs
  const leftMs = Math.max(0, remainingSuspicionMs(confirmations + 1, suspicion.k, suspicion, elapsedMs))
  const accusers = [...suspicion.accusers, heard.from]
  suspicions.set(heard.node, { ...suspicion, accusers, dueMs: turn.nowMs + leftMs })
  setTimer(turn, `suspicion/${heard.node}`, leftMs)
  return true
}

function dropSuspicion(turn: Turn, name: string): void {
  if (turn.draft.suspicions.delete(name)) turn.effects.push({ kind: "cancel-timer", timer: `suspicion/${name}` })
}

/** Nobody spoke against it in time. */
export function suspicionOver(turn: Turn, name: string): void {
  const { draft, nowMs } = turn
  const suspicion = draft.suspicions.get(name)
  const node = draft.nodes.get(name)
  if (!suspicion || node?.state !== "suspect" || node.changedMs !== suspicion.changedMs) return
  if (nowMs - suspicion.dueMs > draft.settings.probeIntervalMs) {
    // We slept, and the answer may still wait in our socket: hear what is there first.
    draft.suspicions.set(name, { ...suspicion, dueMs: nowMs + draft.settings.probeIntervalMs })
    return setTimer(turn, `suspicion/${name}`, draft.settings.probeIntervalMs)
  }
  dead(turn, { kind: "dead", node: name, from: draft.name, incarnation: node.incarnation })
}

/** Forgets who has been dead or gone for long. */
export function reap(turn: Turn): void {
  const { draft, nowMs } = turn
  const { gossipToTheDeadMs } = draft.settings
  for (const { name, state, changedMs } of draft.nodes.values()) {
    const gone = state === "dead" || state === "left"
    if (gone && name !== draft.name && nowMs - changedMs > gossipToTheDeadMs) draft.nodes.delete(name)
  }
  if (draft.nodes.size === draft.ring.length) return
  draft.ring = draft.ring.filter((name) => draft.nodes.has(name))
  turn.effects.push({ kind: "members-changed" })
}

export const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  Buffer.compare(a ?? new Uint8Array(), b ?? new Uint8Array()) === 0
