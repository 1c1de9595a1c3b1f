/**
 * JSON whose whole numbers keep every digit. Kubernetes' int64 fields reach 2⁶³−1, and a number is exact up to 2⁵³ only:
 * past that they are BigInts here.
 */

// From the ECMAScript proposal "JSON.parse source text access"; TypeScript's library does not declare it yet.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
type Reviver = (this: unknown, key: string, value: unknown) => unknown

/** Like `JSON.stringify`, and a BigInt becomes its digits. */
export function exactJsonText(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? rawJSON(String(member)) : member))
}

/** JSON or undefined; what is undefined is never JSON. */
export function parseExactJson(text: string): unknown {
  const revive = (_: string, value: unknown, context: { readonly source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? "")
      ? BigInt(context.source ?? "")
      : value
  try {
    return JSON.parse(text, revive as unknown as Reviver)
  } catch {
    return undefined
  }
}
