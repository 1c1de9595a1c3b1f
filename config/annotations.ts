import type { ConfigurationKind, Complain } from "./fault.ts"
import { quote } from "./go-text.ts"

/**
 * What resources can say beyond MetalLB's fields, by annotation. Those of each kind, each with a line for people; what else
 * begins with `troupe.dev/` is most likely a slip of the pen.
 */
export const ownAnnotations: { readonly [Kind in ConfigurationKind]?: Readonly<Record<string, string>> } = {
  L2Advertisement: {
    "troupe.dev/election-policy": "who leads for an address: sticky, spread, subnet-aware",
  },
  BGPAdvertisement: {
    "troupe.dev/med": "MULTI_EXIT_DISC of its routes",
    "troupe.dev/as-path-prepend": "how often our AS number stands in the AS path beyond once",
  },
  BGPPeer: {
    "troupe.dev/ttl-security-hops": "TTL security (RFC 5082): the peer is at most so many hops away",
  },
}

const field = "metadata.annotations"

/** A whole number in decimal digits. Absent, or refused: undefined. */
export function readNumber(
  annotations: Readonly<Record<string, string>> | undefined,
  name: string,
  { from, to }: { readonly from: number; readonly to: number },
  complain: Complain,
): number | undefined {
  const text = annotations?.[name]
  if (text === undefined) return undefined
  const value = /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : -1
  if (value >= from && value <= to) return value
  complain(field, `invalid ${name} ${quote(text)}: must be ${from} to ${to}`)
  return undefined
}
