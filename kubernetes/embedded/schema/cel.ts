import { remember } from "../cache.ts"
import { isIP } from "node:net"
import { Environment, type ParseResult } from "@marcbachmann/cel-js"
import type { Schema, ValidationRule } from "../definition.ts"
import { get, isObject } from "../object.ts"
import type { Cause } from "../status.ts"
import { fieldSchema } from "./shape.ts"

const MAX_CAUSES = 100

const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false })
  .registerFunction("isIP(string): bool", (text: string) => isIP(text) !== 0)
  .registerFunction("isCIDR(string): bool", (text: string) => {
    const [address = "", bits = "", ...rest] = text.split("/")
    const family = isIP(address)
    return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  })

type Compiled = { readonly run: ParseResult; readonly transition: boolean } | { readonly fault: string }
const compiled = new Map<string, Compiled>()

/** Runs the schema's `x-kubernetes-validations`, also below. Rules that name `oldSelf` run only against an old value. */
export function checkRules(schema: Schema | undefined, value: unknown, old: unknown, path: string): Cause[] {
  const causes: Cause[] = []
  visit(schema, value, old, path, causes)
  return causes
}

function visit(schema: Schema | undefined, value: unknown, old: unknown, path: string, out: Cause[]): void {
  if (schema === undefined || value === undefined || value === null || out.length >= MAX_CAUSES) return
  for (const rule of schema["x-kubernetes-validations"] ?? []) checkRule(rule, schema, value, old, path, out)
  if (Array.isArray(value)) {
    const keys = schema["x-kubernetes-list-type"] === "map" ? (schema["x-kubernetes-list-map-keys"] ?? []) : []
    for (const [i, item] of value.entries())
      visit(schema.items, item, counterpart(keys, item, old), `${path}[${i}]`, out)
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const before = isObject(old) ? get(old, key) : undefined
      visit(fieldSchema(schema, key), get(value, key), before, path === "" ? key : `${path}.${key}`, out)
    }
  }
}

/** Items of a list without keys have no old form: a rule about change cannot tell which was which. */
function counterpart(keys: readonly string[], item: unknown, old: unknown): unknown {
  if (keys.length === 0 || !Array.isArray(old) || !isObject(item)) return undefined
  return old.find((before) => isObject(before) && keys.every((key) => get(before, key) === get(item, key)))
}

function checkRule(
  rule: ValidationRule,
  schema: Schema,
  value: unknown,
  old: unknown,
  path: string,
  out: Cause[],
): void {
  const program = compile(rule.rule)
  const field = rule.fieldPath === undefined ? path : `${path}${rule.fieldPath}`
  const type = schema["x-kubernetes-int-or-string"] === true ? "" : (schema.type ?? "")
  const fail = (detail: string) => {
    const causeField = field === "" ? {} : { field }
    out.push({
      reason: rule.reason ?? "FieldValueInvalid",
      message: `Invalid value: "${type}": ${detail}`,
      ...causeField,
    })
  }
  if ("fault" in program) return fail(`rule compile error: ${program.fault}`)
  if (program.transition && old === undefined && rule.optionalOldSelf !== true) return
  const context = { self: toCel(value), ...(old === undefined ? {} : { oldSelf: toCel(old) }) }
  try {
    if (program.run(context) !== true) fail(messageOf(rule, context))
  } catch (error) {
    fail(`evaluation error: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`)
  }
}

function messageOf(rule: ValidationRule, context: Record<string, unknown>): string {
  if (rule.messageExpression !== undefined) {
    const program = compile(rule.messageExpression)
    try {
      const text: unknown = "run" in program ? program.run(context) : undefined
      if (typeof text === "string" && text.trim() !== "") return text
    } catch {
      // The fixed message says enough.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule.trim()}`
}

function compile(text: string): Compiled {
  let program = compiled.get(text)
  if (program === undefined) {
    try {
      program = { run: environment.parse(text), transition: /\boldSelf\b/.test(text) }
    } catch (error) {
      program = { fault: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error) }
    }
    remember(compiled, text, program)
  }
  return program
}

/** CEL integers are 64 bits wide, and a JSON number without a fraction is one. */
function toCel(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(toCel)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item)]))
}

/** Whether any rule is in the schema, so that an unchecked one can be mentioned. */
export function hasRules(schema: Schema | undefined): boolean {
  if (schema === undefined) return false
  if ((schema["x-kubernetes-validations"] ?? []).length > 0) return true
  const { properties = {}, items, additionalProperties } = schema
  const below = [
    ...Object.values(properties),
    items,
    typeof additionalProperties === "object" ? additionalProperties : undefined,
  ]
  return below.some(hasRules)
}
