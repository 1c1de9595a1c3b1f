import { badRequest, unsupportedMediaType } from "./status.ts"
import { type JsonObject, set } from "./object.ts"
import { type Field, type Message, messages } from "./protobuf-messages.ts"

// Kubernetes' protobuf encoding, reading only: kubectl sends it for `create namespace` and the like, and takes JSON back.
// The envelope is `k8s\0` and a runtime.Unknown: 1 TypeMeta (1 apiVersion, 2 kind), 2 raw bytes.

const MAGIC = Buffer.from("k8s\0")

/** As the JSON object it stands for. Throws 400 for bytes that are none, 415 for a kind without a table. */
export function decodeProtobuf(bytes: Buffer): JsonObject {
  if (!bytes.subarray(0, 4).equals(MAGIC)) throw badRequest("the body is not in Kubernetes' protobuf encoding")
  let apiVersion = ""
  let kind = ""
  let raw: Uint8Array = new Uint8Array()
  for (const { number, value } of fieldsOf(bytes.subarray(4))) {
    if (number === 2 && value instanceof Uint8Array) raw = value
    if (number !== 1 || !(value instanceof Uint8Array)) continue
    for (const inner of fieldsOf(value)) {
      if (!(inner.value instanceof Uint8Array)) continue
      if (inner.number === 1) apiVersion = textOf(inner.value)
      if (inner.number === 2) kind = textOf(inner.value)
    }
  }
  const message = Object.hasOwn(messages, kind) ? messages[kind] : undefined
  if (message === undefined) throw unsupportedMediaType(["application/json", "application/yaml"])
  return { apiVersion, kind, ...decodeMessage(message, raw, 0) }
}

interface WireField {
  readonly number: number
  readonly value: bigint | Uint8Array
}

function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  let position = 0
  const varint = (): bigint => {
    let result = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[position++]
      if (byte === undefined) throw truncated()
      result |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, result)
    }
    throw badRequest("protobuf: a number is too long")
  }
  const take = (length: number): Uint8Array => {
    if (length < 0 || position + length > bytes.length) throw truncated()
    position += length
    return bytes.subarray(position - length, position)
  }
  while (position < bytes.length) {
    const tag = Number(varint())
    const number = Math.floor(tag / 8)
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        yield { number, value: take(8) }
        break
      case 2:
        yield { number, value: take(Number(varint())) }
        break
      case 5:
        yield { number, value: take(4) }
        break
      default:
        throw badRequest("protobuf: unknown wire type")
    }
  }
}

function truncated(): Error {
  return badRequest("protobuf: unexpected end of the message")
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8")
}

function decodeMessage(message: Message, bytes: Uint8Array, depth: number): JsonObject {
  if (depth > 20) throw badRequest("protobuf: messages are nested too deep")
  const result: JsonObject = {}
  for (const { number, value } of fieldsOf(bytes)) {
    const field = message[number]
    if (field === undefined) continue
    const [name, type, repeated] = field
    if (type.startsWith("map:")) {
      const entry = mapEntry(type, value)
      const map = (result[name] ??= {}) as JsonObject
      set(map, entry.key, entry.value)
      continue
    }
    const decoded = decodeValue(type, value, depth)
    if (repeated === "many") result[name] = [...((result[name] as unknown[] | undefined) ?? []), decoded]
    else set(result, name, decoded)
  }
  return result
}

function mapEntry(type: string, bytes: bigint | Uint8Array): { key: string; value: unknown } {
  let key = ""
  let value: unknown = ""
  for (const field of bytes instanceof Uint8Array ? fieldsOf(bytes) : []) {
    if (field.number === 1 && field.value instanceof Uint8Array) key = textOf(field.value)
    if (field.number === 2) value = decodeValue(type.slice(4), field.value, 0)
  }
  return { key, value }
}

const exactNumber = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

function decodeValue(type: Field[1], value: bigint | Uint8Array, depth: number): unknown {
  if (!(value instanceof Uint8Array)) return type === "bool" ? value !== 0n : exactNumber(value)
  switch (type) {
    case "text":
      return textOf(value)
    case "bytes":
      return Buffer.from(value).toString("base64")
    case "time":
      return timeOf(value, 0)
    case "microTime":
      return timeOf(value, 6)
    case "intOrString":
      return intOrString(value)
    default: {
      const message = messages[type]
      if (message === undefined) throw badRequest("protobuf: a field has the wrong wire type")
      return decodeMessage(message, value, depth + 1)
    }
  }
}

/** 1 seconds, 2 nanoseconds. */
function timeOf(bytes: Uint8Array, digits: number): string | null {
  let seconds = 0
  let nanoseconds = 0
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === 1) seconds = Number(value)
    if (number === 2) nanoseconds = Number(value)
  }
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime()) || bytes.length === 0) return null
  const whole = date.toISOString().slice(0, 19)
  return digits === 0 ? `${whole}Z` : `${whole}.${String(nanoseconds).padStart(9, "0").slice(0, digits)}Z`
}

/** 1 type (0 number, 1 text), 2 number, 3 text. */
function intOrString(bytes: Uint8Array): number | string {
  let isText = false
  let number = 0
  let text = ""
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) isText = field.value === 1n
    if (field.number === 2) number = Number(field.value)
    if (field.number === 3 && field.value instanceof Uint8Array) text = textOf(field.value)
  }
  return isText ? text : number
}
