import { messageTypes, options } from "./iana.ts"

const fixedLength = 16

/**
 * RFC 4861 §4.2: the ICMPv6 message, 16 bytes, or 24 with the Source Link-Layer Address option where the link has MACs.
 * It says that we are there, and offers nothing: with a router lifetime of 0 no host takes us for its default router
 * (§6.2.3), and hop limit, times and prefixes are left open. The checksum is 0: the kernel computes that of a raw ICMPv6
 * socket (RFC 3542 §3.1), which alone knows the source address.
 */
export function encodeRouterAdvertisement(mac: Uint8Array | undefined): Uint8Array {
  const message = new Uint8Array(fixedLength + (mac === undefined ? 0 : 8))
  message[0] = messageTypes.routerAdvertisement
  if (mac === undefined) return message
  message[fixedLength] = options.sourceLinkLayerAddress
  message[fixedLength + 1] = 1
  message.set(mac.subarray(0, 6), fixedLength + 2)
  return message
}
