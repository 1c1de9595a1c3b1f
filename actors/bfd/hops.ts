import { parseIp } from "../../protocols/ip.ts"
import { prefixAround, prefixContains } from "../../protocols/prefix.ts"
import type { NetworkInterface } from "../../supervision/world.ts"
import type { DesiredBfdSession } from "./messages.ts"

/**
 * Where either will do: one hop (RFC 5881) when one of our links has the peer, that is when it is within the prefix of an
 * address of ours; else several (RFC 5883). Both ends come to the same, as FRR does for internal peers. Undefined: it is
 * not known which links there are.
 */
export function withHops(
  desired: DesiredBfdSession,
  links: readonly Pick<NetworkInterface, "addresses">[] | undefined,
): DesiredBfdSession {
  if (desired.multihopOffLink !== true || links === undefined) return desired
  const multihop = desired.interface === undefined && !hasPeer(links, desired.peer)
  return multihop === desired.multihop ? desired : { ...desired, multihop }
}

function hasPeer(links: readonly Pick<NetworkInterface, "addresses">[], peer: string): boolean {
  const ip = parseIp(peer)
  if (ip === undefined) return true
  return links.some(({ addresses }) =>
    addresses.some(({ address, prefixLength }) => {
      const own = parseIp(address)
      return own !== undefined && prefixContains(prefixAround(own, prefixLength), ip)
    }),
  )
}
