import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import type { Cancel, Random } from "./world.ts"

/** One life of a host, from its start to its kill. What was scheduled for it ends with it and rests while it rests. */
export interface Life {
  readonly host: string
  dead: boolean
  paused: boolean
  readonly held: (() => void)[]
}

interface Task {
  readonly life: Life | undefined
  readonly label: string
  readonly atMs: number
  run: (() => void) | undefined
}

/** A run that never comes to rest is a fault of what is simulated; without a limit it would look like a slow test. */
const stepLimit = 20_000_000
const traceLimit = 200_000

/**
 * One queue for all hosts. Whoever can run now runs before time moves, in an order drawn from the seed; when nobody can,
 * the clock jumps to the next timer. Between two steps every promise that can settle has settled.
 */
export class Schedule {
  readonly random: Random
  readonly trace: string[] = []
  nowMs = 0
  steps = 0
  readonly #runnable: Task[] = []
  /** The next one last. */
  readonly #timers: Task[] = []

  constructor(seed: number) {
    this.random = seeded(seed)
  }

  soon(life: Life | undefined, label: string, run: () => void): Cancel {
    const task: Task = { life, label, atMs: this.nowMs, run }
    this.#runnable.push(task)
    return () => {
      task.run = undefined
    }
  }

  after(life: Life | undefined, delayMs: number, label: string, run: () => void): Cancel {
    const task: Task = { life, label, atMs: this.nowMs + Math.max(0, delayMs), run }
    let [low, high] = [0, this.#timers.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#timers[middle]?.atMs ?? 0) > task.atMs) low = middle + 1
      else high = middle
    }
    this.#timers.splice(low, 0, task)
    return () => {
      task.run = undefined
    }
  }

  /** Now, or when the host wakes, or never when it is dead. */
  enter(life: Life, run: () => void): void {
    if (life.dead) return
    if (life.paused) life.held.push(run)
    else run()
  }

  resume(life: Life): void {
    life.paused = false
    for (const run of life.held.splice(0)) this.soon(life, "resumed", run)
  }

  note(host: string, what: string): void {
    if (this.trace.length >= traceLimit) this.trace.splice(0, traceLimit / 2)
    this.trace.push(`${this.nowMs.toFixed(3)} ${host} ${what}`)
  }

  uniform(low: number, high: number): number {
    return low + (this.random.u32() / 2 ** 32) * (high - low)
  }

  chance(share: number): boolean {
    return share > 0 && this.random.u32() / 2 ** 32 < share
  }

  /** False when nothing is left to do up to that moment, which is now reached. */
  async step(untilMs: number): Promise<boolean> {
    const task = this.#next(untilMs)
    if (task === undefined) {
      if (Number.isFinite(untilMs)) this.nowMs = Math.max(this.nowMs, untilMs)
      return false
    }
    const { life } = task
    if (task.run !== undefined) {
      if (++this.steps > stepLimit) throw new Error(`simulation: still busy after ${stepLimit} steps`)
      if (life === undefined) task.run()
      else
        this.enter(life, () => {
          // A host that stood still may have cancelled it since.
          if (task.run === undefined) return
          this.note(life.host, task.label)
          task.run()
        })
      await new Promise((resolve) => setImmediate(resolve))
    }
    return true
  }

  #next(untilMs: number): Task | undefined {
    const count = this.#runnable.length
    if (count > 0) {
      const at = this.random.u32() % count
      const task = this.#runnable[at]
      const last = this.#runnable.pop()
      if (at < this.#runnable.length && last !== undefined) this.#runnable[at] = last
      return task
    }
    const next = this.#timers.at(-1)
    if (next === undefined || next.atMs > untilMs) return undefined
    this.#timers.pop()
    if (next.run !== undefined) this.nowMs = Math.max(this.nowMs, next.atMs)
    return next
  }
}

function seeded(seed: number): Random {
  const generator = xoroshiro128plus(seed)
  // Seeds that differ in few bits begin alike.
  for (let skip = 0; skip < 32; skip++) generator.next()
  const u32 = () => generator.next() >>> 0
  return { u32, bytes: (length) => Uint8Array.from({ length }, () => u32() & 0xff) }
}
