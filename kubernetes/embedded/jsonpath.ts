import { remember } from "./cache.ts"
import { get, isObject } from "./object.ts"

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "where"; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown }

const parsed = new Map<string, readonly Step[] | undefined>()

/**
 * The part of JSONPath that printer columns use: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. An expression
 * outside of it finds nothing.
 */
export function jsonPath(expression: string, root: unknown): unknown[] {
  if (!parsed.has(expression)) remember(parsed, expression, parse(expression))
  const steps = parsed.get(expression)
  return steps === undefined ? [] : follow(steps, root)
}

function follow(steps: readonly Step[], root: unknown): unknown[] {
  let found: unknown[] = [root]
  for (const step of steps) found = found.flatMap((value) => take(step, value))
  return found.filter((value) => value !== undefined && value !== null)
}

function take(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case "field":
      return isObject(value) ? [get(value, step.name)] : []
    case "index":
      return Array.isArray(value) ? [value.at(step.index)] : []
    case "all":
      if (Array.isArray(value)) return value
      return isObject(value) ? Object.values(value) : []
    case "where":
      return Array.isArray(value) ? value.filter((item) => holds(step, item)) : []
    default:
      return step satisfies never
  }
}

function holds(step: Extract<Step, { kind: "where" }>, item: unknown): boolean {
  const found = follow(step.path, item)
  if (step.operator === "") return found.length > 0
  const same = found.some((value) => value === step.value)
  return step.operator === "!=" ? !same : same
}

function parse(expression: string): readonly Step[] | undefined {
  const text = expression
    .trim()
    .replace(/^\{(.*)\}$/s, "$1")
    .replace(/^[$@]/, "")
  const token =
    /\.(\*|(?:[^.[\]\\'"()\s]|\\.)+)|\[\*\]|\[(-?\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|\[\?\(@([^=!()<>]*?)\s*(?:(==|!=)\s*([^()]*?))?\)\]/y
  const steps: Step[] = []
  const source = text.startsWith(".") || text.startsWith("[") || text === "" ? text : `.${text}`
  while (token.lastIndex < source.length) {
    const match = token.exec(source)
    if (match === null) return undefined
    const [whole, name, index, single, double, where, operator, value] = match
    if (whole === "[*]" || name === "*") steps.push({ kind: "all" })
    else if (name !== undefined) steps.push({ kind: "field", name: name.replaceAll(/\\(.)/g, "$1") })
    else if (index !== undefined) steps.push({ kind: "index", index: Number(index) })
    else if (where !== undefined) {
      const path = parse(where)
      if (path === undefined) return undefined
      steps.push({ kind: "where", path, operator: operator ?? "", value: literal(value ?? "") })
    } else steps.push({ kind: "field", name: single ?? double ?? "" })
  }
  return steps
}

function literal(text: string): unknown {
  const quoted = /^(["'])(.*)\1$/s.exec(text.trim())
  if (quoted !== null) return quoted[2]
  if (text === "true" || text === "false") return text === "true"
  return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text
}
