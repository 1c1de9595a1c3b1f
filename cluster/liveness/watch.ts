import type { Ip } from "../../protocols/ip.ts"
import { type Evidence, judge, type LivenessVerdict } from "./judge.ts"
import { judgeClaimant } from "./heard.ts"
import type { Address, Doubt, Member, Peer } from "./state.ts"
import {
  answeringChanged,
  count,
  happened,
  heardLately,
  isWatched,
  never,
  peerOf,
  setAddress,
  setPeer,
  type Turn,
} from "./turn.ts"

/** Kernels that never answered here are asked more rarely after so many times. */
const patientAfter = 3
const patience = 6
const strangerProbeMs = 1000
const portRetryMs = 30_000
/** How fine time is while somebody is in doubt. */
const doubtTickMs = 5

/** Everything that time brings: probes, misses, evidence, verdicts. Returns when to come again. */
export function tick(turn: Turn): void {
  const { draft, nowMs } = turn
  const lateMs = nowMs - draft.dueMs
  if (lateMs > draft.settings.pauseMs) awake(turn, lateMs)
  let dueMs = Number.POSITIVE_INFINITY
  for (const address of draft.addresses.values()) {
    judgeClaimant(turn, address)
    tellSplit(turn, address)
    endCease(turn, address)
  }
  if (draft.desired.liveness) {
    const relevant = relevantPeers(turn)
    for (const { name, acquainted } of draft.peers.values()) {
      if (acquainted && (relevant.get(name)?.held.length ?? 0) === 0)
        setPeer(turn, name, { acquainted: false, outstanding: undefined, doubt: undefined })
    }
    for (const [name, roles] of relevant) dueMs = Math.min(dueMs, watch(turn, name, roles))
    for (const name of new Set([...relevant.keys(), ...draft.witnesses])) dueMs = Math.min(dueMs, acquaint(turn, name))
  }
  for (const address of draft.addresses.values()) dueMs = Math.min(dueMs, addressDueMs(turn, address))
  draft.dueMs = dueMs
}

/** We slept. Whoever seemed silent may have answered meanwhile: nobody is accused of what we did not hear. */
function awake(turn: Turn, lateMs: number): void {
  const { draft, nowMs } = turn
  count(turn, "pauses")
  happened(turn, { what: "paused", lateMs })
  for (const { name, doubt, outstanding } of draft.peers.values()) {
    if (doubt === undefined && outstanding === undefined) continue
    setPeer(turn, name, { doubt: undefined, outstanding: undefined, nextProbeMs: nowMs })
  }
  for (const { ip, confirm } of draft.addresses.values())
    if (confirm !== undefined) setAddress(turn, ip, { confirm: undefined })
}

interface Roles {
  /** It has them, and we would be next. */
  readonly held: Ip[]
  /** We took them from it, and give them back when it returns. */
  readonly lost: Ip[]
}

function relevantPeers({ draft }: Turn): Map<string, Roles> {
  const relevant = new Map<string, Roles>()
  const rolesOf = (name: string): Roles => {
    const roles = relevant.get(name) ?? { held: [], lost: [] }
    relevant.set(name, roles)
    return roles
  }
  for (const address of draft.addresses.values()) {
    const { ip, holder, takenFrom } = address
    if (isWatched(address) && holder !== undefined && draft.members.has(holder)) rolesOf(holder).held.push(ip)
    if (takenFrom !== undefined && draft.members.has(takenFrom)) rolesOf(takenFrom).lost.push(ip)
  }
  return relevant
}

function watch(turn: Turn, name: string, { held, lost }: Roles): number {
  const { draft, nowMs } = turn
  const { settings } = draft
  const member = draft.members.get(name)
  if (member === undefined) return Number.POSITIVE_INFINITY
  let peer = peerOf(turn, name)
  const { outstanding } = peer
  if (outstanding !== undefined && nowMs - outstanding.sentMs >= settings.answerWithinMs) {
    peer = setPeer(turn, name, { outstanding: undefined })
    if (peer.acquainted && held.includes(outstanding.ip)) {
      count(turn, "probesMissed")
      const doubt = peer.doubt ?? newDoubt(outstanding.sentMs)
      peer = setPeer(turn, name, { doubt: { ...doubt, missed: doubt.missed + 1 }, nextProbeMs: nowMs })
    }
  }
  if (peer.outstanding === undefined && nowMs >= peer.nextProbeMs) peer = probe(turn, member, [...held, ...lost])
  if (peer.acquainted && !peer.portWorks && nowMs >= peer.nextPortMs) {
    connect(turn, member)
    peer = setPeer(turn, name, { nextPortMs: nowMs + portRetryMs })
  }
  if (peer.doubt !== undefined) {
    investigate(turn, member, peer.doubt)
    conclude(turn, member, held)
    peer = peerOf(turn, name)
  }
  if (peer.doubt !== undefined) return nowMs + doubtTickMs
  return peer.outstanding === undefined ? peer.nextProbeMs : peer.outstanding.sentMs + settings.answerWithinMs
}

