import { StickyMap } from "./sticky-map.ts"

/**
 * The free addresses of one block, as numbers. Finds the lowest without walking over those in use: everything from
 * `next` on that is not taken was never given out, and what came back below `next` waits in a heap. Each address in use
 * is stepped over once, so a full block costs no more than an empty one.
 */
export class FreeSpace {
  readonly #last: bigint
  readonly #usable: (number: bigint) => boolean
  readonly #taken = new StickyMap<bigint, true>()
  readonly #holes = new Heap()
  #next: bigint

  constructor(first: bigint, last: bigint, usable: (number: bigint) => boolean) {
    this.#next = first
    this.#last = last
    this.#usable = usable
  }

  take(number: bigint): void {
    this.#taken.set(number, true)
  }

  free(number: bigint): void {
    if (this.#taken.delete(number) && number < this.#next && this.#usable(number)) this.#holes.add(number)
  }

  lowest(): bigint | undefined {
    for (let hole = this.#holes.min(); hole !== undefined; hole = this.#holes.min()) {
      if (!this.#taken.has(hole)) return hole
      this.#holes.removeMin() // taken by name since it came back
    }
    while (this.#next <= this.#last && (this.#taken.has(this.#next) || !this.#usable(this.#next))) this.#next++
    return this.#next <= this.#last ? this.#next : undefined
  }
}

/** A binary heap without duplicates, smallest first. */
class Heap {
  readonly #items: bigint[] = []
  readonly #members = new StickyMap<bigint, true>()

  min(): bigint | undefined {
    return this.#items[0]
  }

  add(item: bigint): void {
    if (this.#members.has(item)) return
    this.#members.set(item, true)
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent]
      if (above === undefined || above <= item) break
      items[at] = above
      at = parent
    }
    items[at] = item
  }

  removeMin(): void {
    const items = this.#items
    const [min] = items
    const moved = items.pop()
    if (min === undefined || moved === undefined) return
    this.#members.delete(min)
    if (items.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const [a, b] = [items[left], items[left + 1]]
      if (a === undefined) break
      const [child, value] = b !== undefined && b < a ? [left + 1, b] : [left, a]
      if (value >= moved) break
      items[at] = value
      at = child
    }
    items[at] = moved
  }
}
