import { port } from "../../protocols/bfd/iana.ts"
import { decode, type Packet } from "../../protocols/bfd/packet.ts"
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
export type Listening = "ipv4" | "ipv6" | "ipv4 multihop" | "ipv6 multihop"
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
  readonly #sockets = new Map<Listening, DatagramSocket>()
  readonly #faults = new Map<Listening, string>()

  constructor(world: World, log: Log, deliver: (to: Owner, heard: Heard) => void) {
    this.#world = world
    this.#log = log
    this.#deliver = deliver
  }

  set targets(targets: readonly Target<Owner>[]) {
    this.#directory = directoryOf(targets)
  }

  /** Opens what is missing and closes what is no longer needed. Called again, it tries again. */
  listen(needed: ReadonlySet<Listening>): void {
    for (const [which, socket] of this.#sockets) {
      if (needed.has(which)) continue
      socket.close()
      this.#sockets.delete(which)
    }
    for (const which of this.#faults.keys()) if (!needed.has(which)) this.#faults.delete(which)
    for (const which of needed) if (!this.#sockets.has(which)) this.#open(which)
  }

  /** Why it cannot hear, if so. */
  fault(which: Listening): string | undefined {
    return this.#faults.get(which)
  }

  close(): void {
    this.listen(new Set())
  }

  #open(which: Listening): void {
    const multihop = which.endsWith("multihop")
    const address = which.startsWith("ipv4") ? "0.0.0.0" : "::"
    const at = { address, port: multihop ? port.multihop : port.singleHop, ttl: 255 }
    const opened = this.#world.datagrams.open(at, {
      datagram: (bytes, from, arrival) => this.#receive(bytes, from, arrival, multihop),
      error: ({ message }) => this.#log.warn("couldn't receive BFD packets", { op: "receive", error: message }),
    })
    if (opened.ok) {
      this.#sockets.set(which, opened.value)
      this.#faults.delete(which)
      return
    }
    const { message } = opened.error
    if (this.#faults.get(which) !== message) {
      this.#log.error("couldn't listen for BFD packets", { op: "listen", port: at.port, error: message })
    }
    this.#faults.set(which, message)
  }

  #receive(bytes: Uint8Array, from: Endpoint, { to, ttl, interfaceIndex }: Arrival, multihop: boolean): void {
    const packet = decode(bytes)
    if (!packet.ok) return this.#drop(packet.error.kind)
    const envelope = { from: from.address, to, ttl, multihop, interface: this.interfaces.get(interfaceIndex) }
    const found = findOwner(this.#directory, packet.value, envelope)
    if (typeof found === "string") return this.#drop(found)
    this.#deliver(found.owner, { kind: "heard", packet: packet.value, to, interfaceIndex })
  }

  #drop(reason: DropReason): void {
    this.droppedTotal++
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
  }
}
