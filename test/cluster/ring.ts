import { parseIp } from "../../protocols/ip.ts"
import { decodePacket, encodePacket } from "../../protocols/memberlist/packet.ts"
import { profiles, type Settings } from "../../cluster/machine/settings.ts"
import {
  type Effect,
  type Endpoint,
  type Event,
  initialState,
  membersOf,
  type Random,
  type State,
} from "../../cluster/machine/state.ts"
import { step } from "../../cluster/machine/step.ts"
import type { Member } from "../../cluster/messages.ts"
import { fixedRandom } from "./random.ts"

interface Station {
  readonly name: string
  readonly endpoint: Endpoint
  state: State
  up: boolean
  /** Of its present life: what was meant for an earlier one is lost. */
  life: number
  readonly timers: Map<string, number>
  readonly events: { atMs: number; what: string }[]
}

interface Due {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** A whole ring in virtual time: machines, and a network between them that may lose, delay and part. Same seed, same run. */
export class Ring {
  nowMs = 0
  /** Share of datagrams lost. */
  loss = 0
  /** True where nothing passes from one to the other. */
  parted: (from: string, to: string) => boolean = () => false
  /** True where datagrams do not pass, though streams do. */
  deaf: (from: string, to: string) => boolean = () => false
  datagrams = 0
  readonly stations = new Map<string, Station>()
  readonly #random: Random
  readonly #settings: Settings
  #agenda: Due[] = []
  #order = 0
  #exchanges = 0

  constructor(seed: number, settings: Settings = profiles.lan) {
    this.#random = fixedRandom(seed)
    this.#settings = settings
  }

  /** A new node, or a restarted one at its old place: it knows nobody. */
  start(name: string, host: number, peers: readonly string[] = []): void {
    const address = parseIp(`10.0.${host >> 8}.${host & 255}`)
    if (!address) throw new Error(`no such host: ${host}`)
    const endpoint = { address, port: 7946 }
    const state = initialState({ name, advertise: endpoint, settings: this.#settings, overheadBytes: 29 })
    const before = this.stations.get(name)
    const life = (before?.life ?? 0) + 1
    const station = { name, endpoint, state, up: true, life, timers: new Map(), events: before?.events ?? [] }
    this.stations.set(name, station)
    this.#feed(station, { kind: "start" })
    this.#feed(station, { kind: "peers", peers: peers.map((peer) => this.station(peer).endpoint) })
  }

  kill(name: string): void {
    this.station(name).up = false
  }

  leave(name: string): void {
    this.#feed(this.station(name), { kind: "leave" })
  }

  station(name: string): Station {
    const station = this.stations.get(name)
    if (!station) throw new Error(`no such node: ${name}`)
    return station
  }

  /** What one node says of another. */
  view(of: string, name: string): Member["state"] | undefined {
    return membersOf(this.station(of).state).find((member) => member.name === name)?.state
  }

  /** Everybody up sees everybody up alive, and nobody else as a member. */
  agreed(): boolean {
    const up = [...this.stations.values()].filter((station) => station.up && station.state.leaving === "no")
    const names = up.map(({ name }) => name).sort()
    return up.every(({ state }) => {
      const members = membersOf(state).filter((member) => member.state === "alive" || member.state === "suspect")
      return (
        members.every((member) => member.state === "alive") && members.map(({ name }) => name).join() === names.join()
      )
    })
  }

  run(forMs: number, until: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs
    while (!until()) {
      const next = this.#agenda[0]
      if (!next || next.atMs > endMs) {
        this.nowMs = endMs
        return until()
      }
      this.#agenda.shift()
      this.nowMs = next.atMs
      next.run()
    }
    return true
  }

  #feed(station: Station, event: Event): void {
    const [state, effects] = step(station.state, event, this.nowMs, this.#random)
    station.state = state
    for (const effect of effects) this.#perform(station, effect)
  }

  #perform(station: Station, effect: Effect): void {
    switch (effect.kind) {
      case "set-timer": {
        const { timer, afterMs } = effect
        const order = this.#at(afterMs, station, () => {
          if (station.timers.get(timer) !== order) return
          station.timers.delete(timer)
          this.#feed(station, { kind: "timer", timer })
        })
        station.timers.set(timer, order)
        return
      }
      case "cancel-timer":
        station.timers.delete(effect.timer)
        return
      case "send":
        return this.#send(station, effect)
      case "open":
        return this.#open(station, effect)
      case "member-event":
        station.events.push({ atMs: this.nowMs, what: `${effect.event} ${effect.node.name}` })
        return
      case "answer":
      case "close":
      case "refused":
      case "late-success":
      case "join-ended":
      case "members-changed":
      case "verified":
      case "left":
        return // nothing to carry, or looked up in the state
    }
  }

  #send(station: Station, effect: Extract<Effect, { kind: "send" }>): void {
    this.datagrams++
    const to = this.#stationAt(effect.to)
    if (!to || this.#chance() < this.loss || this.deaf(station.name, to.name) || this.parted(station.name, to.name))
      return
    const wire = encodePacket(effect.payload, { label: new Uint8Array(), compress: true, checksum: effect.checksum })
    this.#at(this.#delayMs(), to, () => {
      const packet = decodePacket(wire, { label: new Uint8Array(), keys: [] })
      if (!packet.ok || packet.value.faults.length > 0) throw new Error("a packet of ours that we cannot read")
      for (const message of packet.value.messages) this.#feed(to, { kind: "packet", message, from: station.endpoint })
    })
  }

  #open(client: Station, { exchange, to, message, timeoutMs }: Extract<Effect, { kind: "open" }>): void {
    const fail = (afterMs: number, reason: string) =>
      void this.#at(afterMs, client, () => this.#feed(client, { kind: "no-reply", exchange, reason }))
    const server = this.#stationAt(to)
    const passes = (from: Station, dest: Station) => !this.parted(from.name, dest.name)
    if (!server || !passes(client, server)) return fail(timeoutMs, "no answer in time")
    if (!server.up) return fail(1, "connection refused")
    this.#at(this.#delayMs(), server, () => {
      const id = `in/${++this.#exchanges}`
      const [state, effects] = step(server.state, { kind: "request", exchange: id, message }, this.nowMs, this.#random)
      server.state = state
      for (const effect of effects) {
        if (effect.kind !== "answer" || effect.exchange !== id) this.#perform(server, effect)
        else if (!passes(server, client)) fail(timeoutMs, "no answer in time")
        else {
          const answer = effect.message
          this.#at(this.#delayMs(), client, () => this.#feed(client, { kind: "reply", exchange, message: answer }))
        }
      }
    })
  }

  /** For a station's present life. */
  #at(afterMs: number, station: Station, run: () => void): number {
    const { life } = station
    const order = ++this.#order
    const due = {
      atMs: this.nowMs + afterMs,
      order,
      run: () => {
        if (station.up && station.life === life && this.stations.get(station.name) === station) run()
      },
    }
    let low = 0
    let high = this.#agenda.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#agenda[middle]
      if (other && (other.atMs < due.atMs || (other.atMs === due.atMs && other.order < order))) low = middle + 1
      else high = middle
    }
    this.#agenda.splice(low, 0, due)
    return order
  }

  #stationAt({ address }: Endpoint): Station | undefined {
    return [...this.stations.values()].find((station) => station.endpoint.address === address)
  }

  #chance(): number {
    return this.#random.u32() / 2 ** 32
  }

  #delayMs(): number {
    return 0.2 + 4 * this.#chance()
  }
}
