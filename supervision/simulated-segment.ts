import { isIPv6 } from "node:net"
import { type Fabric, type Host, refuse } from "./simulated-network.ts"
import type { Life } from "./simulated-schedule.ts"
import type { Cancel, NetworkInterface, PacketFilter, PacketHandlers, PacketPort } from "./world.ts"

export interface SimulatedInterface {
  readonly name: string
  /** Interfaces on the same segment hear each other. */
  readonly segment: string
  readonly addresses: readonly string[]
}

interface Card extends SimulatedInterface {
  readonly host: Host
  readonly index: number
  readonly mac: Uint8Array
  readonly macText: string
  /** What the kernel itself has joined, RFC 4291 §2.7.1: the solicited-node groups of its addresses. */
  readonly ownGroups: ReadonlySet<string>
  up: boolean
}

interface Socket {
  readonly card: Card
  readonly life: Life
  readonly filter: PacketFilter["frames"]
  readonly on: PacketHandlers
  readonly groups: Set<string>
}

/** Ethernet segments: a frame reaches every interface it is meant for, except the one it came from. */
export class SimulatedSegments {
  readonly #fabric: Fabric
  readonly #cards = new Map<string, Card[]>()
  readonly #sockets = new Set<Socket>()
  readonly #watchers = new Map<string, Set<() => void>>()
  #macs = 0

  constructor(fabric: Fabric) {
    this.#fabric = fabric
  }

  /** Interfaces keep their MAC when the host starts anew. */
  plug(host: Host, interfaces: readonly SimulatedInterface[]): void {
    const before = this.#cards.get(host.name) ?? []
    const cards = interfaces.map((each, at) => {
      const mac = before.find(({ name }) => name === each.name)?.mac ?? this.#nextMac()
      const ownGroups = new Set(each.addresses.filter(isIPv6).map((address) => `3333ff${lastThreeBytes(address)}`))
      return { ...each, host, index: at + 2, mac, macText: hex(mac), ownGroups, up: true }
    })
    this.#cards.set(host.name, cards)
  }

