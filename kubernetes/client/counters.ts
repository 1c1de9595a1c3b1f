/** Upper bounds of the latency buckets, in seconds; the last bucket has none. */
export const latencyBounds: readonly number[] = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Calls to the API server with the same verb, resource and outcome. */
export interface RequestCounter {
  readonly verb: string
  readonly resource: string
  /** HTTP status, or `unreachable` when there was no answer. */
  readonly code: string
  readonly count: number
  /** Until the answer began; a watch may go on for minutes after that. */
  readonly totalSeconds: number
  /** One count for each of `latencyBounds`, then one for what is slower. Not cumulative. */
  readonly buckets: readonly number[]
}

type Counter = { -readonly [K in keyof RequestCounter]: RequestCounter[K] } & { buckets: number[] }

/** Verbs and resources are this room's own, codes are HTTP's: the set stays small. */
export function requestCounters(): {
  count(verb: string, resource: string, code: string, seconds: number): void
  read(): readonly RequestCounter[]
} {
  const counters = new Map<string, Counter>()
  return {
    count(verb, resource, code, seconds) {
      const key = `${verb} ${resource} ${code}`
      const counter = counters.get(key) ?? {
        verb,
        resource,
        code,
        count: 0,
        totalSeconds: 0,
        buckets: Array.from({ length: latencyBounds.length + 1 }, () => 0),
      }
      const slot = latencyBounds.findIndex((bound) => seconds <= bound)
      const bucket = slot < 0 ? latencyBounds.length : slot
      counter.buckets[bucket] = (counter.buckets[bucket] ?? 0) + 1
      counter.count++
      counter.totalSeconds += seconds
      counters.set(key, counter)
    },
    read: () => [...counters.values()].map((counter) => ({ ...counter, buckets: [...counter.buckets] })),
  }
}
