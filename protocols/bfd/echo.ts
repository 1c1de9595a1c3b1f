import type { Ip } from "../ip.ts"
import { ipToBytes } from "../ip.ts"
import { port } from "./iana.ts"

/*
 * RFC 5881 §4: an echo packet is addressed to its own sender and handed to the neighbour, whose forwarding plane sends
 * it back. No socket of the kernel's does that (a packet to one's own address never leaves), so it is a whole frame.
 * What is inside is the sender's own affair; ours is a mark, the discriminator and a number.
 *
 *   Ethernet: neighbour's MAC, ours · IPv4: from us to us, TTL 255 · UDP: to 3785 · mark, discriminator, sequence
 */

export interface EchoPath {
  /** Six bytes each. */
  readonly ownMac: Uint8Array
  readonly neighbourMac: Uint8Array
  /** IPv4. */
  readonly own: Ip
  readonly sourcePort: number
}

export interface Echo {
  readonly discriminator: number
  readonly sequence: number
}

const ethernetLength = 14
const ipLength = 20
const udpLength = 8
const payloadLength = 16
const frameLength = ethernetLength + ipLength + udpLength + payloadLength
/** `troupe` and a version. */
const mark = Uint8Array.of(0x74, 0x72, 0x6f, 0x75, 0x70, 0x65, 0, 1)
const udp = 17

export function encodeEcho(path: EchoPath, echo: Echo): Uint8Array {
  const bytes = new Uint8Array(frameLength)
  const view = new DataView(bytes.buffer)
  const own = ipToBytes(path.own)
  bytes.set(path.neighbourMac, 0)
  bytes.set(path.ownMac, 6)
  view.setUint16(12, 0x0800)
  const ip = ethernetLength
  view.setUint8(ip, 0x45)
  // Internetwork control, as routing protocols have it.
  view.setUint8(ip + 1, 0xc0)
  view.setUint16(ip + 2, frameLength - ethernetLength)
  view.setUint16(ip + 4, echo.sequence & 0xffff)
  view.setUint8(ip + 8, 255)
  view.setUint8(ip + 9, udp)
  bytes.set(own, ip + 12)
  bytes.set(own, ip + 16)
  view.setUint16(ip + 10, complement(sum(view, ip, ipLength, 0)))
  const at = ip + ipLength
  view.setUint16(at, path.sourcePort)
  view.setUint16(at + 2, port.echo)
  view.setUint16(at + 4, udpLength + payloadLength)
  bytes.set(mark, at + udpLength)
  view.setUint32(at + udpLength + 8, echo.discriminator)
  view.setUint32(at + udpLength + 12, echo.sequence)
  // RFC 768: addresses, protocol and length come before the datagram; a sum of zero is sent as all ones.
  const pseudo = sum(view, ip + 12, 8, udp + udpLength + payloadLength)
  view.setUint16(at + 6, complement(sum(view, at, udpLength + payloadLength, pseudo)) || 0xffff)
  return bytes
}

/** What the frames of a neighbour tell: the MAC behind its address, or an echo of ours that has come back. */
export type Frame =
  | { readonly kind: "control"; readonly from: Ip; readonly mac: Uint8Array }
  | ({ readonly kind: "echo"; readonly address: Ip } & Echo)

/** Undefined for everything else. Total. */
export function readFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < ethernetLength + ipLength + udpLength) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ip = ethernetLength
  if (view.getUint16(12) !== 0x0800 || view.getUint8(ip) >> 4 !== 4 || view.getUint8(ip + 9) !== udp) return undefined
  const headerLength = (view.getUint8(ip) & 0x0f) * 4
  const at = ip + headerLength
  if (headerLength < ipLength || bytes.length < at + udpLength) return undefined
  const from = addressAt(bytes, ip + 12)
  const to = view.getUint16(at + 2)
  // A neighbour's packet has not been forwarded (RFC 5881 §5).
  if (to === port.singleHop && view.getUint8(ip + 8) === 255) {
    return { kind: "control", from, mac: bytes.slice(6, 12) }
  }
  if (to !== port.echo || bytes.length < at + udpLength + payloadLength) return undefined
  if (from !== addressAt(bytes, ip + 16)) return undefined
  if (mark.some((byte, i) => bytes[at + udpLength + i] !== byte)) return undefined
  return {
    kind: "echo",
    address: from,
    discriminator: view.getUint32(at + udpLength + 8),
    sequence: view.getUint32(at + udpLength + 12),
  }
}

const addressAt = (bytes: Uint8Array, at: number): Ip => bytes.subarray(at, at + 4).join(".") as Ip

/** RFC 1071, an even number of bytes. */
function sum(view: DataView, at: number, length: number, from: number): number {
  let total = from
  for (let i = at; i < at + length; i += 2) total += view.getUint16(i)
  return total
}

function complement(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return ~folded & 0xffff
}
