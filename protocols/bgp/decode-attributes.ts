import { err, ok, type Result } from "../result.ts"
import { mergeAs4Path } from "./as-path.ts"
import {
  type AttributeContext,
  attributeRows,
  EXTENDED_LENGTH,
  OPTIONAL,
  PARTIAL,
  type PathAttributes,
  type Row,
  TRANSITIVE,
  type UnknownAttribute,
} from "./attributes.ts"
import { errorCode, updateSubcode } from "./iana.ts"
import { type Fault, fault } from "./notification.ts"
import { viewOf } from "./writer.ts"

/**
 * A fault that does not end the session (RFC 7606 §2). discard: the attribute is left out. withdraw: the routes of this
 * UPDATE are treated as withdrawn.
 */
export interface AttributeFault {
  readonly code: number
  readonly treatment: "discard" | "withdraw"
  readonly because: string
}

interface Decoded {
  readonly attributes: PathAttributes
  readonly faults: readonly AttributeFault[]
}

interface Raw {
  readonly flags: number
  readonly code: number
  readonly value: Uint8Array
  /** The attribute as it stood on the wire, for the data of a NOTIFICATION. */
  readonly whole: Uint8Array
}

type Name = keyof typeof attributeRows
const byCode: ReadonlyMap<number, Name> = new Map(
  (Object.keys(attributeRows) as Name[]).map((name) => [attributeRows[name].code, name]),
)

/** RFC 4760: these two may not appear twice, whatever RFC 7606 forgives in others. */
const onceOnly: ReadonlySet<number> = new Set([14, 15])

/** The path attributes of one UPDATE. An error here ends the session; lesser faults come with the value. */
export function decodeAttributes(bytes: Uint8Array, context: AttributeContext): Result<Decoded, Fault> {
  const found: Record<string, unknown> = {}
  const unknown: UnknownAttribute[] = []
  const faults: AttributeFault[] = []
  const seen = new Set<number>()
  for (const raw of split(bytes, faults)) {
    if (seen.has(raw.code)) {
      if (onceOnly.has(raw.code)) return malformedList(`attribute ${raw.code} appears twice`)
      faults.push({ code: raw.code, treatment: "discard", because: "appears more than once" })
      continue
    }
    seen.add(raw.code)
    const name = byCode.get(raw.code)
    if (name === undefined || attributeRows[name].knows?.(raw.value) === false) {
      // RFC 4271 §6.3; RFC 7606 leaves this one as it was.
      if ((raw.flags & OPTIONAL) === 0) return unrecognized(raw)
      unknown.push({ flags: raw.flags, code: raw.code, value: raw.value.slice() })
      continue
    }
    const row = attributeRows[name] as Row<unknown>
    const wrongFlags = ((raw.flags ^ row.flags) & (OPTIONAL | TRANSITIVE)) !== 0
    const value = row.decode(raw.value, context)
    if (!value.ok && row.malformed === "reset") return malformed(raw, value.error)
    if (value.ok && (!wrongFlags || row.malformed === "reset")) found[name] = value.value
    // RFC 7606 §3 (c): wrong flags mean withdrawal, whatever the attribute.
    if (wrongFlags) {
      faults.push({ code: raw.code, treatment: "withdraw", because: `flags 0x${raw.flags.toString(16)} do not fit` })
    } else if (!value.ok && row.malformed !== "reset") {
      faults.push({ code: raw.code, treatment: row.malformed, because: value.error })
    }
  }
  const attributes = { ...found, ...(unknown.length > 0 ? { unknown } : {}) } as PathAttributes
  return ok({ attributes: joinAsPaths(attributes, context), faults })
}

/** Cuts each attribute out before it is read. RFC 7606 §4: where the list itself breaks, the routes are withdrawn. */
function* split(bytes: Uint8Array, faults: AttributeFault[]): Generator<Raw> {
  const view = viewOf(bytes)
  let at = 0
  while (at < bytes.length) {
    const flags = view.getUint8(at)
    const header = (flags & EXTENDED_LENGTH) === 0 ? 3 : 4
    if (bytes.length - at < header) {
      faults.push({ code: 0, treatment: "withdraw", because: `${bytes.length - at} octets left over` })
      return
    }
    const code = view.getUint8(at + 1)
    const length = header === 3 ? view.getUint8(at + 2) : view.getUint16(at + 2)
    if (length > bytes.length - at - header) {
      faults.push({ code, treatment: "withdraw", because: `length ${length} runs past the end of the attributes` })
      return
    }
    const end = at + header + length
    yield {
      flags: flags & (OPTIONAL | TRANSITIVE | PARTIAL),
      code,
      value: bytes.subarray(at + header, end),
      whole: bytes.subarray(at, end),
    }
    at = end
  }
}

/** RFC 6793 §4.2.3, §6: AS4_PATH counts only from a speaker that cannot say it in AS_PATH. */
function joinAsPaths({ as4Path, ...attributes }: PathAttributes, { fourOctet }: AttributeContext): PathAttributes {
  if (as4Path === undefined || fourOctet || attributes.asPath === undefined) return attributes
  return { ...attributes, asPath: mergeAs4Path(attributes.asPath, as4Path) }
}

const malformedList = (because: string): { ok: false; error: Fault } =>
  err(fault(errorCode.update, updateSubcode.malformedAttributeList, because))

/** RFC 4271 §6.3, RFC 7606 §7.11. */
const malformed = (raw: Raw, because: string): { ok: false; error: Fault } =>
  err(fault(errorCode.update, updateSubcode.optionalAttribute, `attribute ${raw.code}: ${because}`, raw.whole.slice()))

const unrecognized = (raw: Raw): { ok: false; error: Fault } =>
  err(
    fault(
      errorCode.update,
      updateSubcode.unrecognizedWellKnown,
      `well-known attribute ${raw.code} is unknown`,
      raw.whole.slice(),
    ),
  )
