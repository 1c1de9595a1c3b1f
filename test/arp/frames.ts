import { parseMac } from "../../protocols/ethernet/mac.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"

export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ""), "hex"))
export const mac = (text: string): Uint8Array => {
  const parsed = parseMac(text)
  if (parsed === undefined) throw new Error(`no MAC: ${text}`)
  return parsed
}
export const ip = (text: string): Ip => {
  const parsed = parseIp(text)
  if (parsed === undefined) throw new Error(`no address: ${text}`)
  return parsed
}

/**
 * Seen on a veth pair between two Linux 6.18 hosts, 02:00:00:00:00:0a (10.9.0.1) and …:0b (10.9.0.2), with
 * `tcpdump -xx`: requests from Habets' arping 2.x and a reply of the kernel.
 */
export const captured = {
  request: `ffff ffff ffff 0200 0000 000a 0806 0001 0800 0604 0001 0200 0000 000a 0a09 0001
    0000 0000 0000 0a09 0002 0000 0000 0000 0000 0000 0000 0000 0000`,
  /** `arping -U`. */
  gratuitous: `ffff ffff ffff 0200 0000 000a 0806 0001 0800 0604 0001 0200 0000 000a 0a09 0001
    ffff ffff ffff 0a09 0001 0000 0000 0000 0000 0000 0000 0000 0000`,
  reply: `0200 0000 000a 0200 0000 000b 0806 0001 0800 0604 0002 0200 0000 000b 0a09 0002
    0200 0000 000a 0a09 0001`,
}
