import { family, ipv6Option, level, packetMembership, packetOption, socketType } from "./linux.ts"
import { done, failure, type Outcome } from "./outcome.ts"
import type { RawLoop } from "./raw-loop.ts"
import { openSocket } from "./socket.ts"
import { setsockopt } from "./system-calls.ts"

/**
 * The multicast groups of one packet socket. Two things per group: the NIC must let the frames in, and switches that
 * snoop MLD (RFC 4541) must hear that somebody listens, for which a UDP socket joins the group as well.
 */
export class Memberships {
  readonly #packetFd: number
  readonly #interfaceIndex: number
  readonly #loop: RawLoop
  readonly #joined = new Set<string>()
  #udpFd: number | undefined

  constructor(packetFd: number, interfaceIndex: number, loop: RawLoop) {
    this.#packetFd = packetFd
    this.#interfaceIndex = interfaceIndex
    this.#loop = loop
  }

  join(mac: Uint8Array): Outcome<void> {
    const key = mac.join(":")
    if (this.#joined.has(key)) return done
    const added = this.#setLinkLayer(packetOption.addMembership, mac)
    if (added < 0) return failure("joining an Ethernet multicast group", added)
    const listened = this.#listen(mac)
    if (!listened.ok) {
      this.#setLinkLayer(packetOption.dropMembership, mac)
      return listened
    }
    this.#joined.add(key)
    return done
  }

  leave(mac: Uint8Array): void {
    if (!this.#joined.delete(mac.join(":"))) return
    this.#setLinkLayer(packetOption.dropMembership, mac)
    if (this.#udpFd !== undefined && isSolicitedNode(mac)) this.#setGroup(this.#udpFd, ipv6Option.leaveGroup, mac)
  }

  /** The packet socket's own memberships end with it. */
  close(): void {
    if (this.#udpFd !== undefined) this.#loop.descriptors.close(this.#udpFd)
    this.#udpFd = undefined
    this.#joined.clear()
  }

  #listen(mac: Uint8Array): Outcome<void> {
    if (!isSolicitedNode(mac)) return done
    if (this.#udpFd === undefined) {
      const opened = openSocket(this.#loop.descriptors, family.ipv6, socketType.datagram | socketType.closeOnExec, 0)
      if (!opened.ok) return opened
      this.#udpFd = opened.value
    }
    const result = this.#setGroup(this.#udpFd, ipv6Option.joinGroup, mac)
    return result < 0 ? failure("joining an IPv6 multicast group", result) : done
  }

  #setLinkLayer(option: number, mac: Uint8Array): number {
    const request = membershipRequest(this.#interfaceIndex, "multicast", mac)
    return setsockopt(this.#packetFd, level.packet, option, request, request.length)
  }

  /** ipv6_mreq: group, interface. The group ff02::1:ffXX:XXXX has the last three bytes of its Ethernet address. */
  #setGroup(udpFd: number, option: number, mac: Uint8Array): number {
    const request = Buffer.alloc(20)
    request.set([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0)
    request.set(mac.subarray(2, 6), 12)
    request.writeInt32LE(this.#interfaceIndex, 16)
    return setsockopt(udpFd, level.ipv6, option, request, request.length)
  }
}

/** packet_mreq: interface, type, length, address. */
export function membershipRequest(
  interfaceIndex: number,
  type: keyof typeof packetMembership,
  mac: Uint8Array = new Uint8Array(),
): Buffer {
  const request = Buffer.alloc(16)
  request.writeInt32LE(interfaceIndex, 0)
  request.writeUInt16LE(packetMembership[type], 4)
  request.writeUInt16LE(mac.length, 6)
  request.set(mac.subarray(0, 8), 8)
  return request
}

/** RFC 2464 §7, RFC 4291 §2.7.1: only for these the IPv6 group follows from the Ethernet address. */
const isSolicitedNode = (mac: Uint8Array): boolean => mac[0] === 0x33 && mac[1] === 0x33 && mac[2] === 0xff
