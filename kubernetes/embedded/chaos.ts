/** What goes wrong on purpose. All of it may be changed while the server runs. */
export interface Chaos {
  /** Every answer waits this long first. */
  delayMs: number
  /** Share of requests that fail, 0 to 1. */
  errorRate: number
  /** How they fail, one chosen at random. */
  errors: readonly ("reset" | "too-many-requests" | "internal-error")[]
  /** Only these requests; all by default. */
  applies: (method: string, path: string) => boolean
}

export function noChaos(): Chaos {
  return { delayMs: 0, errorRate: 0, errors: ["reset", "too-many-requests", "internal-error"], applies: () => true }
}

/** Which failure this request meets, if any. */
export function failureFor(
  chaos: Chaos,
  method: string,
  path: string,
  random: () => number,
): Chaos["errors"][number] | undefined {
  if (chaos.errorRate <= 0 || chaos.errors.length === 0 || !chaos.applies(method, path)) return undefined
  if (random() >= chaos.errorRate) return undefined
  return chaos.errors[Math.floor(random() * chaos.errors.length)]
}
