import type { SystemCounters } from "./introspection.ts"
import type { DeadLetterReason } from "./kernel.ts"

export interface ThreadCounters {
  readonly counters: SystemCounters
  readonly deadLetters: Readonly<Partial<Record<DeadLetterReason, number>>>
}

export const nothingCounted: ThreadCounters = {
  counters: { deadLetters: 0, restarts: 0, actors: 0, messages: 0 },
  deadLetters: {},
}

/** `counters.deadLetters` is always the sum of the reasons. */
export function sum(a: ThreadCounters, b: ThreadCounters): ThreadCounters {
  const deadLetters = { ...a.deadLetters }
  for (const [reason, count] of Object.entries(b.deadLetters) as [DeadLetterReason, number][])
    deadLetters[reason] = (deadLetters[reason] ?? 0) + count
  return {
    counters: {
      deadLetters: Object.values(deadLetters).reduce((all, count) => all + count, 0),
      restarts: a.counters.restarts + b.counters.restarts,
      actors: a.counters.actors + b.counters.actors,
      messages: a.counters.messages + b.counters.messages,
    },
    deadLetters,
  }
}
