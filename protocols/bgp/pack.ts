import type { Prefix } from "../prefix.ts"
import { type AttributeContext, encodeAttributes, type PathAttributes } from "./attributes.ts"
import { messageType } from "./iana.ts"
import { nlriLength, writeNlri } from "./nlri.ts"
import { headerLength, maximumLength, writeHeader } from "./packet.ts"
import { viewOf } from "./writer.ts"

/** Prefixes that share their attributes. */
export interface AttributeGroup {
  readonly attributes: PathAttributes
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
export function* packUpdates(groups: Iterable<AttributeGroup>, context: AttributeContext): Generator<PackedUpdate> {
  for (const group of groups) {
    const attributes = encodeAttributes(group.attributes, context)
    const start = headerLength + 2 + 2 + attributes.length
    for (const { prefixes, size } of chunks(group.prefixes, maximumLength - start)) {
      const bytes = new Uint8Array(start + size)
      writeHeader(bytes, messageType.update)
      viewOf(bytes).setUint16(headerLength + 2, attributes.length)
      bytes.set(attributes, headerLength + 4)
      let at = start
      for (const prefix of prefixes) at = writeNlri(prefix, bytes, at)
      yield { bytes, prefixes }
    }
  }
}

export function* packWithdrawals(withdrawn: readonly Prefix[]): Generator<PackedUpdate> {
  for (const { prefixes, size } of chunks(withdrawn, maximumLength - headerLength - 4)) {
    const bytes = new Uint8Array(headerLength + 4 + size)
    writeHeader(bytes, messageType.update)
    viewOf(bytes).setUint16(headerLength, size)
    let at = headerLength + 2
    for (const prefix of prefixes) at = writeNlri(prefix, bytes, at)
    yield { bytes, prefixes }
  }
}

/** Room for attributes such that at least one IPv4 prefix still fits behind them. */
export const attributesLimit = maximumLength - headerLength - 4 - 5

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