/** One of its addresses after the other; in doubt also by broadcast, should its MAC have changed. */
function probe(turn: Turn, { name, macs }: Member, ips: readonly Ip[]): Peer {
  const { draft, nowMs, effects } = turn
  const { settings } = draft
  const { rotation, mac, doubt } = peerOf(turn, name)
  const ip = ips[rotation % ips.length]
  const everyMs = doubt ? settings.doubtEveryMs : mac !== undefined ? settings.probeEveryMs : strangerProbeMs
  const next = { rotation: rotation + 1, nextProbeMs: nowMs + everyMs }
  if (ip === undefined) return setPeer(turn, name, next)
  const [only, ...more] = macs
  const to = doubt !== undefined && doubt.missed % 2 === 1 ? undefined : (mac ?? (more.length === 0 ? only : undefined))
  count(turn, "probesSent")
  effects.push({ kind: "probe", ip, to })
  return setPeer(turn, name, { ...next, outstanding: { ip, sentMs: nowMs } })
}

const newDoubt = (sinceMs: number): Doubt => ({
  sinceMs,
  missed: 0,
  port: { askedMs: never, pending: false, outcome: "unknown" },
  gossip: { askedMs: never, pending: false, outcome: "unknown" },
  kernels: { begunMs: Number.POSITIVE_INFINITY, asked: 0, askedMs: never },
  readyMs: undefined,
})

function connect({ effects }: Turn, { name, address, port }: Member): void {
  effects.push({ kind: "connect", name, address, port })
}

/** Asks all there is to ask, at the same time, and again while the doubt lasts. */
function investigate(turn: Turn, member: Member, doubt: Doubt): void {
  const { draft, nowMs, effects } = turn
  const { settings } = draft
  const { name } = member
  const { portWorks, kernelMac, kernelHeardMs } = peerOf(turn, name)
  let { port, gossip, kernels } = doubt
  if (port.pending && nowMs - port.askedMs >= settings.connectWithinMs)
    port = { ...port, pending: false, outcome: "no-answer" }
  if (portWorks && !port.pending && port.outcome !== "refused" && nowMs - port.askedMs >= settings.connectWithinMs) {
    connect(turn, member)
    port = { ...port, pending: true, askedMs: nowMs }
  }
  // The question may have died with whoever was asked.
  if (gossip.pending && nowMs - gossip.askedMs >= 2 * settings.verifyEveryMs) gossip = { ...gossip, pending: false }
  if (!gossip.pending && nowMs - gossip.askedMs >= settings.verifyEveryMs) {
    const timeoutMs = gossip.askedMs === never ? settings.verifyFirstMs : settings.verifyWithinMs
    effects.push({ kind: "verify", name, timeoutMs })
    gossip = { ...gossip, pending: true, askedMs: nowMs }
  }
  const answered = kernelHeardMs >= kernels.begunMs
  if (kernels.askedMs === never || (answered && nowMs - kernels.begunMs >= settings.verifyEveryMs))
    kernels = { begunMs: nowMs, asked: 0, askedMs: never }
  if (!answered && kernels.asked < settings.kernelProbes && nowMs - kernels.askedMs >= settings.kernelEveryMs) {
    const to = kernels.asked === 0 ? kernelMac : undefined
    if (kernelMac !== undefined) effects.push({ kind: "ask-kernel", address: member.address, to })
    for (const witness of witnessesFor(turn, name)) {
      const address = draft.members.get(witness.name)?.address
      if (address !== undefined) effects.push({ kind: "ask-kernel", address, to: witness.kernelMac })
    }
    kernels = { ...kernels, asked: kernels.asked + 1, askedMs: nowMs }
  }
  setPeer(turn, name, { doubt: { ...doubt, port, gossip, kernels } })
}

/** Others whose kernels have answered on this segment. */
function witnessesFor({ draft }: Turn, suspect: string): readonly Peer[] {
  return draft.witnesses
    .filter((name) => name !== suspect)
    .flatMap((name) => draft.peers.get(name) ?? [])
    .filter(({ kernelMac }) => kernelMac !== undefined)
}

function evidenceFor(turn: Turn, { name, macs, state }: Member, doubt: Doubt): Evidence {
  const { draft, nowMs } = turn
  const { settings } = draft
  const { mac, kernelMac, kernelHeardMs } = peerOf(turn, name)
  const { missed, sinceMs, port, gossip, kernels } = doubt
  const allAsked = kernels.asked >= settings.kernelProbes && nowMs - kernels.askedMs >= settings.kernelEveryMs
  const others = witnessesFor(turn, name)
  const hears = others.some(({ heardMs, kernelHeardMs: at }) => Math.max(heardMs, at) >= sinceMs)
  return {
    missed,
    silentMs: nowMs - sinceMs,
    port: port.outcome,
    kernel:
      kernelMac === undefined
        ? "elsewhere"
        : kernelHeardMs >= kernels.begunMs
          ? "answers"
          : allAsked
            ? "silent"
            : "unknown",
    witnesses: others.length === 0 ? "none" : hears ? "answer" : allAsked ? "silent" : "unknown",
    gossip: gossip.outcome,
    linkWithdrawn: state === "alive" && macs.length > 0 && mac !== undefined && !macs.includes(mac),
  }
}

