import { type Ip, ipFromBytes, ipToBytes } from "../ip.ts"

/** RFC 4291 §2.7.1: every host on the link. */
export const allNodes = "ff02::1" as Ip

const solicitedNodePrefix = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff]

/** RFC 4291 §2.7.1: ff02::1:ff00:0/104 with the last 24 bits of the address. The address is IPv6. */
export function solicitedNodeGroup(ip: Ip): Ip {
  return ipFromBytes(Uint8Array.from([...solicitedNodePrefix, ...ipToBytes(ip).subarray(13)])) as Ip
}

/** RFC 2464 §7: 33:33 and the last four bytes of the group. */
export function groupMac(group: Ip): Uint8Array {
  return Uint8Array.from([0x33, 0x33, ...ipToBytes(group).subarray(12)])
}
