import { err, ok, type Result } from "../result.ts"
import { asTrans } from "./iana.ts"
import { viewOf } from "./writer.ts"

/** RFC 4271 §4.3 and RFC 5065 §3. */
export type SegmentType = "set" | "sequence" | "confed-sequence" | "confed-set"
export interface Segment {
  readonly type: SegmentType
  /** 1 to 255 AS numbers. */
  readonly asns: readonly number[]
}
export type AsPath = readonly Segment[]

const types: Readonly<Record<number, SegmentType>> = { 1: "set", 2: "sequence", 3: "confed-sequence", 4: "confed-set" }
const codes: Readonly<Record<SegmentType, number>> = { set: 1, sequence: 2, "confed-sequence": 3, "confed-set": 4 }

/** With 2 octets a number that does not fit is written as AS_TRANS (RFC 6793 §4.2.2). */
export function encodeAsPath(path: AsPath, fourOctet: boolean): Uint8Array {
  const width = fourOctet ? 4 : 2
  const bytes = new Uint8Array(path.reduce((sum, segment) => sum + 2 + segment.asns.length * width, 0))
  const view = viewOf(bytes)
  let at = 0
  for (const segment of path) {
    view.setUint8(at++, codes[segment.type])
    view.setUint8(at++, segment.asns.length)
    for (const asn of segment.asns) {
      if (fourOctet) view.setUint32(at, asn)
      else view.setUint16(at, asn > 0xffff ? asTrans : asn)
      at += width
    }
  }
  return bytes
}

/** RFC 7606 §7.2: an unknown type, an empty segment and a segment that overruns are malformed. */
export function decodeAsPath(bytes: Uint8Array, fourOctet: boolean): Result<AsPath, string> {
  const width = fourOctet ? 4 : 2
  const view = viewOf(bytes)
  const path: Segment[] = []
  let at = 0
  while (at < bytes.length) {
    if (bytes.length - at < 2) return err("one octet left over after the last segment")
    const type = types[view.getUint8(at)]
    const count = view.getUint8(at + 1)
    if (type === undefined) return err(`unknown segment type ${view.getUint8(at)}`)
    if (count === 0) return err("empty segment")
    at += 2
    if (count * width > bytes.length - at) return err(`segment of ${count} AS numbers runs past the end`)
    const asns = Array.from({ length: count }, (_, i) =>
      fourOctet ? view.getUint32(at + i * 4) : view.getUint16(at + i * 2),
    )
    path.push({ type, asns })
    at += count * width
  }
  return ok(path)
}

/** RFC 4271 §9.1.2.2, RFC 5065 §5.3: a set counts once, confederation segments not at all. */
export function pathLength(path: AsPath): number {
  let length = 0
  for (const segment of path) {
    if (segment.type === "sequence") length += segment.asns.length
    else if (segment.type === "set") length += 1
  }
  return length
}

/**
 * RFC 6793 §4.2.3: what an old speaker shortened to AS_TRANS is in AS4_PATH. The leading part that only AS_PATH has
 * stays in front. An AS4_PATH longer than the AS_PATH is a lie and is ignored.
 */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  let lead = pathLength(path) - pathLength(as4Path)
  if (lead < 0) return path
  const kept: Segment[] = []
  for (const segment of path) {
    const confederation = segment.type === "confed-sequence" || segment.type === "confed-set"
    if (lead <= 0 && !confederation) break
    if (confederation) kept.push(segment)
    else if (segment.type === "set") {
      kept.push(segment)
      lead -= 1
    } else {
      kept.push({ type: "sequence", asns: segment.asns.slice(0, lead) })
      lead -= segment.asns.length
    }
  }
  const last = kept.at(-1)
  const [first, ...rest] = as4Path
  if (last?.type === "sequence" && first?.type === "sequence" && last.asns.length + first.asns.length <= 255) {
    return [...kept.slice(0, -1), { type: "sequence", asns: [...last.asns, ...first.asns] }, ...rest]
  }
  return [...kept, ...as4Path]
}
