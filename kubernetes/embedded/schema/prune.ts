import type { Schema } from "../definition.ts"
import { get, isObject, type JsonObject, set } from "../object.ts"
import { fieldSchema } from "./shape.ts"

/** The value without fields its schema does not know; their paths are added to `unknown`. */
export function prune(schema: Schema | undefined, value: unknown, path: string, unknown: string[]): unknown {
  if (schema === undefined) return value
  if (Array.isArray(value)) {
    return value.map((item: unknown, i) => prune(schema.items, item, `${path}[${i}]`, unknown))
  }
  if (!isObject(value)) return value
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    const below = fieldSchema(schema, key)
    const here = path === "" ? key : `${path}.${key}`
    if (below !== undefined) set(result, key, prune(below, item, here, unknown))
    else if (open || embedded(schema, key)) set(result, key, item)
    else unknown.push(here)
  }
  return result
}

function embedded(schema: Schema, key: string): boolean {
  return schema["x-kubernetes-embedded-resource"] === true && ["apiVersion", "kind", "metadata"].includes(key)
}

/** Fills in defaults in place. A null where none is allowed counts as absent when there is a default. */
export function fillDefaults(schema: Schema | undefined, value: unknown): void {
  if (schema === undefined) return
  if (Array.isArray(value)) {
    for (const item of value) fillDefaults(schema.items, item)
    return
  }
  if (!isObject(value)) return
  for (const [key, below] of Object.entries(schema.properties ?? {})) {
    const present = get(value, key)
    const absent = present === undefined || (present === null && below.nullable !== true)
    if (absent && below.default !== undefined) set(value, key, structuredClone(below.default))
    fillDefaults(below, get(value, key))
  }
  if (typeof schema.additionalProperties === "object") {
    for (const [key, item] of Object.entries(value)) {
      if (!Object.hasOwn(schema.properties ?? {}, key)) fillDefaults(schema.additionalProperties, item)
    }
  }
}

/**
 * What a built-in kind loses on its way through the real server's types: nulls, and fields at their zero value. A field
 * marked nullable is a pointer there and keeps its zero.
 */
export function dropZeros(schema: Schema | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => dropZeros(schema?.items, item))
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    const below = fieldSchema(schema, key)
    const declared = schema?.properties !== undefined && Object.hasOwn(schema.properties, key)
    const left = dropZeros(below, item)
    if (left === null || left === undefined) continue
    if (declared && below?.nullable !== true && isZero(left)) continue
    set(result, key, left)
  }
  return result
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isObject(value)) return Object.keys(value).length === 0
  return value === "" || value === 0 || value === false
}
