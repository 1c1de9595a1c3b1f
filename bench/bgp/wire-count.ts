import { readFileSync } from "node:fs"
import { takeFrames } from "../../protocols/bgp/framing.ts"
import { messageType } from "../../protocols/bgp/iana.ts"

/** UPDATEs of one direction, by what they do. */
export interface WireCount {
  readonly announcing: { readonly messages: number; readonly bytes: number }
  readonly withdrawing: { readonly messages: number; readonly bytes: number }
}

/** Reads what `tcpdump -w` has written on an Ethernet device: one direction of TCP, each connection put in order. */
export function countUpdates(file: string): WireCount {
  const count = { announcing: { messages: 0, bytes: 0 }, withdrawing: { messages: 0, bytes: 0 } }
  for (const stream of streamsIn(readFileSync(file))) {
    for (const frame of takeFrames(new Uint8Array(0), stream).messages) {
      if (frame[18] !== messageType.update) continue
      const withdrawn = ((frame[19] ?? 0) << 8) | (frame[20] ?? 0)
      const into = withdrawn > 0 ? count.withdrawing : count.announcing
      into.messages++
      into.bytes += frame.length
    }
  }
  return count
}

function streamsIn(capture: Buffer): Uint8Array[] {
  const byPort = new Map<number, { readonly at: number; readonly bytes: Buffer }[]>()
  const firsts = new Map<number, number>()
  for (let at = 24; at + 16 <= capture.length; ) {
    const length = capture.readUInt32LE(at + 8)
    const frame = capture.subarray(at + 16, at + 16 + length)
    at += 16 + length
    const ip = frame.subarray(14)
    const tcp = ip.subarray(((ip[0] ?? 0) & 15) * 4, ip.readUInt16BE(2))
    const port = tcp.readUInt16BE(0)
    const sequence = tcp.readUInt32BE(4)
    const syn = ((tcp[13] ?? 0) & 2) !== 0
    if (syn) firsts.set(port, sequence + 1)
    const bytes = tcp.subarray(((tcp[12] ?? 0) >> 4) * 4)
    const first = firsts.get(port)
    if (syn || bytes.length === 0 || first === undefined) continue
    const segments = byPort.get(port) ?? []
    segments.push({ at: (sequence - first) >>> 0, bytes })
    byPort.set(port, segments)
  }
  return [...byPort.values()].map(inOrder)
}

/** What was sent twice counts once. */
function inOrder(segments: readonly { readonly at: number; readonly bytes: Buffer }[]): Uint8Array {
  const parts: Buffer[] = []
  let next = 0
  for (const { at, bytes } of segments.toSorted((a, b) => a.at - b.at)) {
    if (at > next) throw new Error("the capture has a gap")
    if (at + bytes.length <= next) continue
    parts.push(bytes.subarray(next - at))
    next = at + bytes.length
  }
  return Buffer.concat(parts)
}
