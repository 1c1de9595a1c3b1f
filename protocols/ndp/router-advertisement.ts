import { messageTypes } from "./iana.ts"

/**
 * RFC 4861 §4.2: the ICMPv6 message, 16 bytes. It says that we are there, and offers nothing: with a router lifetime of 0 no
 * host takes us for its default router (§6.2.3), and hop limit, times and prefixes are left open. Our MAC is left out on
 * purpose, as §4.2 allows: a router that knows it has no reason to ask for it, and then we would not learn its own. The
 * checksum is 0: the kernel computes that of a raw ICMPv6 socket (RFC 3542 §3.1), which alone knows the source address.
 */
export function encodeRouterAdvertisement(): Uint8Array {
  const message = new Uint8Array(16)
  message[0] = messageTypes.routerAdvertisement
  return message
}
