import { crc32 } from "node:zlib"
import { err, ok, type Result } from "../result.ts"
import { type LzwError, lzwCompress, lzwDecompress } from "./lzw.ts"
import { type MsgpackError, Reader } from "./msgpack.ts"
import { Writer } from "./msgpack-writer.ts"
import { messageType } from "./numbers.ts"
import { raw, struct, u8 } from "./struct.ts"

export type WrappingError =
  | MsgpackError
  | LzwError
  | { readonly kind: "compound-truncated"; readonly got: number }
  | { readonly kind: "bad-checksum"; readonly expected: number; readonly got: number }
  | { readonly kind: "unknown-compression"; readonly algorithm: number }
  | { readonly kind: "inflates-to-nothing" }
  | { readonly kind: "bad-label-header" }

/** One message stays bare; several become a compound: count, lengths, then the messages back to back. */
export function encodeCompound(messages: readonly Uint8Array[]): Uint8Array {
  const [only] = messages
  if (only && messages.length === 1) return only
  const writer = new Writer()
  writer.byte(messageType.compound)
  writer.byte(messages.length)
  for (const message of messages) writer.u16(message.length)
  for (const message of messages) writer.bytes(message)
  return writer.done()
}

/** Where the data ends early, the parts that fit and how many did not. */
export interface Compound {
  readonly parts: readonly Uint8Array[]
  readonly truncated: number
}
export function decodeCompound(bytes: Uint8Array): Result<Compound, WrappingError> {
  const count = bytes[1]
  if (count === undefined || bytes.length < 2 + 2 * count) return err({ kind: "compound-truncated", got: bytes.length })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts: Uint8Array[] = []
  let at = 2 + 2 * count
  for (let i = 0; i < count; i++) {
    const end = at + view.getUint16(2 + 2 * i)
    if (end > bytes.length) break
    parts.push(bytes.subarray(at, end))
    at = end
  }
  return ok({ parts, truncated: count - parts.length })
}

const compressed = struct("compress", { Algo: u8, Buf: raw })
const LZW = 0

export function encodeCompressed(message: Uint8Array): Uint8Array {
  const writer = new Writer()
  writer.byte(messageType.compress)
  compressed.write(writer, { algo: LZW, buf: lzwCompress(message) })
  return writer.done()
}

export function decodeCompressed(bytes: Uint8Array, limit: number): Result<Uint8Array, WrappingError> {
  const reader = new Reader(bytes, 1)
  const { algo, buf } = compressed.read(reader)
  if (reader.fault) return err(reader.fault)
  if (algo !== LZW) return err({ kind: "unknown-compression", algorithm: algo })
  const plain = lzwDecompress(buf ?? new Uint8Array(), limit)
  if (!plain.ok) return plain
  return plain.value.length > 0 ? plain : err({ kind: "inflates-to-nothing" })
}

/** CRC-32 of IEEE 802.3 in front of the message. */
export function encodeChecked(message: Uint8Array): Uint8Array {
  const writer = new Writer()
  writer.byte(messageType.hasCrc)
  writer.u32(crc32(message))
  writer.bytes(message)
  return writer.done()
}

/** A message that is not checked comes back as it is. */
export function decodeChecked(bytes: Uint8Array): Result<Uint8Array, WrappingError> {
  if (bytes[0] !== messageType.hasCrc || bytes.length < 5) return ok(bytes)
  const got = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1)
  const message = bytes.subarray(5)
  const expected = crc32(message)
  return got === expected ? ok(message) : err({ kind: "bad-checksum", expected, got })
}

/** An empty label adds nothing. At most 255 bytes. */
export function encodeLabel(label: Uint8Array): Uint8Array {
  if (label.length === 0) return label
  return Buffer.concat([Uint8Array.of(messageType.label, label.length), label])
}

/** How long the label header is that these bytes begin with: 0 when there is none, undefined when it is not whole. */
export function labelHeaderLength(bytes: Uint8Array): Result<number | undefined, WrappingError> {
  if (bytes[0] !== messageType.label) return ok(bytes.length === 0 ? undefined : 0)
  const length = bytes[1]
  if (length === 0) return err({ kind: "bad-label-header" })
  return ok(length === undefined || bytes.length < 2 + length ? undefined : 2 + length)
}
