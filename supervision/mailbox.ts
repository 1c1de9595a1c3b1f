import type { MailboxLimits } from "./actor.ts"
import { Fifo } from "./fifo.ts"

export const defaultLimits: MailboxLimits = { capacity: 10_000, overflow: "drop-newest" }

/**
 * A message the kernel itself puts into a mailbox: a timer, an exit, a child that is ready. What it says is decided when
 * it is taken out, so that a timer cancelled meanwhile says nothing. There are never more than timers, watches and
 * children, so these do not count against the capacity.
 */
export interface Letter {
  /** Undefined: no longer wanted. */
  open(): { readonly message: unknown } | undefined
}

class Sealed {
  readonly letter: Letter
  constructor(letter: Letter) {
    this.letter = letter
  }
}

/** Two lanes, the urgent one first; each holds at most `capacity` messages. */
export class Mailbox {
  readonly capacity: number
  refused = 0
  readonly #dropOldest: boolean
  readonly #ordinary = new Fifo<unknown>()
  #urgent: Fifo<unknown> | undefined
  /** Of the ordinary lane. */
  #letters = 0

  constructor(limits: MailboxLimits = defaultLimits) {
    this.capacity = limits.capacity
    this.#dropOldest = limits.overflow === "drop-oldest"
  }

  get length(): number {
    return this.#ordinary.length + (this.#urgent?.length ?? 0)
  }

  /** What had to give way, if anything: the message itself or the oldest of its lane. */
  push(message: unknown, urgent: boolean): { readonly dropped: unknown } | undefined {
    const lane = urgent ? (this.#urgent ??= new Fifo()) : this.#ordinary
    const letters = urgent ? 0 : this.#letters
    if (lane.length - letters < this.capacity) {
      lane.push(message)
      return undefined
    }
    this.refused++
    if (!this.#dropOldest) return { dropped: message }
    lane.push(message)
    return this.#oldest(lane)
  }

  post(letter: Letter): void {
    this.#letters++
    this.#ordinary.push(new Sealed(letter))
  }

  /** The next message; a letter that is no longer wanted comes out as `nothing`. */
  take(): unknown {
    const lane = this.#urgent !== undefined && this.#urgent.length > 0 ? this.#urgent : this.#ordinary
    const item = lane.shift()
    if (!(item instanceof Sealed)) return item
    this.#letters--
    const opened = item.letter.open()
    return opened === undefined ? nothing : opened.message
  }

  /** Ordinary messages that nobody will read now. */
  drain(unread: (message: unknown) => void): void {
    this.#letters = 0
    for (const lane of [this.#urgent, this.#ordinary]) {
      for (let left = lane?.length ?? 0; left > 0; left--) {
        const item = lane?.shift()
        if (!(item instanceof Sealed)) unread(item)
      }
    }
  }

  /** Letters keep their place: they must not be lost to a flood of messages. */
  #oldest(lane: Fifo<unknown>): { readonly dropped: unknown } | undefined {
    for (let count = lane.length; count > 0; count--) {
      const item = lane.shift()
      if (!(item instanceof Sealed)) return { dropped: item }
      lane.push(item)
    }
    return undefined
  }
}

export const nothing = Symbol("nothing")
