import type { Schema } from "../definition.ts"
import { copy, get, isObject, type JsonObject, set } from "../object.ts"
import { fieldSchema, itemStep, shapeOf, valueStep } from "../schema/shape.ts"
import type { FieldSet } from "./set.ts"

/** The live value with the applied configuration on top: maps and keyed lists merge, everything else is replaced. */
export function mergeApplied(schema: Schema | undefined, live: unknown, applied: unknown): unknown {
  if (live === undefined || live === null) return copy(applied)
  const shape = shapeOf(schema, applied)
  if (shape === "atomic" || shape !== shapeOf(schema, live)) return copy(applied)
  if (shape === "map" && isObject(live) && isObject(applied)) {
    const result: JsonObject = copy(live)
    for (const [key, value] of Object.entries(applied)) {
      set(result, key, mergeApplied(fieldSchema(schema, key), get(live, key), value))
    }
    return result
  }
  if (!Array.isArray(live) || !Array.isArray(applied)) return copy(applied)
  const step = (item: unknown) => (isObject(item) ? itemStep(schema, item) : valueStep(item))
  const mine = new Map(applied.map((item: unknown) => [step(item), item]))
  const kept = live.map((item: unknown) => {
    const wanted = mine.get(step(item))
    mine.delete(step(item))
    return wanted === undefined ? copy(item) : mergeApplied(schema?.items, item, wanted)
  })
  return [...kept, ...[...mine.values()].map(copy)]
}

/**
 * Takes out what `gone` names, unless something in `kept` is at or below it: fields that a manager applied earlier, does
 * not apply now, and nobody else owns.
 */
export function removeFields(
  schema: Schema | undefined,
  value: unknown,
  gone: FieldSet,
  kept: FieldSet | undefined,
): unknown {
  const shape = shapeOf(schema, value)
  if (shape === "map" && isObject(value)) {
    const result: JsonObject = {}
    for (const [key, item] of Object.entries(value)) {
      const left = remaining(
        fieldSchema(schema, key),
        item,
        gone.children.get(`f:${key}`),
        kept?.children.get(`f:${key}`),
      )
      if (left !== undefined) set(result, key, left)
    }
    return result
  }
  if (!Array.isArray(value) || shape === "atomic") return value
  const step = (item: unknown) => (isObject(item) ? itemStep(schema, item) : valueStep(item))
  return value
    .map((item: unknown) =>
      remaining(schema?.items, item, gone.children.get(step(item)), kept?.children.get(step(item))),
    )
    .filter((item) => item !== undefined)
}

function remaining(
  schema: Schema | undefined,
  value: unknown,
  gone: FieldSet | undefined,
  kept: FieldSet | undefined,
): unknown {
  if (gone === undefined) return value
  if (kept === undefined || kept.empty) {
    if (gone.member) return undefined
    const left = removeFields(schema, value, gone, undefined)
    const emptied = isObject(left) ? Object.keys(left).length === 0 : Array.isArray(left) && left.length === 0
    return emptied ? undefined : left
  }
  return removeFields(schema, value, gone, kept)
}
