import type { Watched } from "../../../cluster/liveness/state.ts"
import { formatMac } from "../../../protocols/ethernet/mac.ts"
import { familyOf, type Ip, parseIp } from "../../../protocols/ip.ts"
import type { NetworkInterface } from "../../../supervision/world.ts"
import type { Table } from "./answers.ts"
import type { InterfaceWatch } from "./interface.ts"
import type { Layer2Wire } from "./messages.ts"

/** What there is to watch on one interface. Undefined: nothing. */
export function watchOf(
  table: Table,
  wire: Layer2Wire,
  on: { readonly link: NetworkInterface; readonly arp: boolean; readonly ndp: boolean },
): InterfaceWatch | undefined {
  const { link, arp, ndp } = on
  const { self, liveness, strangers, members, standby, former = [], gossip } = wire
  const here = (interfaces: "all" | ReadonlySet<string> | readonly string[]): boolean =>
    interfaces === "all" || new Set(interfaces).has(link.name)
  const audible = (ip: Ip): boolean => (familyOf(ip) === "ipv4" ? arp : ndp)
  const addresses = new Map<Ip, Watched>()
  const watch = (text: string, interfaces: "all" | readonly string[], rest: Omit<Watched, "ip">) => {
    const ip = parseIp(text)
    if (ip !== undefined && audible(ip) && here(interfaces)) addresses.set(ip, { ip, ...rest })
  }
  for (const { ip, interfaces } of former) watch(ip, interfaces, { role: "former", before: [] })
  for (const { ip, interfaces, before } of standby) watch(ip, interfaces, { role: "standby", before })
  // Without gossip nobody knows who is a stranger.
  for (const [ip, interfaces] of gossip === undefined ? [] : table.entries) {
    if (!audible(ip) || !here(interfaces)) continue
    const rivals = table.rivals.get(ip)
    addresses.set(ip, { ip, role: "own", before: table.before.get(ip) ?? [], ...(rivals && { rivals }) })
  }
  if (addresses.size === 0) return undefined
  const mac = formatMac(link.mac)
  const desired = { self, mac, members, addresses: [...addresses.values()], liveness, strangers }
  return { ...(gossip === undefined ? {} : { gossip }), desired }
}
