import { addressBytes, addressText } from "./ip-address.ts"
import { errno, family, ipOption, ipv6Option, level, messageFlag, socketOption, socketType } from "./linux.ts"
import { done, failure, type Outcome, type SystemError, systemError } from "./outcome.ts"
import type { RawLoop } from "./raw-loop.ts"
import { openSocket } from "./socket.ts"
import { addressOf, bind, receiveMessage, setsockopt, transmitTo } from "./system-calls.ts"

export interface Endpoint {
  readonly address: string
  readonly port: number
}
export interface DatagramBinding extends Endpoint {
  readonly ttl: number
  readonly interface?: string
  readonly shared?: true
}
export interface Arrival {
  readonly to: string
  readonly ttl: number
  readonly interfaceIndex: number
}
export interface DatagramHandlers {
  /** The bytes are valid during the call only. */
  datagram(bytes: Uint8Array, from: Endpoint, arrival: Arrival): void
  error(error: SystemError): void
}
/** The same shape as the world's port for datagrams. */
export interface DatagramPort {
  open(at: DatagramBinding, on: DatagramHandlers): Outcome<UdpSocket>
}

/** For the worker thread whose loop it is. */
export const datagramPort = (loop: RawLoop): DatagramPort => ({ open: (at, on) => openUdpSocket(loop, at, on) })

/** What the protocols that use this send and receive is far shorter; what comes longer is cut. */
const longestDatagram = 2048
/** So that messages and timers get their turn under a flood. */
const datagramsPerTurn = 256
/** DSCP CS6, for the network. */
const internetworkControl = 0xc0
/** For this machine's own queues, which go by it and not by the DSCP; the highest that needs no right. */
const highPriority = 6

type Version = 4 | 6

/** A UDP socket that tells of each datagram its TTL, its interface and the address it was sent to. */
export class UdpSocket {
  readonly #fd: number
  readonly #version: Version
  readonly #loop: RawLoop
  readonly #on: DatagramHandlers
  readonly #unwatch: () => void
  readonly #incoming: Incoming
  readonly #out = new Uint8Array(longestDatagram)
  /** Whom the last one went to, as the kernel wants it: nearly always whom the next one goes to. */
  #target: { readonly to: Endpoint; readonly address: Uint8Array } | undefined
  #open = true

  /** Made by `datagramPort`. */
  constructor(fd: number, version: Version, loop: RawLoop, on: DatagramHandlers) {
    this.#fd = fd
    this.#version = version
    this.#loop = loop
    this.#on = on
    this.#incoming = new Incoming(version)
    this.#unwatch = loop.add(fd, () => this.#read())
  }

