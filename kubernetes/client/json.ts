/** Reading JSON that may be anything. None of these throws. */

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const nothing: JsonObject = {}

/** The object at a path, empty when something on the way is missing or no object. */
export function objectAt(value: unknown, ...path: string[]): JsonObject {
  let at = value
  for (const name of path) at = isObject(at) ? at[name] : undefined
  return isObject(at) ? at : nothing
}

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

export const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0)

export const textsOf = (value: unknown): readonly string[] => listOf(value).filter((item) => typeof item === "string")

/** Labels, annotations, selectors: entries whose value is no text are left out. */
export function textMap(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  )
}

/** `{ name: text }` when it is a non-empty text, else nothing: for optional fields. */
export function optionalText<Name extends string>(name: Name, value: unknown): { readonly [K in Name]?: string } {
  return typeof value === "string" && value !== "" ? ({ [name]: value } as { readonly [K in Name]?: string }) : {}
}

export function optionalFlag<Name extends string>(name: Name, value: unknown): { readonly [K in Name]?: boolean } {
  return typeof value === "boolean" ? ({ [name]: value } as { readonly [K in Name]?: boolean }) : {}
}

/** JSON or undefined; what is undefined is never JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
