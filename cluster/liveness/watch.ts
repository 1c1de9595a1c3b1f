import type { Ip } from "../../protocols/ip.ts"
import { connect, investigate, newDoubt } from "./doubt.ts"
import { endLinger, lingersUntilMs } from "./hand-over.ts"
import { judgeClaimant } from "./heard.ts"
import { seek } from "./seek.ts"
import type { LivenessSettings } from "./settings.ts"
import type { Address, Member, Peer } from "./state.ts"
import { conclude, letGo } from "./take-over.ts"
import { answeringChanged, count, happened, isWatched, peerOf, setAddress, setPeer, type Turn } from "./turn.ts"

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
    endAskingBack(turn, address)
    endLinger(turn, address)
  }
  if (draft.desired.liveness) {
    const relevant = relevantPeers(turn)
    for (const { name, acquainted } of draft.peers.values()) {
      if (acquainted && (relevant.get(name)?.held.length ?? 0) === 0)
        setPeer(turn, name, { acquainted: false, outstanding: undefined, doubt: undefined })
    }
    const everyMs = restingMs(draft.settings, relevant.size)
    for (const [name, roles] of relevant) dueMs = Math.min(dueMs, watch(turn, name, roles, everyMs))
    for (const name of new Set([...relevant.keys(), ...draft.witnesses])) dueMs = Math.min(dueMs, acquaint(turn, name))
  }
  dueMs = Math.min(dueMs, seek(turn))
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
  for (const { ip, confirm, unansweredMs } of draft.addresses.values())
    if (confirm !== undefined || unansweredMs !== undefined)
      setAddress(turn, ip, { confirm: undefined, unansweredMs: undefined })
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

/** How often each of so many members is probed while all is well. */
function restingMs({ probeEveryMs, probeEachMs, probeManyEveryMs }: LivenessSettings, members: number): number {
  return Math.min(Math.max(probeEveryMs, members * probeEachMs), probeManyEveryMs)
}

function watch(turn: Turn, name: string, { held, lost }: Roles, everyMs: number): number {
  const { draft, nowMs } = turn
  const { settings } = draft
  const member = draft.members.get(name)
  if (member === undefined) return Number.POSITIVE_INFINITY
  let peer = peerOf(turn, name)
  const { outstanding } = peer
  if (outstanding !== undefined && nowMs - outstanding.sentMs >= settings.answerWithinMs) {
    peer = setPeer(turn, name, { outstanding: undefined })
    // Whom we have never heard we cannot miss, unless it says itself that it is not to be heard.
    if ((peer.acquainted || member.unheard === true) && held.includes(outstanding.ip)) {
      count(turn, "probesMissed")
      const doubt = peer.doubt ?? newDoubt(outstanding.sentMs)
      peer = setPeer(turn, name, { doubt: { ...doubt, missed: doubt.missed + 1 }, nextProbeMs: nowMs })
      const { unansweredMs = outstanding.sentMs } = draft.addresses.get(outstanding.ip) ?? {}
      setAddress(turn, outstanding.ip, { unansweredMs })
    }
  }
  if (peer.outstanding === undefined && nowMs >= peer.nextProbeMs)
    peer = probe(turn, member, [...held, ...lost], everyMs)
  if (peer.acquainted && !peer.portWorks && nowMs >= peer.nextPortMs) {
    connect(turn, member)
    peer = setPeer(turn, name, { nextPortMs: nowMs + portRetryMs })
  }
  if (peer.doubt !== undefined) {
    investigate(turn, member, peer.doubt)
    conclude(turn, member, held)
    peer = peerOf(turn, name)
  }
  if (peer.doubt?.readyMs === undefined) letGo(turn, member, held)
  if (peer.doubt !== undefined) return nowMs + doubtTickMs
  return peer.outstanding === undefined ? peer.nextProbeMs : peer.outstanding.sentMs + settings.answerWithinMs
}

/** One of its addresses after the other; in doubt also by broadcast, should its MAC have changed. */
function probe(turn: Turn, { name, macs }: Member, ips: readonly Ip[], whenWellMs: number): Peer {
  const { draft, nowMs, effects } = turn
  const { settings } = draft
  const { rotation, mac, doubt } = peerOf(turn, name)
  const ip = ips[rotation % ips.length]
  const everyMs = doubt ? settings.doubtEveryMs : mac !== undefined ? whenWellMs : strangerProbeMs
  const next = { rotation: rotation + 1, nextProbeMs: nowMs + everyMs }
  if (ip === undefined) return setPeer(turn, name, next)
  const [only, ...more] = macs
  const to = doubt !== undefined && doubt.missed % 2 === 1 ? undefined : (mac ?? (more.length === 0 ? only : undefined))
  count(turn, "probesSent")
  effects.push({ kind: "probe", ip, to })
  return setPeer(turn, name, { ...next, outstanding: { ip, sentMs: nowMs } })
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

function endAskingBack(turn: Turn, { ip, role, takenFrom, takenMs }: Address): void {
  if (role !== "own" || takenFrom === undefined) return
  if (turn.nowMs - takenMs >= turn.draft.settings.askBackMs) setAddress(turn, ip, { takenFrom: undefined })
}

/** The stranger has been quiet for long. */
function endCease(turn: Turn, { ip, ceasedMs }: Address): void {
  if (ceasedMs === undefined || turn.nowMs - ceasedMs < turn.draft.settings.ceaseMs) return
  setAddress(turn, ip, { ceasedMs: undefined, answering: true })
  answeringChanged(turn)
}

function addressDueMs(turn: Turn, address: Address): number {
  const { claimant, holder, yieldedMs, splitTold, ceasedMs } = address
  const { splitAfterMs, ceaseMs } = turn.draft.settings
  return Math.min(
    claimant?.dueMs ?? Number.POSITIVE_INFINITY,
    yieldedMs === undefined || splitTold || holder === undefined ? Number.POSITIVE_INFINITY : yieldedMs + splitAfterMs,
    ceasedMs === undefined ? Number.POSITIVE_INFINITY : ceasedMs + ceaseMs,
    lingersUntilMs(turn, address),
  )
}
