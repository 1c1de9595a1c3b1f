import { encodeFrame, etherTypes, type Truncated } from "../ethernet/frame.ts"
import type { Ip } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"

/** ARP operation codes, https://www.iana.org/assignments/arp-parameters; others exist and are kept as numbers. */
export const operations = { request: 1, reply: 2 } as const
const ethernetHardware = 1
const packetLength = 28

/** An ARP packet for IPv4 over Ethernet. MAC addresses are six bytes. */
export interface ArpPacket {
  readonly operation: number
  readonly senderMac: Uint8Array
  readonly senderIp: Ip
  readonly targetMac: Uint8Array
  readonly targetIp: Ip
}

export type ArpError =
  | Truncated
  | { readonly kind: "hardware-type"; readonly got: number }
  | { readonly kind: "protocol-type"; readonly got: number }
  | { readonly kind: "address-lengths"; readonly hardware: number; readonly protocol: number }

/**
 * RFC 826, the payload of a frame with EtherType 0x0806. Total: any bytes give a packet or a reason. Bytes after the
 * packet are padding. The MAC addresses are views into `payload`.
 */
export function decodeArp(payload: Uint8Array): Result<ArpPacket, ArpError> {
  if (payload.length < packetLength) return err({ kind: "truncated", need: packetLength, got: payload.length })
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const hardwareType = view.getUint16(0)
  if (hardwareType !== ethernetHardware) return err({ kind: "hardware-type", got: hardwareType })
  const protocolType = view.getUint16(2)
  if (protocolType !== etherTypes.ipv4) return err({ kind: "protocol-type", got: protocolType })
  const [hardware, protocol] = [view.getUint8(4), view.getUint8(5)]
  if (hardware !== 6 || protocol !== 4) return err({ kind: "address-lengths", hardware, protocol })
  return ok({
    operation: view.getUint16(6),
    senderMac: payload.subarray(8, 14),
    senderIp: ipv4At(payload, 14),
    targetMac: payload.subarray(18, 24),
    targetIp: ipv4At(payload, 24),
  })
}

const fixedPart = [0, ethernetHardware, etherTypes.ipv4 >> 8, etherTypes.ipv4 & 0xff, 6, 4]

/** 28 bytes. Both IP addresses are IPv4. Byte by byte: a DataView would move so small an array out of V8's heap. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(packetLength)
  bytes.set(fixedPart, 0)
  bytes[6] = packet.operation >> 8
  bytes[7] = packet.operation & 0xff
  bytes.set(packet.senderMac, 8)
  writeIpv4(bytes, 14, packet.senderIp)
  bytes.set(packet.targetMac, 18)
  writeIpv4(bytes, 24, packet.targetIp)
  return bytes
}

/** The whole frame, padded. */
export const arpFrame = (destination: Uint8Array, source: Uint8Array, packet: ArpPacket): Uint8Array =>
  encodeFrame({ destination, source, etherType: etherTypes.arp, payload: encodeArp(packet) })

/** Of four bytes the text is always an address; as `ipFromBytes` has it, without a view for each. */
const ipv4At = (bytes: Uint8Array, at: number): Ip =>
  `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}` as Ip

/** Digit by digit: this runs for every answer, and big integers cost more than all the rest of it. */
function writeIpv4(bytes: Uint8Array, at: number, ip: Ip): void {
  let offset = at
  let octet = 0
  for (let i = 0; i < ip.length; i++) {
    const code = ip.charCodeAt(i)
    if (code === 0x2e) {
      bytes[offset++] = octet
      octet = 0
    } else octet = octet * 10 + (code - 0x30)
  }
  bytes[offset] = octet
}
