import type { PushPull, PushPullNode, StreamMessage } from "../../protocols/memberlist/message.ts"
import { nodeState } from "../../protocols/memberlist/numbers.ts"
import { pushPullDelayMs } from "./formulas.ts"
import { merge } from "./membership.ts"
import { isForUs, tcpPinged } from "./probe.ts"
import { type Endpoint, endpointOf, isMember, type JoinRound, machineLimits, type Node } from "./state.ts"
import { open, pickRandom, pushPullNodes, refuse, setTimer, type Turn } from "./turn.ts"

/** Whole tables are exchanged: at a join, and now and then, to mend what gossip lost. */
export function syncTick(turn: Turn): void {
  const { draft, random } = turn
  setTimer(turn, "push-pull", pushPullDelayMs(draft.settings.pushPullIntervalMs, draft.nodes.size))
  const others = [...draft.nodes.values()].filter((node) => node.state === "alive" && node.name !== draft.name)
  const [partner] = pickRandom(others, 1, random)
  if (partner) exchangeTables(turn, partner)
}

/** With that one, out of turn. */
export function syncWith(turn: Turn, name: string): void {
  const node = turn.draft.nodes.get(name)
  if (node && isMember(node) && name !== turn.draft.name) exchangeTables(turn, node)
}

/** Of all that see a node come back so many exchange tables with it, however large the ring; and each at most so often. */
const catchingUp = 8
const catchUpEveryMs = 1000

/**
 * A node that was dead to us speaks again, so we were dead to it, or may have been: what either has said of itself
 * meanwhile, the other has missed.
 */
export function catchUp(turn: Turn, name: string): void {
  const { draft, nowMs, random } = turn
  if (nowMs < draft.nextCatchUpMs || random.u32() % Math.max(1, draft.nodes.size) >= catchingUp) return
  draft.nextCatchUpMs = nowMs + catchUpEveryMs
  syncWith(turn, name)
}

const exchangeTables = (turn: Turn, partner: Node): void =>
  open(turn, { kind: "sync" }, endpointOf(partner), ownTable(turn, false), turn.draft.settings.tcpTimeoutMs)

const ownTable = (turn: Turn, join: boolean): PushPull => ({
  kind: "push-pull",
  join,
  nodes: pushPullNodes(turn),
  userState: new Uint8Array(),
})

/** A stream that another node opened. */
export function requested(turn: Turn, exchange: string, message: StreamMessage): void {
  if (message.kind === "push-pull") {
    // Our own table first, as it was before theirs came.
    turn.effects.push({ kind: "answer", exchange, message: ownTable(turn, message.join) })
    const fault = takeTable(turn, message.nodes)
    if (fault) refuse(turn, "incompatible-versions", fault)
  } else if (message.kind === "ping" && isForUs(turn, message)) {
    turn.effects.push({ kind: "answer", exchange, message: { kind: "ack", seqNo: message.seqNo, payload: undefined } })
  } else {
    turn.effects.push({ kind: "close", exchange })
    if (message.kind === "ping") refuse(turn, "not-for-me", `stream ping for ${message.node}`)
  }
}

/** What a stream brought that we opened; a reason instead of a message when it brought nothing. */
export function replied(
  turn: Turn,
  exchange: string,
  result: StreamMessage | { kind: "nothing"; reason: string },
): void {
  const purpose = turn.draft.exchanges.get(exchange)
  if (!purpose) return
  turn.draft.exchanges.delete(exchange)
  if (purpose.kind === "ping") {
    return tcpPinged(turn, purpose.seqNo, result.kind === "ack" && result.seqNo === purpose.seqNo)
  }
  let fault: string | undefined
  if (result.kind === "push-pull") fault = takeTable(turn, result.nodes)
  else if (result.kind === "nothing") fault = result.reason
  else if (result.kind === "error") fault = `the other side says: ${result.error}`
  else fault = `answered with ${result.kind}`
  if (purpose.kind === "join") joinAnswered(turn, purpose.peer, fault)
  else if (fault && result.kind !== "nothing") refuse(turn, "incompatible-versions", fault)
}

