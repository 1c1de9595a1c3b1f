import type { PacketMessage } from "../../protocols/memberlist/message.ts"
import { encodeCompound } from "../../protocols/memberlist/wrapping.ts"
import { hearing } from "./isolation.ts"
import { alive, dead, introduce, sameBytes, suspect, suspicionOver } from "./membership.ts"
import {
  acked,
  askedToPing,
  nacked,
  pinged,
  probeDeadline,
  probeTick,
  probeTimeout,
  relayTimer,
  takesChecksum,
} from "./probe.ts"
import { type Effect, type Endpoint, endpointOf, type Event, isMember, type Random, type State } from "./state.ts"
import { catchUp, joinRound, replied, requested, setPeers, syncTick, syncWith } from "./sync.ts"
import { verify, verifyTimer } from "./verify.ts"
import { beginTurn, drawBroadcasts, endLeave, pickRandom, setTimer, type Turn } from "./turn.ts"

/** MetalLB's speakers wait no longer for their good-bye to have gone out. */
const LEAVE_MS = 1000

/** Pure: the same state, event, time and random numbers give the same next state and effects. The old state stays as it was. */
export function step(state: State, event: Event, nowMs: number, random: Random): [State, readonly Effect[]] {
  const turn = beginTurn(state, nowMs, random)
  switch (event.kind) {
    case "start":
      start(turn)
      break
    case "packet":
      hearing(turn)
      heard(turn, event.message, event.from)
      cameBack(state, turn)
      break
    case "request":
      hearing(turn)
      requested(turn, event.exchange, event.message)
      break
    case "reply":
      hearing(turn)
      replied(turn, event.exchange, event.message)
      break
    case "no-reply":
      replied(turn, event.exchange, { kind: "nothing", reason: event.reason })
      break
    case "timer":
      due(turn, event.timer)
      break
    case "peers":
      setPeers(turn, event.peers)
      break
    case "meta":
      describe(turn, event.meta)
      break
    case "sync":
      syncWith(turn, event.node)
      break
    case "verify":
      verify(turn, event)
      break
    case "leave":
      leave(turn)
      break
    default:
      return unreachable(event)
  }
  return [turn.draft, turn.effects]
}

/** By gossip: with whole tables everything has come. */
function cameBack(before: State, turn: Turn): void {
  for (const effect of turn.effects) {
    if (effect.kind !== "member-event" || effect.event !== "join") continue
    if (before.nodes.get(effect.node.name)?.state === "dead") catchUp(turn, effect.node.name)
  }
}

function start(turn: Turn): void {
  const { draft, nowMs, random } = turn
  const { probeIntervalMs, gossipIntervalMs, pushPullIntervalMs } = draft.settings
  introduce(turn)
  draft.nextProbeMs = nowMs + probeIntervalMs
  setTimer(turn, "probe", probeIntervalMs)
  setTimer(turn, "gossip", gossipIntervalMs)
  // A random part keeps nodes that started together from syncing together.
  if (pushPullIntervalMs > 0) setTimer(turn, "push-pull", pushPullIntervalMs * (1 + random.u32() / 2 ** 32))
}

/** Said anew to everybody, unless it is what they know. */
function describe(turn: Turn, meta: Uint8Array): void {
  const { draft } = turn
  if (sameBytes(draft.meta, meta)) return
  draft.meta = meta
  if (draft.leaving === "no") introduce(turn)
}

function heard(turn: Turn, message: PacketMessage, from: Endpoint): void {
  switch (message.kind) {
    case "ping":
      return pinged(turn, message, from)
    case "indirect-ping":
      return askedToPing(turn, message, from)
    case "ack":
      return acked(turn, message)
    case "nack":
      return nacked(turn, message)
    case "alive":
      return alive(turn, message)
    case "suspect":
      return suspect(turn, message)
    case "dead":
      return dead(turn, message)
    case "user":
      return // for applications on top of memberlist; MetalLB has none
    default:
      return unreachable(message)
  }
}

/** By the part of a timer's name before the slash; what is behind it says whose it is. */
const timers: Readonly<Record<string, (turn: Turn, whose: string) => void>> = {
  probe: probeTick,
  "probe-timeout": probeTimeout,
  "probe-deadline": probeDeadline,
  gossip,
  "push-pull": syncTick,
  suspicion: suspicionOver,
  relay: (turn, seqNo) => relayTimer(turn, Number(seqNo)),
  verify: (turn, seqNo) => verifyTimer(turn, Number(seqNo)),
  join: joinRound,
  leave: (turn) => endLeave(turn, false),
}

function due(turn: Turn, timer: string): void {
  const slash = timer.indexOf("/")
  const name = slash < 0 ? timer : timer.slice(0, slash)
  timers[name]?.(turn, timer.slice(name.length + 1))
}

/** A few nodes, the recently dead too, get each their own draw from what waits. Those that left get nothing. */
function gossip(turn: Turn): void {
  const { draft, nowMs, random } = turn
  const { gossipIntervalMs, gossipNodes, gossipToTheDeadMs } = draft.settings
  setTimer(turn, "gossip", gossipIntervalMs)
  if (draft.queue.length === 0) return
  const reachable = [...draft.nodes.values()].filter(
    ({ name, state, changedMs }) =>
      name !== draft.name &&
      (state === "alive" || state === "suspect" || (state === "dead" && nowMs - changedMs <= gossipToTheDeadMs)),
  )
  for (const node of pickRandom(reachable, gossipNodes, random)) {
    const messages = drawBroadcasts(turn, 0)
    if (messages.length === 0) return
    const payload = encodeCompound(messages)
    turn.effects.push({ kind: "send", to: endpointOf(node), payload, checksum: takesChecksum(node) })
  }
}

/** From here on nothing said about ourselves is refuted, but for a suspicion that comes before our own word is out. */
function leave(turn: Turn): void {
  const { draft } = turn
  if (draft.leaving === "done") return void turn.effects.push({ kind: "left", complete: true })
  if (draft.leaving === "under way") return
  draft.leaving = "under way"
  draft.round = undefined
  turn.effects.push({ kind: "cancel-timer", timer: "join" })
  const self = draft.nodes.get(draft.name)
  if (self) dead(turn, { kind: "dead", node: draft.name, from: draft.name, incarnation: self.incarnation })
  const others = [...draft.nodes.values()].some((node) => node.name !== draft.name && isMember(node))
  if (others) setTimer(turn, "leave", LEAVE_MS)
  else endLeave(turn, true)
}

function unreachable(value: never): never {
  throw new Error(`no such case: ${JSON.stringify(value)}`)
}
