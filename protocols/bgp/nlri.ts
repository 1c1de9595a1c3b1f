import { type Ip, ipToBytes } from "../ip.ts"
import type { Prefix } from "../prefix.ts"
import { err, ok, type Result } from "../result.ts"
import { errorCode, updateSubcode } from "./iana.ts"
import { type Fault, fault } from "./notification.ts"

/** RFC 4271 §4.3: one octet of length in bits, then as few octets as hold them. */
export const nlriLength = (prefix: Prefix): number => 1 + ((prefix.length + 7) >> 3)

/** Writes at `at` and returns where the next one goes. The caller has made room. */
export function writeNlri(prefix: Prefix, into: Uint8Array, at: number): number {
  const octets = (prefix.length + 7) >> 3
  into[at] = prefix.length
  if (prefix.family === "ipv4") writeIpv4(prefix.address, octets, into, at + 1)
  else into.set(ipToBytes(prefix.address).subarray(0, octets), at + 1)
  return at + 1 + octets
}

/** A dotted quad without a detour through big numbers: ten thousand of these are written in one turn. */
function writeIpv4(address: Ip, octets: number, into: Uint8Array, at: number): void {
  let octet = 0
  let index = 0
  for (let i = 0; i <= address.length && index < octets; i++) {
    const digit = address.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) {
      octet = octet * 10 + digit
      continue
    }
    into[at + index++] = octet
    octet = 0
  }
}

const digits = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/

/**
 * What `parsePrefix` gives for text that is the canonical form of an IPv4 prefix; undefined for all other text. For
 * large sets: it needs neither big numbers nor a new address text.
 */
export function canonicalIpv4Prefix(text: string): Prefix | undefined {
  const match = digits.exec(text)
  if (match === null) return undefined
  let bits = 0
  for (let i = 1; i <= 4; i++) {
    const octet = decimal(match[i] ?? "")
    if (octet > 255) return undefined
    bits = bits * 256 + octet
  }
  const length = decimal(match[5] ?? "")
  if (length > 32 || bits % 2 ** (32 - length) !== 0) return undefined
  return { address: text.slice(0, text.indexOf("/")) as Ip, length, family: "ipv4", text }
}

/** Without leading zeros; else infinite. */
const decimal = (text: string): number =>
  text.length > 1 && text.startsWith("0") ? Number.POSITIVE_INFINITY : Number(text)

/** IPv4 prefixes one after another until the bytes end. Host bits are cleared: RFC 4271 §4.3 calls them irrelevant. */
export function decodeNlri(bytes: Uint8Array): Result<readonly Prefix[], Fault> {
  const prefixes: Prefix[] = []
  let at = 0
  while (at < bytes.length) {
    const length = bytes[at] ?? 0
    const octets = (length + 7) >> 3
    if (length > 32) return invalid(`prefix length ${length} is longer than 32`)
    if (at + 1 + octets > bytes.length) return invalid(`prefix of ${octets} octets runs past the end of its field`)
    prefixes.push(prefixFrom(bytes, at + 1, length))
    at += 1 + octets
  }
  return ok(prefixes)
}

function prefixFrom(bytes: Uint8Array, at: number, length: number): Prefix {
  const octet = (index: number): number => {
    const bits = Math.min(8, Math.max(0, length - index * 8))
    return (bytes[at + index] ?? 0) & (0xff00 >> bits)
  }
  const address = `${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}` as Ip
  return { address, length, family: "ipv4", text: `${address}/${length}` }
}

const invalid = (because: string): { ok: false; error: Fault } =>
  err(fault(errorCode.update, updateSubcode.invalidNetworkField, because))
