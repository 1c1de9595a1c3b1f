import { port } from "../../protocols/bfd/iana.ts"
import { decode, type Packet } from "../../protocols/bfd/packet.ts"
import type { Family } from "../../protocols/ip.ts"
import type { Log } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { Arrival, DatagramSocket, Endpoint, World } from "../../supervision/world.ts"
import { type Directory, directoryOf, type DropReason, findOwner, type Target } from "./demultiplex.ts"

/** What a session's actor hears of the wire. */
export interface Heard {
  readonly kind: "heard"
  readonly packet: Packet
  /** The address of ours that it came to, and through which interface. */
  readonly to: string
  readonly interfaceIndex: number
}

/** One of the sockets that all sessions of its kind share. */
export interface Listening {
  readonly family: Family
  readonly multihop: boolean
  readonly vrf?: string
}
type Owner = ActorRef<Heard>

/**
 * The sockets on BFD's ports. A packet is decoded, its owner found and told within the socket's callback: it waits in
 * one mailbox only, that of its session.
 */
export class Receiver {
  readonly dropped: Partial<Record<DropReason, number>> = {}
  droppedTotal = 0
  /** Names by index. */
  interfaces: ReadonlyMap<number, string> = new Map()
  readonly #world: World
  readonly #log: Log
  readonly #deliver: (to: Owner, heard: Heard) => void
  #directory: Directory<Owner> = directoryOf<Owner>([])
  readonly #sockets = new Map<string, DatagramSocket>()
  readonly #faults = new Map<string, string>()
  #shared = false

  constructor(world: World, log: Log, deliver: (to: Owner, heard: Heard) => void) {
    this.#world = world
    this.#log = log
    this.#deliver = deliver
  }

  set targets(targets: readonly Target<Owner>[]) {
    this.#directory = directoryOf(targets)
  }

  /** Opens what is missing and closes what is no longer needed. Called again, it tries again. */
  listen(needed: readonly Listening[]): void {
    const byKey = new Map(needed.map((which) => [keyOf(which), which]))
    // The socket of the default VRF shares its port with those of others, if there are any; else with nobody.
    const shared = needed.some(({ vrf }) => vrf !== undefined)
    for (const [key, socket] of this.#sockets) {
      if (byKey.has(key) && shared === this.#shared) continue
      socket.close()
      this.#sockets.delete(key)
    }
    this.#shared = shared
    for (const key of this.#faults.keys()) if (!byKey.has(key)) this.#faults.delete(key)
    for (const [key, which] of byKey) if (!this.#sockets.has(key)) this.#open(key, which)
  }

  /** Why it cannot hear, if so. */
  fault(which: Listening): string | undefined {
    return this.#faults.get(keyOf(which))
  }

  close(): void {
    this.listen([])
  }

  #open(key: string, which: Listening): void {
    const { family, multihop, vrf } = which
    const at = {
      address: family === "ipv4" ? "0.0.0.0" : "::",
      port: multihop ? port.multihop : port.singleHop,
      ttl: 255,
      ...(vrf === undefined ? {} : { interface: vrf }),
      ...(this.#shared ? { shared: true as const } : {}),
    }
    const opened = this.#world.datagrams.open(at, {
      datagram: (bytes, from, arrival) => this.#receive(bytes, from, arrival, which),
      error: ({ message }) => this.#log.warn("couldn't receive BFD packets", { op: "receive", error: message }),
    })
    if (opened.ok) {
      this.#sockets.set(key, opened.value)
      this.#faults.delete(key)
      return
    }
    const { message } = opened.error
    if (this.#faults.get(key) !== message) {
      this.#log.error("couldn't listen for BFD packets", { op: "listen", port: at.port, vrf, error: message })
    }
    this.#faults.set(key, message)
  }

  #receive(bytes: Uint8Array, from: Endpoint, arrival: Arrival, { multihop, vrf }: Listening): void {
    const { to, ttl, interfaceIndex } = arrival
    const packet = decode(bytes)
    if (!packet.ok) return this.#drop(packet.error.kind)
    const envelope = { from: from.address, to, ttl, multihop, vrf, interface: this.interfaces.get(interfaceIndex) }
    const found = findOwner(this.#directory, packet.value, envelope)
    if (typeof found === "string") return this.#drop(found)
    this.#deliver(found.owner, { kind: "heard", packet: packet.value, to, interfaceIndex })
  }

  #drop(reason: DropReason): void {
    this.droppedTotal++
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
  }
}

const keyOf = ({ family, multihop, vrf }: Listening): string =>
  `${family}${multihop ? " multihop" : ""}${vrf === undefined ? "" : ` vrf ${vrf}`}`
