import { Descriptors, descriptorTable, reclaim } from "./descriptors.ts"
import { errno, pollEvent } from "./linux.ts"
import { systemError } from "./outcome.ts"
import { eventLoopDescriptor, poll } from "./system-calls.ts"

export type Cancel = () => void

interface Entry {
  readonly fd: number
  readonly ready: () => void
  live: boolean
}
interface Timer {
  readonly atMs: number
  readonly run: () => void
}

const entryLength = 8
/** Node's own timers in this thread are late by up to this much; ours are not. */
const longestWaitMs = 100

/**
 * Waits for sockets that Node cannot wait for, in a worker thread of its own. Each turn is one `ppoll` on those sockets
 * and on libuv's own descriptor, which becomes readable when a message comes or the thread is terminated; then libuv
 * gets a turn. While it waits the thread is inside the system call: no setTimeout and no setImmediate of Node's runs.
 * So the world of such a thread takes its timers and its `immediate` from here.
 */
export class RawLoop {
  readonly descriptors: Descriptors
  #entries: readonly Entry[] = []
  #pollEntries = Buffer.alloc(entryLength)
  readonly #timeout = Buffer.alloc(16)
  readonly #wake = eventLoopDescriptor()
  readonly #timers: Timer[] = []
  #immediates: { run: (() => void) | undefined }[] = []
  #running = false

  constructor(descriptors: Descriptors) {
    this.descriptors = descriptors
    this.#layOut()
  }

  /** Punctual to a fraction of a millisecond; same shape as the world's timers. */
  readonly timers = {
    after: (delayMs: number, run: () => void): Cancel => {
      const timer = { atMs: performance.now() + Math.max(0, delayMs), run }
      const later = this.#timers.findIndex((other) => other.atMs > timer.atMs)
      this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer)
      return () => {
        const at = this.#timers.indexOf(timer)
        if (at >= 0) this.#timers.splice(at, 1)
      }
    },
  }

  /** In the next turn, after libuv has had its own; what is added meanwhile waits for the turn after. */
  readonly immediate = (run: () => void): Cancel => {
    const entry: { run: (() => void) | undefined } = { run }
    this.#immediates.push(entry)
    return () => {
      entry.run = undefined
    }
  }

  /**
   * `ready` is called while the descriptor has something to read or an error to tell, which it must then read, or the
   * loop spins. It reads a bounded number of packets a call, so that messages and timers get their turn.
   */
  add(fd: number, ready: () => void): Cancel {
    const entry = { fd, ready, live: true }
    this.#entries = [...this.#entries, entry]
    this.#layOut()
    return () => {
      if (!entry.live) return
      entry.live = false
      this.#entries = this.#entries.filter((other) => other !== entry)
      this.#layOut()
    }
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    setImmediate(this.#turn)
  }

  /** After it the thread ends by itself once nothing else holds it. */
  stop(): void {
    this.#running = false
  }

  /**
   * As long as only packets come, they are handled round by round without a turn of libuv's, which costs more than an
   * answer. Everything else needs one afterwards: messages, and the promises that timers and immediates may have settled.
   * A throw in a callback leaves the loop stopped and ends the thread like any uncaught exception.
   */
  readonly #turn = (): void => {
    if (!this.#running) return
    const endMs = performance.now() + longestWaitMs
    while (this.#packetsOnly() && performance.now() < endMs);
    setImmediate(this.#turn)
  }

  /** One round. True when packets came and nothing else did or is to be done. */
  #packetsOnly(): boolean {
    this.#setTimeout()
    const entries = this.#entries
    const polled = this.#pollEntries
    const ready = poll(polled, entries.length + 1, this.#timeout, null)
    if (ready < 0 && ready !== errno.intr) throw new Error(systemError("waiting for packets", ready).message)
    if (ready > 0) {
      for (const [i, entry] of entries.entries()) {
        if (entry.live && polled.readInt16LE((i + 1) * entryLength + 6) !== 0) entry.ready()
      }
    }
    const woken = polled.readInt16LE(6) !== 0
    const timers = this.#runDue()
    const immediates = this.#runImmediates()
    return ready > 0 && !woken && !timers && !immediates && this.#immediates.length === 0 && this.#running
  }

  #setTimeout(): void {
    const next = this.#timers[0]
    const untilMs = next === undefined ? longestWaitMs : Math.min(longestWaitMs, next.atMs - performance.now())
    const waitMs = this.#immediates.length > 0 ? 0 : Math.max(0, untilMs)
    this.#timeout.writeBigInt64LE(0n, 0)
    this.#timeout.writeUInt32LE(Math.floor(waitMs * 1e6), 8)
  }

  #runDue(): boolean {
    const first = this.#timers[0]
    if (first === undefined) return false
    const nowMs = performance.now()
    if (first.atMs > nowMs) return false
    for (let next = this.#timers[0]; next !== undefined && next.atMs <= nowMs; next = this.#timers[0]) {
      this.#timers.shift()
      next.run()
    }
    return true
  }

  #runImmediates(): boolean {
    if (this.#immediates.length === 0) return false
    const due = this.#immediates
    this.#immediates = []
    for (const entry of due) entry.run?.()
    return true
  }

  #layOut(): void {
    const fds = [this.#wake, ...this.#entries.map((entry) => entry.fd)]
    const entries = Buffer.alloc(fds.length * entryLength)
    for (const [i, fd] of fds.entries()) {
      entries.writeInt32LE(fd, i * entryLength)
      entries.writeInt16LE(pollEvent.in, i * entryLength + 4)
    }
    this.#pollEntries = entries
  }
}

/**
 * The loop of the present worker thread, started. `descriptors` is the thread's table: what a terminated predecessor
 * left open in it is closed first. Without one the thread must not be terminated while it holds sockets.
 */
export function createRawLoop(descriptors: SharedArrayBuffer = descriptorTable()): RawLoop {
  reclaim(descriptors)
  const loop = new RawLoop(new Descriptors(descriptors))
  loop.start()
  return loop
}
