import { type Answers, refusal } from "../ethernet/answers.ts"
import { decodeFrame, etherTypes, type Truncated } from "../ethernet/frame.ts"
import { isGroupMac, sameBytes } from "../ethernet/mac.ts"
import type { Ip } from "../ip.ts"
import { advertisementFrame, unsolicitedFrame } from "./advertisement.ts"
import { decodeSolicitation, type Solicitation, type SolicitationError } from "./solicitation.ts"

/** One case per rule, in the order in which they are asked. */
export type NdpDrop =
  | { readonly reason: "malformed"; readonly error: SolicitationError | Truncated }
  | { readonly reason: "ether-type"; readonly got: number }
  /** Our own frame, come back. */
  | { readonly reason: "own-frame" }
  | { readonly reason: "ethernet-destination"; readonly destination: Uint8Array }
  /** RFC 4861 §4.3 wants the option in every multicast solicitation from an address. */
  | { readonly reason: "no-source-ll"; readonly source: Ip }
  /** A sender that is a group: the answer would go to all. */
  | { readonly reason: "group-sender"; readonly senderMac: Uint8Array }
  | { readonly reason: "announce-ip"; readonly target: Ip }
  | { readonly reason: "not-match-interface"; readonly target: Ip }

export type NdpVerdict =
  | {
      readonly decision: "reply"
      readonly target: Ip
      readonly senderIp: Ip
      /** A view into the solicitation. */
      readonly senderMac: Uint8Array
      /** Ready to be sent; owns its bytes. */
      readonly frame: Uint8Array
    }
  | ({ readonly decision: "drop" } & NdpDrop)

/**
 * RFC 4861 §7.2.3 and §7.2.4, for an interface with that MAC. Duplicate address detection is answered too (§7.2.4: to
 * all nodes), so that nobody else takes an address of ours. The source is the service address itself: the unicast
 * probes of neighbour unreachability detection (§7.3.3) then see the same peer as before.
 */
export function respond(request: Uint8Array, mac: Uint8Array, answers: Answers): NdpVerdict {
  const frame = decodeFrame(request)
  if (!frame.ok) return { decision: "drop", reason: "malformed", error: frame.error }
  const { destination, source, etherType, payload } = frame.value
  if (etherType !== etherTypes.ipv6) return { decision: "drop", reason: "ether-type", got: etherType }
  if (sameBytes(source, mac)) return { decision: "drop", reason: "own-frame" }
  if (!isGroupMac(destination) && !sameBytes(destination, mac)) {
    return { decision: "drop", reason: "ethernet-destination", destination }
  }
  const decoded = decodeSolicitation(payload)
  if (!decoded.ok) return { decision: "drop", reason: "malformed", error: decoded.error }
  const solicitation = decoded.value
  const { source: senderIp, target, sourceLinkLayer } = solicitation
  if (sourceLinkLayer === undefined && senderIp !== "::" && isGroupMac(destination)) {
    return { decision: "drop", reason: "no-source-ll", source: senderIp }
  }
  const senderMac = sourceLinkLayer ?? source
  if (isGroupMac(senderMac)) return { decision: "drop", reason: "group-sender", senderMac }
  if (sameBytes(senderMac, mac)) return { decision: "drop", reason: "own-frame" }
  const refused = refusal(answers, target)
  if (refused !== undefined) return { decision: "drop", reason: refused, target }
  return { decision: "reply", target, senderIp, senderMac, frame: answerFrame(solicitation, senderMac, mac) }
}

function answerFrame({ source, target }: Solicitation, senderMac: Uint8Array, mac: Uint8Array): Uint8Array {
  if (source === "::") return unsolicitedFrame(mac, target)
  return advertisementFrame(senderMac, {
    source: target,
    destination: source,
    target,
    targetMac: mac,
    solicited: true,
    override: true,
  })
}
