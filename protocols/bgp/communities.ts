import { err, ok, type Result } from "../result.ts"
import { concat, u16, u32, viewOf } from "./writer.ts"

/** RFC 8092 §3: three numbers of 32 bits. */
export type LargeCommunity = readonly [globalAdministrator: number, data1: number, data2: number]

/** The communities of a route, by attribute; each in ascending order, none twice. */
export interface Communities {
  /** RFC 1997. */
  readonly communities?: readonly number[]
  /** RFC 4360: eight octets each, in hexadecimal. */
  readonly extendedCommunities?: readonly string[]
  readonly largeCommunities?: readonly LargeCommunity[]
}

/**
 * From text: `65000:1` (RFC 1997), `65000:1:2` (RFC 8092), `rt:65000:1` and `ro:65000:1` for route target and route
 * origin (RFC 4360 §4, §5; RFC 5668 for large AS numbers).
 */
export function communitiesFrom(texts: readonly string[]): Result<Communities, string> {
  const classic = new Set<number>()
  const extended = new Set<string>()
  const large = new Map<string, LargeCommunity>()
  for (const text of texts) {
    const parts = text.split(":")
    if (!parts.slice(isType(parts[0]) ? 1 : 0).every((part) => /^\d{1,10}$/.test(part))) return unknown(text)
    const [a = 0, b = 0, c = 0] = parts.map(Number)
    if (parts.length === 2 && a <= 0xffff && b <= 0xffff) classic.add(a * 0x1_0000 + b)
    else if (parts.length === 3 && isType(parts[0])) {
      const octets = extendedFrom(parts[0], b, c)
      if (octets === undefined) return unknown(text)
      extended.add(octets)
    } else if (parts.length === 3 && Math.max(a, b, c) <= 0xffff_ffff) large.set(text, [a, b, c])
    else return unknown(text)
  }
  return ok({
    ...(classic.size === 0 ? {} : { communities: ascending([...classic]) }),
    ...(extended.size === 0 ? {} : { extendedCommunities: [...extended].sort() }),
    ...(large.size === 0 ? {} : { largeCommunities: ascendingLarge([...large.values()]) }),
  })
}

const unknown = (text: string): { ok: false; error: string } =>
  err(`community ${text} is not of the form 65000:1, 65000:1:2 or rt:65000:1`)

const subtypes = { rt: 0x02, ro: 0x03 } as const
const isType = (text: string | undefined): text is keyof typeof subtypes => text === "rt" || text === "ro"

/** RFC 4360 §3.1: an AS number of two octets with a value of four; RFC 5668 §2: the other way round. */
function extendedFrom(type: keyof typeof subtypes, asn: number, value: number): string | undefined {
  if (asn <= 0xffff && value <= 0xffff_ffff) {
    return hex(concat([Uint8Array.of(0x00, subtypes[type]), u16(asn), u32(value)]))
  }
  if (asn > 0xffff_ffff || value > 0xffff) return undefined
  return hex(concat([Uint8Array.of(0x02, subtypes[type]), u32(asn), u16(value)]))
}

export const ascending = (numbers: readonly number[]): readonly number[] => [...numbers].sort((a, b) => a - b)

export const ascendingLarge = (communities: readonly LargeCommunity[]): readonly LargeCommunity[] =>
  [...communities].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

export const encodeExtended = (communities: readonly string[]): Uint8Array =>
  concat(
    communities.map((text) => Uint8Array.from({ length: 8 }, (_, i) => parseInt(text.slice(i * 2, i * 2 + 2), 16))),
  )

/** RFC 7606 §7.14. */
export function decodeExtended(bytes: Uint8Array): Result<readonly string[], string> {
  if (bytes.length === 0 || bytes.length % 8 !== 0) return err(`length ${bytes.length} is no multiple of 8`)
  const texts = Array.from({ length: bytes.length / 8 }, (_, i) => hex(bytes.subarray(i * 8, i * 8 + 8)))
  return ok([...new Set(texts)].sort())
}

export const encodeLarge = (communities: readonly LargeCommunity[]): Uint8Array =>
  concat(ascendingLarge(communities).flatMap((community) => community.map(u32)))

/** RFC 8092 §6: a length that is no multiple of 12 is malformed; the same one twice counts once (§5). */
export function decodeLarge(bytes: Uint8Array): Result<readonly LargeCommunity[], string> {
  if (bytes.length === 0 || bytes.length % 12 !== 0) return err(`length ${bytes.length} is no multiple of 12`)
  const view = viewOf(bytes)
  const found = new Map<string, LargeCommunity>()
  for (let at = 0; at < bytes.length; at += 12) {
    const community: LargeCommunity = [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8)]
    found.set(community.join(":"), community)
  }
  return ok(ascendingLarge([...found.values()]))
}
