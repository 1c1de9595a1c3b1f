import type { Fault } from "./notification.ts"
import { checkHeader, headerLength } from "./packet.ts"

export interface Frames {
  /** Whole messages, header included; views into what was given. */
  readonly messages: readonly Uint8Array[]
  /** Start of the next message, to be given again in front of what comes next. Shorter than one message. */
  readonly rest: Uint8Array
  /** The stream cannot be followed any further. */
  readonly fault?: Fault
}

/** RFC 4271 §4.1, §6.1: cuts a byte stream into messages. A bad header is refused as soon as its 19 octets are there. */
export function takeFrames(rest: Uint8Array, chunk: Uint8Array): Frames {
  const bytes = rest.length === 0 ? chunk : joined(rest, chunk)
  const messages: Uint8Array[] = []
  let at = 0
  while (bytes.length - at >= headerLength) {
    const length = checkHeader(bytes.subarray(at, at + headerLength))
    if (!length.ok) return { messages, rest: new Uint8Array(0), fault: length.error }
    if (bytes.length - at < length.value) break
    messages.push(bytes.subarray(at, at + length.value))
    at += length.value
  }
  // A copy: the remainder must not hold on to a large receive buffer.
  return { messages, rest: bytes.slice(at) }
}

function joined(rest: Uint8Array, chunk: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rest.length + chunk.length)
  bytes.set(rest)
  bytes.set(chunk, rest.length)
  return bytes
}