  setLink(host: string, name: string, up: boolean): void {
    const card = this.#cards.get(host)?.find((each) => each.name === name)
    if (card === undefined) throw new Error(`simulation: ${host} has no interface ${name}`)
    card.up = up
    for (const changed of this.#watchers.get(host) ?? [])
      this.#fabric.schedule.soon(card.host.life, "interfaces changed", changed)
  }

  port(host: Host): PacketPort {
    const cards = () => this.#cards.get(host.name) ?? []
    return {
      interfaces: () => ({ ok: true, value: cards().map(describe) }),
      watchInterfaces: (changed) => ({ ok: true, value: this.#watch(host.name, changed) }),
      open: (at, on) => {
        const card = cards().find(({ index }) => index === at.interfaceIndex)
        if (card === undefined) return refuse("ENODEV", `${host.name} has no interface with index ${at.interfaceIndex}`)
        const socket: Socket = { card, life: host.life, filter: at.frames, on, groups: new Set() }
        this.#sockets.add(socket)
        return {
          ok: true,
          value: {
            send: (frame) => {
              if (!card.up) return refuse("ENETDOWN", `${card.name} is down`)
              if (this.#sockets.has(socket)) this.#send(card, frame.slice())
              return { ok: true, value: undefined }
            },
            joinGroup: (mac) => {
              socket.groups.add(hex(mac))
              return { ok: true, value: undefined }
            },
            leaveGroup: (mac) => void socket.groups.delete(hex(mac)),
            close: () => void this.#sockets.delete(socket),
          },
        }
      },
    }
  }

  #send(from: Card, frame: Uint8Array): void {
    const { schedule } = this.#fabric
    this.#askKernels(from, frame)
    const envelope = read(frame)
    for (const socket of this.#sockets) {
      const { card, life } = socket
      if (life.dead) this.#sockets.delete(socket)
      if (life.dead || card === from || card.segment !== from.segment || !isFor(socket, envelope)) continue
      if (this.#fabric.loses(from.host, card.host)) continue
      schedule.after(undefined, this.#fabric.delayMs(from.host, card.host), "frame", () => {
        if (!card.up || !this.#fabric.reaches(from.host, card.host, "frames")) return
        schedule.enter(life, () => {
          if (!this.#sockets.has(socket)) return
          schedule.note(card.host.name, `frame on ${card.name} from ${from.host.name} ${frame.length}`)
          socket.on.frame(frame.slice())
        })
      })
    }
  }

  /** Each machine's kernel answers ARP for its own addresses, whatever its programs do. */
  #askKernels(from: Card, frame: Uint8Array): void {
    if (arpOperation(frame) !== 1) return
    const target = frame.subarray(38, 42).join(".")
    const to = hex(frame.subarray(0, 6))
    for (const card of [...this.#cards.values()].flat()) {
      if (card === from || card.segment !== from.segment || !card.addresses.includes(target)) continue
      if (to !== "ffffffffffff" && to !== hex(card.mac)) continue
      if (this.#fabric.loses(from.host, card.host)) continue
      this.#fabric.schedule.after(undefined, this.#fabric.delayMs(from.host, card.host), "kernel", () => {
        const there = card.up && this.#fabric.reaches(from.host, card.host, "frames") && this.#fabric.answers(card.host)
        if (there) this.#send(card, arpReply(frame, card.mac))
      })
    }
  }

  #watch(host: string, changed: () => void): Cancel {
    const watchers = this.#watchers.get(host) ?? new Set()
    this.#watchers.set(host, watchers)
    watchers.add(changed)
    return () => void watchers.delete(changed)
  }

  #nextMac(): Uint8Array {
    const number = ++this.#macs
    return Uint8Array.of(2, 0, 0, 0, number >> 8, number & 0xff)
  }
}

const bfdPorts: ReadonlySet<number> = new Set([3784, 3785])

interface Envelope {
  readonly to: string
  readonly passes: Readonly<Record<PacketFilter["frames"], boolean>> | undefined
}

function read(frame: Uint8Array): Envelope {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const to = hex(frame.subarray(0, 6))
  if (frame.length < 14) return { to, passes: undefined }
  const etherType = view.getUint16(12)
  const arp = arpOperation(frame)
  const icmpv6 = etherType === 0x86dd && frame.length > 54 && frame[20] === 58 ? frame[54] : undefined
  const isBfd = etherType === 0x0800 && frame.length >= 42 && frame[23] === 17 && bfdPorts.has(view.getUint16(36))
  const passes = {
    arp: arp !== undefined,
    "arp-claim": arp === 2 || (arp === 1 && view.getUint32(28) === view.getUint32(38)),
    "neighbour-solicitation": icmpv6 === 135,
    "neighbour-advertisement": icmpv6 === 136,
    bfd: isBfd,
  }
  return { to, passes }
}

/** What the network card and the kernel's filter let through. */
function isFor({ card, filter, groups }: Socket, { to, passes }: Envelope): boolean {
  if (passes?.[filter] !== true) return false
  return to === "ffffffffffff" || to === card.macText || groups.has(to) || card.ownGroups.has(to)
}

const arpOperation = (frame: Uint8Array): number | undefined =>
  frame.length >= 42 && frame[12] === 0x08 && frame[13] === 0x06 ? frame[21] : undefined

function arpReply(request: Uint8Array, mac: Uint8Array): Uint8Array {
  const reply = request.slice()
  reply.set(request.subarray(6, 12), 0)
  reply.set(mac, 6)
  reply[21] = 2
  reply.set(mac, 22)
  reply.set(request.subarray(38, 42), 28)
  reply.set(request.subarray(22, 32), 32)
  return reply
}

function lastThreeBytes(address: string): string {
  const groups = address.split(":").map((group) => group.padStart(4, "0"))
  return `${groups.at(-2) ?? "0000"}${groups.at(-1) ?? "0000"}`.slice(2)
}

function describe(card: Card): NetworkInterface {
  const { name, index, mac, up, addresses } = card
  return {
    name,
    index,
    mac,
    up,
    broadcast: true,
    noArp: false,
    loopback: false,
    hasMaster: false,
    addresses: addresses.map((address) => ({
      address,
      prefixLength: isIPv6(address) ? 64 : 24,
      tentative: false,
    })),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}
