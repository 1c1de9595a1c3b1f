/**
 * JSON whose whole numbers keep every digit. Kubernetes' int64 fields reach 2⁶³−1, and a number is exact up to 2⁵³ only:
 * past that they are BigInts here. Text without such a number costs what JSON costs.
 */

// From the ECMAScript proposal "JSON.parse source text access"; TypeScript's library does not declare it yet.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }
type Reviver = (this: unknown, key: string, value: unknown) => unknown

const digits = (_: string, member: unknown) => (typeof member === "bigint" ? rawJSON(String(member)) : member)

/** Like `JSON.stringify`, and a BigInt becomes its digits. */
export function exactJsonText(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown
    return JSON.stringify(value, digits)
  }
}

/** Like `JSON.parse`, and throws as it does. */
export function readExactJson(text: string): unknown {
  return /\d{16}/.test(text) ? JSON.parse(text, revive as unknown as Reviver) : JSON.parse(text)
}

function revive(_: string, value: unknown, context: { readonly source?: string }): unknown {
  return typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? "")
    ? BigInt(context.source ?? "")
    : value
}

/** JSON or undefined; what is undefined is never JSON. */
export function parseExactJson(text: string): unknown {
  try {
    return readExactJson(text)
  } catch {
    return undefined
  }
}