function conclude(turn: Turn, member: Member, held: readonly Ip[]): void {
  const { draft, nowMs } = turn
  const { name } = member
  const { doubt } = peerOf(turn, name)
  if (doubt === undefined) return
  if (held.length === 0) return void setPeer(turn, name, { doubt: undefined })
  const verdict = judge(evidenceFor(turn, member, doubt), draft.settings)
  if (verdict.decision.kind === "wait") {
    for (const ip of held) setAddress(turn, ip, { confirm: undefined })
    return void setPeer(turn, name, { doubt: { ...doubt, readyMs: undefined } })
  }
  const readyMs = doubt.readyMs ?? nowMs
  setPeer(turn, name, { doubt: { ...doubt, readyMs } })
  let taken = 0
  for (const ip of held) {
    const address = draft.addresses.get(ip)
    if (address !== undefined && confirmed(turn, address, name, readyMs)) {
      takeOver(turn, address, name, verdict)
      taken++
    }
  }
  // It has to be met again before anything is believed of it.
  if (taken === held.length) setPeer(turn, name, { doubt: undefined, acquainted: false })
}

/** Our turn has come, and everybody was asked in vain. */
function confirmed(turn: Turn, { ip, before, confirm }: Address, suspect: string, readyMs: number): boolean {
  const { draft, nowMs, effects } = turn
  const { stepMs, confirmMs } = draft.settings
  const first = before.filter(
    (name) => name !== suspect && (draft.members.get(name)?.state === "alive" || heardLately(turn, name)),
  )
  if (nowMs < readyMs + first.length * stepMs) return false
  if (confirm === undefined || (!confirm.repeated && nowMs >= confirm.sentMs + confirmMs / 2)) {
    effects.push({ kind: "probe", ip, to: undefined })
    count(turn, "probesSent")
    setAddress(turn, ip, { confirm: { sentMs: confirm?.sentMs ?? nowMs, repeated: confirm !== undefined } })
    return false
  }
  return nowMs >= confirm.sentMs + confirmMs
}

function takeOver(turn: Turn, { ip, role }: Address, from: string, { decision, because }: LivenessVerdict): void {
  if (decision.kind !== "take-over") return
  const { draft } = turn
  const { cause } = decision
  setAddress(turn, ip, {
    answering: true,
    holder: undefined,
    confirm: undefined,
    takenFrom: role === "standby" ? from : undefined,
    yieldedMs: undefined,
    splitTold: false,
  })
  const { takeovers } = draft.counts
  draft.counts = { ...draft.counts, takeovers: { ...takeovers, [cause]: (takeovers[cause] ?? 0) + 1 } }
  happened(turn, { what: "taken-over", ip, from, cause, because })
  answeringChanged(turn)
}

/** Who is on this segment, learned while all is well. */
function acquaint(turn: Turn, name: string): number {
  const { draft, nowMs, effects } = turn
  const member = draft.members.get(name)
  if (member === undefined) return Number.POSITIVE_INFINITY
  const { nextKernelMs, kernelMac, kernelTries, doubt } = peerOf(turn, name)
  if (nowMs < nextKernelMs) return nextKernelMs
  if (doubt === undefined) effects.push({ kind: "ask-kernel", address: member.address, to: kernelMac })
  const { acquaintEveryMs } = draft.settings
  const unknown = kernelMac === undefined
  const everyMs = unknown && kernelTries < patientAfter ? 1000 : unknown ? patience * acquaintEveryMs : acquaintEveryMs
  return setPeer(turn, name, { nextKernelMs: nowMs + everyMs, kernelTries: kernelTries + 1 }).nextKernelMs
}

function tellSplit(turn: Turn, { ip, yieldedMs, splitTold, holder }: Address): void {
  const { settings } = turn.draft
  if (yieldedMs === undefined || splitTold || holder === undefined) return
  if (turn.nowMs - yieldedMs < settings.splitAfterMs) return
  setAddress(turn, ip, { splitTold: true })
  count(turn, "splits")
  happened(turn, { what: "brain-split", ip, node: holder, mac: peerOf(turn, holder).mac ?? "" })
}

/** The stranger has been quiet for long. */
function endCease(turn: Turn, { ip, ceasedMs }: Address): void {
  if (ceasedMs === undefined || turn.nowMs - ceasedMs < turn.draft.settings.ceaseMs) return
  setAddress(turn, ip, { ceasedMs: undefined, answering: true })
  answeringChanged(turn)
}

function addressDueMs({ draft }: Turn, { claimant, holder, yieldedMs, splitTold, ceasedMs }: Address): number {
  const { splitAfterMs, ceaseMs } = draft.settings
  return Math.min(
    claimant?.dueMs ?? Number.POSITIVE_INFINITY,
    yieldedMs === undefined || splitTold || holder === undefined ? Number.POSITIVE_INFINITY : yieldedMs + splitAfterMs,
    ceasedMs === undefined ? Number.POSITIVE_INFINITY : ceasedMs + ceaseMs,
  )
}
