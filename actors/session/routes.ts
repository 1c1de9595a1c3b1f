import type { Negotiated } from "../../protocols/bgp/negotiation.ts"
import { extendedLength, maximumLength } from "../../protocols/bgp/packet.ts"
import type { RouteContext } from "../../protocols/bgp/rib-out.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { RouteGroup, SessionSettings } from "./messages.ts"
import { nextHopsFor } from "./next-hops.ts"
import { familiesOf } from "./offer.ts"

interface Ends {
  readonly local: Ip
  readonly interfaceAddresses: readonly string[]
}

/** What routes depend on, on a session that has just been established. */
export const contextFor = (
  settings: SessionSettings,
  { local, interfaceAddresses }: Ends,
  negotiated: Negotiated,
): RouteContext => ({
  myASN: settings.myASN,
  peerASN: negotiated.peerASN,
  fourOctet: negotiated.fourOctet,
  limit: negotiated.extendedMessage ? extendedLength : maximumLength,
  nextHops: nextHopsFor({
    local,
    peer: settings.address,
    interfaceAddresses,
    families: familiesOf(settings),
    negotiated,
  }),
})

/** RFC 8326 §3. */
const gracefulShutdown = "65535:0"

/** The same route, as the worst that there is: an internal peer sees it by the preference, others by the community. */
export const lastChoice = (group: RouteGroup): RouteGroup => ({
  ...group,
  localPref: 0,
  communities: [...new Set([...group.communities, gracefulShutdown])],
})

/** Of the routes before those that are not wanted any more, as the last choice. */
export function leaving(before: readonly RouteGroup[], wanted: readonly RouteGroup[]): readonly RouteGroup[] {
  const stay = new Set(wanted.flatMap(({ prefixes }) => prefixes))
  return before.flatMap((group) => {
    const prefixes = group.prefixes.filter((prefix) => !stay.has(prefix))
    return prefixes.length === 0 ? [] : [lastChoice({ ...group, prefixes })]
  })
}

/** Prefixes of the families that the peer is configured for. */
export function countFor(settings: SessionSettings, routes: readonly RouteGroup[]): number {
  const families = familiesOf(settings)
  const all = routes.reduce((sum, { prefixes }) => sum + prefixes.length, 0)
  if (families.length === 2) return all
  const ipv6 = families.includes("ipv6")
  return routes.reduce((sum, { prefixes }) => sum + prefixes.filter((one) => one.includes(":") === ipv6).length, 0)
}
