const encoder = new TextEncoder()

/** The old msgpack specification in the one form that memberlist's Go codec writes. Grows as it is written to. */
export class Writer {
  #bytes = new Uint8Array(128)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }

  byte(value: number): void {
    const at = this.#room(1)
    this.#view.setUint8(at, value)
  }
  u16(value: number): void {
    const at = this.#room(2)
    this.#view.setUint16(at, value)
  }
  u32(value: number): void {
    const at = this.#room(4)
    this.#view.setUint32(at, value)
  }
  bytes(value: Uint8Array): void {
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
  }

  map(pairs: number): void {
    this.byte(0x80 | pairs)
  }

  unsigned(value: number): void {
    if (value <= 0x7f) this.byte(value)
    else if (value <= 0xff) {
      this.byte(0xcc)
      this.byte(value)
    } else if (value <= 0xffff) {
      this.byte(0xcd)
      this.u16(value)
    } else {
      this.byte(0xce)
      this.u32(value)
    }
  }

  /** go-msgpack 2 writes its signed fields in the signed forms, positive ones too. */
  signed(value: number): void {
    if (value <= 0x7f) this.byte(value)
    else if (value <= 0x7fff) {
      this.byte(0xd1)
      this.u16(value)
    } else {
      this.byte(0xd2)
      this.u32(value)
    }
  }

  boolean(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2)
  }

  raw(value: Uint8Array | undefined): void {
    if (value === undefined) return this.byte(0xc0)
    if (value.length <= 31) this.byte(0xa0 | value.length)
    else if (value.length <= 0xffff) {
      this.byte(0xda)
      this.u16(value.length)
    } else {
      this.byte(0xdb)
      this.u32(value.length)
    }
    this.bytes(value)
  }

  text(value: string): void {
    this.raw(encoder.encode(value))
  }
}
