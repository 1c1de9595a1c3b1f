/** One call stack with what was measured in it. */
export interface StackSample {
  /** The innermost frame first. */
  readonly frames: readonly Frame[]
  /** One for each of the profile's value types. */
  readonly values: readonly number[]
}

export interface Frame {
  readonly function: string
  readonly file: string
  /** From 1; 0 where there is none. */
  readonly line: number
}

export interface Profile {
  readonly valueTypes: readonly ValueType[]
  readonly samples: readonly StackSample[]
  readonly periodType: ValueType
  readonly period: number
  readonly startNs: bigint
  readonly durationNs: bigint
}

type ValueType = readonly [type: string, unit: string]

/** The profile as `go tool pprof` reads it (profile.proto of github.com/google/pprof), not compressed. */
export function encodeProfile(profile: Profile): Uint8Array {
  const strings = new Numbered<string>()
  strings.of("", "")
  const functions = new Numbered<Frame>()
  const locations = new Numbered<Frame>()
  const out = new Message()
  const valueType = ([type, unit]: ValueType) =>
    new Message().number(1, strings.of(type, type)).number(2, strings.of(unit, unit))
  for (const type of profile.valueTypes) out.message(1, valueType(type))
  for (const { frames, values } of profile.samples) {
    const ids = frames.map((frame) => {
      functions.of(`${frame.function}\0${frame.file}`, frame)
      return locations.of(`${frame.function}\0${frame.file}\0${frame.line}`, frame) + 1
    })
    out.message(2, new Message().packed(1, ids).packed(2, values))
  }
  for (const [id, frame] of locations.all()) {
    const owner = functions.of(`${frame.function}\0${frame.file}`, frame) + 1
    const line = new Message().number(1, owner).number(2, frame.line)
    out.message(4, new Message().number(1, id + 1).message(4, line))
  }
  for (const [id, frame] of functions.all()) {
    const name = strings.of(frame.function, frame.function)
    const file = strings.of(frame.file, frame.file)
    out.message(
      5,
      new Message()
        .number(1, id + 1)
        .number(2, name)
        .number(3, name)
        .number(4, file),
    )
  }
  const period = valueType(profile.periodType)
  for (const [, text] of strings.all()) out.text(6, text)
  out.number(9, profile.startNs).number(10, profile.durationNs).message(11, period).number(12, profile.period)
  return out.bytes()
}

/** Numbers from 0, in the order of first mention. */
class Numbered<T> {
  readonly #ids = new Map<string, number>()
  readonly #values: T[] = []

  of(key: string, value: T): number {
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    this.#ids.set(key, this.#values.length)
    return this.#values.push(value) - 1
  }

  all(): Iterable<readonly [id: number, value: T]> {
    return this.#values.entries()
  }
}

/** Protocol Buffers' wire format: as much of it as a profile needs. */
class Message {
  readonly #parts: Uint8Array[] = []

  number(field: number, value: number | bigint): this {
    this.#parts.push(varint(field << 3), varint(value))
    return this
  }

  packed(field: number, values: readonly number[]): this {
    return this.#delimited(field, Buffer.concat(values.map(varint)))
  }

  text(field: number, text: string): this {
    return this.#delimited(field, Buffer.from(text))
  }

  message(field: number, message: Message): this {
    return this.#delimited(field, message.bytes())
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts)
  }

  #delimited(field: number, bytes: Uint8Array): this {
    this.#parts.push(varint((field << 3) | 2), varint(bytes.length), bytes)
    return this
  }
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
