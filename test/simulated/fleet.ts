import { rank } from "../../actors/announcer/election.ts"
import { spreadOver } from "../../actors/announcer/spread.ts"
import type { NodeFacts } from "../../config/facts.ts"
import { arpRequestFrame } from "../../protocols/arp/claim.ts"
import { familyOf, type Ip } from "../../protocols/ip.ts"
import { solicitationFrame } from "../../protocols/ndp/claim.ts"
import type { PacketHandlers, PacketPort, World } from "../../supervision/world.ts"
import { ip } from "../announcer/facts.ts"
import { cluster } from "../liveness/cluster.ts"
import { put } from "../speaker/harness.ts"
import type { Story, Timed } from "./story.ts"

/** What a test knows of a machine because it did it to it. */
export interface Condition {
  /** Its speaker runs: it was started, and has not been killed or shut down since. */
  readonly runs: boolean
  readonly moves: boolean
  readonly leaving: boolean
  readonly link: boolean
  /** Out: its gossip goes through the same cable as its frames. */
  readonly cable: boolean
  /** It may be a candidate: Kubernetes lets it, and nobody has drained it. */
  readonly available: boolean
  /** It is not, and may go on until another is heard. */
  readonly handsOver: boolean
  /** Its speaker has heard of the Services: it may have started while the API server was away. */
  readonly informed: boolean
}
const well: Condition = {
  runs: true,
  moves: true,
  leaving: false,
  link: true,
  cable: true,
  available: true,
  handsOver: false,
  informed: true,
}

const tainted = (key: string): Partial<NodeFacts> => ({ taints: [{ key, value: "", effect: "NoSchedule" }] })
const hurtNode = {
  unavailable: { networkUnavailable: true },
  "drain-taint": tainted("troupe.dev/drain"),
  "out-of-service": tainted("node.kubernetes.io/out-of-service"),
} as const

const askerMac = Uint8Array.of(2, 0xff, 0xff, 0xff, 0xff, 0xff)

/** Speakers on simulated machines, what was done to them, and who of them answers for what. */
export class Fleet {
  readonly story: Story
  readonly it: ReturnType<typeof cluster>
  /** Grows with each change of what the machines and the wires are like. */
  version = 0
  apiConnected = true
  readonly #conditions = new Map<string, Condition>()
  readonly #listeners = new Map<string, Set<PacketHandlers>>()
  readonly #groups = { sockets: new Map<string, number>(), frames: new Map<string, number>() }
  readonly #losses = new Map<string, number>()
  readonly #gone = new Set<Ip>()
  /** What speakers that hear nothing from the API server still believe. */
  #unheard = new Set<string>()
  readonly #questions = new Map<Ip, Uint8Array>()
  readonly #orders = new Map<Ip, readonly string[]>()
  readonly #jumps = new Map<string, number>()
  /** Set while the test itself asks: the answer is for it alone. */
  #asked: { answered: boolean } | undefined

  constructor(story: Story) {
    this.story = story
    const { seed, hosts, loss, addresses, plainHosts, policy } = story
    this.it = cluster(seed, {
      hosts,
      loss,
      addresses,
      plainHosts,
      ...(policy && { policy }),
      ipv6: addresses.some((address) => familyOf(address) === "ipv6"),
      worldOf: (host, world) => this.#watched(host, world),
    })
    for (const host of this.hosts) {
      this.#conditions.set(host, well)
      this.it.start(host)
    }
    const able = [...this.hosts].sort()
    const { orders } = spreadOver(
      policy === "spread" ? addresses.map((address) => ({ ip: address, fit: able, able })) : [],
    )
    for (const address of addresses) {
      this.#questions.set(address, questionFor(address))
      const ranked = rank(this.hosts, address, () => 0).map(({ node: name }) => name)
      this.#orders.set(address, [...new Set([...(orders.get(address) ?? []), ...ranked])])
    }
  }

  get hosts(): readonly string[] {
    return this.it.hosts
  }

  nowMs(): number {
    return this.it.sim.nowMs()
  }

  condition(host: string): Condition {
    return this.#conditions.get(host) ?? well
  }

  /** Whom the election prefers, whoever lives. */
  order(address: Ip): readonly string[] {
    return this.#orders.get(address) ?? []
  }

