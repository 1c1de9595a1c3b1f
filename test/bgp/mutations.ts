/** Random bytes that are nearly right: what finds more faults than noise does. All from one seed. */
export class Mutations {
  #state: number
  readonly #seeds: readonly Uint8Array[]

  constructor(seed: number, seeds: readonly Uint8Array[]) {
    this.#state = seed >>> 0 || 1
    this.#seeds = seeds
  }

  /** Xorshift (Marsaglia 2003), 32 bits. */
  below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state % limit
  }

  #seed(): Uint8Array {
    return this.#seeds[this.below(this.#seeds.length)] ?? new Uint8Array(19)
  }

  /** One message, a few mutations away from a good one. */
  next(): Uint8Array {
    let bytes: Uint8Array = this.#seed().slice()
    for (let left = 1 + this.below(4); left > 0; left--) bytes = this.#mutated(bytes)
    // Mostly with a header that lets the body be read.
    if (this.below(8) > 0 && bytes.length >= 19) {
      bytes.fill(0xff, 0, 16)
      bytes[16] = bytes.length >> 8
      bytes[17] = bytes.length & 0xff
    }
    return bytes
  }

  #mutated(bytes: Uint8Array): Uint8Array {
    const at = this.below(Math.max(1, bytes.length))
    switch (this.below(7)) {
      case 0:
        return this.#with(bytes, at, this.below(256))
      case 1:
        return this.#with(bytes, at, (bytes[at] ?? 0) ^ (1 << this.below(8)))
      case 2:
        // Numbers that lengths like to be.
        return this.#with(bytes, at, [0, 1, 0x7f, 0x80, 0xff][this.below(5)] ?? 0)
      case 3:
        return bytes.slice(0, at)
      case 4: {
        const part = this.#seed()
        return joined(bytes.subarray(0, at), part.subarray(this.below(part.length)), bytes.subarray(at))
      }
      case 5:
        return joined(bytes.subarray(0, at), bytes.subarray(at, at + this.below(40)), bytes.subarray(at))
      default:
        return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + this.below(8)))
    }
  }

  #with(bytes: Uint8Array, at: number, value: number): Uint8Array {
    if (at < bytes.length) bytes[at] = value
    return bytes
  }
}

/** At most what a message can be. */
function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts).subarray(0, 65_535))
}
