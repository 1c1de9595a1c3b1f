import { isDeepStrictEqual } from "node:util"
import type { WitnessConflict, WitnessReport } from "../../cluster/witness/messages.ts"
import type { Context } from "../../supervision/actor.ts"
import { bothAnnounce } from "./brain-split.ts"
import { leftByWitness, settleAfterMs } from "./left.ts"
import { lookSoon } from "./splitting.ts"
import type { AnnouncerState, Message } from "./state.ts"
import { flushSoon } from "./telling.ts"

export function witnessReported(state: AnnouncerState, report: WitnessReport, context: Context<Message>): void {
  const before = state.witness
  state.witness = report
  for (const conflict of report.conflicts) {
    if (conflict.ownEpoch === undefined || before?.conflicts.some((known) => isSame(known, conflict))) continue
    recordSplit(state, conflict)
    lookSoon(state, context)
  }
  leaveByWitness(state, context)
}

/** Whenever the witness or gossip has news. */
export function leaveByWitness(state: AnnouncerState, context: Context<Message>): void {
  const { config, acquaintances, witness } = state
  if (config.witness === undefined || witness === undefined) return
  const nowMs = context.world.clock.monotonicMs()
  const since = new Map<string, number>()
  for (const { ip, node } of witness.conflicts) {
    // A suspect may be cut off already.
    if (acquaintances.get(node)?.state !== "alive") continue
    const pair = `${ip} ${node}`
    since.set(pair, state.reachedSince.get(pair) ?? nowMs)
  }
  state.reachedSince = since
  const left = leftByWitness(state.left, witness.conflicts, {
    self: config.nodeName,
    onSplit: config.witness.onSplit,
    reachedMs({ ip, node }) {
      const sinceMs = since.get(`${ip} ${node}`)
      return sinceMs === undefined ? undefined : nowMs - sinceMs
    },
  })
  const dueMs = Math.min(...[...since.values()].map((ms) => ms + settleAfterMs).filter((ms) => ms > nowMs))
  if (dueMs === Number.POSITIVE_INFINITY) context.timers.cancel("leave")
  else context.timers.set("leave", dueMs - nowMs, { kind: "leave-due" })
  if (isDeepStrictEqual(left, state.left)) return
  for (const ip of left.difference(state.left)) {
    const { node, epoch } = witness.conflicts.find((conflict) => conflict.ip === ip) ?? {}
    context.log.warn("address is left to a node with a newer claim", { event: "leftByWitness", ip, node, epoch })
  }
  for (const ip of state.left.difference(left)) {
    context.log.info("address is not left to another node any more", { event: "backByWitness", ip })
  }
  state.left = left
  state.unflushed = true
  flushSoon(state, context)
}

const isSame = (a: WitnessConflict, b: WitnessConflict): boolean =>
  a.ip === b.ip && a.node === b.node && a.ownEpoch !== undefined

/** On each Service that has the address. */
function recordSplit({ config, records, layer2 }: AnnouncerState, conflict: WitnessConflict): void {
  const { ip } = conflict
  const message = bothAnnounce(config.nodeName, layer2?.macs ?? [], conflict)
  for (const [key, { service, decided }] of records) {
    const ips: readonly string[] = decided?.announcement?.ips ?? decided?.standing?.ips ?? []
    if (service === undefined || !ips.includes(ip)) continue
    config.api.recordEvent({
      key,
      uid: service.uid,
      type: "Warning",
      reason: "brainSplit",
      message,
      component: "metallb-speaker",
    })
  }
}
