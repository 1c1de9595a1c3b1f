/** First in, first out, in a ring that doubles. An empty one holds no memory to speak of: most mailboxes are empty. */
export class Fifo<T> {
  #ring: (T | undefined)[] = []
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length++) & (this.#ring.length - 1)] = item
  }

  /** Undefined when there is none; ask `length` first where undefined is also an item. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    // A burst must not leave its memory behind for good.
    if (--this.#length === 0 && this.#ring.length > 64) {
      this.#ring = []
      this.#head = 0
    }
    return item
  }

  #grow(): void {
    const next = Array.from<T | undefined>({ length: Math.max(4, this.#ring.length * 2) })
    for (let at = 0; at < this.#length; at++) next[at] = this.#ring[(this.#head + at) & (this.#ring.length - 1)]
    this.#ring = next
    this.#head = 0
  }
}
