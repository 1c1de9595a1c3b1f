import type { Ip } from "../../protocols/ip.ts"
import { settledMs, type Timed } from "./story.ts"
import type { Fleet } from "./fleet.ts"

/**
 * How long things may take to settle, in milliseconds of virtual time. Within them two may answer, or nobody; after them
 * it is a fault.
 */
export const bounds = {
  /** Two that hear each other answer for one address: the one that hands over does so until it hears the other … */
  twoMs: 2500,
  /** … which takes longer where frames are lost, … */
  twoWithLossMs: 6000,
  /** … and longest where gossip alone decides. */
  twoByGossipMs: 90_000,
  /** Nobody answers though a candidate lives, when one node was hurt … */
  nobodyMs: 2000,
  /** … and when several were, or the network: gossip finds out. */
  nobodyByGossipMs: 60_000,
  /** After so long a fault is over for all. */
  calmMs: 20_000,
  /** One answers that is no candidate any more, or for an address that is nobody's. */
  wrongMs: 2000,
  /** A node that is drained goes on until the next is heard, but no longer than this. */
  handOverMs: 4000,
  /** How long after a fault of its holder an address may still move away from it, and to one that was cut off. */
  causeMs: 45_000,
  /** How long after it has come back a node that the election prefers may still take its address back. */
  returnMs: 90_000,
  /** Until everything is as it should be, once all faults have ended. */
  healedMs: 90_000,
}

export interface Violation {
  readonly invariant: "one" | "some" | "no-move-without-cause" | "no-stranger" | "heals" | "crashed"
  readonly atMs: number
  readonly text: string
}

/** For how long, each time, two answered that heard each other, and nobody did. */
export interface Observed {
  readonly twoMs: number[]
  readonly nobodyMs: number[]
  moves: number
}

interface Span {
  readonly fromMs: number
  readonly version: number
}

/** Looks at who answers, again and again, and says what must not be. */
export class Invariants {
  readonly observed: Observed = { twoMs: [], nobodyMs: [], moves: 0 }
  readonly #fleet: Fleet
  /** When each host was last hurt in a way that may move addresses, and when that ended. */
  readonly #hurt = new Map<string, { readonly fromMs: number; readonly untilMs: number }[]>()
  readonly #two = new Map<string, Span>()
  readonly #nobody = new Map<string, Span>()
  readonly #wrong = new Map<string, number>()
  readonly #holders = new Map<Ip, Map<string, number>>()
  readonly #serviceChangedMs = new Map<Ip, number>()
  #components: { readonly version: number; readonly groups: readonly (readonly string[])[] } | undefined

  constructor(fleet: Fleet) {
    this.#fleet = fleet
  }

  /** All that will happen, before it does. */
  recorded(faults: readonly Timed[]): void {
    for (const fault of faults) this.#record(fault, faults)
  }

