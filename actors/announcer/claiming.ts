import { isDeepStrictEqual } from "node:util"
import { markVersion, type SpeakerMark } from "../../cluster/speaker-mark.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import type { Context } from "../../supervision/actor.ts"
import { type Held, nextClaims } from "./claims.ts"
import type { Layer2Happened } from "./layer2/messages.ts"
import type { AnnouncerState, Message } from "./state.ts"

/** How long what has just changed hands counts before the thread's report has to name it too. */
const reportWithinMs = 1500

/**
 * Says in gossip what this node keeps by the policy `sticky`. Only what stands in gossip counts in elections, for this
 * node too: so that all go by the same.
 */
export function claimWhatIsHeld(state: AnnouncerState, context: Context<Message>): void {
  // Nothing is answered for before the first table, and what was claimed by an announcer before this one goes on.
  if (state.table === undefined || state.undecided.size > 0) return
  const nowMs = context.world.clock.monotonicMs()
  const { nodeName } = state.config
  const before = { sinceMs: new Map<Ip, number>(), ...state.claiming, claims: ownClaims(state) ?? [] }
  const others = [...state.acquaintances.values()].filter(({ name }) => name !== nodeName)
  const epochs = new Map<number, number>()
  for (const { mark } of others) {
    for (const { address, epoch } of mark?.claims ?? []) epochs.set(address, Math.max(epoch, epochs.get(address) ?? 0))
  }
  state.claiming = nextClaims(before, heldIn(state, nowMs), (address) => epochs.get(address), nowMs)
  const { dueMs } = state.claiming
  if (dueMs === Number.POSITIVE_INFINITY) context.timers.cancel("claims")
  else context.timers.set("claims", Math.max(1, dueMs - nowMs), { kind: "claims-due" })
  introduceOurselves(state, context)
}

const ownClaims = ({ claiming, acquaintances, membership, config }: AnnouncerState): SpeakerMark["claims"] =>
  claiming?.claims ??
  acquaintances.get(config.nodeName)?.mark?.claims ??
  membership.heard?.find(({ name }) => name === config.nodeName)?.mark?.claims

/** Without a link nothing is held, whatever gossip says to one that hears nobody. */
function heldIn({ records, layer2, taken, left, ...state }: AnnouncerState, nowMs: number): ReadonlyMap<Ip, Held> {
  const held = new Map<Ip, Held>()
  if (layer2?.macs?.length === 0) return held
  const isRecent = (atMs: number | undefined) => nowMs - (atMs ?? Number.NEGATIVE_INFINITY) < reportWithinMs
  const yielded = new Set<string>(layer2?.wire?.yielded)
  const reported = new Set(layer2?.wire?.taken)
  for (const { decided } of records.values()) {
    const { standing, announcement } = decided ?? {}
    const [ip] = standing?.ips ?? []
    if (standing?.sticky === undefined || ip === undefined) continue
    const isTaken = reported.has(ip) || isRecent(taken.get(ip))
    const isYielded = yielded.has(ip) || isRecent(state.yielded.get(ip))
    const leads = announcement?.layer2?.interfacesMissing === false && !isYielded && !left.has(ip)
    if (isTaken || leads) held.set(ip, { usual: standing.sticky.usual, taken: isTaken })
  }
  return held
}

/** A node that goes leaves many addresses at once: they are claimed together. */
const claimTakenAfterMs = 10

/** Sooner than the thread's next report. */
export function noteTaken(state: AnnouncerState, { happening }: Layer2Happened, context: Context<Message>): void {
  if (happening.what !== "taken-over" && happening.what !== "yielded") return
  const ip = parseIp(happening.ip)
  if (ip === undefined) return
  const [from, to] = happening.what === "yielded" ? [state.taken, state.yielded] : [state.yielded, state.taken]
  from.delete(ip)
  to.set(ip, context.world.clock.monotonicMs())
  context.timers.set("claims", claimTakenAfterMs, { kind: "claims-due" })
}

/** The thread has reported since then. */
export function forgetTaken({ taken, yielded }: AnnouncerState, nowMs: number): void {
  for (const noted of [taken, yielded])
    for (const [ip, atMs] of noted) if (nowMs - atMs >= reportWithinMs) noted.delete(ip)
}

/** Tells the ring by which MACs this node announces, in which subnets it is, and what it claims. */
export function introduceOurselves(state: AnnouncerState, context: Context<Message>): void {
  const { config, layer2, claiming, membership, draining } = state
  if (config.gossip === undefined || config.wire === undefined || layer2?.macs === undefined) return
  // Before we have heard from gossip what an announcer before this one has said.
  if (claiming === undefined && membership.heard === undefined) return
  const claims = ownClaims(state)
  const mark: SpeakerMark = {
    version: markVersion,
    macs: layer2.macs,
    ...(layer2.subnets !== undefined && { subnets: layer2.subnets }),
    ...(claims !== undefined && { claims }),
    ...(draining.marked && { drained: true }),
    ...(!config.wire.liveness && { deaf: true }),
  }
  if (isDeepStrictEqual(mark, state.mark)) return
  state.mark = mark
  context.send(config.gossip, { kind: "mark", mark })
}
