import { type Ip, ipFromBytes, ipToBytes } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { type AsPath, decodeAsPath, encodeAsPath } from "./as-path.ts"
import { ascending, type Communities, decodeExtended, decodeLarge, encodeExtended, encodeLarge } from "./communities.ts"
import {
  decodeMpReach,
  decodeMpUnreach,
  encodeMpReach,
  encodeMpUnreach,
  mpFamily,
  type MpReach,
  type MpUnreach,
} from "./mp-nlri.ts"
import { concat, u16, u32, viewOf } from "./writer.ts"

export type Origin = "igp" | "egp" | "incomplete"

/** RFC 4271 §5. Absent members are attributes that are not there. */
export interface PathAttributes extends Communities {
  readonly origin?: Origin
  readonly asPath?: AsPath
  readonly nextHop?: Ip
  readonly multiExitDisc?: number
  readonly localPref?: number
  readonly atomicAggregate?: true
  readonly aggregator?: Aggregator
  readonly mpReach?: MpReach
  readonly mpUnreach?: MpUnreach
  /** RFC 6793; between us and a peer without 4-octet AS numbers only. */
  readonly as4Path?: AsPath
  /** Attributes we do not know, kept as they are. */
  readonly unknown?: readonly UnknownAttribute[]
}

export interface Aggregator {
  readonly asn: number
  readonly identifier: Ip
}

export interface UnknownAttribute {
  readonly flags: number
  readonly code: number
  readonly value: Uint8Array
}

/** What the session agreed on, as far as attributes depend on it. */
export interface AttributeContext {
  /** Both sides sent capability 65 (RFC 6793). */
  readonly fourOctet: boolean
}

export const OPTIONAL = 0x80
export const TRANSITIVE = 0x40
export const PARTIAL = 0x20
export const EXTENDED_LENGTH = 0x10

/** One attribute: how it is written, read, and what follows when its value is malformed (RFC 7606 §7). */
export interface Row<T> {
  readonly code: number
  readonly flags: number
  /** reset: where its routes begin and end cannot be told, so the session ends (RFC 7606 §7.11). */
  readonly malformed: "withdraw" | "discard" | "reset"
  /** Whether we know this kind of value; else it is kept as it is, like an attribute we do not know. Absent: always. */
  readonly knows?: (bytes: Uint8Array) => boolean
  encode(value: T, context: AttributeContext): Uint8Array
  decode(bytes: Uint8Array, context: AttributeContext): Result<T, string>
}

type Known = Required<Omit<PathAttributes, "unknown">>

