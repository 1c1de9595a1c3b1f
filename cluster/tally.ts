import type { Log } from "../supervision/actor.ts"

const PERIOD_MS = 60_000
/** The reasons come from a closed list in our code; this is for a mistake in it. */
const MOST_KINDS = 256

/** Counts what goes wrong, and says each kind of it at most once a minute. */
export class Tally {
  readonly #log: Log
  readonly #kinds = new Map<string, { total: number; unsaid: number; saidMs: number }>()

  constructor(log: Log) {
    this.#log = log
  }

  note(kind: string, nowMs: number, message: string, fields: Readonly<Record<string, unknown>>): void {
    const seen = this.#kinds.get(kind) ?? { total: 0, unsaid: 0, saidMs: -Infinity }
    if (this.#kinds.size < MOST_KINDS) this.#kinds.set(kind, seen)
    seen.total++
    seen.unsaid++
    if (nowMs - seen.saidMs < PERIOD_MS) return
    this.#log.warn(message, { component: "Memberlist", ...fields, times: seen.unsaid })
    seen.unsaid = 0
    seen.saidMs = nowMs
  }

  totals(): Record<string, number> {
    return Object.fromEntries([...this.#kinds].map(([kind, { total }]) => [kind, total]))
  }
}
