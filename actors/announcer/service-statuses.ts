import type { DesiredServiceStatuses } from "../../config/cluster-api.ts"
import type { ServiceKey } from "../../config/facts.ts"
import type { DesiredPeer } from "../session/messages.ts"
import type { Announcement } from "./transition.ts"

type Services = DesiredServiceStatuses["services"]
type Announcements = ReadonlyMap<ServiceKey, Announcement>

/** For ServiceL2Status: what this node answers for. A Service of which no selected interface is here is announced in name only. */
export function layer2Statuses(announcements: Announcements): Services {
  const services = new Map<ServiceKey, readonly string[]>()
  for (const [key, { layer2 }] of announcements) {
    if (layer2 === undefined || layer2.interfacesMissing) continue
    services.set(key, layer2.interfaces === "all" ? [] : [...layer2.interfaces].sort())
  }
  return services
}

/**
 * For ServiceBGPStatus: the peers whose session was given a prefix of the Service, whether it is up or not. MetalLB goes by
 * the prefix too: of Services that share one, each names the peers of all.
 */
export function bgpStatuses(announcements: Announcements, peers: readonly DesiredPeer[]): Services {
  const peersOf = new Map<string, string[]>()
  const inOrder = [...peers].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, routes } of inOrder) {
    for (const { prefixes } of routes) {
      for (const prefix of prefixes) {
        const known = peersOf.get(prefix)
        if (known === undefined) peersOf.set(prefix, [name])
        else known.push(name)
      }
    }
  }
  const services = new Map<ServiceKey, readonly string[]>()
  for (const [key, { bgp }] of announcements) {
    const [first = [], ...others] = new Set(bgp?.routes.map(({ prefix }) => peersOf.get(prefix) ?? []))
    const names = others.length === 0 ? first : [...new Set([first, ...others].flat())].sort()
    if (names.length > 0) services.set(key, names)
  }
  return services
}
