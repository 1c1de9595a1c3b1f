import type { KubeObject } from "./object.ts"
import type { Key } from "./store.ts"

export interface StoreEvent {
  readonly revision: number
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly key: Key
  readonly object: KubeObject
  /** The form before; undefined for ADDED. */
  readonly old: KubeObject | undefined
}

/** The last events, for watches that start at an old version, and whoever wants to hear the next ones. */
export class History {
  readonly #limit: number
  readonly #listeners = new Set<(event: StoreEvent) => void>()
  readonly #undelivered: StoreEvent[] = []
  #delivering = false
  #events: StoreEvent[] = []
  /** Events up to and including this revision are gone. */
  #compacted = 0

  constructor(limit: number) {
    this.#limit = Math.max(1, limit)
  }

  get compactedRevision(): number {
    return this.#compacted
  }

  get listeners(): number {
    return this.#listeners.size
  }

  append(event: StoreEvent): void {
    this.#events.push(event)
    // Cut in blocks: a shift per event would copy the array every time.
    if (this.#events.length >= this.#limit * 2) this.#cut(this.#events.length - this.#limit)
    this.#undelivered.push(event)
    this.#deliver()
  }

  /** A listener may write in turn: what it writes is delivered after what it heard, to everybody. */
  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      for (let event = this.#undelivered.shift(); event !== undefined; event = this.#undelivered.shift()) {
        for (const listener of this.#listeners) listener(event)
      }
    } finally {
      this.#delivering = false
    }
  }

  /** Everything after `revision`, or undefined when part of it is gone. */
  since(revision: number): readonly StoreEvent[] | undefined {
    if (revision < this.#oldest()) return undefined
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return this.#events.slice(low)
  }

  /** Forgets events up to `revision`: watches from there or before get 410 Expired. */
  compact(revision: number): void {
    this.#events = this.#events.filter((event) => event.revision > revision)
    this.#compacted = Math.max(this.#compacted, revision)
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A watch may start here or later: the limit holds exactly, although old events are cut in blocks. */
  #oldest(): number {
    const surplus = this.#events.length - this.#limit
    return surplus <= 0 ? this.#compacted : (this.#events[surplus - 1]?.revision ?? this.#compacted)
  }

  #cut(count: number): void {
    this.#compacted = this.#events[count - 1]?.revision ?? this.#compacted
    this.#events = this.#events.slice(count)
  }
}
