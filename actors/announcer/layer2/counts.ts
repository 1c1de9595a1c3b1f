import type { Ip } from "../../../protocols/ip.ts"
import type { Layer2Report } from "./messages.ts"

/** Frames per address. */
export interface Counts {
  readonly requestsReceived: ReadonlyMap<Ip, number>
  readonly responsesSent: ReadonlyMap<Ip, number>
  readonly gratuitousSent: ReadonlyMap<Ip, number>
}
export type Counter = keyof Counts

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
    const counts = this.#counts[counter]
    counts.set(ip, (counts.get(ip) ?? 0) + 1)
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
  }
}

export function reported(counts: Counts): Pick<Layer2Report, Counter> {
  return {
    requestsReceived: Object.fromEntries(counts.requestsReceived),
    responsesSent: Object.fromEntries(counts.responsesSent),
    gratuitousSent: Object.fromEntries(counts.gratuitousSent),
  }
}

function fresh(): Record<Counter, Map<Ip, number>> {
  return { requestsReceived: new Map(), responsesSent: new Map(), gratuitousSent: new Map() }
}

function merged(totals: ReadonlyMap<Ip, number>, more: ReadonlyMap<Ip, number>): Map<Ip, number> {
  const next = new Map(totals)
  for (const [ip, count] of more) next.set(ip, (next.get(ip) ?? 0) + count)
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
