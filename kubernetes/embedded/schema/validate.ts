import { exactJsonText } from "../../client/exact-json.ts"
import { remember } from "../cache.ts"
import { isIP } from "node:net"
import type { Schema } from "../definition.ts"
import { equal, get, isObject } from "../object.ts"
import { type Cause, duplicate, invalidValue, notSupported, required } from "../status.ts"

const MAX_CAUSES = 100
const patterns = new Map<string, RegExp | undefined>()

/** Checks a custom resource against its schema. The texts are those of a real API server. */
export function validate(schema: Schema | undefined, value: unknown, path: string): Cause[] {
  const causes: Cause[] = []
  check(schema, value, path, causes)
  return causes
}

function check(schema: Schema | undefined, value: unknown, path: string, out: Cause[]): void {
  if (schema === undefined || value === undefined || out.length >= MAX_CAUSES) return
  if (value === null && schema.nullable === true) return
  if (!typeFits(schema, value)) {
    const got = typeName(value)
    const wanted = schema["x-kubernetes-int-or-string"] === true ? "integer,string" : (schema.type ?? "")
    out.push({
      reason: "FieldValueTypeInvalid",
      message: `Invalid value: "${got}": ${path} in body must be of type ${wanted}: "${got}"`,
      field: path,
    })
    return
  }
  if (schema.enum !== undefined && !schema.enum.some((allowed) => equal(allowed, value))) {
    out.push(notSupported(path, value, schema.enum))
  }
  if (typeof value === "string") checkText(schema, value, path, out)
  if (typeof value === "number" || typeof value === "bigint") checkNumber(schema, value, path, out)
  if (Array.isArray(value)) checkList(schema, value, path, out)
  if (isObject(value)) checkMap(schema, value, path, out)
  checkCombinations(schema, value, path, out)
}

export function typeName(value: unknown): string {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number"
  // What no int64 holds, Go reads as a float.
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? "integer" : "number"
  return typeof value
}

/** Whether the value has the JSON type that the schema names; true where it names none. */
export function typeFits(schema: Schema, value: unknown): boolean {
  const type = typeName(value)
  if (schema["x-kubernetes-int-or-string"] === true) return type === "integer" || type === "string"
  if (schema.type === undefined || schema.type === "") return true
  return schema.type === type || (schema.type === "number" && type === "integer")
}

