/**
 * A Map for keys that come and go, over and over. V8's Map leaves a mark in the key's chain for each deletion until the whole
 * table is built anew, so one address that changes hands beside thousands at rest is looked up past thousands of marks.
 * Here a deleted key keeps its place, empty, until as many are empty as are not: any key then costs the same, however many
 * there are. Between two sweeps there are at most twice as many places as there were keys.
 */
export class StickyMap<K, V extends object | string | true> {
  readonly #places = new Map<K, V | undefined>()
  #size = 0

  get(key: K): V | undefined {
    return this.#places.get(key)
  }

  has(key: K): boolean {
    return this.#places.get(key) !== undefined
  }

  set(key: K, value: V): void {
    if (!this.has(key)) this.#size++
    this.#places.set(key, value)
  }

  /** False when it was not there. */
  delete(key: K): boolean {
    if (!this.has(key)) return false
    this.#places.set(key, undefined)
    this.#size--
    if (this.#places.size > leastPlaces && this.#places.size > 2 * this.#size) this.#sweep()
    return true
  }

  *values(): Iterable<V> {
    for (const value of this.#places.values()) if (value !== undefined) yield value
  }

  #sweep(): void {
    for (const [key, value] of this.#places) if (value === undefined) this.#places.delete(key)
  }
}

/** Fewer are not worth a sweep. */
const leastPlaces = 64
