import type { Ip } from "../../protocols/ip.ts"
import type { Plane } from "../../supervision/simulated-world.ts"
import { ip } from "../announcer/facts.ts"
import { fixedRandom } from "../cluster/random.ts"
import { hostNames } from "../liveness/cluster.ts"

/** What happens to one cluster. Plain data: the same story gives the same run, and any part of it can be left out. */
export interface Story {
  /** Of the network: delays, losses, who runs first. */
  readonly seed: number
  readonly hosts: number
  readonly addresses: readonly Ip[]
  /** Share of frames and packets that are lost everywhere. */
  readonly loss: number
  /** Hosts with a speaker like MetalLB's: while there is one, gossip alone decides. */
  readonly plainHosts: readonly string[]
  /** Election policy; absent: MetalLB's hash decides. */
  readonly policy?: "sticky" | "spread"
  readonly faults: readonly Timed[]
  /** When the last fault has ended. */
  readonly endMs: number
}

export type Timed = Fault & { readonly atMs: number; readonly forMs: number }

export type Fault =
  | { readonly kind: HostFault; readonly host: string }
  /** Groups that do not hear each other. */
  | { readonly kind: "split"; readonly planes: readonly Plane[]; readonly groups: readonly (readonly string[])[] }
  /** Loss in one direction. */
  | { readonly kind: "bad-cable"; readonly from: string; readonly to: string; readonly share: number }
  | { readonly kind: "api-gone" }
  /** The Service of that address is deleted, and made anew. */
  | { readonly kind: "service-gone"; readonly ip: Ip }
  | { readonly kind: "kill-actor"; readonly host: string; readonly path: string }
  /** The wall clock, not the one that only grows. */
  | { readonly kind: "clock-jump"; readonly host: string; readonly byMs: number }

/** Two of them never befall the same host at the same time. */
type HostFault = (typeof severe)[number] | (typeof planned)[number] | "nap"

const severe = [
  /** The speaker's process dies; its kernel refuses connections. */
  "crash",
  /** The machine loses power. */
  "power-off",
  /** The speaker's process stands still. */
  "hang",
  /** The machine stands still. */
  "suspend",
  /** The speaker shuts down in an orderly way. */
  "leave",
  /** The interface loses carrier; gossip has a network of its own. */
  "link-down",
  /** The interface loses carrier, and gossip goes with it. */
  "cable-out",
  /** Kubernetes says that the node's network does not work. */
  "unavailable",
] as const

/** A node is to be emptied. MetalLB's speakers know of none of these. */
const planned = ["drain-command", "drain-taint", "out-of-service"] as const

/** Shorter than any pause that may move an address. */
export const longestNapMs = 300

const actorPaths = [
  "/speaker/cluster",
  "/speaker/layer2",
  "/speaker/layer2/eth0",
  "/speaker/layer2/eth0/watch",
  "/speaker/announcer",
  "/speaker/announcer/default~web-0",
  "/speaker/api",
  "/speaker/bgp",
] as const

/** Until then all have started and know each other. */
export const settledMs = 15_000

/**
 * Most clusters are small, as most are in the world, and small ones are quick. Four in ten only see what must move
 * nothing: loss, short pauses, dying actors, an API server that is away, clocks that jump.
 */
export function storyOf(seed: number, largest = 50): Story {
  const dice = new Dice(seed)
  const hosts = dice.chance(0.7)
    ? dice.between(3, 5)
    : dice.chance(0.8)
      ? dice.between(6, 12)
      : dice.chance(0.8)
        ? dice.between(13, Math.min(25, largest))
        : dice.between(Math.min(26, largest), largest)
  const names = hostNames(hosts)
  const addresses = Array.from({ length: dice.between(1, 4) }, (_, i) =>
    dice.chance(0.2) ? ip(`2001:db8::${(16 + i).toString(16)}`) : ip(`192.0.2.${10 + dice.between(0, 60) * 4 + i}`),
  )
  const mild = dice.chance(0.4)
  const plainHosts = dice.chance(0.06) ? [dice.pick(names)] : []
  const sticky = plainHosts.length === 0 && dice.chance(0.2)
  const faults: Timed[] = []
  const busyUntilMs = new Map<string, number>()
  const gapMs = (dice.chance(0.5) ? 9000 : 3000) / Math.max(1, hosts / 10)
  let [atMs, splitUntilMs, endMs] = [settledMs, 0, settledMs]
  const count = dice.between(2, hosts > 12 ? 6 : 9)
  for (let i = 0; i < count; i++) {
    atMs += Math.round(dice.between(0, gapMs))
    const fault =
      !mild && dice.chance(0.75) ? severeFault(dice, names, addresses, plainHosts.length > 0) : mildFault(dice, names)
    if ("host" in fault && fault.kind !== "kill-actor" && fault.kind !== "clock-jump") {
      if ((busyUntilMs.get(fault.host) ?? 0) > atMs) continue
      busyUntilMs.set(fault.host, atMs + fault.forMs + 1000)
    }
    if (fault.kind === "service-gone" || fault.kind === "api-gone") {
      const subject = fault.kind === "api-gone" ? "api" : fault.ip
      if ((busyUntilMs.get(subject) ?? 0) > atMs) continue
      busyUntilMs.set(subject, atMs + fault.forMs)
    }
    if (fault.kind === "split") {
      if (splitUntilMs > atMs) continue
      splitUntilMs = atMs + fault.forMs
    }
    faults.push({ ...fault, atMs })
    endMs = Math.max(endMs, atMs + fault.forMs)
  }
  const loss = dice.chance(0.4) ? 0 : dice.between(1, 50) / 1000
  const spread = plainHosts.length === 0 && !sticky && dice.chance(0.2)
  return {
    seed,
    hosts,
    addresses: [...new Set(addresses)],
    loss,
    plainHosts,
    ...((sticky || spread) && { policy: sticky ? "sticky" : "spread" }),
    faults,
    endMs,
  }
}

