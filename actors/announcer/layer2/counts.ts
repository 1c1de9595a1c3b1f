import type { Ip } from "../../../protocols/ip.ts"
import type { Layer2Report } from "./messages.ts"

/** Frames per address, and those that no honest host would have sent, by what was wrong with them. */
export interface Counts {
  readonly requestsReceived: ReadonlyMap<Ip, number>
  readonly responsesSent: ReadonlyMap<Ip, number>
  readonly gratuitousSent: ReadonlyMap<Ip, number>
  readonly dropped: ReadonlyMap<string, number>
}
export type Counter = Exclude<keyof Counts, "dropped">

/** What has been counted since it was last taken. Mutable, because it changes with every frame. */
export class Ledger {
  readonly #begun: () => void
  #counts = fresh()
  #empty = true

  /** `begun` is called with the first count after each `take`. */
  constructor(begun: () => void) {
    this.#begun = begun
  }

  add(counter: Counter, ip: Ip): void {
    this.#count(this.#counts[counter], ip)
  }

  drop(reason: string): void {
    this.#count(this.#counts.dropped, reason)
  }

  #count<Key>(counts: Map<Key, number>, key: Key): void {
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (!this.#empty) return
    this.#empty = false
    this.#begun()
  }

  take(): Counts | undefined {
    if (this.#empty) return undefined
    const counts = this.#counts
    this.#counts = fresh()
    this.#empty = true
    return counts
  }
}

export const noCounts: Counts = fresh()

/** Addresses that were answered for once and are not any more keep their totals, up to this many. */
const departedKept = 4096

export function sum(totals: Counts, more: Counts, announced: ReadonlyMap<Ip, unknown>): Counts {
  const added = (counter: Counter) => bounded(merged(totals[counter], more[counter]), announced)
  return {
    requestsReceived: added("requestsReceived"),
    responsesSent: added("responsesSent"),
    gratuitousSent: added("gratuitousSent"),
    dropped: merged(totals.dropped, more.dropped),
  }
}

export function reported(counts: Counts): Pick<Layer2Report, keyof Counts> {
  return {
    requestsReceived: Object.fromEntries(counts.requestsReceived),
    responsesSent: Object.fromEntries(counts.responsesSent),
    gratuitousSent: Object.fromEntries(counts.gratuitousSent),
    ...(counts.dropped.size === 0 ? {} : { dropped: Object.fromEntries(counts.dropped) }),
  }
}

function fresh(): Record<Counter, Map<Ip, number>> & { readonly dropped: Map<string, number> } {
  return { requestsReceived: new Map(), responsesSent: new Map(), gratuitousSent: new Map(), dropped: new Map() }
}

function merged<Key>(totals: ReadonlyMap<Key, number>, more: ReadonlyMap<Key, number>): Map<Key, number> {
  const next = new Map(totals)
  for (const [key, count] of more) next.set(key, (next.get(key) ?? 0) + count)
  return next
}

/** The oldest go first. */
function bounded(counts: Map<Ip, number>, announced: ReadonlyMap<Ip, unknown>): Map<Ip, number> {
  let excess = counts.size - announced.size - departedKept
  for (const ip of counts.keys()) {
    if (excess <= 0) break
    if (announced.has(ip)) continue
    counts.delete(ip)
    excess--
  }
  return counts
}