  #record(fault: Timed, faults: readonly Timed[]): void {
    for (const host of this.#hurtBy(fault)) {
      const list = this.#hurt.get(host) ?? []
      this.#hurt.set(host, list)
      list.push({ fromMs: fault.atMs, untilMs: untilInformed(fault, faults) })
    }
    if (fault.kind === "service-gone") this.#serviceChangedMs.set(fault.ip, fault.atMs + fault.forMs)
  }

  /** What moves no address hurts nobody. */
  #hurtBy(fault: Timed): readonly string[] {
    if (fault.kind === "split") return fault.groups.flat()
    if (fault.kind === "bad-cable") return [fault.from, fault.to]
    const isHurt = "host" in fault && fault.kind !== "nap" && fault.kind !== "kill-actor" && fault.kind !== "clock-jump"
    return isHurt ? [fault.host] : []
  }

  /** The first thing that must not be; undefined: all is well. */
  look(): Violation | undefined {
    const nowMs = this.#fleet.nowMs()
    for (const address of this.#fleet.story.addresses) {
      const answering = this.#fleet.hosts.filter((host) => this.#fleet.answers(host, address))
      const found =
        this.#oneAmong(address, answering, nowMs) ??
        this.#someIn(address, answering, nowMs) ??
        this.#rightful(address, answering, nowMs) ??
        this.#moved(address, answering, nowMs)
      if (found !== undefined) return found
    }
    return undefined
  }

  #oneAmong(address: Ip, answering: readonly string[], nowMs: number): Violation | undefined {
    const fleet = this.#fleet
    const seen = new Set<string>()
    for (const [i, a] of answering.entries()) {
      for (const b of answering.slice(i + 1)) {
        if (!fleet.hear(a, b) || !this.#agree(a, b)) continue
        const key = `${address} ${a} ${b}`
        seen.add(key)
        const { fromMs } = this.#span(this.#two, key, nowMs)
        if (nowMs - fromMs > this.#twoBoundMs())
          return {
            invariant: "one",
            atMs: nowMs,
            text: `${a} and ${b} both answer for ${address} since ${secs(fromMs)}`,
          }
      }
    }
    for (const [key, { fromMs }] of this.#two) {
      if (!key.startsWith(`${address} `) || seen.has(key)) continue
      this.#two.delete(key)
      this.observed.twoMs.push(nowMs - fromMs)
    }
    return undefined
  }

  #twoBoundMs(): number {
    const { plainHosts, loss } = this.#fleet.story
    return plainHosts.length > 0 ? bounds.twoByGossipMs : loss > 0 ? bounds.twoWithLossMs : bounds.twoMs
  }

  /** While a plain speaker is there nobody listens on the wire, so gossip has to reach as well. */
  #agree(a: string, b: string): boolean {
    return this.#fleet.story.plainHosts.length === 0 || this.#fleet.reach("sockets", a, b)
  }

  #someIn(address: Ip, answering: readonly string[], nowMs: number): Violation | undefined {
    const seen = new Set<string>()
    const boundMs = this.#isEasy(address, nowMs) ? bounds.nobodyMs : bounds.nobodyByGossipMs
    for (const group of nowMs < settledMs ? [] : this.#groups()) {
      const candidates = group.filter((host) => this.#isCandidate(host, address))
      if (candidates.length === 0 || group.some((host) => answering.includes(host))) continue
      const key = `${address} ${candidates.join()}`
      seen.add(key)
      const { fromMs } = this.#span(this.#nobody, key, nowMs)
      if (nowMs - fromMs > boundMs)
        return {
          invariant: "some",
          atMs: nowMs,
          text: `nobody answers for ${address} since ${secs(fromMs)}, though ${candidates.join(", ")} could`,
        }
    }
    for (const [key, { fromMs }] of this.#nobody) {
      if (!key.startsWith(`${address} `) || seen.has(key)) continue
      this.#nobody.delete(key)
      this.observed.nobodyMs.push(nowMs - fromMs)
    }
    return undefined
  }

  /**
   * Those who watch see all there is to see: one node alone was hurt, long after the one before, nothing is split, and
   * the Service is not new besides. (Nobody misses a speaker that was never heard to have a new address.)
   */
  #isEasy(address: Ip, nowMs: number): boolean {
    const changedMs = this.#serviceChangedMs.get(address) ?? Number.NEGATIVE_INFINITY
    const isNew = nowMs >= changedMs && nowMs - changedMs < bounds.calmMs
    if (this.#fleet.story.plainHosts.length > 0) return false
    const hurt = [...this.#hurt.values()].filter((list) =>
      list.some(({ fromMs, untilMs }) => nowMs >= fromMs && nowMs - untilMs <= bounds.calmMs),
    )
    return hurt.length + (isNew ? 1 : 0) <= 1
  }

  #isCandidate(host: string, address: Ip): boolean {
    const fleet = this.#fleet
    const { available, leaving, informed } = fleet.condition(host)
    if (!fleet.exists(address) || !fleet.isKnown(address) || !fleet.isKnown(host)) return false
    return fleet.lives(host) && available && informed && !leaving
  }

  /** Those that reach each other, by gossip or by frames, directly or through others. */
  #groups(): readonly (readonly string[])[] {
    const fleet = this.#fleet
    if (this.#components?.version === fleet.version) return this.#components.groups
    const left = new Set(fleet.hosts.filter((host) => fleet.condition(host).runs && fleet.condition(host).moves))
    const groups: string[][] = []
    for (const first of left) {
      const group = [first]
      left.delete(first)
      for (const one of group) {
        for (const other of left) {
          if (!fleet.reach("frames", one, other) && !fleet.reach("sockets", one, other)) continue
          left.delete(other)
          group.push(other)
        }
      }
      groups.push(group)
    }
    this.#components = { version: fleet.version, groups }
    return groups
  }

  #rightful(address: Ip, answering: readonly string[], nowMs: number): Violation | undefined {
    const fleet = this.#fleet
    for (const host of fleet.hosts) {
      const key = `${address} ${host}`
      const { available, handsOver } = fleet.condition(host)
      const boundMs = handsOver && fleet.exists(address) ? bounds.handOverMs : bounds.wrongMs
      const wrong = answering.includes(host) && fleet.apiConnected && (!available || !fleet.exists(address))
      if (!wrong) this.#wrong.delete(key)
      else {
        const fromMs = this.#wrong.get(key) ?? nowMs
        this.#wrong.set(key, fromMs)
        const why = fleet.exists(address) ? "though it is no candidate" : "which no Service has"
        if (nowMs - fromMs > boundMs)
          return { invariant: "no-stranger", atMs: nowMs, text: `${host} answers for ${address} ${why}` }
      }
    }
    return undefined
  }

  #moved(address: Ip, answering: readonly string[], nowMs: number): Violation | undefined {
    const holders = this.#holders.get(address) ?? new Map<string, number>()
    this.#holders.set(address, holders)
    const before = [...holders.keys()]
    for (const host of answering) {
      const isNew = !holders.has(host)
      holders.set(host, nowMs)
      if (!isNew || nowMs < settledMs) continue
      this.observed.moves++
      const from = before.filter((name) => !answering.includes(name))
      if (before.length > 0 && !this.#hasCause(address, host, before, nowMs))
        return {
          invariant: "no-move-without-cause",
          atMs: nowMs,
          text: `${host} answers for ${address} now, which was ${before.join(", ")}'s (${from.length > 0 ? "silent" : "still answering"}), and nothing had happened to either`,
        }
    }
    // Who is well and has not answered for a while, while another does, has lost it.
    for (const [host, heardMs] of holders)
      if (answering.length > 0 && nowMs - heardMs > 1000 && this.#fleet.lives(host)) holders.delete(host)
    return undefined
  }

  #hasCause(address: Ip, to: string, from: readonly string[], nowMs: number): boolean {
    const { policy, addresses } = this.#fleet.story
    // Where addresses are laid out together, what befalls one may move another.
    const involved = policy === "spread" ? addresses : [address]
    if (involved.some((one) => nowMs - (this.#serviceChangedMs.get(one) ?? Number.NEGATIVE_INFINITY) < bounds.causeMs))
      return true
    const order = this.#fleet.order(address)
    // Who was cut off may have been told by its own gossip that it leads.
    const suspects = policy === "spread" ? this.#fleet.hosts : [to, ...from]
    if (suspects.some((host) => this.#wasHurt(host, nowMs, bounds.causeMs))) return true
    if (policy === "sticky") return false
    const comesFirst = from.every((host) => order.indexOf(to) < order.indexOf(host))
    return comesFirst && this.#wasHurt(to, nowMs, bounds.returnMs)
  }

  #wasHurt(host: string, nowMs: number, withinMs: number): boolean {
    return (this.#hurt.get(host) ?? []).some(({ fromMs, untilMs }) => nowMs >= fromMs && nowMs - untilMs <= withinMs)
  }

  #span(spans: Map<string, Span>, key: string, nowMs: number): Span {
    const { version } = this.#fleet
    const known = spans.get(key)
    // What has changed meanwhile has to settle anew.
    const span = known?.version === version ? known : { fromMs: nowMs, version }
    spans.set(key, span)
    return span
  }

  /** Everything has ended: one answers for each address, and where nothing sticks that is the first in the election. */
  healed(): boolean {
    return this.#fleet.story.addresses.every((address) => this.#isHealed(address))
  }

  #isHealed(address: Ip): boolean {
    const fleet = this.#fleet
    const answering = fleet.hosts.filter((host) => fleet.answers(host, address))
    if (answering.length !== 1) return false
    return fleet.story.policy === "sticky" || answering[0] === fleet.order(address)[0]
  }

  notHealed(): Violation {
    const fleet = this.#fleet
    const wrong = fleet.story.addresses
      .filter((address) => !this.#isHealed(address))
      .map((address) => {
        const answering = fleet.hosts.filter((host) => fleet.answers(host, address))
        const leader = fleet.story.policy === "sticky" ? "somebody" : fleet.order(address)[0]
        return `${address} should be ${leader}'s and ${answering.join(", ") || "nobody"} answers`
      })
    return { invariant: "heals", atMs: fleet.nowMs(), text: wrong.join("; ") }
  }
}

/** A speaker that comes back while the API server is away is only back when that is. */
function untilInformed({ atMs, forMs }: Timed, faults: readonly Timed[]): number {
  const backMs = atMs + forMs
  const away = faults.find((one) => one.kind === "api-gone" && one.atMs <= backMs && backMs <= one.atMs + one.forMs)
  return away === undefined ? backMs : away.atMs + away.forMs
}

const secs = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
