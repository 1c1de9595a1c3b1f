/** Plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** A structural OpenAPI v3 schema as `apiextensions.k8s.io/v1` takes it. */
export type StructuralSchema = { readonly [key: string]: Json }

type Loose = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Loose =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * JSON Schema (as TypeBox makes it) to the structural subset that a CustomResourceDefinition may hold: a union of
 * literals becomes an enum, a union with null becomes `nullable`, a record becomes `additionalProperties`.
 * Throws on anything that has no structural form: that is a mistake in this room's source, found when it is generated.
 */
export function structural(schema: object): StructuralSchema {
  const { patternProperties, anyOf, const: constant, properties, items, ...rest } = schema as Loose
  if (rest["x-kubernetes-int-or-string"] === true)
    return { ...(rest as StructuralSchema), anyOf: [{ type: "integer" }, { type: "string" }] }
  for (const keyword of ["oneOf", "allOf", "not", "$ref"])
    if (rest[keyword] !== undefined) throw new Error(`no structural form for ${keyword} in ${JSON.stringify(schema)}`)

  const out: Record<string, Json> = { ...(rest as StructuralSchema) }
  if (constant !== undefined) out["enum"] = [constant as Json]
  if (Array.isArray(anyOf)) Object.assign(out, union(anyOf as Loose[], schema))
  if (Array.isArray(out["enum"])) out["type"] ??= typeof out["enum"][0]
  if (isObject(properties) && Object.keys(properties).length > 0) out["properties"] = mapValues(properties)
  if (isObject(items)) out["items"] = structural(items)
  if (isObject(patternProperties)) {
    const [value, ...others] = Object.values(patternProperties)
    if (!isObject(value) || others.length > 0)
      throw new Error(`a record has one kind of value: ${JSON.stringify(schema)}`)
    out["type"] = "object"
    out["additionalProperties"] = structural(value)
  }
  return out
}

function union(cases: readonly Loose[], whole: object): StructuralSchema {
  const literals = cases.map((one) => one["const"])
  if (literals.every((literal) => literal !== undefined)) return { enum: literals as Json[] }
  const values = cases.filter((one) => one["type"] !== "null")
  const [only] = values
  if (only !== undefined && values.length === 1 && cases.length === 2) return { ...structural(only), nullable: true }
  throw new Error(`no structural form for the union in ${JSON.stringify(whole)}`)
}

function mapValues(properties: Loose): StructuralSchema {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, structural(value as object)]))
}
