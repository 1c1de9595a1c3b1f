import { isDeepStrictEqual } from "node:util"
import type { DesiredServiceStatuses } from "../../config/cluster-api.ts"
import type { Context } from "../../supervision/actor.ts"
import { bgpStatuses, layer2Statuses } from "./service-statuses.ts"
import { type AnnouncerState, announcementsOf, type Message } from "./state.ts"

/** A status object may be late, a thread's table may not: what changes meanwhile is told together. */
const statusesWithinMs = 200

export function reportSoon(state: AnnouncerState, context: Context<Message>): void {
  if (state.reporting) return
  state.reporting = true
  context.timers.set("report", statusesWithinMs, { kind: "report" })
}

/**
 * Nothing is said of a protocol whose thread was told nothing yet: the first set takes away what is left from an earlier
 * life, so it has to be whole.
 */
export function report(state: AnnouncerState): void {
  state.reporting = false
  const { table, peers } = state
  const announcements = announcementsOf(state)
  if (table !== undefined) tell(state, "layer2", layer2Statuses(announcements))
  if (peers !== undefined) tell(state, "bgp", bgpStatuses(announcements, peers))
}

function tell(
  state: AnnouncerState,
  kind: DesiredServiceStatuses["kind"],
  services: DesiredServiceStatuses["services"],
): void {
  if (isDeepStrictEqual(services, state.statuses[kind])) return
  state.statuses = { ...state.statuses, [kind]: services }
  const { api, nodeName } = state.config
  api.desiredServiceStatuses({ kind, nodeName, services })
}