  exists(address: Ip): boolean {
    return !this.#gone.has(address)
  }

  /** All speakers know whether there is such a Service, or whether that host is available. */
  isKnown(subject: string): boolean {
    return !this.#unheard.has(subject)
  }

  /** It could answer: it runs and moves, and has a link to answer on. */
  lives(host: string): boolean {
    const { runs, moves, link } = this.condition(host)
    return runs && moves && link
  }

  /** Frames of each reach the other, or nearly all of them do. */
  hear(a: string, b: string): boolean {
    return this.lives(a) && this.lives(b) && this.reach("frames", a, b)
  }

  /** Whether the machines and wires let them talk, whatever their speakers do. */
  reach(plane: "sockets" | "frames", a: string, b: string): boolean {
    if (this.#groups[plane].get(a) !== this.#groups[plane].get(b)) return false
    const [one, other] = [this.condition(a), this.condition(b)]
    const wired = plane === "frames" ? one.link && other.link : one.cable && other.cable
    return wired && this.lossBetween(a, b) === 0
  }

  lossBetween(a: string, b: string): number {
    return Math.max(this.#losses.get(`${a}>${b}`) ?? 0, this.#losses.get(`${b}>${a}`) ?? 0)
  }

  /** Asked without a wire between: the answer is the one that a client next to it would get. */
  answers(host: string, address: Ip): boolean {
    if (!this.lives(host)) return false
    const question = this.#questions.get(address)
    if (question === undefined) throw new Error(`${address} is no address of this story`)
    const asked = { answered: false }
    this.#asked = asked
    for (const listener of this.#listeners.get(host) ?? []) listener.frame(question)
    this.#asked = undefined
    return asked.answered
  }

  async begin(fault: Timed): Promise<void> {
    const { sim, api } = this.it
    this.version++
    switch (fault.kind) {
      case "crash":
      case "power-off":
        if (fault.kind === "crash") sim.network.killProcess(fault.host)
        else sim.network.kill(fault.host)
        return this.#set(fault.host, { runs: false })
      case "hang":
      case "suspend":
      case "nap":
        sim.network.pause(fault.host, fault.kind === "suspend" ? "machine" : "process")
        return this.#set(fault.host, { moves: false })
      case "leave":
        this.#set(fault.host, { leaving: true })
        return this.#leave(fault.host)
      case "link-down":
      case "cable-out":
        sim.network.setLink(fault.host, "eth0", false)
        if (fault.kind === "cable-out") sim.network.partition(fault.host, undefined, "sockets")
        return this.#set(fault.host, { link: false, cable: fault.kind === "link-down" })
      case "unavailable":
      case "drain-taint":
      case "out-of-service":
        api.putNode(this.it.nodeOf(fault.host, hurtNode[fault.kind]))
        this.#changed(fault.host)
        return this.#set(fault.host, { available: false, handsOver: fault.kind === "drain-taint" })
      case "drain-command":
        this.it.drain(fault.host, true)
        return this.#set(fault.host, { available: false, handsOver: true })
      case "split":
        return this.#split(fault)
      case "bad-cable":
        sim.network.lose(fault.from, fault.to, fault.share)
        return void this.#losses.set(`${fault.from}>${fault.to}`, fault.share)
      case "api-gone":
        api.disconnect("connect ECONNREFUSED")
        this.apiConnected = false
        return
      case "service-gone":
        api.deleteService(`default/web-${this.story.addresses.indexOf(fault.ip)}`)
        this.#changed(fault.ip)
        return void this.#gone.add(fault.ip)
      case "kill-actor":
        return void (await this.it.killActor(fault.host, fault.path))
      case "clock-jump":
        return void this.#jumps.set(fault.host, (this.#jumps.get(fault.host) ?? 0) + fault.byMs)
      default:
        return fault satisfies never
    }
  }

  end(fault: Timed): void {
    const { sim, api } = this.it
    this.version++
    switch (fault.kind) {
      case "crash":
      case "power-off":
      case "leave":
        this.it.start(fault.host)
        return this.#set(fault.host, { runs: true, leaving: false, informed: this.apiConnected })
      case "hang":
      case "suspend":
      case "nap":
        sim.network.resume(fault.host)
        return this.#set(fault.host, { moves: true })
      case "link-down":
      case "cable-out":
        sim.network.setLink(fault.host, "eth0", true)
        if (fault.kind === "cable-out") this.#mendCable(fault.host)
        return this.#set(fault.host, { link: true, cable: true })
      case "unavailable":
      case "drain-taint":
      case "out-of-service":
        api.putNode(this.it.nodeOf(fault.host))
        this.#changed(fault.host)
        return this.#set(fault.host, { available: true, handsOver: false })
      case "drain-command":
        this.it.drain(fault.host, false)
        return this.#set(fault.host, { available: true, handsOver: false })
      case "split":
        for (const plane of fault.planes) this.#groups[plane].clear()
        return this.#mendSplit(fault)
      case "bad-cable":
        sim.network.lose(fault.from, fault.to, 0)
        return void this.#losses.delete(`${fault.from}>${fault.to}`)
      case "api-gone":
        this.apiConnected = true
        this.#unheard = new Set()
        for (const host of this.hosts) this.#set(host, { informed: true })
        return api.connect()
      case "service-gone":
        put(api, `web-${this.story.addresses.indexOf(fault.ip)}`, fault.ip)
        this.#changed(fault.ip)
        return void this.#gone.delete(fault.ip)
      case "kill-actor":
      case "clock-jump":
        return
      default:
        return fault satisfies never
    }
  }

  #changed(subject: string): void {
    if (!this.apiConnected) this.#unheard.add(subject)
  }

  #set(host: string, change: Partial<Condition>): void {
    this.#conditions.set(host, { ...this.condition(host), ...change })
  }

  /** Time goes on for all while it says good-bye; whoever plays the story moves the clock. */
  #leave(host: string): void {
    void this.it.leave(host).then(() => {
      this.version++
      this.#set(host, { runs: false, leaving: false })
    })
  }

