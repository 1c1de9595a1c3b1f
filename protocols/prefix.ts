import { type Family, familyOf, type Ip, ipFromNumber, ipToNumber, parseIp } from "./ip.ts"

/** A CIDR block, host bits zero. `text` is its canonical form and works as a `Map` key. */
export interface Prefix {
  readonly address: Ip
  readonly length: number
  readonly family: Family
  readonly text: string
}

export const bitsOf = (family: Family): number => (family === "ipv4" ? 32 : 128)

/** The block of that length around the address; the length is within the family's bits. */
export function prefixAround(ip: Ip, length: number): Prefix {
  const family = familyOf(ip)
  const hostBits = BigInt(bitsOf(family) - length)
  const address = ipFromNumber((ipToNumber(ip) >> hostBits) << hostBits, family)
  return { address, length, family, text: `${address}/${length}` }
}

/** `10.0.0.5/24` gives 10.0.0.0/24. Strict: no blanks, no leading zeros. Undefined when it is no CIDR. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/")
  if (slash < 0) return undefined
  const ip = parseIp(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (ip === undefined || !/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bitsOf(familyOf(ip))) return undefined
  return prefixAround(ip, Number(length))
}

export function prefixContains(prefix: Prefix, ip: Ip): boolean {
  if (familyOf(ip) !== prefix.family) return false
  const hostBits = BigInt(bitsOf(prefix.family) - prefix.length)
  return ipToNumber(ip) >> hostBits === ipToNumber(prefix.address) >> hostBits
}
