import { type Answers, refusal } from "../ethernet/answers.ts"
import { decodeFrame, etherTypes, type Truncated } from "../ethernet/frame.ts"
import { broadcastMac, isGroupMac, sameBytes } from "../ethernet/mac.ts"
import type { Ip } from "../ip.ts"
import { type ArpError, arpFrame, decodeArp, operations } from "./packet.ts"

/** One case per rule, in the order in which they are asked. */
export type ArpDrop =
  | { readonly reason: "malformed"; readonly error: ArpError | Truncated }
  | { readonly reason: "ether-type"; readonly got: number }
  /** Not a request: a reply, or an operation that is not ours to answer. */
  | { readonly reason: "arp-reply"; readonly operation: number }
  /** Our own frame, come back; or somebody else's, in our name. */
  | { readonly reason: "own-frame" }
  /** A sender that is a group or nobody: the answer would go to all. */
  | { readonly reason: "group-sender"; readonly senderMac: Uint8Array }
  /** Neither for everybody nor for us: seen because somebody put the interface into promiscuous mode. */
  | { readonly reason: "ethernet-destination"; readonly destination: Uint8Array }
  /** No service on this node has the address. */
  | { readonly reason: "announce-ip"; readonly target: Ip }
  /** The address is announced, but no announcement of it includes this interface. */
  | { readonly reason: "not-match-interface"; readonly target: Ip }

export type ArpVerdict =
  | {
      readonly decision: "reply"
      readonly target: Ip
      readonly senderIp: Ip
      /** A view into the request. */
      readonly senderMac: Uint8Array
      /** Ready to be sent; owns its bytes. */
      readonly frame: Uint8Array
    }
  | ({ readonly decision: "drop" } & ArpDrop)

const nobody = new Uint8Array(6)

/**
 * RFC 826, "Packet Reception", for an interface with that MAC: the answer goes to the sender's hardware address and
 * carries the MAC of the interface on which the request came in. Probes (sender 0.0.0.0, RFC 5227 §2.1.1) and other
 * hosts' announcements of an address of ours are requests like any other.
 */
export function respond(request: Uint8Array, mac: Uint8Array, answers: Answers): ArpVerdict {
  const frame = decodeFrame(request)
  if (!frame.ok) return { decision: "drop", reason: "malformed", error: frame.error }
  const { destination, source, etherType, payload } = frame.value
  if (etherType !== etherTypes.arp) return { decision: "drop", reason: "ether-type", got: etherType }
  const packet = decodeArp(payload)
  if (!packet.ok) return { decision: "drop", reason: "malformed", error: packet.error }
  const { operation, senderMac, senderIp, targetIp: target } = packet.value
  if (operation !== operations.request) return { decision: "drop", reason: "arp-reply", operation }
  if (!sameBytes(destination, broadcastMac) && !sameBytes(destination, mac)) {
    return { decision: "drop", reason: "ethernet-destination", destination }
  }
  if (sameBytes(source, mac) || sameBytes(senderMac, mac)) return { decision: "drop", reason: "own-frame" }
  if (isGroupMac(senderMac) || sameBytes(senderMac, nobody)) {
    return { decision: "drop", reason: "group-sender", senderMac }
  }
  const refused = refusal(answers, target)
  if (refused !== undefined) return { decision: "drop", reason: refused, target }
  const reply = {
    operation: operations.reply,
    senderMac: mac,
    senderIp: target,
    targetMac: senderMac,
    targetIp: senderIp,
  }
  return { decision: "reply", target, senderIp, senderMac, frame: arpFrame(senderMac, mac, reply) }
}