/** A new attribute is a new row; flags, duplicates and unknown codes are dealt with once, by whoever walks the table. */
export const attributeRows: { readonly [K in keyof Known]: Row<Known[K]> } = {
  origin: {
    code: 1,
    flags: TRANSITIVE,
    malformed: "withdraw",
    encode: (origin) => Uint8Array.of(origins.indexOf(origin)),
    decode(bytes) {
      if (bytes.length !== 1) return wrongLength(1, bytes)
      const origin = origins[bytes[0] ?? 0]
      return origin === undefined ? err(`unknown origin ${bytes[0]}`) : ok(origin)
    },
  },
  asPath: {
    code: 2,
    flags: TRANSITIVE,
    malformed: "withdraw",
    encode: (path, { fourOctet }) => encodeAsPath(path, fourOctet),
    decode: (bytes, { fourOctet }) => decodeAsPath(bytes, fourOctet),
  },
  nextHop: {
    code: 3,
    flags: TRANSITIVE,
    malformed: "withdraw",
    encode: ipToBytes,
    decode: (bytes) => ipv4From(bytes),
  },
  multiExitDisc: { code: 4, flags: OPTIONAL, malformed: "withdraw", encode: u32, decode: (bytes) => u32From(bytes) },
  localPref: { code: 5, flags: TRANSITIVE, malformed: "withdraw", encode: u32, decode: (bytes) => u32From(bytes) },
  atomicAggregate: {
    code: 6,
    flags: TRANSITIVE,
    malformed: "discard",
    encode: () => new Uint8Array(0),
    decode: (bytes) => (bytes.length === 0 ? ok(true) : wrongLength(0, bytes)),
  },
  aggregator: {
    code: 7,
    flags: OPTIONAL | TRANSITIVE,
    malformed: "discard",
    encode: ({ asn, identifier }, { fourOctet }) =>
      concat([fourOctet ? u32(asn) : u16(asn > 0xffff ? 23456 : asn), ipToBytes(identifier)]),
    decode(bytes, { fourOctet }) {
      const width = fourOctet ? 4 : 2
      if (bytes.length !== width + 4) return wrongLength(width + 4, bytes)
      const identifier = ipv4From(bytes.subarray(width))
      if (!identifier.ok) return identifier
      const view = viewOf(bytes)
      return ok({ asn: fourOctet ? view.getUint32(0) : view.getUint16(0), identifier: identifier.value })
    },
  },
  communities: {
    code: 8,
    flags: OPTIONAL | TRANSITIVE,
    malformed: "withdraw",
    encode: (communities) => concat(ascending(communities).map(u32)),
    decode(bytes) {
      if (bytes.length === 0 || bytes.length % 4 !== 0) return err(`length ${bytes.length} is no multiple of 4`)
      const view = viewOf(bytes)
      return ok(ascending(Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4))))
    },
  },
  mpReach: {
    code: 14,
    flags: OPTIONAL,
    malformed: "reset",
    knows: (bytes) => mpFamily(bytes) !== undefined || bytes.length < 3,
    encode: encodeMpReach,
    decode: (bytes) => decodeMpReach(bytes),
  },
  mpUnreach: {
    code: 15,
    flags: OPTIONAL,
    malformed: "reset",
    knows: (bytes) => mpFamily(bytes) !== undefined || bytes.length < 3,
    encode: encodeMpUnreach,
    decode: (bytes) => decodeMpUnreach(bytes),
  },
  extendedCommunities: {
    code: 16,
    flags: OPTIONAL | TRANSITIVE,
    malformed: "withdraw",
    encode: encodeExtended,
    decode: (bytes) => decodeExtended(bytes),
  },
  largeCommunities: {
    code: 32,
    flags: OPTIONAL | TRANSITIVE,
    malformed: "withdraw",
    encode: encodeLarge,
    decode: (bytes) => decodeLarge(bytes),
  },
  as4Path: {
    code: 17,
    flags: OPTIONAL | TRANSITIVE,
    malformed: "discard",
    encode: (path) => encodeAsPath(path, true),
    decode: (bytes) => decodeAsPath(bytes, true),
  },
}

const origins: readonly Origin[] = ["igp", "egp", "incomplete"]

const wrongLength = (need: number, bytes: Uint8Array): { ok: false; error: string } =>
  err(`length ${bytes.length}, want ${need}`)

const u32From = (bytes: Uint8Array): Result<number, string> =>
  bytes.length === 4 ? ok(viewOf(bytes).getUint32(0)) : wrongLength(4, bytes)

function ipv4From(bytes: Uint8Array): Result<Ip, string> {
  const ip = bytes.length === 4 ? ipFromBytes(bytes) : undefined
  return ip === undefined ? wrongLength(4, bytes) : ok(ip)
}

/**
 * RFC 4271 §4.3: in ascending order of code, except that MP_REACH_NLRI and MP_UNREACH_NLRI go first (RFC 7606 §5.1). A
 * value above 255 octets takes the extended length.
 */
export function encodeAttributes(attributes: PathAttributes, context: AttributeContext): Uint8Array {
  const parts: { readonly code: number; readonly bytes: Uint8Array }[] = []
  const add = <T>(row: Row<T>, value: T | undefined): void => {
    if (value !== undefined) {
      parts.push({ code: row.code, bytes: withHeader(row.flags, row.code, row.encode(value, context)) })
    }
  }
  for (const name of Object.keys(attributeRows) as (keyof Known)[]) {
    add(attributeRows[name] as Row<unknown>, attributes[name])
  }
  for (const { flags, code, value } of attributes.unknown ?? []) {
    parts.push({ code, bytes: withHeader(flags, code, value) })
  }
  return concat(parts.sort((a, b) => rank(a.code) - rank(b.code)).map(({ bytes }) => bytes))
}

const rank = (code: number): number => (code === 14 || code === 15 ? code - 15 : code)

export function withHeader(flags: number, code: number, value: Uint8Array): Uint8Array {
  return value.length > 255
    ? concat([Uint8Array.of(flags | EXTENDED_LENGTH, code), u16(value.length), value])
    : concat([Uint8Array.of(flags & ~EXTENDED_LENGTH, code, value.length), value])
}
