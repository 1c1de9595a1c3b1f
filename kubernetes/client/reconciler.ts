import { type WorkCounts, workMeter, type WorkResult } from "../../config/work-meter.ts"
import type { ApiFailure } from "./failure.ts"
import type { Log } from "./log.ts"
import { backOffMs, type Time } from "./time.ts"

/**
 * A queue of keys without duplicates, and a few workers that make each of them true. A key that fails is tried again for
 * ever, later and later; one that has to be written again and again, because somebody undoes it, waits as well.
 */
export interface Reconciler {
  /** Makes it true soon. Does not shorten the wait of a key that fails. */
  add(key: string): void
  counts(): ReconcilerCounts
  /** Drops what waits and what is under way. */
  forget(): void
  stop(): Promise<void>
}

export interface ReconcilerCounts {
  /** Ready to be worked on, now. */
  readonly depth: number
  /** Waiting out a failure, a fight with another writer, or for the watch, now. */
  readonly delayed: number
  readonly active: number
  readonly rounds: number
  /** Rounds that changed something. */
  readonly writes: number
  readonly retries: number
  readonly workers: number
  readonly work: WorkCounts
}

export type Reconciled =
  /** `againMs`: to look once more, whatever happens. */
  | { readonly kind: "done"; readonly wrote: boolean; readonly againMs?: number }
  /** Somebody wrote it first, or took it away. */
  | { readonly kind: "conflict" }
  /** `lasting`: asking again soon will not help. */
  | { readonly kind: "failed"; readonly reason: string; readonly lasting: boolean; readonly retryAfterMs?: number }

export interface ReconcilerOptions {
  /** For the log: `statuses of pools`. */
  readonly what: string
  readonly workers: number
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Reconciled>
  readonly log: Log
  readonly time: Time
}

/** What is remembered of a key's past. */
interface Past {
  failures: number
  writes: number
  lastWriteMs: number
  /** Not to be begun before. */
  holdUntilMs: number
}

const rememberedKeys = 10_000
// So many writes in a row are ordinary life; each one more doubles the wait.
const freeWrites = 8
const quietMs = 60_000
const lastingCapMs = 300_000
const loggedReasons = 20

export function startReconciler({ what, workers, reconcile, log, time }: ReconcilerOptions): Reconciler {
  const ready = new Set<string>()
  const delayed = new Map<string, () => void>()
  const active = new Set<string>()
  const dirty = new Set<string>()
  const pasts = new Map<string, Past>()
  const running = new Set<Promise<void>>()
  const failing = new Set<string>()
  const reasons = new Set<string>()
  const counts = { rounds: 0, writes: 0, retries: 0 }
  const meter = workMeter(() => time.monotonicMs())
  let stopped = false
  let current = new AbortController()

  function add(key: string): void {
    if (stopped) return
    if (active.has(key)) return void dirty.add(key)
    const waitMs = (pasts.get(key)?.holdUntilMs ?? 0) - time.monotonicMs()
    if (waitMs > 0) return later(key, waitMs)
    delayed.get(key)?.()
    delayed.delete(key)
    ready.add(key)
    meter.add(key)
    // Not in the caller's turn: a burst of wishes is one round.
    queueMicrotask(pump)
  }

  function later(key: string, delayMs: number): void {
    if (delayed.has(key) || ready.has(key)) return
    const cancel = time.after(delayMs, () => {
      delayed.delete(key)
      ready.add(key)
      meter.add(key)
      pump()
    })
    delayed.set(key, cancel)
  }

  function pump(): void {
    for (const key of ready) {
      if (active.size >= workers) return
      ready.delete(key)
      active.add(key)
      meter.begin(key)
      const round = work(key, current).finally(() => running.delete(round))
      running.add(round)
    }
  }

  async function work(key: string, during: AbortController): Promise<void> {
    const result = await attempt(key, during.signal)
    active.delete(key)
    meter.end(key, resultOf(result))
    const again = dirty.delete(key)
    if (!during.signal.aborted) settle(key, result)
    if (again) add(key)
    pump()
  }

  async function attempt(key: string, signal: AbortSignal): Promise<Reconciled> {
    counts.rounds++
    try {
      return await reconcile(key, signal)
    } catch (error) {
      log.error(`writing the ${what} failed`, { key, error })
      return { kind: "failed", reason: "an error of our own", lasting: true }
    }
  }

  function settle(key: string, result: Reconciled): void {
    const past = pasts.get(key) ?? { failures: 0, writes: 0, lastWriteMs: 0, holdUntilMs: 0 }
    const nowMs = time.monotonicMs()
    if (result.kind === "done") {
      past.failures = 0
      recovered(key)
      if (result.wrote) {
        counts.writes++
        past.writes = nowMs - past.lastWriteMs > quietMs ? 1 : past.writes + 1
        past.lastWriteMs = nowMs
        if (past.writes > freeWrites) past.holdUntilMs = nowMs + backOffMs(past.writes - freeWrites, time.random())
      }
      if (result.againMs !== undefined) later(key, result.againMs)
    } else {
      counts.retries++
      const capMs = result.kind === "failed" && result.lasting ? lastingCapMs : undefined
      const waitMs = backOffMs(past.failures++, time.random(), capMs)
      const atLeastMs = result.kind === "failed" ? (result.retryAfterMs ?? 0) : 0
      past.holdUntilMs = nowMs + Math.max(waitMs, atLeastMs)
      if (result.kind === "failed") failed(key, result.reason)
      later(key, past.holdUntilMs - nowMs)
    }
    remember(key, past)
  }

  function failed(key: string, reason: string): void {
    failing.add(key)
    if (reasons.has(reason) || reasons.size >= loggedReasons) return
    reasons.add(reason)
    log.warn(`cannot write the ${what}; trying again`, { key, reason })
  }

  function recovered(key: string): void {
    if (!failing.delete(key) || failing.size > 0) return
    reasons.clear()
    log.info(`the ${what} are written again`)
  }

  function remember(key: string, past: Past): void {
    pasts.delete(key)
    if (past.failures > 0 || past.writes > 0) pasts.set(key, past)
    const [oldest] = pasts.keys()
    if (pasts.size > rememberedKeys && oldest !== undefined) pasts.delete(oldest)
  }

  function forget(): void {
    current.abort()
    current = new AbortController()
    for (const cancel of delayed.values()) cancel()
    for (const set of [ready, delayed, dirty, pasts, failing, reasons]) set.clear()
    meter.drop()
  }

  return {
    add,
    forget,
    counts: () => ({
      depth: ready.size,
      delayed: delayed.size,
      active: active.size,
      ...counts,
      workers,
      work: meter.read(),
    }),
    async stop() {
      stopped = true
      forget()
      await Promise.all(running)
    },
  }
}

function resultOf(result: Reconciled): WorkResult {
  if (result.kind !== "done") return "error"
  return result.againMs === undefined ? "success" : "requeue_after"
}

/** What a refused or failed request means for the key that it was made for. */
export function failedBy(error: ApiFailure): Reconciled {
  if (error.kind === "unreachable") return { kind: "failed", reason: error.message, lasting: false }
  // A kind that is not installed is 404 too; whoever watches it has said so.
  if (error.status === 409 || error.status === 404) return { kind: "conflict" }
  const { status, message, retryAfterMs } = error
  const lasting = status < 500 && status !== 408 && status !== 429
  return { kind: "failed", reason: message, lasting, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}