  #split({ planes, groups }: Extract<Timed, { kind: "split" }>): void {
    for (const plane of planes) {
      for (const [number, group] of groups.entries()) for (const host of group) this.#groups[plane].set(host, number)
    }
    this.#acrossGroups(groups, (a, b) => {
      for (const plane of planes) this.it.sim.network.partition(a, b, plane)
    })
  }

  #mendSplit({ groups }: Extract<Timed, { kind: "split" }>): void {
    this.#acrossGroups(groups, (a, b) => this.it.sim.network.heal(a, b))
  }

  /** The simulator forgets all cuts of a host at once: those of a split that goes on are made again. */
  #mendCable(host: string): void {
    const { network } = this.it.sim
    network.heal(host)
    for (const other of this.hosts) {
      for (const plane of ["sockets", "frames"] as const)
        if (this.#groups[plane].get(host) !== this.#groups[plane].get(other)) network.partition(host, other, plane)
    }
  }

  #acrossGroups(groups: readonly (readonly string[])[], each: (a: string, b: string) => void): void {
    for (const group of groups)
      for (const other of groups) if (group !== other) for (const a of group) for (const b of other) each(a, b)
  }

  #watched(host: string, world: World): World {
    const listeners = new Set<PacketHandlers>()
    this.#listeners.set(host, listeners)
    const open: PacketPort["open"] = (at, on) => {
      const opened = world.packets.open(at, on)
      if (!opened.ok || (at.frames !== "arp" && at.frames !== "neighbour-solicitation")) return opened
      listeners.add(on)
      const { value } = opened
      return {
        ok: true,
        value: {
          ...value,
          send: (frame) => {
            if (this.#asked === undefined) return value.send(frame)
            this.#asked.answered = true
            return { ok: true, value: undefined }
          },
          close: () => {
            listeners.delete(on)
            value.close()
          },
        },
      }
    }
    const wallMs = () => world.clock.wallMs() + (this.#jumps.get(host) ?? 0)
    return { ...world, clock: { ...world.clock, wallMs }, packets: { ...world.packets, open } }
  }
}

function questionFor(address: Ip): Uint8Array {
  const ask = { mac: askerMac, target: address, to: undefined }
  return familyOf(address) === "ipv4"
    ? arpRequestFrame({ ...ask, senderIp: ip("10.0.0.250") })
    : solicitationFrame({ ...ask, senderIp: ip("fe80::ffff") })
}
