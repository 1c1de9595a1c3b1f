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
    "troupe.dev/passive": "wait for the peer to connect, and do not connect",
    "troupe.dev/listen-port": "the port on which it may connect",
    "troupe.dev/tcp-ao-secret": "TCP-AO (RFC 5925): the Secret with its key",
    "troupe.dev/tcp-ao-key-id": "its KeyID, for what is sent and what is received",
    "troupe.dev/tcp-ao-receive-key-id": "another KeyID for what is received",
    "troupe.dev/tcp-ao-algorithm": "hmac-sha-1-96 or aes-128-cmac-96",
    "troupe.dev/import-prefixes": "take these routes from the peer into a kernel table",
    "troupe.dev/import-maximum": "so many at most",
    "troupe.dev/import-maximum-action": "warn, or shutdown, when there are more",
    "troupe.dev/import-table": "the kernel table",
    "troupe.dev/import-sources": "whose packets use it too, such as the Pods' network",
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