function checkText(schema: Schema, value: string, path: string, out: Cause[]): void {
  const length = Array.from(value).length
  const { minLength, maxLength, pattern, format } = schema
  if (maxLength !== undefined && length > maxLength) {
    out.push({ reason: "FieldValueTooLong", message: `Too long: may not be more than ${maxLength} bytes`, field: path })
  }
  if (minLength !== undefined && length < minLength) {
    out.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`))
  }
  if (pattern !== undefined && compiled(pattern)?.test(value) === false) {
    out.push(invalidValue(path, value, `${path} in body should match '${pattern}'`))
  }
  const form = format !== undefined && Object.hasOwn(formats, format) ? formats[format] : undefined
  if (form !== undefined && !form(value)) {
    out.push(invalidValue(path, value, `${path} in body must be of type ${format}: "${value}"`))
  }
}

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6,
  cidr: (text) => /^[^/]+\/\d{1,3}$/.test(text) && isIP(text.split("/")[0] ?? "") !== 0,
  "date-time": (text) => /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  uuid: (text) => /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text),
  byte: (text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text),
  duration: (text) => /^[-+]?(?:0|(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.test(text),
}

/** RE2 patterns that JavaScript reads too; one that it cannot read is not checked. */
function compiled(pattern: string): RegExp | undefined {
  if (!patterns.has(pattern)) {
    try {
      remember(patterns, pattern, new RegExp(pattern, "u"))
    } catch {
      remember(patterns, pattern, undefined)
    }
  }
  return patterns.get(pattern)
}

const isMultiple = (value: number | bigint, of: number): boolean =>
  typeof value === "bigint" && Number.isSafeInteger(of) ? value % BigInt(of) === 0n : Number(value) % of === 0

function checkNumber(schema: Schema, value: number | bigint, path: string, out: Cause[]): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, format } = schema
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const bound = exclusiveMinimum === true ? "greater than" : "greater than or equal to"
    out.push(invalidValue(path, value, `${path} in body should be ${bound} ${minimum}`))
  }
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const bound = exclusiveMaximum === true ? "less than" : "less than or equal to"
    out.push(invalidValue(path, value, `${path} in body should be ${bound} ${maximum}`))
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    out.push(invalidValue(path, value, `${path} in body should be a multiple of ${multipleOf}`))
  }
  if (format === "int32" && (value > 0x7fffffff || value < -0x80000000)) {
    out.push(invalidValue(path, value, `Checked value must be of type integer with format int32`))
  }
}

function checkList(schema: Schema, value: readonly unknown[], path: string, out: Cause[]): void {
  const { minItems, maxItems, uniqueItems } = schema
  if (minItems !== undefined && value.length < minItems) {
    out.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`))
  }
  if (maxItems !== undefined && value.length > maxItems) {
    const text = `Too many: ${value.length}: must have at most ${maxItems} items`
    out.push({ reason: "FieldValueTooMany", message: text, field: path })
  }
  value.forEach((item, i) => check(schema.items, item, `${path}[${i}]`, out))
  const type = schema["x-kubernetes-list-type"]
  const keys = schema["x-kubernetes-list-map-keys"]
  const identity = (item: unknown): unknown => {
    if (type !== "map" || keys === undefined || !isObject(item)) return item
    const entries = keys.map((key) => [key, get(item, key) ?? schema.items?.properties?.[key]?.default])
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }
  if (type !== "set" && type !== "map" && uniqueItems !== true) return
  const seen = new Set<string>()
  for (const [i, item] of value.entries()) {
    const id = identity(item)
    const text = exactJsonText(id)
    if (seen.has(text)) out.push(duplicate(`${path}[${i}]`, id))
    seen.add(text)
    if (out.length >= MAX_CAUSES) return
  }
}

function checkMap(schema: Schema, value: Readonly<Record<string, unknown>>, path: string, out: Cause[]): void {
  const { minProperties, maxProperties, properties, additionalProperties } = schema
  const below = (key: string) => (path === "" ? key : `${path}.${key}`)
  const size = Object.keys(value).length
  if (minProperties !== undefined && size < minProperties) {
    out.push(invalidValue(path, size, `${path} in body should have at least ${minProperties} properties`))
  }
  if (maxProperties !== undefined && size > maxProperties) {
    const text = `Too many: ${size}: must have at most ${maxProperties} items`
    out.push({ reason: "FieldValueTooMany", message: text, field: path })
  }
  for (const key of schema.required ?? []) if (get(value, key) === undefined) out.push(required(below(key)))
  for (const [key, item] of Object.entries(value)) {
    if (properties !== undefined && Object.hasOwn(properties, key)) check(properties[key], item, below(key), out)
    else if (typeof additionalProperties === "object") check(additionalProperties, item, below(key), out)
  }
}

function checkCombinations(schema: Schema, value: unknown, path: string, out: Cause[]): void {
  const fits = (part: Schema) => validate(part, value, path).length === 0
  for (const part of schema.allOf ?? []) check(part, value, path, out)
  if (schema.anyOf !== undefined && !schema.anyOf.some(fits)) {
    out.push(invalidValue(path, "", `"${path}" must validate at least one schema (anyOf)`))
    const first = schema.anyOf[0]
    if (first !== undefined) check(first, value, path, out)
  }
  if (schema.oneOf !== undefined) {
    const count = schema.oneOf.filter(fits).length
    if (count !== 1) {
      const found = count === 0 ? "Found none valid" : `Found ${count} valid alternatives`
      out.push(invalidValue(path, "", `"${path}" must validate one and only one schema (oneOf). ${found}`))
    }
  }
  if (schema.not !== undefined && fits(schema.not)) {
    out.push(invalidValue(path, "", `"${path}" must not validate the schema (not)`))
  }
}
