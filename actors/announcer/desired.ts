import type { ServiceKey } from "../../config/facts.ts"
import type { Peer } from "../../config/snapshot.ts"
import { familyOf } from "../../protocols/ip.ts"
import type { DesiredPeer, SessionSettings } from "../session/messages.ts"
import type { Standing } from "./layer2-decision.ts"
import type { Layer2Entry, Layer2Standby } from "./layer2/messages.ts"
import { routerIdOf } from "./router-id.ts"
import { routesOfSession } from "./routes-of-session.ts"
import { selectsAny } from "./selects.ts"
import type { Announcement } from "./transition.ts"

/** In the order of the Services' keys, so that the same announcements give the same value. */
type Announcements = ReadonlyMap<ServiceKey, Announcement>

/**
 * Everything this node answers for. Services may share an address: it stays until the last of them goes, and is answered
 * on the interfaces of all of them.
 */
export function layer2Table(announcements: Announcements, standings: Standings = new Map()): readonly Layer2Entry[] {
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
    .map(([ip, interfaces]) => {
      const { before = [], rivals = [] } = standings.get(ip) ?? {}
      return {
        ip,
        interfaces: interfaces === "all" ? ("all" as const) : [...interfaces].sort(),
        ...(before.length > 0 && { before: before.slice(0, mostBefore) }),
        ...(rivals.length > 0 && { rivals: rivals.slice(0, mostBefore) }),
      }
    })
}

/** By address; of several Services on one address the first speaks for all. */
export type Standings = ReadonlyMap<string, Standing>

/** Further down the order nobody gets to act before gossip has found out; but who has acted goes on. */
const mostBeforeThatAnswer = 2
const mostBefore = 16

/** What this node would answer for if those before it fell silent, and does not answer for now. */
export function layer2Standby(
  standings: Standings,
  entries: readonly Layer2Entry[],
  mayAnswer: (member: string) => boolean,
  taken: ReadonlySet<string>,
): readonly Layer2Standby[] {
  const answered = new Set(entries.map(({ ip }) => ip))
  return [...standings]
    .filter(([ip, { before }]) => !answered.has(ip) && before.length > 0)
    .filter(([ip, { before }]) => taken.has(ip) || before.filter(mayAnswer).length <= mostBeforeThatAnswer)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([ip, { interfaces, before }]) => ({ ip, interfaces, before: before.slice(0, mostBefore) }))
}

/** Every peer that this node has a session with, each with all its routes. */
export function desiredPeers(
  peers: readonly Peer[],
  node: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  announcements: Announcements,
): readonly DesiredPeer[] {
  const advertised = [...announcements.values()].flatMap(({ bgp }) => bgp?.routes ?? [])
  return (
    peers
      .filter(({ nodeSelectors }) => selectsAny(nodeSelectors, node.labels))
      // Never unsigned where it should be signed.
      .filter(({ passwordUnread }) => passwordUnread !== true)
      .map((peer) => ({
        name: peer.name,
        session: sessionOf(peer, node.name),
        routes: routesOfSession(peer.name, advertised),
      }))
  )
}

/** FRR's: how long a peer keeps our routes while a speaker restarts. */
const restartSeconds = 120

function sessionOf(peer: Peer, nodeName: string): SessionSettings {
  const {
    myASN,
    localASN,
    peerASN,
    address,
    interface: device,
    port,
    holdSeconds,
    bothFamilies,
    gracefulRestart,
  } = peer
  const { sourceAddress, vrf, keepaliveSeconds, connectSeconds, routerId, password, ttlSecurityHops } = peer
  const { authentication, passive, listenPort } = peer
  return {
    // FRR's `no-prepend replace-as`: the peer sees this number alone, in the OPEN and in AS paths.
    myASN: localASN ?? myASN,
    peerASN,
    address: address ?? device ?? "",
    port,
    holdSeconds,
    ...(sourceAddress !== undefined && { sourceAddress }),
    ...(device !== undefined && { interface: device }),
    ...(vrf !== undefined && { vrf }),
    ...(keepaliveSeconds !== undefined && { keepaliveSeconds }),
    ...(connectSeconds !== undefined && { connectSeconds }),
    ...(routerId !== undefined && { routerId }),
    // An IPv4 connection has an address of its own to be known by.
    ...((address === undefined || familyOf(address) === "ipv6") && { fallbackRouterId: routerIdOf(nodeName) }),
    ...(password !== undefined && { password: typeof password === "string" ? password : password.reveal() }),
    ...(authentication !== undefined && {
      authentication: { ...authentication, key: authentication.key.reveal() },
    }),
    ...(passive !== undefined && { passive }),
    ...(listenPort !== undefined && { listenPort }),
    ...(peer.import !== undefined && { import: peer.import }),
    ...(ttlSecurityHops !== undefined && { ttlSecurityHops }),
    ...(bothFamilies === true && { families: ["ipv4", "ipv6"] as const }),
    ...(gracefulRestart === true && { gracefulRestart: { seconds: restartSeconds } }),
  }
}
