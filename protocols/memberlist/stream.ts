import { err, ok, type Result } from "../result.ts"
import { decrypt, type EncryptionError, encrypt, encryptedLength, type Sealing } from "./encryption.ts"
import {
  decodeStreamMessage,
  encodeStreamMessage,
  type MessageError,
  noProgress,
  type StreamMessage,
} from "./message.ts"
import { Writer } from "./msgpack-writer.ts"
import { limits, messageType } from "./numbers.ts"
import type { PacketSecurity } from "./packet.ts"
import { decodeCompressed, encodeCompressed, encodeLabel, labelHeaderLength, type WrappingError } from "./wrapping.ts"

/**
 * A TCP stream carries one message in each direction, at most:
 *
 *     message → compressed, even if that is longer → encrypted frame: 10, length, payload → label
 *
 * Only the side that opened the connection writes the label header; both count the label into the encryption.
 */
export type StreamDirection = "request" | "reply"

export interface StreamWrapping {
  readonly direction: StreamDirection
  readonly label: Uint8Array
  readonly compress: boolean
  readonly sealing?: Sealing
}

export type StreamDecodeError =
  | MessageError
  | WrappingError
  | EncryptionError
  | { readonly kind: "wrong-label" }
  | { readonly kind: "encrypted-unexpectedly" }
  | { readonly kind: "not-encrypted" }

export function encodeStream(message: StreamMessage, wrapping: StreamWrapping): Uint8Array {
  const { direction, label, compress, sealing } = wrapping
  const plain = encodeStreamMessage(message)
  const packed = compress ? encodeCompressed(plain) : plain
  const header = direction === "request" ? encodeLabel(label) : new Uint8Array()
  if (!sealing) return Buffer.concat([header, packed])
  const frame = frameHeader(encryptedLength(packed.length, sealing.version))
  return Buffer.concat([header, frame, encrypt(packed, sealing, Buffer.concat([frame, label]))])
}

function frameHeader(length: number): Uint8Array {
  const writer = new Writer()
  writer.byte(messageType.encrypt)
  writer.u32(length)
  return writer.done()
}

/** What to tell the other side before closing; undefined: close without a word. */
export const answerTo = (error: StreamDecodeError): string | undefined => answers[error.kind]

const inflating = "the stream cannot be decompressed"
const decrypting = "the stream cannot be decrypted"
const answers: Partial<Record<StreamDecodeError["kind"], string>> = {
  "encrypted-unexpectedly": "the stream is encrypted, but this node has no encryption key",
  "not-encrypted": "the stream is not encrypted, but this node requires encryption",
  "no-key-fits": "no key of this node opens the stream",
  "lzw-bad-code": inflating,
  "lzw-truncated": inflating,
  "inflates-too-far": inflating,
  "inflates-to-nothing": inflating,
  "unknown-compression": inflating,
  "too-long": decrypting,
  "ciphertext-too-short": decrypting,
  "unknown-encryption-version": decrypting,
  "bad-padding": decrypting,
}

/** Takes a stream as it arrives, in chunks of any size. Total: any bytes end in a message, a fault, or want of more. */
export class StreamDecoder {
  readonly #security: PacketSecurity
  readonly #direction: StreamDirection
  readonly #progress = noProgress()
  #buffer = new Uint8Array(2048)
  #length = 0
  /** Not worth another try before there are as many bytes. */
  #need = 1

  constructor(security: PacketSecurity, direction: StreamDirection) {
    this.#security = security
    this.#direction = direction
  }

  /** Whether anything has arrived. */
  get started(): boolean {
    return this.#length > 0
  }

  /** Undefined: more is needed. After an answer, do not call again. */
  push(chunk: Uint8Array): Result<StreamMessage, StreamDecodeError> | undefined {
    const length = this.#length + chunk.length
    if (length > limits.streamBytes + 1024) return err({ kind: "too-long", got: length, limit: limits.streamBytes })
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length))
      larger.set(this.#buffer)
      this.#buffer = larger
    }
    this.#buffer.set(chunk, this.#length)
    this.#length = length
    return length < this.#need ? undefined : this.#decode(this.#buffer.subarray(0, length))
  }

  #decode(bytes: Uint8Array): Result<StreamMessage, StreamDecodeError> | undefined {
    const { label, keys, acceptPlain } = this.#security
    const header = this.#direction === "request" ? labelHeaderLength(bytes) : ok(0)
    if (!header.ok) return header
    if (header.value === undefined) return undefined
    if (this.#direction === "request") {
      const got = header.value > 0 ? bytes.subarray(2, header.value) : bytes.subarray(0, 0)
      if (Buffer.compare(got, label) !== 0) return err({ kind: "wrong-label" })
    }
    const body = bytes.subarray(header.value)
    if (body.length === 0) return undefined
    if (body[0] === messageType.encrypt) return this.#decrypt(body, header.value)
    if (keys.length > 0 && !acceptPlain) return err({ kind: "not-encrypted" })
    const message = this.#inflate(body)
    if (message.ok || message.error.kind !== "truncated") return message
    // A `need` within a push/pull counts from the message's first byte.
    this.#need = header.value + message.error.need
    return undefined
  }

  #decrypt(body: Uint8Array, headerLength: number): Result<StreamMessage, StreamDecodeError> | undefined {
    const { label, keys } = this.#security
    if (keys.length === 0) return err({ kind: "encrypted-unexpectedly" })
    if (body.length < 5) return undefined
    const length = new DataView(body.buffer, body.byteOffset).getUint32(1)
    if (length > limits.streamBytes) return err({ kind: "too-long", got: length, limit: limits.streamBytes })
    this.#need = headerLength + 5 + length
    if (body.length < 5 + length) return undefined
    const additional = Buffer.concat([body.subarray(0, 5), label])
    const plain = decrypt(body.subarray(5, 5 + length), keys, additional)
    return plain.ok ? this.#inflate(plain.value) : plain
  }

  /** `truncated` only where more of the stream may help, not within what was compressed. */
  #inflate(body: Uint8Array): Result<StreamMessage, StreamDecodeError> {
    if (body[0] !== messageType.compress) return decodeStreamMessage(body, this.#progress)
    const plain = decodeCompressed(body, limits.streamInflatedBytes)
    if (!plain.ok) return plain
    const message = decodeStreamMessage(plain.value)
    return message.ok || message.error.kind !== "truncated" ? message : err({ kind: "lzw-truncated" })
  }
}
