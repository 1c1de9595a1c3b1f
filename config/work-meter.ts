/** Counts by size. `counts` has one entry for each bound, then one for what is larger; they do not add up. */
export interface Histogram {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

/** client-go's bounds for time in a queue and time of work, in seconds: from 10 ns by tens. */
const queueBounds: readonly number[] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000]

/** controller-runtime's bounds for the time of one reconciliation, in seconds. */
const reconcileBounds: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
]

/** What became of one piece of work, in controller-runtime's words. `error` and `requeue_after` are tried again. */
export type WorkResult = "success" | "error" | "requeue_after"

/** One queue of keys and those who work on them, with the numbers that client-go and controller-runtime keep. */
export interface WorkCounts {
  /** Waiting to be worked on, now. */
  readonly depth: number
  readonly active: number
  readonly adds: number
  readonly results: Readonly<Record<WorkResult, number>>
  readonly queueSeconds: Histogram
  readonly workSeconds: Histogram
  /** The same durations in the bounds of `controller_runtime_reconcile_time_seconds`. */
  readonly reconcileSeconds: Histogram
  /** Of what is under way: added up, and of the one that began first. */
  readonly unfinishedSeconds: number
  readonly longestRunningSeconds: number
}

export interface WorkMeter {
  /** It waits from now on; said again while it waits, nothing changes. */
  add(key: string): void
  /** It is worked on. What was not added counts as added now. */
  begin(key: string): void
  end(key: string, result: WorkResult): void
  /** It waits no more and nobody works on it; without a key, none of them. */
  drop(key?: string): void
  read(): WorkCounts
}

export function workMeter(nowMs: () => number): WorkMeter {
  const waiting = new Map<string, number>()
  const running = new Map<string, number>()
  const results: Record<WorkResult, number> = { success: 0, error: 0, requeue_after: 0 }
  const queue = histogram(queueBounds)
  const work = histogram(queueBounds)
  const reconcile = histogram(reconcileBounds)
  let adds = 0

  function add(key: string): void {
    if (waiting.has(key)) return
    waiting.set(key, nowMs())
    adds++
  }

  return {
    add,
    begin(key) {
      add(key)
      const now = nowMs()
      queue.observe((now - (waiting.get(key) ?? now)) / 1000)
      waiting.delete(key)
      running.set(key, now)
    },
    end(key, result) {
      const since = running.get(key)
      if (since === undefined) return
      running.delete(key)
      results[result]++
      const seconds = (nowMs() - since) / 1000
      work.observe(seconds)
      reconcile.observe(seconds)
    },
    drop(key) {
      for (const keys of [waiting, running])
        if (key === undefined) keys.clear()
        else keys.delete(key)
    },
    read() {
      const now = nowMs()
      const seconds = [...running.values()].map((since) => (now - since) / 1000)
      return {
        depth: waiting.size,
        active: running.size,
        adds,
        results: { ...results },
        queueSeconds: queue.read(),
        workSeconds: work.read(),
        reconcileSeconds: reconcile.read(),
        unfinishedSeconds: seconds.reduce((all, one) => all + one, 0),
        longestRunningSeconds: Math.max(0, ...seconds),
      }
    },
  }
}

export function histogram(bounds: readonly number[]): { observe(value: number): void; read(): Histogram } {
  const counts: number[] = Array.from({ length: bounds.length + 1 }, () => 0)
  let sum = 0
  return {
    observe(value) {
      const slot = bounds.findIndex((bound) => value <= bound)
      const bucket = slot < 0 ? bounds.length : slot
      counts[bucket] = (counts[bucket] ?? 0) + 1
      sum += value
    },
    read: () => ({ bounds, counts: [...counts], sum }),
  }
}
