import { type Family, type Ip, ipFromBytes } from "../ip.ts"
import { bitsOf, type Prefix } from "../prefix.ts"
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
  else writeIpv6(prefix.address, octets, into, at + 1)
  return at + 1 + octets
}

export function nlriBytes(prefixes: readonly Prefix[]): Uint8Array {
  const bytes = new Uint8Array(prefixes.reduce((sum, prefix) => sum + nlriLength(prefix), 0))
  let at = 0
  for (const prefix of prefixes) at = writeNlri(prefix, bytes, at)
  return bytes
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

/** Canonical text again; `::` stands for as many zeros as are missing. */
function writeIpv6(address: Ip, octets: number, into: Uint8Array, at: number): void {
  const [left = "", right] = address.split("::")
  const head = groupsOf(left)
  const tail = right === undefined ? [] : groupsOf(right)
  into.fill(0, at, at + octets)
  const put = (group: number, index: number): void => {
    if (index * 2 < octets) into[at + index * 2] = group >> 8
    if (index * 2 + 1 < octets) into[at + index * 2 + 1] = group & 0xff
  }
  for (const [index, group] of head.entries()) put(group, index)
  for (const [index, group] of tail.entries()) put(group, 8 - tail.length + index)
}

/** `2001:db8`, or with a dotted quad at the end. */
function groupsOf(text: string): number[] {
  if (text === "") return []
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return Number.parseInt(part, 16)
    const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

const dot = 46
const slash = 47

/**
 * What `parsePrefix` gives for text that is the canonical form of an IPv4 prefix; undefined for all other text. For
 * large sets: one walk along the text, without big numbers, a pattern or parts of it.
 */
export function canonicalIpv4Prefix(text: string): Prefix | undefined {
  let bits = 0
  let number = none
  let ended = 0
  let slashAt = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const digit = code - 48
    if (digit >= 0 && digit <= 9) {
      // A second digit behind a zero is a leading zero.
      if (number === 0) return undefined
      number = number === none ? digit : number * 10 + digit
      if (number > 255) return undefined
      continue
    }
    if (number === none || ended === 4 || code !== (ended === 3 ? slash : dot)) return undefined
    bits = bits * 256 + number
    number = none
    ended++
    slashAt = i
  }
  const length = number
  if (ended !== 4 || length === none || length > 32) return undefined
  if (length < 32 && bits % 2 ** (32 - length) !== 0) return undefined
  return { address: text.slice(0, slashAt) as Ip, length, family: "ipv4", text }
}

/** No digit so far. */
const none = -1

/** Prefixes one after another until the bytes end. Host bits are cleared: RFC 4271 §4.3 calls them irrelevant. */
export function decodeNlri(bytes: Uint8Array, family: Family): Result<readonly Prefix[], Fault> {
  const prefixes: Prefix[] = []
  const bits = bitsOf(family)
  let at = 0
  while (at < bytes.length) {
    const length = bytes[at] ?? 0
    const octets = (length + 7) >> 3
    if (length > bits) return invalid(`prefix length ${length} is longer than ${bits}`)
    if (at + 1 + octets > bytes.length) return invalid(`prefix of ${octets} octets runs past the end of its field`)
    prefixes.push(prefixFrom(bytes, at + 1, length, family))
    at += 1 + octets
  }
  return ok(prefixes)
}

function prefixFrom(bytes: Uint8Array, at: number, length: number, family: Family): Prefix {
  const octets = Uint8Array.from({ length: bitsOf(family) / 8 }, (_, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8))
    return (bytes[at + index] ?? 0) & (0xff00 >> bits)
  })
  const text = ipFromBytes(octets) ?? ""
  // Only inside an IPv6 prefix is an IPv4-mapped address not the IPv4 address.
  const address = (family === "ipv6" && !text.includes(":") ? `::ffff:${text}` : text) as Ip
  return { address, length, family, text: `${address}/${length}` }
}

const invalid = (because: string): { ok: false; error: Fault } =>
  err(fault(errorCode.update, updateSubcode.invalidNetworkField, because))
