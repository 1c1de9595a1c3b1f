import type { Claim } from "../ethernet/claim.ts"
import { decodeFrame, encodeFrame, etherTypes, type Truncated } from "../ethernet/frame.ts"
import { familyOf, type Ip, ipToBytes } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { icmpv6Checksum } from "./checksum.ts"
import { groupMac, solicitedNodeGroup } from "./groups.ts"
import { headerLengthIpv6, messageTypes, nextHeaderIcmpv6, options } from "./iana.ts"
import { fixedLength, icmpv6Body, ipAt, linkLayerOption, type SolicitationError } from "./solicitation.ts"

export type NdpClaimError =
  | SolicitationError
  | Truncated
  | { readonly kind: "ether-type"; readonly got: number }
  /** RFC 4861 §7.1.2: what goes to a group answers nobody. */
  | { readonly kind: "solicited-multicast" }

/**
 * Whose MAC a Neighbour Advertisement says an address has. All of RFC 4861 §7.1.2 is checked. Without the Target
 * Link-Layer Address option, which an answer to a unicast solicitation may leave out, the frame's sender stands for it.
 * Total.
 */
export function decodeAdvertisementClaim(bytes: Uint8Array): Result<Claim, NdpClaimError> {
  const frame = decodeFrame(bytes)
  if (!frame.ok) return frame
  const { etherType, source, payload: packet } = frame.value
  if (etherType !== etherTypes.ipv6) return err({ kind: "ether-type", got: etherType })
  const body = icmpv6Body(packet)
  if (!body.ok) return body
  const message = body.value
  const [type = 0, code = 0] = message
  if (type !== messageTypes.neighbourAdvertisement) return err({ kind: "type", got: type })
  if (code !== 0) return err({ kind: "code", got: code })
  if (message.length < fixedLength) return err({ kind: "truncated", need: fixedLength, got: message.length })
  const destination = packet.subarray(24, headerLengthIpv6)
  if (icmpv6Checksum(packet.subarray(8, 24), destination, message) !== 0) return err({ kind: "checksum" })
  const option = linkLayerOption(message.subarray(fixedLength), options.targetLinkLayerAddress)
  if (!option.ok) return option
  const ip = ipAt(message.subarray(8, fixedLength))
  if (familyOf(ip) === "ipv4") return err({ kind: "ipv4-mapped", address: ip })
  if (ip.startsWith("ff")) return err({ kind: "multicast-target", target: ip })
  const solicited = ((message[4] ?? 0) & 0x40) !== 0
  if (solicited && destination[0] === 0xff) return err({ kind: "solicited-multicast" })
  return ok({ ip, mac: option.value ?? source, gratuitous: !solicited })
}

/**
 * RFC 4861 §4.3: asks who has the address, in its solicited-node group, or one MAC alone as neighbour unreachability
 * detection does (§7.3.3). `senderIp` is an IPv6 address of the interface.
 */
export function solicitationFrame(ask: {
  readonly mac: Uint8Array
  readonly senderIp: Ip
  readonly target: Ip
  readonly to: Uint8Array | undefined
}): Uint8Array {
  const group = solicitedNodeGroup(ask.target)
  const messageLength = fixedLength + 8
  const packet = new Uint8Array(headerLengthIpv6 + messageLength)
  const view = new DataView(packet.buffer)
  view.setUint8(0, 6 << 4)
  view.setUint16(4, messageLength)
  view.setUint8(6, nextHeaderIcmpv6)
  view.setUint8(7, 255)
  const [from, to] = [ipToBytes(ask.senderIp), ipToBytes(ask.to === undefined ? group : ask.target)]
  packet.set(from, 8)
  packet.set(to, 24)
  const message = packet.subarray(headerLengthIpv6)
  message[0] = messageTypes.neighbourSolicitation
  message.set(ipToBytes(ask.target), 8)
  message[fixedLength] = options.sourceLinkLayerAddress
  message[fixedLength + 1] = 1
  message.set(ask.mac, fixedLength + 2)
  view.setUint16(headerLengthIpv6 + 2, icmpv6Checksum(from, to, message))
  return encodeFrame({
    destination: ask.to ?? groupMac(group),
    source: ask.mac,
    etherType: etherTypes.ipv6,
    payload: packet,
  })
}
