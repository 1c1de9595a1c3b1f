import { err, ok, type Result } from "../result.ts"

/**
 * Lempel-Ziv-Welch as Go's compress/lzw has it with least significant bits first and literals of 8 bits: the GIF
 * variant, not the one of TIFF and PDF. Codes 0–255 are literals; they widen from 9 to 12 bits.
 */
const CLEAR = 256
const END = 257
const MIN_WIDTH = 9
const MAX_WIDTH = 12
/** The encoder starts anew one code before the table is full. */
const LAST_CODE = (1 << MAX_WIDTH) - 1

export type LzwError =
  | { readonly kind: "lzw-truncated" }
  | { readonly kind: "lzw-bad-code"; readonly code: number }
  | { readonly kind: "inflates-too-far"; readonly limit: number }

export function lzwCompress(plain: Uint8Array): Uint8Array {
  const bits = new BitWriter(plain.length + 16)
  const table = new Map<number, number>()
  let width = MIN_WIDTH
  let highest = END
  /** The code just written takes its number, even where no entry is made for it. False when the table starts anew. */
  const countUp = (): boolean => {
    highest++
    if (highest === 1 << width) width++
    if (highest !== LAST_CODE) return true
    bits.put(CLEAR, width)
    width = MIN_WIDTH
    highest = END
    table.clear()
    return false
  }

  bits.put(CLEAR, width)
  let prefix = -1
  for (const byte of plain) {
    const key = (prefix << 8) | byte
    const known = prefix < 0 ? byte : table.get(key)
    if (known !== undefined) {
      prefix = known
      continue
    }
    bits.put(prefix, width)
    if (countUp()) table.set(key, highest)
    prefix = byte
  }
  if (prefix >= 0) {
    bits.put(prefix, width)
    countUp()
  }
  bits.put(END, width)
  return bits.done()
}

/** Total. Never makes more than `limit` bytes, however small the input. Bytes after the end code are ignored. */
export function lzwDecompress(packed: Uint8Array, limit: number): Result<Uint8Array, LzwError> {
  const prefixes = new Uint16Array(1 << MAX_WIDTH)
  const suffixes = new Uint8Array(1 << MAX_WIDTH)
  const expansion = new Uint8Array(1 << MAX_WIDTH)
  const out = new Output(limit)
  let width = MIN_WIDTH
  let highest = END
  let full = false
  let previous = -1
  let pending = 0
  let pendingBits = 0
  let at = 0

  for (;;) {
    while (pendingBits < width) {
      const byte = packed[at++]
      if (byte === undefined) return err({ kind: "lzw-truncated" })
      pending |= byte << pendingBits
      pendingBits += 8
    }
    const code = pending & ((1 << width) - 1)
    pending >>>= width
    pendingBits -= width

    if (code === END) return ok(out.done())
    if (code === CLEAR) {
      width = MIN_WIDTH
      highest = END
      full = false
      previous = -1
      continue
    }
    // The code about to be defined stands for the previous string and its own first byte.
    const isNext = code === highest && !full
    if (code > highest || (isNext && previous < 0)) return err({ kind: "lzw-bad-code", code })

    let from = expansion.length
    let rest = isNext ? previous : code
    if (isNext) from--
    while (rest > END) {
      expansion[--from] = suffixes[rest] ?? 0
      rest = prefixes[rest] ?? 0
    }
    expansion[--from] = rest
    if (isNext) expansion[expansion.length - 1] = rest
    if (!out.append(expansion.subarray(from))) return err({ kind: "inflates-too-far", limit })

    if (previous >= 0) {
      prefixes[highest] = previous
      suffixes[highest] = rest
    }
    previous = code
    highest++
    if (highest < 1 << width) continue
    if (width < MAX_WIDTH) width++
    else {
      // Full: nothing is added until a clear code.
      highest--
      full = true
      previous = -1
    }
  }
}

class BitWriter {
  #bytes: Uint8Array
  #length = 0
  #pending = 0
  #pendingBits = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
  }

  put(code: number, width: number): void {
    this.#pending |= code << this.#pendingBits
    this.#pendingBits += width
    while (this.#pendingBits >= 8) {
      this.#push(this.#pending & 0xff)
      this.#pending >>>= 8
      this.#pendingBits -= 8
    }
  }

  done(): Uint8Array {
    if (this.#pendingBits > 0) this.#push(this.#pending & 0xff)
    return this.#bytes.slice(0, this.#length)
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.length) this.#bytes = grown(this.#bytes, this.#length + 1)
    this.#bytes[this.#length++] = byte
  }
}

class Output {
  #bytes = new Uint8Array(1024)
  #length = 0
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  append(bytes: Uint8Array): boolean {
    const length = this.#length + bytes.length
    if (length > this.#limit) return false
    if (length > this.#bytes.length) this.#bytes = grown(this.#bytes, length)
    this.#bytes.set(bytes, this.#length)
    this.#length = length
    return true
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

function grown(bytes: Uint8Array, need: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(need, 2 * bytes.length))
  larger.set(bytes)
  return larger
}
