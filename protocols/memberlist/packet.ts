import { err, ok, type Result } from "../result.ts"
import { decrypt, type EncryptionError, encrypt, type Sealing } from "./encryption.ts"
import { decodeMessage, type MessageError, type PacketMessage } from "./message.ts"
import { limits, messageType } from "./numbers.ts"
import {
  decodeChecked,
  decodeCompound,
  decodeCompressed,
  encodeChecked,
  encodeCompressed,
  encodeLabel,
  labelHeaderLength,
  type WrappingError,
} from "./wrapping.ts"

/**
 * A datagram, from the message outward:
 *
 *     message or compound → compressed, if that is shorter → checksum → encrypted → label
 *
 * An encrypted packet begins with its encryption version: whether to decrypt is a matter of configuration.
 */
export interface PacketWrapping {
  readonly label: Uint8Array
  readonly compress: boolean
  readonly checksum: boolean
  readonly sealing?: Sealing
}

export interface PacketSecurity {
  readonly label: Uint8Array
  /** The first one encrypts; none: everything is in the clear. */
  readonly keys: readonly Uint8Array[]
  /** With keys: also take what is not encrypted. For moving a running ring to encryption. */
  readonly acceptPlain?: boolean
}

export type PacketError =
  | MessageError
  | WrappingError
  | EncryptionError
  | { readonly kind: "wrong-label" }
  | { readonly kind: "nested-too-deep" }

export interface Packet {
  readonly messages: readonly PacketMessage[]
  /** Parts that could not be read, each with its reason; the others count all the same. */
  readonly faults: readonly PacketError[]
}

export function encodePacket(message: Uint8Array, wrapping: PacketWrapping): Uint8Array {
  let bytes = message
  if (wrapping.compress) {
    const compressed = encodeCompressed(message)
    if (compressed.length < message.length) bytes = compressed
  }
  if (wrapping.checksum) bytes = encodeChecked(bytes)
  if (wrapping.sealing) bytes = encrypt(bytes, wrapping.sealing, wrapping.label)
  return wrapping.label.length > 0 ? Buffer.concat([encodeLabel(wrapping.label), bytes]) : bytes
}

/** Total. */
export function decodePacket(bytes: Uint8Array, security: PacketSecurity): Result<Packet, PacketError> {
  const header = labelHeaderLength(bytes)
  if (!header.ok) return header
  if (header.value === undefined) return err({ kind: bytes.length === 0 ? "empty" : "bad-label-header" })
  const label = header.value > 0 ? bytes.subarray(2, header.value) : bytes.subarray(0, 0)
  if (Buffer.compare(label, security.label) !== 0) return err({ kind: "wrong-label" })

  let plain = bytes.subarray(header.value)
  if (security.keys.length > 0) {
    const opened = decrypt(plain, security.keys, security.label)
    if (opened.ok) plain = opened.value
    else if (!security.acceptPlain) return opened
  }
  const checked = decodeChecked(plain)
  if (!checked.ok) return checked

  const messages: PacketMessage[] = []
  const faults: PacketError[] = []
  let inflatable: number = limits.packetInflatedBytes
  const unwrap = (part: Uint8Array, depth: number): void => {
    if (messages.length + faults.length >= limits.packetMessages) return
    if (depth > limits.packetDepth) {
      faults.push({ kind: "nested-too-deep" })
    } else if (part[0] === messageType.compound) {
      const compound = decodeCompound(part)
      if (!compound.ok) return void faults.push(compound.error)
      for (const inner of compound.value.parts) unwrap(inner, depth + 1)
      if (compound.value.truncated > 0) faults.push({ kind: "compound-truncated", got: part.length })
    } else if (part[0] === messageType.compress) {
      const inflated = decodeCompressed(part, inflatable)
      if (!inflated.ok) return void faults.push(inflated.error)
      inflatable -= inflated.value.length
      unwrap(inflated.value, depth + 1)
    } else {
      const message = decodeMessage(part)
      if (message.ok) messages.push(message.value)
      else faults.push(message.error)
    }
  }
  unwrap(checked.value, 1)
  const [fault] = faults
  return fault && messages.length === 0 ? err(fault) : ok({ messages, faults })
}
