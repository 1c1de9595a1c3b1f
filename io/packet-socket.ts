import { errno, etherType, family, level, messageFlag, packetOption, socketOption, socketType } from "./linux.ts"
import { Memberships, membershipRequest } from "./memberships.ts"
import { done, failure, type Outcome, type SystemError, systemError } from "./outcome.ts"
import { filters } from "./packet-filters.ts"
import type { RawLoop } from "./raw-loop.ts"
import { openSocket } from "./socket.ts"
import { addressOf, bind, receive, setsockopt, transmit } from "./system-calls.ts"

export interface PacketFilter {
  readonly interfaceIndex: number
  readonly frames: "arp" | "arp-claim" | "neighbour-solicitation" | "neighbour-advertisement" | "bfd"
  readonly receive?: "all-multicast" | "promiscuous"
}
export interface PacketHandlers {
  /** The bytes are valid during the call only. */
  frame(bytes: Uint8Array): void
  error(error: SystemError): void
}

/** Longer than any frame the filters let through and any that we send; what comes longer is cut. */
const longestFrame = 2048
/** So that messages and timers get their turn under a flood. */
const framesPerTurn = 256

/** An AF_PACKET socket on one interface: whole Ethernet frames of one kind, in and out. */
export class PacketSocket {
  readonly interfaceIndex: number
  readonly #fd: number
  readonly #loop: RawLoop
  readonly #on: PacketHandlers
  readonly #memberships: Memberships
  readonly #unwatch: () => void
  readonly #closed: (socket: PacketSocket) => void
  readonly #in = new Uint8Array(longestFrame)
  readonly #out = new Uint8Array(longestFrame)
  #open = true

  /** Made by `openPacketSocket`. */
  constructor(
    fd: number,
    interfaceIndex: number,
    loop: RawLoop,
    on: PacketHandlers,
    closed: (socket: PacketSocket) => void,
  ) {
    this.#fd = fd
    this.interfaceIndex = interfaceIndex
    this.#loop = loop
    this.#on = on
    this.#closed = closed
    this.#memberships = new Memberships(fd, interfaceIndex, loop)
    this.#unwatch = loop.add(fd, () => this.#read())
  }

  send(frame: Uint8Array): Outcome<void> {
    if (!this.#open) return failure("sending a frame", errno.noDevice)
    if (frame.length > longestFrame) return failure("sending a frame", errno.messageSize)
    // V8 keeps small arrays in its own heap and would move each one out to show it to the system.
    this.#out.set(frame)
    const sent = transmit(this.#fd, this.#out, frame.length, messageFlag.doNotWait | messageFlag.noSignal)
    return sent < 0 ? failure("sending a frame", sent) : done
  }

  /** Once or more often, it is the same. */
  joinGroup(mac: Uint8Array): Outcome<void> {
    return this.#open ? this.#memberships.join(mac) : failure("joining a group", errno.noDevice)
  }

  leaveGroup(mac: Uint8Array): void {
    if (this.#open) this.#memberships.leave(mac)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#unwatch()
    this.#memberships.close()
    this.#loop.descriptors.close(this.#fd)
    this.#closed(this)
  }

  /** The interface is no more; a new one of the same name needs a new socket. */
  interfaceGone(): void {
    if (!this.#open) return
    this.close()
    this.#on.error(systemError(`interface ${this.interfaceIndex}`, errno.noDevice))
  }

  /** Also called for POLLERR: only a read takes the error away. */
  #read(): void {
    for (let i = 0; i < framesPerTurn && this.#open; i++) {
      const length = receive(this.#fd, this.#in, longestFrame, messageFlag.doNotWait)
      if (length === errno.again) return
      if (length >= 0) this.#on.frame(this.#in.subarray(0, length))
      else if (length !== errno.intr) this.#on.error(systemError("receiving frames", length))
    }
  }
}

/** Protocol 0 until the filter is in place, so that nothing gets past it. Needs CAP_NET_RAW. `closed` is called once. */
export function openPacketSocket(
  loop: RawLoop,
  at: PacketFilter,
  on: PacketHandlers,
  closed: (socket: PacketSocket) => void,
): Outcome<PacketSocket> {
  const type = socketType.raw | socketType.nonBlocking | socketType.closeOnExec
  const opened = openSocket(loop.descriptors, family.packet, type, 0)
  if (!opened.ok) return opened
  const fd = opened.value
  // As far as net.core.rmem_max allows; what does not fit while this thread is away is lost.
  setsockopt(fd, level.socket, socketOption.receiveBuffer, Uint8Array.of(0, 0, 0x10, 0), 4)
  const failed = attachFilter(fd, at.frames) ?? ignoreOutgoing(fd) ?? receiveMore(fd, at) ?? bindTo(fd, at)
  if (failed === undefined) return { ok: true, value: new PacketSocket(fd, at.interfaceIndex, loop, on, closed) }
  loop.descriptors.close(fd)
  return failed
}

type Failure = ReturnType<typeof failure>

function attachFilter(fd: number, frames: PacketFilter["frames"]): Failure | undefined {
  const program = filters[frames]
  const descriptor = Buffer.alloc(16)
  descriptor.writeUInt16LE(program.length / 8, 0)
  descriptor.writeBigUInt64LE(addressOf(program), 8)
  const result = setsockopt(fd, level.socket, socketOption.attachFilter, descriptor, descriptor.length)
  return result < 0 ? failure("setting the packet filter", result) : undefined
}

function ignoreOutgoing(fd: number): Failure | undefined {
  const result = setsockopt(fd, level.packet, packetOption.ignoreOutgoing, Uint8Array.of(1, 0, 0, 0), 4)
  return result < 0 ? failure("ignoring outgoing frames", result) : undefined
}

/** The kernel counts such wishes for each interface, and takes this one back when the socket is closed. */
function receiveMore(fd: number, { interfaceIndex, receive }: PacketFilter): Failure | undefined {
  if (receive === undefined) return undefined
  const request = membershipRequest(interfaceIndex, receive)
  const result = setsockopt(fd, level.packet, packetOption.addMembership, request, request.length)
  return result < 0 ? failure(`setting interface ${interfaceIndex} to ${receive}`, result) : undefined
}

const etherTypeOf = {
  arp: etherType.arp,
  "arp-claim": etherType.arp,
  "neighbour-solicitation": etherType.ipv6,
  "neighbour-advertisement": etherType.ipv6,
  bfd: etherType.ipv4,
} as const

/** sockaddr_ll; the protocol is in network order. */
function bindTo(fd: number, { interfaceIndex, frames }: PacketFilter): Failure | undefined {
  const address = Buffer.alloc(20)
  address.writeUInt16LE(family.packet, 0)
  address.writeUInt16BE(etherTypeOf[frames], 2)
  address.writeInt32LE(interfaceIndex, 4)
  const result = bind(fd, address, address.length)
  return result < 0 ? failure(`binding to interface ${interfaceIndex}`, result) : undefined
}