  send(bytes: Uint8Array, to: Endpoint): Outcome<void> {
    if (!this.#open) return failure("sending a datagram", errno.badDescriptor)
    if (bytes.length > longestDatagram) return failure("sending a datagram", errno.messageSize)
    const address = this.#addressOf(to)
    if (address === undefined) return failure(`sending a datagram to ${to.address}`, errno.invalid)
    this.#out.set(bytes)
    const flags = messageFlag.doNotWait | messageFlag.noSignal
    const sent = transmitTo(this.#fd, this.#out, bytes.length, flags, address, address.length)
    return sent < 0 ? failure(`sending a datagram to ${to.address}`, sent) : done
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#unwatch()
    this.#loop.descriptors.close(this.#fd)
  }

  #addressOf(to: Endpoint): Uint8Array | undefined {
    const before = this.#target
    if (before?.to.address === to.address && before.to.port === to.port) return before.address
    const address = socketAddress(to)
    if (address === undefined || versionOf(to.address) !== this.#version) return undefined
    this.#target = { to: { address: to.address, port: to.port }, address }
    return address
  }

  #read(): void {
    for (let i = 0; i < datagramsPerTurn && this.#open; i++) {
      const length = this.#incoming.receive(this.#fd)
      if (length === errno.again) return
      if (length >= 0) this.#on.datagram(this.#incoming.bytes(length), this.#incoming.from(), this.#incoming.arrival())
      else if (length !== errno.intr) this.#on.error(systemError("receiving datagrams", length))
    }
  }
}

function openUdpSocket(loop: RawLoop, at: DatagramBinding, on: DatagramHandlers): Outcome<UdpSocket> {
  const address = socketAddress(at)
  if (address === undefined) return failure(`binding to ${at.address} port ${at.port}`, errno.invalid)
  const version = versionOf(at.address)
  const type = socketType.datagram | socketType.nonBlocking | socketType.closeOnExec
  const opened = openSocket(loop.descriptors, version === 6 ? family.ipv6 : family.ipv4, type, 0)
  if (!opened.ok) return opened
  const fd = opened.value
  const failed =
    setOptions(fd, version, at.ttl) ?? share(fd, at.shared) ?? bindToDevice(fd, at.interface) ?? bindTo(fd, at, address)
  if (failed === undefined) return { ok: true, value: new UdpSocket(fd, version, loop, on) }
  loop.descriptors.close(fd)
  return failed
}

const versionOf = (address: string): Version => (address.includes(":") ? 6 : 4)

type Failure = ReturnType<typeof failure>

function setOptions(fd: number, version: Version, ttl: number): Failure | undefined {
  const common = [[level.socket, socketOption.priority, highPriority]] as const
  const own =
    version === 4
      ? ([
          [level.ip, ipOption.typeOfService, internetworkControl],
          [level.ip, ipOption.ttl, ttl],
          [level.ip, ipOption.receiveTtl, 1],
          [level.ip, ipOption.packetInfo, 1],
        ] as const)
      : ([
          [level.ipv6, ipv6Option.only, 1],
          [level.ipv6, ipv6Option.trafficClass, internetworkControl],
          [level.ipv6, ipv6Option.unicastHops, ttl],
          [level.ipv6, ipv6Option.receiveHopLimit, 1],
          [level.ipv6, ipv6Option.receivePacketInfo, 1],
        ] as const)
  // The type of service first: setting it sets the priority.
  for (const [at, option, value] of [...own, ...common]) {
    const bytes = new Uint8Array(Int32Array.of(value).buffer)
    const result = setsockopt(fd, at, option, bytes, bytes.length)
    if (result < 0) return failure("setting the options of a UDP socket", result)
  }
  return undefined
}

function share(fd: number, shared: true | undefined): Failure | undefined {
  if (shared === undefined) return undefined
  const bytes = new Uint8Array(Int32Array.of(1).buffer)
  const result = setsockopt(fd, level.socket, socketOption.reuseAddress, bytes, bytes.length)
  return result < 0 ? failure("sharing the port of a UDP socket", result) : undefined
}

function bindToDevice(fd: number, name: string | undefined): Failure | undefined {
  if (name === undefined) return undefined
  const bytes = new TextEncoder().encode(`${name}\0`)
  const result = setsockopt(fd, level.socket, socketOption.bindToDevice, bytes, bytes.length)
  return result < 0 ? failure(`binding to interface ${name}`, result) : undefined
}

function bindTo(fd: number, { address, port }: Endpoint, bytes: Uint8Array): Failure | undefined {
  const result = bind(fd, bytes, bytes.length)
  return result < 0 ? failure(`binding to ${address} port ${port}`, result) : undefined
}

/** sockaddr_in or sockaddr_in6; a link-local address needs no scope on a socket that is bound to its interface. */
function socketAddress({ address, port }: Endpoint): Uint8Array | undefined {
  const ip = addressBytes(address)
  if (ip === undefined || !Number.isInteger(port) || port < 0 || port > 0xffff) return undefined
  const bytes = Buffer.alloc(ip.length === 4 ? 16 : 28)
  bytes.writeUInt16LE(ip.length === 4 ? family.ipv4 : family.ipv6, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(ip, ip.length === 4 ? 4 : 8)
  return bytes
}

/** Where each part lies in the memory of `Incoming`: socket address, iovec, control messages, msghdr, data. */
const nameAt = 0
const iovecAt = 32
const controlAt = 48
const controlLength = 208
const headerAt = 256
const dataAt = 320

/** One msghdr and all it points to, in one piece of memory that does not move. Each `receive` fills it anew. */
class Incoming {
  readonly #version: Version
  readonly #memory = Buffer.from(new ArrayBuffer(dataAt + longestDatagram))
  readonly #header = this.#memory.subarray(headerAt, dataAt)

  constructor(version: Version) {
    this.#version = version
    const base = addressOf(this.#memory)
    this.#memory.writeBigUInt64LE(base + BigInt(dataAt), iovecAt)
    this.#memory.writeBigUInt64LE(BigInt(longestDatagram), iovecAt + 8)
    this.#header.writeBigUInt64LE(base + BigInt(nameAt), 0)
    this.#header.writeBigUInt64LE(base + BigInt(iovecAt), 16)
    this.#header.writeBigUInt64LE(1n, 24)
    this.#header.writeBigUInt64LE(base + BigInt(controlAt), 32)
  }

  receive(fd: number): number {
    // The kernel writes how much of each it used.
    this.#header.writeUInt32LE(iovecAt - nameAt, 8)
    this.#header.writeBigUInt64LE(BigInt(controlLength), 40)
    return receiveMessage(fd, this.#header, messageFlag.doNotWait)
  }

  bytes(length: number): Uint8Array {
    return this.#memory.subarray(dataAt, dataAt + length)
  }

  from(): Endpoint {
    return { address: this.#addressAt(this.#version === 4 ? 4 : 8), port: this.#memory.readUInt16BE(2) }
  }

  arrival(): Arrival {
    let [to, ttl, interfaceIndex] = ["", 0, 0]
    const memory = this.#memory
    const end = controlAt + Number(this.#header.readBigUInt64LE(40))
    for (let at = controlAt; at + 16 <= end; ) {
      const length = Number(memory.readBigUInt64LE(at))
      const option = `${memory.readInt32LE(at + 8)} ${memory.readInt32LE(at + 12)}`
      const data = at + 16
      if (option === ttlOption[this.#version]) ttl = memory.readInt32LE(data)
      else if (option === infoOption[this.#version]) {
        // in_pktinfo: index, local address, destination. in6_pktinfo: destination, index.
        to = this.#addressAt(this.#version === 4 ? data + 8 : data)
        interfaceIndex = memory.readInt32LE(this.#version === 4 ? data : data + 16)
      }
      at += Math.max(16, (length + 7) & ~7)
    }
    return { to, ttl, interfaceIndex }
  }

  #addressAt(at: number): string {
    return addressText(this.#memory.subarray(at, at + (this.#version === 4 ? 4 : 16)))
  }
}

const ttlOption = { 4: `${level.ip} ${ipOption.ttl}`, 6: `${level.ipv6} ${ipv6Option.hopLimit}` } as const
const infoOption = { 4: `${level.ip} ${ipOption.packetInfo}`, 6: `${level.ipv6} ${ipv6Option.packetInfo}` } as const
