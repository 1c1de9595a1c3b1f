import { ribView } from "../../protocols/bgp/rib-view.ts"
import type { Family } from "../../protocols/ip.ts"
import type { Announcing } from "./announcing.ts"
import type { DesiredPeer, RoutesReport } from "./messages.ts"
import { familiesOf } from "./offer.ts"

export const noRoutes: RoutesReport = { kind: "routes-report", nextHops: {}, groups: [], refused: [] }

/** Route by route what a peer has and should have; asked for by people, so nobody keeps it. */
export function routesReport(desired: DesiredPeer | undefined, announcing: Announcing | undefined): RoutesReport {
  if (desired === undefined) return noRoutes
  const families = familiesOf(desired.session)
  const refused = new Map(announcing?.refused.map(({ prefix, because }) => [prefix, because]))
  const familyIn = (prefix: string): Family => (prefix.includes(":") ? "ipv6" : "ipv4")
  const skipped = (prefix: string): boolean => refused.has(prefix) || !families.includes(familyIn(prefix))
  const hops = Object.entries(announcing?.context.nextHops ?? {})
  return {
    kind: "routes-report",
    nextHops: Object.fromEntries(
      hops.flatMap(([family, hop]) => (hop.kind === "reachable" ? [[family, hop.nextHop] as const] : [])),
    ),
    groups: ribView(desired.routes, announcing?.sent ?? new Map(), skipped),
    refused: announcing?.refused ?? [],
  }
}
