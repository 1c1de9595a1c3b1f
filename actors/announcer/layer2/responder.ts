import { gratuitousFrames } from "../../../protocols/arp/gratuitous.ts"
import { respond as respondToArp } from "../../../protocols/arp/respond.ts"
import type { Answers } from "../../../protocols/ethernet/answers.ts"
import { formatMac } from "../../../protocols/ethernet/mac.ts"
import type { Ip } from "../../../protocols/ip.ts"
import { unsolicitedFrame } from "../../../protocols/ndp/advertisement.ts"
import { groupMac, solicitedNodeGroup } from "../../../protocols/ndp/groups.ts"
import { respond as respondToNdp } from "../../../protocols/ndp/respond.ts"
import type { Log } from "../../../supervision/actor.ts"
import type { NetworkError, NetworkInterface, PacketFilter, PacketSocket, World } from "../../../supervision/world.ts"
import type { Ledger } from "./counts.ts"

/** What differs between the two: bytes, and words in the log. */
const protocols = {
  arp: {
    label: "ARP",
    frames: "arp",
    respond: respondToArp,
    announcement: gratuitousFrames,
    ignoreOp: "arpRequestIgnore",
    replyOp: "arpReply",
    senderKey: "senderMAC",
  },
  ndp: {
    label: "NDP",
    frames: "neighbour-solicitation",
    respond: respondToNdp,
    announcement: (mac: Uint8Array, ip: Ip) => [unsolicitedFrame(mac, ip)],
    ignoreOp: "ndpRequestIgnore",
    replyOp: "ndpReply",
    senderKey: "senderLLAddr",
  },
} as const
export type Protocol = keyof typeof protocols

export interface ResponderSetup {
  readonly world: World
  readonly log: Log
  readonly ledger: Ledger
  readonly receive: PacketFilter["receive"] | undefined
  /** The code that answers has failed, outside of any message: the actor is to crash. */
  readonly failed: (error: Error) => void
}

/** What an honest host may send, and is not for us. */
const innocent: ReadonlySet<string> = new Set([
  "announce-ip",
  "not-match-interface",
  "arp-reply",
  "ether-type",
  "ethernet-destination",
])

/** At most one line a second about replies that could not be sent. */
const complaintMs = 1000

/**
 * One protocol on one interface. A frame is answered within the call that brings it, not through the actor's mailbox:
 * that is one system call in, one decision, one system call out. It is the one thing here that is mutable, because
 * frames come between the actor's messages.
 */
export class Responder {
  readonly index: number
  readonly mac: Uint8Array
  answers: Answers = new Map()
  readonly #name: string
  readonly #macText: string
  readonly #protocol: (typeof protocols)[Protocol]
  readonly #setup: ResponderSetup
  readonly #groups = new Map<Ip, Uint8Array>()
  #socket: PacketSocket | undefined
  #complainedMs = Number.NEGATIVE_INFINITY

  constructor(protocol: Protocol, link: NetworkInterface, setup: ResponderSetup) {
    this.index = link.index
    this.mac = link.mac
    this.#name = link.name
    this.#macText = formatMac(link.mac)
    this.#protocol = protocols[protocol]
    this.#setup = setup
  }

  get open(): boolean {
    return this.#socket !== undefined
  }

  start(): void {
    const { label, frames } = this.#protocol
    const { world, log, receive } = this.#setup
    const opened = world.packets.open(
      { interfaceIndex: this.index, frames, ...(receive === undefined ? {} : { receive }) },
      { frame: (bytes) => this.#received(bytes), error: (error) => this.#failed(error) },
    )
    const which = { interface: this.#name }
    if (opened.ok) {
      this.#socket = opened.value
      log.info(`created ${label} responder for interface`, { event: `create${label}Responder`, ...which })
    } else {
      const error = opened.error.message
      log.error(`failed to create ${label} responder`, { op: `create${label}Responder`, error, ...which })
    }
  }

  stop(): void {
    if (this.#socket === undefined) return
    this.#socket.close()
    this.#socket = undefined
    const { label } = this.#protocol
    const fields = { event: `delete${label}Responder`, interface: this.#name }
    this.#setup.log.info(`deleted ${label} responder for interface`, fields)
  }

  /** Solicitations for an address are sent to its group (RFC 4861 §7.2.2). Joining what is joined costs nothing. */
  listenFor(addresses: ReadonlySet<Ip>): void {
    const wanted = new Map<Ip, Ip>(Array.from(addresses, (ip) => [solicitedNodeGroup(ip), ip]))
    for (const [group, mac] of this.#groups) {
      if (wanted.has(group)) continue
      this.#socket?.leaveGroup(mac)
      this.#groups.delete(group)
    }
    for (const [group, ip] of wanted) {
      if (this.#groups.has(group)) continue
      const mac = groupMac(group)
      const joined = this.#socket?.joinGroup(mac)
      if (joined?.ok === true) this.#groups.set(group, mac)
      else if (joined !== undefined) {
        this.#setup.log.error(
          "failed to watch NDP multicast group for IP, NDP responder will not respond to requests for this address",
          { op: "watchMulticastGroup", error: joined.error.message, ip, interface: this.#name },
        )
      }
    }
  }

  announce(ip: Ip): void {
    for (const frame of this.#protocol.announcement(this.mac, ip)) {
      const sent = this.#socket?.send(frame)
      if (sent?.ok === true) this.#setup.ledger.add("gratuitousSent", ip)
      else if (sent !== undefined) {
        const fields = { op: "gratuitousAnnounce", error: sent.error.message, ip, interface: this.#name }
        this.#setup.log.error(`failed to make gratuitous ${this.#protocol.label} announcement`, fields)
        return
      }
    }
  }

  #received(bytes: Uint8Array): void {
    try {
      this.#answer(bytes)
    } catch (error) {
      this.#setup.failed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #answer(bytes: Uint8Array): void {
    const { label, ignoreOp, replyOp, senderKey, respond } = this.#protocol
    const { log } = this.#setup
    const verdict = respond(bytes, this.mac, this.answers)
    if (verdict.decision === "drop") {
      if (!innocent.has(verdict.reason)) this.#setup.ledger.drop(verdict.reason)
      if (verdict.reason !== "not-match-interface") return
      const fields = { op: ignoreOp, reason: "notMatchInterface", ip: verdict.target, interface: this.#name }
      return log.debug("ignoring request", fields)
    }
    const { target: ip, senderIp, senderMac, frame } = verdict
    this.#setup.ledger.add("requestsReceived", ip)
    const sender = { senderIP: senderIp, [senderKey]: formatMac(senderMac), responseMAC: this.#macText }
    const fields = { interface: this.#name, ip, ...sender }
    log.debug(`got ${label} request for service IP, sending response`, fields)
    const sent = this.#socket?.send(frame)
    if (sent?.ok === true) this.#setup.ledger.add("responsesSent", ip)
    else if (sent !== undefined) this.#complain({ op: replyOp, ...fields, error: sent.error.message })
  }

  #complain(fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#setup.world.clock.monotonicMs()
    if (nowMs - this.#complainedMs < complaintMs) return
    this.#complainedMs = nowMs
    this.#setup.log.error("failed to send ARP reply", fields)
  }

  /** While the link is down there is nothing to do, and for what comes after, the interface list tells. */
  #failed(error: NetworkError): void {
    if (error.code === "ENODEV") this.stop()
  }
}
