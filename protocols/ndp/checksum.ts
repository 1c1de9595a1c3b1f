const icmpv6 = 58

/**
 * RFC 4443 §2.3 and RFC 8200 §8.1: over a pseudo-header of both addresses, length and next header, and the message.
 * Over a message that carries its checksum the result is 0; over one with zeros in that place it is the checksum.
 */
export function icmpv6Checksum(source: Uint8Array, destination: Uint8Array, message: Uint8Array): number {
  let sum = message.length + icmpv6
  for (const bytes of [source, destination, message]) {
    for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
