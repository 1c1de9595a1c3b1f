import type { Cell } from "./cell.ts"
import type { Cancel } from "./world.ts"

interface Timer {
  readonly message: unknown
  readonly periodMs: number | undefined
  dueMs: number
  cancel: Cancel
  /** In the mailbox, not yet read. */
  queued: boolean
}

/**
 * Timers as messages to oneself. A message in the mailbox whose timer was set again or cancelled meanwhile is thrown
 * away when its turn comes, so no actor needs to check for stale ones.
 */
export class NamedTimers {
  readonly #cell: Cell
  readonly #timers = new Map<string, Timer>()

  constructor(cell: Cell) {
    this.#cell = cell
  }

  set(name: string, delayMs: number, message: unknown): void {
    this.#start(name, delayMs, undefined, message)
  }

  /** Without drift. A tick that finds the one before still unread is left out. */
  every(name: string, periodMs: number, message: unknown): void {
    if (!(periodMs > 0)) throw new RangeError(`timer ${name}: a period must be above 0 ms, not ${periodMs}`)
    this.#start(name, periodMs, periodMs, message)
  }

  cancel(name: string): void {
    this.#timers.get(name)?.cancel()
    this.#timers.delete(name)
  }

  cancelAll(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #start(name: string, delayMs: number, periodMs: number | undefined, message: unknown): void {
    this.cancel(name)
    const { phase } = this.#cell
    if (phase === "stopping" || phase === "dead") return
    const dueMs = this.#nowMs() + delayMs
    const timer: Timer = { message, periodMs, dueMs, cancel: () => {}, queued: false }
    this.#timers.set(name, timer)
    this.#arm(name, timer)
  }

  #arm(name: string, timer: Timer): void {
    timer.cancel = this.#cell.kernel.world.timers.after(Math.max(0, timer.dueMs - this.#nowMs()), () => {
      if (!timer.queued) {
        timer.queued = true
        this.#cell.post({ open: () => this.#open(name, timer) })
      }
      if (timer.periodMs === undefined) return
      const missed = Math.max(0, Math.floor((this.#nowMs() - timer.dueMs) / timer.periodMs))
      timer.dueMs += (missed + 1) * timer.periodMs
      this.#arm(name, timer)
    })
  }

  #open(name: string, timer: Timer): { readonly message: unknown } | undefined {
    if (this.#timers.get(name) !== timer) return undefined
    timer.queued = false
    if (timer.periodMs === undefined) this.#timers.delete(name)
    return { message: timer.message }
  }

  #nowMs(): number {
    return this.#cell.kernel.world.clock.monotonicMs()
  }
}
