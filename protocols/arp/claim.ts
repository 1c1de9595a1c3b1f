import { decodeFrame, etherTypes, type Truncated } from "../ethernet/frame.ts"
import { broadcastMac, isGroupMac } from "../ethernet/mac.ts"
import type { Claim } from "../ethernet/claim.ts"
import type { Ip } from "../ip.ts"
import { err, ok, type Result } from "../result.ts"
import { type ArpError, arpFrame, decodeArp, operations } from "./packet.ts"

export type ArpClaimError =
  | ArpError
  | Truncated
  | { readonly kind: "ether-type"; readonly got: number }
  | { readonly kind: "operation"; readonly got: number }
  /** A request that asks; only one for the sender's own address says something. */
  | { readonly kind: "not-gratuitous" }
  /** RFC 5227 §2.1.1: the sender has no address yet. */
  | { readonly kind: "probe" }

/**
 * Whose MAC an ARP packet says an address has: any reply, and the requests that announce (RFC 5227 §2.3: sender and
 * target address are the same). Total.
 */
export function decodeArpClaim(bytes: Uint8Array): Result<Claim, ArpClaimError> {
  const frame = decodeFrame(bytes)
  if (!frame.ok) return frame
  const { destination, etherType, payload } = frame.value
  if (etherType !== etherTypes.arp) return err({ kind: "ether-type", got: etherType })
  const packet = decodeArp(payload)
  if (!packet.ok) return packet
  const { operation, senderIp, senderMac, targetIp } = packet.value
  if (operation === operations.request) {
    if (senderIp !== targetIp) return err({ kind: "not-gratuitous" })
  } else if (operation !== operations.reply) return err({ kind: "operation", got: operation })
  if (senderIp === "0.0.0.0") return err({ kind: "probe" })
  // One that answers an announcement of ours has the same address twice as well, and comes to us alone.
  return ok({ ip: senderIp, mac: senderMac, gratuitous: senderIp === targetIp && isGroupMac(destination) })
}

/**
 * Asks who has the address: everybody, or one MAC alone (RFC 1122 §2.3.2.1 calls that a unicast poll). Without an
 * address of our own the sender is 0.0.0.0, so that no neighbour takes note of us.
 */
export function arpRequestFrame(ask: {
  readonly mac: Uint8Array
  readonly senderIp: Ip | undefined
  readonly target: Ip
  readonly to: Uint8Array | undefined
}): Uint8Array {
  return arpFrame(ask.to ?? broadcastMac, ask.mac, {
    operation: operations.request,
    senderMac: ask.mac,
    senderIp: ask.senderIp ?? ("0.0.0.0" as Ip),
    targetMac: ask.to ?? new Uint8Array(6),
    targetIp: ask.target,
  })
}
