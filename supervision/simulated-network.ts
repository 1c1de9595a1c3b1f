import { isIPv6 } from "node:net"
import type { Life, Schedule } from "./simulated-schedule.ts"
import type { NetworkError } from "./world.ts"

export interface Conditions {
  /** One way, drawn anew for each packet. */
  readonly delayMs: readonly [number, number]
  /** Share of packets that are lost between hosts, 0 … 1. */
  readonly loss: number
}

export interface Host {
  readonly name: string
  readonly addresses: readonly string[]
  life: Life
  nextPort: number
  /** A machine without power reaches nobody; one whose program has died still has a kernel that answers. */
  powered: boolean
  /** Whether the kernel goes on while the program stands still. */
  kernelAwake: boolean
}

/** UDP and TCP, or raw frames on a segment: two networks where a node has one for itself and one for its addresses. */
export type Plane = "sockets" | "frames"

/** What a test may do to the machines and the wires between them. */
export interface NetworkControl {
  /** Nothing passes between the two, or between `a` and everyone; nothing of that plane, where one is named. */
  partition(a: string, b?: string, plane?: Plane): void
  /** Without arguments all partitions end. */
  heal(a?: string, b?: string): void
  shape(conditions: Partial<Conditions>): void
  /** That share of what goes one way is lost, besides what is lost everywhere. 0: no more. */
  lose(from: string, to: string, share: number): void
  /** Loses power: its sockets are gone without a word to the peers. `world` of the same name starts it anew. */
  kill(host: string): void
  /** The program alone dies: the kernel refuses connections and answers ARP for the machine's own addresses. */
  killProcess(host: string): void
  /**
   * Stands still: timers and packets wait. `machine`: as a suspended virtual machine. `process`: as after SIGSTOP, so
   * the kernel still takes connections and answers ARP for the machine's own addresses.
   */
  pause(host: string, what?: "machine" | "process"): void
  resume(host: string): void
  /** Carrier of one of its interfaces. */
  setLink(host: string, networkInterface: string, up: boolean): void
}

/** The hosts, and whether a packet gets from one to another. */
export class Fabric {
  readonly schedule: Schedule
  readonly hosts = new Map<string, Host>()
  conditions: Conditions
  readonly #byAddress = new Map<string, Host>()
  readonly #cuts: Readonly<Record<Plane, Set<string>>> = { sockets: new Set(), frames: new Set() }
  readonly #losses = new Map<string, number>()

  constructor(schedule: Schedule, conditions: Conditions) {
    this.schedule = schedule
    this.conditions = conditions
  }

  /** A new life for the host; the old one, if it still lived, ends. */
  boot(name: string, addresses: readonly string[] | undefined): Host {
    const before = this.hosts.get(name)
    if (before !== undefined) {
      before.life.dead = true
      before.powered = false
    }
    const host: Host = {
      name,
      addresses: addresses ?? before?.addresses ?? [`10.0.0.${this.hosts.size + 1}`],
      life: { host: name, dead: false, paused: false, held: [] },
      nextPort: 49_152,
      powered: true,
      kernelAwake: true,
    }
    for (const address of host.addresses) {
      const owner = this.#byAddress.get(address)
      if (owner !== undefined && owner.name !== name)
        throw new Error(`simulation: ${address} belongs to ${owner.name} and ${name}`)
      this.#byAddress.set(address, host)
    }
    this.hosts.set(name, host)
    return host
  }

  hostOf(address: string): Host | undefined {
    return this.#byAddress.get(address)
  }

  named(name: string): Host {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`simulation: no host ${name}`)
    return host
  }

  /** The address that a socket bound to `bound` sends from; undefined when it is not this host's. */
  sourceOf(host: Host, bound: string, to?: string): string | undefined {
    if (bound !== "0.0.0.0" && bound !== "::") return host.addresses.includes(bound) ? bound : undefined
    const version = isIPv6(to ?? bound)
    return host.addresses.find((address) => isIPv6(address) === version)
  }

  cut(a: string, b: string | undefined, plane: Plane | undefined): void {
    for (const each of planes) if (plane === undefined || plane === each) this.#cuts[each].add(pair(a, b ?? "*"))
  }

  mend(a: string | undefined, b: string | undefined): void {
    for (const cuts of planes.map((plane) => this.#cuts[plane])) {
      if (a === undefined) cuts.clear()
      else if (b !== undefined) cuts.delete(pair(a, b))
      else for (const each of cuts) if (each.split("|").includes(a)) cuts.delete(each)
    }
  }

  lose(from: string, to: string, share: number): void {
    if (share > 0) this.#losses.set(`${from}>${to}`, share)
    else this.#losses.delete(`${from}>${to}`)
  }

  reaches(a: Host, b: Host, plane: Plane): boolean {
    if (a === b) return true
    const cuts = this.#cuts[plane]
    if (!b.powered || cuts.size === 0) return b.powered
    return ![pair(a.name, b.name), pair(a.name, "*"), pair(b.name, "*")].some((cut) => cuts.has(cut))
  }

  /** Its kernel is at work. */
  answers(host: Host): boolean {
    return host.powered && host.kernelAwake
  }

  delayMs(a: Host, b: Host): number {
    const [low, high] = this.conditions.delayMs
    return a === b ? this.schedule.uniform(0, 0.05) : this.schedule.uniform(low, high)
  }

  loses(a: Host, b: Host): boolean {
    if (a === b) return false
    if (this.schedule.chance(this.conditions.loss)) return true
    return this.#losses.size > 0 && this.schedule.chance(this.#losses.get(`${a.name}>${b.name}`) ?? 0)
  }
}

const planes: readonly Plane[] = ["sockets", "frames"]

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`
}

export function refuse(code: string, message: string): { readonly ok: false; readonly error: NetworkError } {
  return { ok: false, error: { code, message } }
}
