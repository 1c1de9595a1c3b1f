import type { Schema } from "../definition.ts"
import { equal, get, isObject } from "../object.ts"
import { fieldSchema, itemStep, shapeOf, valueStep } from "../schema/shape.ts"
import { FieldSet } from "./set.ts"

export interface Comparison {
  readonly added: FieldSet
  readonly removed: FieldSet
  readonly modified: FieldSet
}

/** Which fields came, went or changed from `old` to `now`. A container that came is a member itself. */
export function compare(schema: Schema | undefined, old: unknown, now: unknown): Comparison {
  const result = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() }
  walk(schema, old, now, [], result)
  return result
}

function walk(schema: Schema | undefined, old: unknown, now: unknown, path: readonly string[], out: Comparison): void {
  if (old === undefined || old === null) {
    if (now !== undefined && now !== null) insertAll(schema, now, path, out.added)
    return
  }
  if (now === undefined || now === null) {
    insertAll(schema, old, path, out.removed)
    return
  }
  const shape = shapeOf(schema, now)
  if (shape !== shapeOf(schema, old) || shape === "atomic") {
    if (!equal(old, now)) out.modified.insert(path)
    return
  }
  const before = partsOf(schema, old)
  const after = partsOf(schema, now)
  for (const [step, part] of after) walk(part.schema, before.get(step)?.value, part.value, [...path, step], out)
  for (const [step, part] of before) {
    if (!after.has(step)) walk(part.schema, part.value, undefined, [...path, step], out)
  }
}

/** The value, its containers and leaves. */
function insertAll(schema: Schema | undefined, value: unknown, path: readonly string[], into: FieldSet): void {
  if (path.length > 0) into.insert(path)
  for (const [step, part] of partsOf(schema, value)) {
    if (part.value !== undefined && part.value !== null) insertAll(part.schema, part.value, [...path, step], into)
  }
}

/**
 * The fields an applied configuration names: leaves, map entries and list items; not the containers, which nobody owns
 * for having set something inside.
 */
export function appliedSet(schema: Schema | undefined, value: unknown): FieldSet {
  const result = new FieldSet()
  const visit = (schema: Schema | undefined, value: unknown, path: readonly string[]): void => {
    const parts = partsOf(schema, value)
    const item = /^[kv]:/.test(path.at(-1) ?? "")
    if (path.length > 0 && (item || parts.size === 0)) result.insert(path)
    for (const [step, part] of parts) {
      if (part.value !== undefined) visit(part.schema, part.value, [...path, step])
    }
  }
  visit(schema, value, [])
  return result
}

export interface Part {
  readonly value: unknown
  readonly schema: Schema | undefined
}

/** The separately owned parts of a value by path step; none for a scalar or what is owned as one. */
export function partsOf(schema: Schema | undefined, value: unknown): Map<string, Part> {
  const parts = new Map<string, Part>()
  const shape = shapeOf(schema, value)
  if (shape === "map" && isObject(value)) {
    for (const key of Object.keys(value))
      parts.set(`f:${key}`, { value: get(value, key), schema: fieldSchema(schema, key) })
  } else if (shape === "set" && Array.isArray(value)) {
    for (const item of value) parts.set(valueStep(item), { value: item, schema: schema?.items })
  } else if (shape === "keyed-list" && Array.isArray(value)) {
    for (const item of value)
      if (isObject(item)) parts.set(itemStep(schema, item), { value: item, schema: schema?.items })
  }
  return parts
}
