import { crc32 } from "node:zlib"
import { type Ip, ipFromBytes } from "../../protocols/ip.ts"

/** MetalLB's, for a node whose sessions have no IPv4 address: CRC-32 of its name, the lowest octet first. */
export function routerIdOf(nodeName: string): Ip {
  const sum = crc32(nodeName)
  const octets = Uint8Array.of(sum & 0xff, (sum >>> 8) & 0xff, (sum >>> 16) & 0xff, sum >>> 24)
  const ip = ipFromBytes(octets)
  if (ip === undefined) throw new Error("four octets are an address")
  return ip
}
