import type { Schema } from "../definition.ts"
import { get, isObject } from "../object.ts"
import { typeFits } from "./validate.ts"
import { fieldSchema } from "./shape.ts"

/**
 * The first field of a wrong JSON type, in the words of the Go decoder: built-in kinds are decoded before they are
 * validated, so a string for a number is a bad request there, not an invalid object.
 */
export function typeFault(schema: Schema | undefined, value: unknown, path: string): string | undefined {
  if (schema === undefined || value === null || value === undefined) return undefined
  if (!typeFits(schema, value)) {
    return `json: cannot unmarshal ${goName(value)} into Go struct field ${path} of type ${goType(schema)}`
  }
  if (Array.isArray(value)) return firstFault(value.map((item) => [schema.items, item, path] as const))
  if (!isObject(value)) return undefined
  return firstFault(
    Object.keys(value).map((key) => [fieldSchema(schema, key), get(value, key), `${path}.${key}`] as const),
  )
}

function firstFault(parts: readonly (readonly [Schema | undefined, unknown, string])[]): string | undefined {
  for (const [schema, value, path] of parts) {
    const fault = typeFault(schema, value, path)
    if (fault !== undefined) return fault
  }
  return undefined
}

function goName(value: unknown): string {
  if (typeof value === "boolean") return "bool"
  if (typeof value === "bigint") return "number"
  return Array.isArray(value) ? "array" : typeof value
}

const scalars: Readonly<Record<string, string>> = { integer: "int32", boolean: "bool" }

function goType(schema: Schema): string {
  const { type = "interface {}", items, additionalProperties } = schema
  if (type === "array") return `[]${items === undefined ? "interface {}" : goType(items)}`
  if (type !== "object") return scalars[type] ?? type
  return typeof additionalProperties === "object" ? `map[string]${goType(additionalProperties)}` : "struct"
}
