import { fixedRandom } from "../cluster/random.ts"

/** Bytes that are wrong in one way or another: most of them good ones spoiled, since pure chance rarely gets far in. */
export class Mutator {
  readonly #random: { u32(): number }

  constructor(seed: number) {
    this.#random = fixedRandom(seed)
  }

  next(good: readonly Uint8Array[], longest: number): Uint8Array {
    const from = good[this.#below(good.length)]
    if (from === undefined || this.#below(8) === 0) return this.#noise(this.#below(longest + 1))
    const bytes = this.#sized(from, longest)
    for (let changes = this.#below(4); changes >= 0 && bytes.length > 0; changes--) this.#spoil(bytes)
    return bytes
  }

  /** As it is, cut short, longer than it says, or with the end of another one. */
  #sized(from: Uint8Array, longest: number): Uint8Array {
    switch (this.#below(6)) {
      case 0:
        return Uint8Array.from(from.subarray(0, this.#below(from.length + 1)))
      case 1: {
        const more = this.#noise(this.#below(Math.max(1, longest - from.length)))
        return Uint8Array.from([...from, ...more])
      }
      default:
        return Uint8Array.from(from)
    }
  }

  #spoil(bytes: Uint8Array): void {
    const at = this.#below(bytes.length)
    switch (this.#below(5)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#below(8))
        return
      case 1:
        bytes[at] = this.#below(256)
        return
      // A length that lies: nothing, everything, one more or one less.
      case 2:
        bytes[at] = [0, 0xff, (bytes[at] ?? 0) + 1, (bytes[at] ?? 0) - 1][this.#below(4)] ?? 0
        return
      case 3:
        bytes.copyWithin(at, this.#below(bytes.length), this.#below(bytes.length + 1))
        return
      default:
        bytes.fill(this.#below(256), at, Math.min(bytes.length, at + this.#below(8)))
    }
  }

  #noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256))
  }

  #below(limit: number): number {
    return this.#random.u32() % limit
  }
}
