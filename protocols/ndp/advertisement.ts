import { encodeFrame, etherTypes } from "../ethernet/frame.ts"
import { type Ip, ipToBytes } from "../ip.ts"
import { icmpv6Checksum } from "./checksum.ts"
import { allNodes, groupMac } from "./groups.ts"
import { headerLengthIpv6, messageTypes, nextHeaderIcmpv6, options } from "./iana.ts"

/** RFC 4861 §4.4, with the Target Link-Layer Address option. We are never a router for the address. */
export interface Advertisement {
  readonly source: Ip
  readonly destination: Ip
  readonly target: Ip
  readonly targetMac: Uint8Array
  /** It answers a solicitation; never for a multicast destination. */
  readonly solicited: boolean
  /** Replaces the MAC a neighbour already has. */
  readonly override: boolean
}

const messageLength = 32

/** The IPv6 packet, 72 bytes. All addresses are IPv6. */
export function encodeAdvertisement(advertisement: Advertisement): Uint8Array {
  const { source, destination, target, targetMac, solicited, override } = advertisement
  const packet = new Uint8Array(headerLengthIpv6 + messageLength)
  const view = new DataView(packet.buffer)
  view.setUint8(0, 6 << 4)
  view.setUint16(4, messageLength)
  view.setUint8(6, nextHeaderIcmpv6)
  view.setUint8(7, 255)
  const [from, to] = [ipToBytes(source), ipToBytes(destination)]
  packet.set(from, 8)
  packet.set(to, 24)
  const message = packet.subarray(headerLengthIpv6)
  message[0] = messageTypes.neighbourAdvertisement
  message[4] = (solicited ? 0x40 : 0) | (override ? 0x20 : 0)
  message.set(ipToBytes(target), 8)
  message[24] = options.targetLinkLayerAddress
  message[25] = 1
  message.set(targetMac, 26)
  view.setUint16(headerLengthIpv6 + 2, icmpv6Checksum(from, to, message))
  return packet
}

/** The whole frame. */
export const advertisementFrame = (destination: Uint8Array, advertisement: Advertisement): Uint8Array =>
  encodeFrame({
    destination,
    source: advertisement.targetMac,
    etherType: etherTypes.ipv6,
    payload: encodeAdvertisement(advertisement),
  })

/** RFC 4861 §7.2.6: to all nodes, so that whoever has an old MAC for the address takes this one. */
export const unsolicitedFrame = (mac: Uint8Array, ip: Ip): Uint8Array =>
  advertisementFrame(groupMac(allNodes), {
    source: ip,
    destination: allNodes,
    target: ip,
    targetMac: mac,
    solicited: false,
    override: true,
  })
