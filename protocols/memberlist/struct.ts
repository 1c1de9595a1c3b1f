import type { Reader } from "./msgpack.ts"
import type { Writer } from "./msgpack-writer.ts"

/** How one field's value is read and written. */
interface Field<T> {
  readonly zero: T
  read(reader: Reader, name: string): T
  write(writer: Writer, value: T): void
  /** Left out of the map when it has no value. */
  readonly optional?: (value: T) => boolean
}

export const u8: Field<number> = unsigned(0xff)
export const u16: Field<number> = unsigned(0xffff)
export const u32: Field<number> = unsigned(0xffff_ffff)
/** Signed in Go, yet never below zero in anything a node may send: a negative count crashes memberlist 0.5.1. */
export const count: Field<number> = {
  zero: 0,
  read: (reader, name) => reader.within(name, 0x7fff_ffff),
  write: (writer, value) => writer.signed(value),
}
export const bool: Field<boolean> = {
  zero: false,
  read: (reader, name) => reader.boolean(name),
  write: (writer, value) => writer.boolean(value),
}
export const text: Field<string> = {
  zero: "",
  read: (reader, name) => reader.text(name),
  write: (writer, value) => writer.text(value),
}
export const raw: Field<Uint8Array | undefined> = {
  zero: undefined,
  read: (reader, name) => reader.raw(name),
  write: (writer, value) => writer.raw(value),
}
export const optional = <T>(field: Field<T>, empty: (value: T) => boolean): Field<T> => ({ ...field, optional: empty })

function unsigned(max: number): Field<number> {
  return {
    zero: 0,
    read: (reader, name) => reader.within(name, max),
    write: (writer, value) => writer.unsigned(value),
  }
}

/** Field names as on the wire, in the order Go declares them: that order counts for a struct sent as an array. */
type Fields = Readonly<Record<string, Field<never> | Field<number> | Field<boolean> | Field<string> | typeof raw>>
type Value<F> = F extends Field<infer T> ? T : never

/** `SeqNo` on the wire is `seqNo` here. */
export type Body<F> = { readonly [K in keyof F & string as Uncapitalize<K>]: Value<F[K]> }

export interface Struct<T> {
  /** Look at the reader's fault before believing the value. */
  read(reader: Reader): T
  write(writer: Writer, value: T): void
}

interface Row {
  readonly name: string
  readonly key: string
  readonly field: Field<unknown>
}

export function struct<F extends Fields>(what: string, fields: F): Struct<Body<F>> {
  const declared: Row[] = Object.entries(fields).map(([name, field]) => ({
    name,
    key: name.charAt(0).toLowerCase() + name.slice(1),
    field: field as Field<unknown>,
  }))
  const byName = new Map(declared.map((row) => [row.name, row]))
  // All names are ASCII: comparing code units is comparing bytes.
  const sorted = [...declared].sort((a, b) => (a.name < b.name ? -1 : 1))

  return {
    read(reader) {
      const body: Record<string, unknown> = {}
      for (const row of declared) body[row.key] = row.field.zero
      const { keyed, count } = reader.struct(what)
      for (let i = 0; i < count && !reader.fault; i++) {
        const row = keyed ? byName.get(reader.text(`${what} key`)) : declared[i]
        if (row) body[row.key] = row.field.read(reader, `${what} ${row.name}`)
        else reader.skip()
      }
      return body as Body<F>
    },
    write(writer, value) {
      const body = value as Readonly<Record<string, unknown>>
      const present = sorted.filter(({ key, field }) => !field.optional?.(body[key]))
      writer.map(present.length)
      for (const { name, key, field } of present) {
        writer.text(name)
        field.write(writer, body[key])
      }
    },
  }
}
