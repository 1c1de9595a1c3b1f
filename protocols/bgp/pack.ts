import type { Family } from "../ip.ts"
import type { Prefix } from "../prefix.ts"
import { type AttributeContext, encodeAttributes, OPTIONAL, type PathAttributes, withHeader } from "./attributes.ts"
import { messageType } from "./iana.ts"
import { type MpNextHop, mpReachHead, mpUnreachHead } from "./mp-nlri.ts"
import { nlriBytes, nlriLength, writeNlri } from "./nlri.ts"
import { headerLength, maximumLength, writeHeader } from "./packet.ts"
import { concat, viewOf } from "./writer.ts"

/** Prefixes of one family that share their attributes. */
export interface AttributeGroup {
  /** Of a group with `mp` without a next hop. */
  readonly attributes: PathAttributes
  /** The prefixes go into MP_REACH_NLRI with this next hop (RFC 4760); absent: into the UPDATE itself. */
  readonly mp?: MpNextHop & { readonly family: Family }
  readonly prefixes: readonly Prefix[]
}

/** One UPDATE ready for the wire, and the prefixes it speaks of. */
export interface PackedUpdate {
  readonly bytes: Uint8Array
  readonly prefixes: readonly Prefix[]
}

/**
 * As few UPDATEs as possible: all prefixes of one group in one message until it is full. Lazy, so that a large set can
 * be written piece by piece.
 */
export function* packUpdates(
  groups: Iterable<AttributeGroup>,
  context: AttributeContext,
  limit = maximumLength,
): Generator<PackedUpdate> {
  for (const { attributes, mp, prefixes: all } of groups) {
    const common = encodeAttributes(attributes, context)
    if (mp === undefined) {
      const start = headerLength + 2 + 2 + common.length
      for (const { prefixes, size } of chunks(all, limit - start)) {
        const bytes = new Uint8Array(start + size)
        writeHeader(bytes, messageType.update)
        viewOf(bytes).setUint16(headerLength + 2, common.length)
        bytes.set(common, headerLength + 4)
        let at = start
        for (const prefix of prefixes) at = writeNlri(prefix, bytes, at)
        yield { bytes, prefixes }
      }
      continue
    }
    const head = mpReachHead(mp.family, mp)
    const room = limit - headerLength - 4 - common.length - attributeHeader - head.length
    for (const { prefixes } of chunks(all, room)) {
      const reach = withHeader(OPTIONAL, mpReachCode, concat([head, nlriBytes(prefixes)]))
      yield { bytes: updateOf([reach, common]), prefixes }
    }
  }
}

/** IPv4 prefixes leave in the UPDATE itself, whatever their next hop was; others in MP_UNREACH_NLRI. */
export function* packWithdrawals(withdrawn: readonly Prefix[], limit = maximumLength): Generator<PackedUpdate> {
  const ipv4 = withdrawn.filter(({ family }) => family === "ipv4")
  for (const { prefixes, size } of chunks(ipv4, limit - headerLength - 4)) {
    const bytes = new Uint8Array(headerLength + 4 + size)
    writeHeader(bytes, messageType.update)
    viewOf(bytes).setUint16(headerLength, size)
    let at = headerLength + 2
    for (const prefix of prefixes) at = writeNlri(prefix, bytes, at)
    yield { bytes, prefixes }
  }
  const ipv6 = withdrawn.filter(({ family }) => family === "ipv6")
  const head = mpUnreachHead("ipv6")
  for (const { prefixes } of chunks(ipv6, limit - headerLength - 4 - attributeHeader - head.length)) {
    const unreach = withHeader(OPTIONAL, mpUnreachCode, concat([head, nlriBytes(prefixes)]))
    yield { bytes: updateOf([unreach]), prefixes }
  }
}

const mpReachCode = 14
const mpUnreachCode = 15
/** Flags, code and two octets of length. */
const attributeHeader = 4

/** RFC 7606 §5.1: routes in the first attribute, and nothing of them outside. */
function updateOf(attributes: readonly Uint8Array[]): Uint8Array {
  const all = concat(attributes)
  const bytes = new Uint8Array(headerLength + 4 + all.length)
  writeHeader(bytes, messageType.update)
  viewOf(bytes).setUint16(headerLength + 2, all.length)
  bytes.set(all, headerLength + 4)
  return bytes
}

/** Room for attributes such that at least one prefix of any family still fits behind them, with both its next hops. */
export const attributesLimit = (limit = maximumLength): number => limit - headerLength - 4 - attributeHeader - 37 - 17

function* chunks(prefixes: readonly Prefix[], room: number): Generator<{ prefixes: readonly Prefix[]; size: number }> {
  let from = 0
  while (from < prefixes.length) {
    let size = 0
    let to = from
    for (; to < prefixes.length; to++) {
      const prefix = prefixes[to]
      const length = prefix === undefined ? 0 : nlriLength(prefix)
      if (size + length > room && to > from) break
      size += length
    }
    yield { prefixes: prefixes.slice(from, to), size }
    from = to
  }
}
