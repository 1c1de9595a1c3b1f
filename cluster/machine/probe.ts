import {
  type Ack,
  encodeMessage,
  type IndirectPing,
  type Nack,
  type Ping,
  type Suspect,
} from "../../protocols/memberlist/message.ts"
import { encodeCompound } from "../../protocols/memberlist/wrapping.ts"
import { changeScore } from "./health.ts"
import { reap, suspect } from "./membership.ts"
import { verified } from "./verify.ts"
import { addressText, type Endpoint, endpointOf, isMember, machineLimits, type Node } from "./state.ts"
import { nextSeqNo, open, pickRandom, refuse, sendWithGossip, setTimer, shuffle, source, type Turn } from "./turn.ts"

/** Once per interval; ticks stay on whole intervals after the start, however long a probe takes. */
export function probeTick(turn: Turn): void {
  const { draft, nowMs } = turn
  const { probeIntervalMs } = draft.settings
  const late = Math.max(0, nowMs - draft.nextProbeMs)
  draft.nextProbeMs += (Math.floor(late / probeIntervalMs) + 1) * probeIntervalMs
  setTimer(turn, "probe", draft.nextProbeMs - nowMs)
  if (draft.probe) draft.probeOwed = true
  else probeNext(turn)
}

/** Walks the ring; at its end the long dead are forgotten and it is shuffled anew. */
function probeNext(turn: Turn): void {
  const { draft } = turn
  let considered = 0
  while (considered < draft.ring.length) {
    const name = draft.ring[draft.ringIndex]
    if (name === undefined) {
      reap(turn)
      shuffle(draft.ring, turn.random)
      draft.ringIndex = 0
      considered++
      continue
    }
    draft.ringIndex++
    considered++
    const node = draft.nodes.get(name)
    if (node && name !== draft.name && isMember(node)) return probe(turn, node)
  }
}

function probe(turn: Turn, target: Node): void {
  const { draft, nowMs } = turn
  const { probeIntervalMs, probeTimeoutMs } = draft.settings
  const seqNo = nextSeqNo(turn)
  const lastsMs = probeIntervalMs * (draft.score + 1)
  const { name, incarnation } = target
  const counts = { nacksAsked: 0, nacksHeard: 0, tcpWorked: false }
  draft.probe = { target: name, incarnation, seqNo, deadlineMs: nowMs + lastsMs, ...counts }
  const ping: Ping = { kind: "ping", node: name, seqNo, ...source(turn) }
  if (target.state === "suspect") {
    // The accused hears of it first, and can speak.
    const accusation: Suspect = { kind: "suspect", node: name, incarnation, from: draft.name }
    const payload = encodeCompound([encodeMessage(ping), encodeMessage(accusation)])
    turn.effects.push({ kind: "send", to: endpointOf(target), payload, checksum: takesChecksum(target) })
  } else sendWithGossip(turn, endpointOf(target), ping)
  setTimer(turn, "probe-timeout", probeTimeoutMs)
  setTimer(turn, "probe-deadline", lastsMs)
}

/** No answer yet: others try, and TCP, for networks that lose UDP alone. */
export function probeTimeout(turn: Turn): void {
  const { draft, nowMs } = turn
  const { probe } = draft
  const target = probe && draft.nodes.get(probe.target)
  if (!probe || !target) return
  const { seqNo, deadlineMs } = probe
  const others = [...draft.nodes.values()].filter(
    (node) => node.state === "alive" && node.name !== draft.name && node.name !== target.name,
  )
  let nacksAsked = 0
  for (const relay of pickRandom(others, draft.settings.indirectChecks, turn.random)) {
    const nack = highestProtocol(relay) >= 4
    if (nack) nacksAsked++
    const { addr, port, name } = target
    sendWithGossip(turn, endpointOf(relay), {
      kind: "indirect-ping",
      seqNo,
      target: addr,
      port,
      node: name,
      nack,
      ...source(turn),
    })
  }
  draft.probe = { ...probe, nacksAsked }
  if (!draft.settings.disableTcpPings && highestProtocol(target) >= 3) {
    const ping: Ping = { kind: "ping", node: target.name, seqNo, ...source(turn) }
    open(turn, { kind: "ping", seqNo }, endpointOf(target), ping, deadlineMs - nowMs)
  }
}