type Lasting = Fault & { readonly forMs: number }

function severeFault(dice: Dice, names: readonly string[], addresses: readonly Ip[], plain: boolean): Lasting {
  const host = dice.pick(names)
  const forMs = dice.chance(0.3) ? dice.between(50, 2000) : dice.between(2000, 40_000)
  if (!plain && dice.chance(0.2)) return { kind: dice.pick(planned), host, forMs }
  const what = dice.between(0, 13)
  if (what < severe.length) {
    const kind = severe[what] ?? "crash"
    // A process that does not come back within a moment is what a pause of that length is to the others.
    return { kind, host, forMs: kind === "hang" || kind === "suspend" ? Math.max(forMs, longestNapMs + 1) : forMs }
  }
  if (what < 12) {
    const planes = dice.pick<readonly Plane[]>([["sockets"], ["frames"], ["sockets", "frames"]])
    const groups: string[][] = dice.chance(0.8) ? [[], []] : [[], [], []]
    for (const name of names) dice.pick(groups).push(name)
    return { kind: "split", planes, groups: groups.filter((group) => group.length > 0), forMs }
  }
  if (what === 12) return { kind: "service-gone", ip: dice.pick(addresses), forMs }
  return { kind: "bad-cable", from: host, to: dice.pick(names), share: dice.between(20, 100) / 100, forMs }
}

function mildFault(dice: Dice, names: readonly string[]): Lasting {
  const host = dice.pick(names)
  const what = dice.between(0, 9)
  if (what < 4) return { kind: "nap", host, forMs: dice.between(20, longestNapMs) }
  if (what < 8) return { kind: "kill-actor", host, path: dice.pick(actorPaths), forMs: 0 }
  if (what === 8) return { kind: "api-gone", forMs: dice.between(1000, 20_000) }
  return { kind: "clock-jump", host, byMs: dice.between(-86_400_000, 86_400_000), forMs: 0 }
}

class Dice {
  readonly #random: { u32(): number }

  constructor(seed: number) {
    this.#random = fixedRandom(seed)
    for (let skip = 0; skip < 32; skip++) this.#random.u32()
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + (this.#random.u32() % (Math.floor(high - low) + 1))
  }

  chance(share: number): boolean {
    return this.#random.u32() / 2 ** 32 < share
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.#random.u32() % from.length]
    if (picked === undefined) throw new Error("nothing to choose from")
    return picked
  }
}

export function describeFault(fault: Timed): string {
  const { atMs, forMs, kind } = fault
  const when = `${(atMs / 1000).toFixed(2)} s`.padStart(9)
  const lasting = forMs > 0 ? ` for ${(forMs / 1000).toFixed(2)} s` : ""
  return `${when}  ${kind} ${subject(fault)}${lasting}`
}

function subject(fault: Fault): string {
  if ("host" in fault && fault.kind !== "kill-actor" && fault.kind !== "clock-jump") return `of ${fault.host}`
  switch (fault.kind) {
    case "split":
      return `of ${fault.planes.join(" and ")}: ${fault.groups.map((group) => group.join(" ")).join(" | ")}`
    case "bad-cable":
      return `${fault.from} to ${fault.to}, ${Math.round(fault.share * 100)} % lost`
    case "api-gone":
      return ""
    case "service-gone":
      return fault.ip
    case "kill-actor":
      return `${fault.path} of ${fault.host}`
    case "clock-jump":
      return `of ${fault.host} by ${fault.byMs} ms`
    default:
      return fault satisfies never
  }
}
