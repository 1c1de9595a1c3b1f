/** Clock, timers and chance, handed in so that tests need not wait. */
export interface Time {
  /** Milliseconds since 1970, for Kubernetes timestamps. */
  wallMs(): number
  /** Milliseconds that only grow. */
  monotonicMs(): number
  after(delayMs: number, run: () => void): () => void
  /** Uniform in [0, 1). */
  random(): number
}

export const realTime: Time = {
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

/** Resolves after the delay, or at once when the signal aborts. */
export function pause(time: Time, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      signal.removeEventListener("abort", done)
      resolve()
    }
    const cancel = time.after(delayMs, done)
    signal.addEventListener("abort", done)
  })
}

/** The n-th wait in a row (from 0): 0.25 s · 2ⁿ up to the cap, ±20 % so that a fleet does not come back in step. */
export function backOffMs(n: number, random: number, capMs = 30_000): number {
  return Math.min(250 * 2 ** n, capMs) * (0.8 + 0.4 * random)
}

/** `metav1.Time`: whole seconds. */
export const timestamp = (wallMs: number): string => new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z")

/** `metav1.MicroTime`. */
export const microTimestamp = (wallMs: number): string => new Date(wallMs).toISOString().replace("Z", "000Z")
