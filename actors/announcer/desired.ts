import type { ServiceKey } from "../../config/facts.ts"
import type { Peer } from "../../config/snapshot.ts"
import type { DesiredPeer, SessionSettings } from "../session/messages.ts"
import type { Layer2Entry } from "./layer2/messages.ts"
import { routesOfSession } from "./routes-of-session.ts"
import { selectsAny } from "./selects.ts"
import type { Announcement } from "./transition.ts"

/** In the order of the Services' keys, so that the same announcements give the same value. */
type Announcements = ReadonlyMap<ServiceKey, Announcement>

/**
 * Everything this node answers for. Services may share an address: it stays until the last of them goes, and is answered
 * on the interfaces of all of them.
 */
export function layer2Table(announcements: Announcements): readonly Layer2Entry[] {
  const byIp = new Map<string, "all" | Set<string>>()
  for (const { ips, layer2 } of announcements.values()) {
    if (layer2 === undefined || layer2.interfacesMissing) continue
    for (const ip of ips) {
      const known = byIp.get(ip)
      if (layer2.interfaces === "all" || known === "all") byIp.set(ip, "all")
      else byIp.set(ip, new Set([...(known ?? []), ...layer2.interfaces]))
    }
  }
  return [...byIp]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([ip, interfaces]) => ({ ip, interfaces: interfaces === "all" ? "all" : [...interfaces].sort() }))
}

/** Every peer that this node has a session with, each with all its routes. */
export function desiredPeers(
  peers: readonly Peer[],
  nodeLabels: Readonly<Record<string, string>>,
  announcements: Announcements,
): readonly DesiredPeer[] {
  const advertised = [...announcements.values()].flatMap(({ bgp }) => bgp?.routes ?? [])
  return peers
    .filter(({ nodeSelectors }) => selectsAny(nodeSelectors, nodeLabels))
    .map((peer) => ({
      name: peer.name,
      session: sessionOf(peer),
      routes: routesOfSession(peer.name, advertised),
    }))
}

function sessionOf({ myASN, peerASN, address, port, holdSeconds, ...rest }: Peer): SessionSettings {
  const { sourceAddress, routerId, password } = rest
  return {
    myASN,
    peerASN,
    address,
    port,
    holdSeconds,
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(routerId === undefined ? {} : { routerId }),
    ...(password === undefined ? {} : { password }),
  }
}
