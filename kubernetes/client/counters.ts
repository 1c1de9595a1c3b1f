import { type Histogram, histogram } from "../../config/work-meter.ts"
import type { Verb } from "./cluster.ts"

/** Kubernetes' own bounds for `rest_client_request_duration_seconds`. */
const latencyBounds: readonly number[] = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]

/** Calls to the API server with the same verb, resource and outcome. */
export interface RequestCounter {
  readonly verb: Verb
  readonly resource: string
  /** HTTP status, or `unreachable` when there was no answer. */
  readonly code: string
  readonly count: number
  /** Until the answer began; a watch may go on for minutes after that. */
  readonly seconds: Histogram
}

/** Verbs and resources are this room's own, codes are HTTP's: the set stays small. */
export function requestCounters(): {
  count(verb: Verb, resource: string, code: string, seconds: number): void
  read(): readonly RequestCounter[]
} {
  type Counter = Omit<RequestCounter, "count" | "seconds"> & { readonly seconds: ReturnType<typeof histogram> }
  const counters = new Map<string, Counter>()
  return {
    count(verb, resource, code, seconds) {
      const key = `${verb} ${resource} ${code}`
      const counter = counters.get(key) ?? { verb, resource, code, seconds: histogram(latencyBounds) }
      counter.seconds.observe(seconds)
      counters.set(key, counter)
    },
    read: () =>
      [...counters.values()].map((counter) => {
        const seconds = counter.seconds.read()
        return { ...counter, seconds, count: seconds.counts.reduce((all, one) => all + one, 0) }
      }),
  }
}