/** Merges a table, all or nothing. The text says why not. */
function takeTable(turn: Turn, nodes: readonly PushPullNode[]): string | undefined {
  const fault = incompatibility(turn, nodes)
  if (!fault) merge(turn, nodes)
  return fault
}

/**
 * Between the highest minimum and the lowest maximum of all that are alive, here and there, every node's version must
 * lie, the protocol's and the application's alike.
 */
export function incompatibility(turn: Turn, remote: readonly PushPullNode[]): string | undefined {
  const all = [...pushPullNodes(turn), ...remote]
  for (const [what, at] of [
    ["protocol", 0],
    ["application", 3],
  ] as const) {
    let lowest = 0
    let highest = 255
    for (const { state, vsn } of all) {
      if (state !== nodeState.alive || !vsn?.length) continue
      lowest = Math.max(lowest, vsn[at] ?? 0)
      highest = Math.min(highest, vsn[at + 1] ?? 0)
    }
    for (const { name, vsn } of all) {
      const speaks = vsn?.[at + 2] ?? 0
      if (speaks < lowest || speaks > highest)
        return `${what} version ${speaks} of ${name} is outside ${lowest} to ${highest}`
    }
  }
  return undefined
}

/** Who should be a member; those that are not yet are asked to let us in, again and again. */
export function setPeers(turn: Turn, peers: readonly Endpoint[]): void {
  turn.draft.peers = peers.slice(0, machineLimits.peers)
  turn.draft.failedRounds = 0
  if (!turn.draft.round) joinRound(turn)
}

const RETRY_MS = 1000
/** As often as MetalLB's speakers look for peers that are not members. */
const ROUND_MS = 60_000

export function joinRound(turn: Turn): void {
  const { draft } = turn
  if (draft.leaving !== "no" || draft.round) return
  const waiting = missing(turn)
  if (waiting.length === 0) return setTimer(turn, "join", ROUND_MS)
  draft.round = { waiting, active: 0, expected: waiting.length, joined: 0, errors: [] }
  advanceRound(turn, draft.round)
}

function joinAnswered(turn: Turn, peer: Endpoint, fault: string | undefined): void {
  const { round } = turn.draft
  if (!round) return
  const errors = fault ? [...round.errors, `${peer.address}:${peer.port}: ${fault}`] : round.errors
  advanceRound(turn, { ...round, active: round.active - 1, joined: round.joined + (fault ? 0 : 1), errors })
}

function advanceRound(turn: Turn, round: JoinRound): void {
  const { draft, random } = turn
  const stillMissing = new Set(missing(turn))
  let { waiting, active, joined } = round
  while (active < machineLimits.concurrentJoins) {
    const [peer, ...rest] = waiting
    if (!peer) break
    waiting = rest
    if (!stillMissing.has(peer)) {
      // Another one has introduced us meanwhile.
      joined++
      continue
    }
    active++
    open(turn, { kind: "join", peer }, peer, ownTable(turn, true), draft.settings.tcpTimeoutMs)
  }
  draft.round = { ...round, waiting, active, joined }
  if (active > 0) return
  draft.round = undefined
  const { expected, errors } = round
  turn.effects.push({ kind: "join-ended", expected, joined, errors })
  draft.failedRounds = joined < expected ? draft.failedRounds + 1 : 0
  const retryMs = Math.min(ROUND_MS, RETRY_MS * 2 ** Math.min(10, draft.failedRounds - 1))
  const delayMs = draft.failedRounds > 0 ? retryMs * (0.8 + (0.4 * random.u32()) / 2 ** 32) : ROUND_MS
  setTimer(turn, "join", delayMs)
}

/** Peers at whose address there is no member. */
function missing(turn: Turn): Endpoint[] {
  const { nodes, peers, advertise } = turn.draft
  const taken = new Set([...nodes.values()].filter(isMember).map((node) => key(endpointOf(node))))
  taken.add(key(advertise))
  return peers.filter((peer) => !taken.has(key(peer)))
}

const key = ({ address, port }: Endpoint): string => `${address} ${port}`
