import { broadcastMac } from "../ethernet/mac.ts"
import type { Ip } from "../ip.ts"
import { arpFrame, operations } from "./packet.ts"

/**
 * RFC 5227 §3: an announcement is a broadcast request whose sender and target address are both the address. Some hosts
 * take note of replies only, so a broadcast reply follows. The target hardware address is the broadcast address, as
 * MetalLB has it; receivers ignore it.
 */
export function gratuitousFrames(mac: Uint8Array, ip: Ip): readonly [Uint8Array, Uint8Array] {
  const frame = (operation: number) =>
    arpFrame(broadcastMac, mac, { operation, senderMac: mac, senderIp: ip, targetMac: broadcastMac, targetIp: ip })
  return [frame(operations.request), frame(operations.reply)]
}
