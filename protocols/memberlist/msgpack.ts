/**
 * Reading the old msgpack specification, from before `str8`, `bin` and `ext`, as far as memberlist uses it: structs of
 * integers, booleans, text and byte strings. As liberal as memberlist's Go codec; what is written is in
 * `msgpack-writer.ts`.
 */
export type MsgpackError =
  /** `need` is how many bytes of the input there must be at least. */
  | { readonly kind: "truncated"; readonly need: number; readonly got: number }
  | { readonly kind: "wrong-type"; readonly field: string; readonly byte: number }
  | { readonly kind: "out-of-range"; readonly field: string; readonly value: number }
  | { readonly kind: "not-utf8"; readonly field: string }

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * A cursor whose first fault sticks: from then on every read gives an empty value, so that a decoder reads top to
 * bottom and looks at `fault` once, at the end.
 */
export class Reader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  offset: number
  fault: MsgpackError | undefined

  constructor(bytes: Uint8Array, offset = 0) {
    // As a plain array: a Buffer's `slice` would not copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
  }

  fail(fault: MsgpackError): undefined {
    this.fault ??= fault
    return undefined
  }

  /** Moves on by `count` bytes and returns where they begin; undefined when there are not as many. */
  #advance(count: number): number | undefined {
    if (this.fault) return undefined
    const need = this.offset + count
    if (need > this.bytes.length) return this.fail({ kind: "truncated", need, got: this.bytes.length })
    const from = this.offset
    this.offset = need
    return from
  }

  byte(): number {
    const at = this.#advance(1)
    return at === undefined ? 0 : (this.bytes[at] ?? 0)
  }

  /** What is left, as a copy. */
  rest(): Uint8Array {
    return this.take(this.bytes.length - this.offset)
  }

  /** A copy: what is read outlives the buffer it came in. */
  take(count: number): Uint8Array {
    const at = this.#advance(count)
    return at === undefined ? new Uint8Array() : this.bytes.slice(at, at + count)
  }

  /** Unsigned, of 1, 2, 4 or 8 bytes. Above 2⁵³ the value is rounded; no field is that wide. */
  unsigned(width: 1 | 2 | 4 | 8): number {
    const at = this.#advance(width)
    if (at === undefined) return 0
    if (width === 8) return Number(this.#view.getBigUint64(at))
    return width === 4 ? this.#view.getUint32(at) : width === 2 ? this.#view.getUint16(at) : this.#view.getUint8(at)
  }

  signed(width: 1 | 2 | 4 | 8): number {
    const at = this.#advance(width)
    if (at === undefined) return 0
    if (width === 8) return Number(this.#view.getBigInt64(at))
    return width === 4 ? this.#view.getInt32(at) : width === 2 ? this.#view.getInt16(at) : this.#view.getInt8(at)
  }

  /** Any integer form; nil is 0. */
  integer(field: string): number {
    const head = this.byte()
    if (head <= 0x7f) return head
    if (head >= 0xe0) return head - 256
    switch (head) {
      case 0xc0:
        return 0
      case 0xcc:
        return this.unsigned(1)
      case 0xcd:
        return this.unsigned(2)
      case 0xce:
        return this.unsigned(4)
      case 0xcf:
        return this.unsigned(8)
      case 0xd0:
        return this.signed(1)
      case 0xd1:
        return this.signed(2)
      case 0xd2:
        return this.signed(4)
      case 0xd3:
        return this.signed(8)
      default:
        return this.fail({ kind: "wrong-type", field, byte: head }) ?? 0
    }
  }

  within(field: string, max: number): number {
    const value = this.integer(field)
    if (value >= 0 && value <= max) return value
    return this.fail({ kind: "out-of-range", field, value }) ?? 0
  }

  /** true and false, nil, and 0 or 1 as Go takes them. */
  boolean(field: string): boolean {
    const head = this.byte()
    if (head === 0xc3 || head === 0x01) return true
    if (head !== 0xc2 && head !== 0xc0 && head !== 0x00) this.fail({ kind: "wrong-type", field, byte: head })
    return false
  }

  /** Nil is undefined, which is not the same as empty. */
  raw(field: string): Uint8Array | undefined {
    const head = this.byte()
    if (head === 0xc0) return undefined
    const items = this.#arrayLength(head)
    if (items !== undefined) return this.#integers(field, items)
    const length = this.#rawLength(head)
    return length === undefined ? this.fail({ kind: "wrong-type", field, byte: head }) : this.take(length)
  }

  text(field: string): string {
    const head = this.byte()
    if (head === 0xc0) return ""
    const length = this.#rawLength(head)
    if (length === undefined) return this.fail({ kind: "wrong-type", field, byte: head }) ?? ""
    try {
      return utf8.decode(this.take(length))
    } catch {
      return this.fail({ kind: "not-utf8", field }) ?? ""
    }
  }

  /** How a struct begins: a map, an array in declaration order, or nil for all fields zero. */
  struct(field: string): { readonly keyed: boolean; readonly count: number } {
    const head = this.byte()
    if (head === 0xc0) return { keyed: true, count: 0 }
    const pairs = this.#mapLength(head)
    if (pairs !== undefined) return { keyed: true, count: pairs }
    const items = this.#arrayLength(head)
    if (items !== undefined) return { keyed: false, count: items }
    this.fail({ kind: "wrong-type", field, byte: head })
    return { keyed: true, count: 0 }
  }

  /** Steps over one value of any type. Counts what is still open, so that deep nesting needs no stack. */
  skip(): void {
    for (let open = 1; open > 0 && !this.fault; open--) {
      const head = this.byte()
      const pairs = this.#mapLength(head)
      const items = this.#arrayLength(head)
      const length = this.#rawLength(head)
      if (pairs !== undefined) open += 2 * pairs
      else if (items !== undefined) open += items
      else if (length !== undefined) this.#advance(length)
      else this.#advance(this.#scalarLength(head))
    }
  }

  #integers(field: string, count: number): Uint8Array {
    const values: number[] = []
    for (let i = 0; i < count && !this.fault; i++) values.push(this.within(field, 0xff))
    return Uint8Array.from(values)
  }

  #rawLength(head: number): number | undefined {
    if (head >= 0xa0 && head <= 0xbf) return head & 0x1f
    if (head === 0xd9 || head === 0xc4) return this.unsigned(1)
    if (head === 0xda || head === 0xc5) return this.unsigned(2)
    if (head === 0xdb || head === 0xc6) return this.unsigned(4)
    return undefined
  }

  #mapLength(head: number): number | undefined {
    if (head >= 0x80 && head <= 0x8f) return head & 0x0f
    return head === 0xde ? this.unsigned(2) : head === 0xdf ? this.unsigned(4) : undefined
  }

  #arrayLength(head: number): number | undefined {
    if (head >= 0x90 && head <= 0x9f) return head & 0x0f
    return head === 0xdc ? this.unsigned(2) : head === 0xdd ? this.unsigned(4) : undefined
  }

  #scalarLength(head: number): number {
    if (head === 0xcc || head === 0xd0) return 1
    if (head === 0xcd || head === 0xd1) return 2
    if (head === 0xce || head === 0xd2 || head === 0xca) return 4
    if (head === 0xcf || head === 0xd3 || head === 0xcb) return 8
    if (head >= 0xd4 && head <= 0xd8) return 1 + 2 ** (head - 0xd4)
    if (head === 0xc7) return 1 + this.unsigned(1)
    if (head === 0xc8) return 1 + this.unsigned(2)
    if (head === 0xc9) return 1 + this.unsigned(4)
    return 0
  }
}