export function probeDeadline(turn: Turn): void {
  const { draft, nowMs } = turn
  const { probe } = draft
  if (!probe) return
  const { target, incarnation, deadlineMs, nacksAsked, nacksHeard, tcpWorked } = probe
  if (tcpWorked) {
    turn.effects.push({ kind: "late-success", node: target })
    return endProbe(turn, -1)
  }
  // Woken long after the deadline: it was us who slept. Nobody is accused.
  if (nowMs - deadlineMs > draft.settings.probeIntervalMs) return endProbe(turn, 1)
  suspect(turn, { kind: "suspect", node: target, incarnation, from: draft.name })
  // Relays that say "nothing heard" show that our own network is fine.
  endProbe(turn, nacksAsked > 0 ? nacksAsked - nacksHeard : 1)
}

function endProbe(turn: Turn, scoreChange: number): void {
  const { draft } = turn
  changeScore(turn, scoreChange)
  draft.probe = undefined
  for (const timer of ["probe-timeout", "probe-deadline"]) turn.effects.push({ kind: "cancel-timer", timer })
  if (!draft.probeOwed) return
  draft.probeOwed = false
  probeNext(turn)
}

/** Matched by its number alone, wherever it comes from. */
export function acked(turn: Turn, { seqNo }: Ack): void {
  const { draft } = turn
  if (draft.probe?.seqNo === seqNo) return endProbe(turn, -1)
  if (verified(turn, seqNo)) return
  const relay = draft.relays.get(seqNo)
  if (!relay) return
  draft.relays.delete(seqNo)
  turn.effects.push({ kind: "cancel-timer", timer: `relay/${seqNo}` })
  sendWithGossip(turn, relay.requester, { kind: "ack", seqNo: relay.requesterSeqNo, payload: undefined })
}

export function nacked(turn: Turn, { seqNo }: Nack): void {
  const { probe } = turn.draft
  if (probe?.seqNo === seqNo)
    turn.draft.probe = { ...probe, nacksHeard: Math.min(probe.nacksAsked, probe.nacksHeard + 1) }
}

export function tcpPinged(turn: Turn, seqNo: number, worked: boolean): void {
  const { probe } = turn.draft
  if (worked && probe?.seqNo === seqNo) turn.draft.probe = { ...probe, tcpWorked: true }
}

export function pinged(turn: Turn, ping: Ping, from: Endpoint): void {
  if (!isForUs(turn, ping)) return refuse(turn, "not-for-me", `ping for ${ping.node} from ${from.address}`)
  sendWithGossip(turn, replyTo(ping, from), { kind: "ack", seqNo: ping.seqNo, payload: undefined })
}

export const isForUs = (turn: Turn, ping: Ping): boolean => ping.node === "" || ping.node === turn.draft.name

/** Pings on another's behalf. */
export function askedToPing(turn: Turn, request: IndirectPing, from: Endpoint): void {
  const { draft, nowMs } = turn
  const address = addressText(request.target ?? new Uint8Array())
  if (address === "") return refuse(turn, "bad-address", `indirect ping from ${from.address}`)
  if (draft.relays.size >= machineLimits.relays) return refuse(turn, "relays-full", from.address)
  const { probeTimeoutMs } = draft.settings
  const seqNo = nextSeqNo(turn)
  const { nack, node } = request
  const requester = replyTo(request, from)
  draft.relays.set(seqNo, { requester, requesterSeqNo: request.seqNo, nack, deadlineMs: nowMs + probeTimeoutMs })
  const to = { address, port: request.port === 0 ? draft.advertise.port : request.port }
  sendWithGossip(turn, to, { kind: "ping", node, seqNo, ...source(turn) })
  // The requester's own deadline is about as long from now: a nack after the whole timeout would come too late.
  setTimer(turn, `relay/${seqNo}`, nack ? 0.8 * probeTimeoutMs : probeTimeoutMs)
}

export function relayTimer(turn: Turn, seqNo: number): void {
  const { draft, nowMs } = turn
  const relay = draft.relays.get(seqNo)
  if (!relay) return
  if (!relay.nack) return void draft.relays.delete(seqNo)
  // Nothing heard so far; an ack that comes after all is still passed on.
  sendWithGossip(turn, relay.requester, { kind: "nack", seqNo: relay.requesterSeqNo })
  draft.relays.set(seqNo, { ...relay, nack: false })
  setTimer(turn, `relay/${seqNo}`, relay.deadlineMs - nowMs)
}

/** Where the sender says it is, else where the datagram came from. */
function replyTo({ sourceAddr, sourcePort }: Ping | IndirectPing, from: Endpoint): Endpoint {
  const address = addressText(sourceAddr ?? new Uint8Array())
  return address === "" || sourcePort === 0 ? from : { address, port: sourcePort }
}

const highestProtocol = (node: Node): number => node.vsn[1] ?? 0
/** Packets to a node that understands protocol version 5 carry a checksum, where memberlist would send one. */
export const takesChecksum = (node: Node): boolean => highestProtocol(node) >= 5
