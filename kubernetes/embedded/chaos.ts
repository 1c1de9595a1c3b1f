/**
 * `reset`: the connection breaks and nothing was done. `lost-answer`: it was done, and then the connection breaks. The others
 * are answers, 429 with Retry-After and 500.
 */
export type Failure = "reset" | "lost-answer" | "too-many-requests" | "internal-error"

/** What goes wrong on purpose. All of it may be changed while the server runs. */
export interface Chaos {
  /** Every answer waits this long first. */
  delayMs: number
  /** Share of requests that fail, 0 to 1. */
  errorRate: number
  /** How they fail, one chosen at random. */
  errors: readonly Failure[]
  /** Only these requests; all by default. */
  applies: (method: string, path: string) => boolean
}

export function noChaos(): Chaos {
  return {
    delayMs: 0,
    errorRate: 0,
    errors: ["reset", "lost-answer", "too-many-requests", "internal-error"],
    applies: () => true,
  }
}

/** Which failure this request meets, if any. */
export function failureFor(chaos: Chaos, method: string, path: string, random: () => number): Failure | undefined {
  if (chaos.errorRate <= 0 || chaos.errors.length === 0 || !chaos.applies(method, path)) return undefined
  if (random() >= chaos.errorRate) return undefined
  return chaos.errors[Math.floor(random() * chaos.errors.length)]
}
