import { Fifo } from "./fifo.ts"
import type { World } from "./world.ts"

export interface Runnable {
  run(): void
}

/** Longest time the actors of a thread keep the event loop: timers and sockets are at most this late, plus a few messages. */
const sliceMs = 2
/** Messages between two looks at the clock, while they are quick. */
const checkEvery = 4
const slowMs = 0.1

/**
 * One queue for all actors of a thread. It is drained in slices, so that a flood of messages does not make timers and
 * sockets wait, and one turn of the event loop serves many messages.
 */
export class RunQueue {
  readonly #world: World
  readonly #ready = new Fifo<Runnable>()
  /** Starts, exits, stops: ahead of the actors' messages, or a stop under load would wait its turn at every actor. */
  readonly #lifecycle = new Fifo<Runnable>()
  #afterSlice: (() => void)[] = []
  #armed = false
  #sliceEndsMs = 0
  #sliceOver = false
  #checkedMs = 0
  #untilCheck = 1

  constructor(world: World) {
    this.#world = world
  }

  push(actor: Runnable): void {
    this.#add(actor, this.#ready)
  }

  pushFirst(run: () => void): void {
    this.#add({ run }, this.#lifecycle)
  }

  #add(runnable: Runnable, lane: Fifo<Runnable>): void {
    if (this.#world.interleave === true) {
      this.#world.immediate(() => {
        runnable.run()
        this.#flush()
      })
      return
    }
    lane.push(runnable)
    this.#arm()
  }

  /** Once, when the present slice is over: the moment to send a batch. */
  afterSlice(run: () => void): void {
    this.#afterSlice.push(run)
    this.#arm()
  }

  /**
   * Whether there is time for one more message. To ask the clock costs more than most messages do, so it is asked every
   * few of them, and each time as soon as they turn out to be slow.
   */
  mayContinue(): boolean {
    if (this.#world.interleave === true || this.#sliceOver) return false
    if (--this.#untilCheck > 0) return true
    const nowMs = this.#world.clock.monotonicMs()
    this.#untilCheck = nowMs - this.#checkedMs > slowMs ? 1 : checkEvery
    this.#checkedMs = nowMs
    this.#sliceOver = nowMs >= this.#sliceEndsMs
    return !this.#sliceOver
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    this.#world.immediate(() => this.#drain())
  }

  #drain(): void {
    this.#checkedMs = this.#world.clock.monotonicMs()
    this.#sliceEndsMs = this.#checkedMs + sliceMs
    this.#sliceOver = false
    this.#untilCheck = 1
    do (this.#lifecycle.shift() ?? this.#ready.shift())?.run()
    while (this.#waiting() && this.mayContinue())
    this.#flush()
    this.#armed = false
    if (this.#waiting() || this.#afterSlice.length > 0) this.#arm()
  }

  #waiting(): boolean {
    return this.#lifecycle.length > 0 || this.#ready.length > 0
  }

  #flush(): void {
    if (this.#afterSlice.length === 0) return
    const flush = this.#afterSlice
    this.#afterSlice = []
    for (const run of flush) run()
  }
}
