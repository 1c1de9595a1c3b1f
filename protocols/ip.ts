import { parseIp as parseAny, stringifyIp } from "ip-bigint"
import { isIP } from "node:net"

declare const brand: unique symbol
/**
 * An IP address in canonical text: dotted quad, or RFC 5952 for IPv6. Canonical text is a good identity: it works as a
 * `Map` key. An IPv4-mapped IPv6 literal becomes IPv4, as Go's net.IP has it.
 */
export type Ip = string & { readonly [brand]: "Ip" }
export type Family = "ipv4" | "ipv6"

/** As strict as Go's net.ParseIP: no leading zeros, no short forms, no zone. Undefined when it is not an address. */
export function parseIp(text: string): Ip | undefined {
  const version = isIP(text)
  if (version === 0 || text.includes("%")) return undefined
  if (version === 4) return text as Ip
  const parsed = parseAny(text, { validate: false })
  return ipFromNumber(parsed.number, "ipv6")
}

export const familyOf = (ip: Ip): Family => (ip.includes(":") ? "ipv6" : "ipv4")

export function ipToNumber(ip: Ip): bigint {
  return parseAny(ip, { validate: false }).number
}

const mappedPrefix = 0xffffn << 32n

/** The caller keeps the number within the family's 2³² or 2¹²⁸. */
export function ipFromNumber(number: bigint, family: Family): Ip {
  if (family === "ipv6" && number >> 32n === mappedPrefix >> 32n) return ipFromNumber(number & 0xffff_ffffn, "ipv4")
  return stringifyIp({ number, version: family === "ipv4" ? 4 : 6 }) as Ip
}

/** Network order, 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  const length = familyOf(ip) === "ipv4" ? 4 : 16
  const bytes = new Uint8Array(length)
  let rest = ipToNumber(ip)
  for (let i = length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

/** From 4 or 16 bytes in network order; undefined for any other length. */
export function ipFromBytes(bytes: Uint8Array): Ip | undefined {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Ip
  if (bytes.length !== 16) return undefined
  let number = 0n
  for (const byte of bytes) number = (number << 8n) | BigInt(byte)
  return ipFromNumber(number, "ipv6")
}
