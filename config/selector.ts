import type { LabelSelector } from "./facts.ts"
import { expressionQuoted, quote, selectorQuoted } from "./go-text.ts"
import { keyFault, valueFault } from "./label-syntax.ts"

/**
 * Kubernetes label selectors: terms inside one are ANDed, an empty one matches everything, `NotIn` and `DoesNotExist`
 * also match objects that lack the key.
 */

type Labels = Readonly<Record<string, string>>
type Expression = NonNullable<LabelSelector["matchExpressions"]>[number]

export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (own(labels, key) !== value) return false
  return (selector.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels))
}

/** Several selectors are ORed. An empty list matches nothing here: what it means is the caller's rule. */
export const matchesAny = (selectors: readonly LabelSelector[], labels: Labels): boolean =>
  selectors.some((selector) => matchesSelector(selector, labels))

function matchesExpression({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const value = own(labels, key)
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value)
    case "NotIn":
      return value === undefined || !values.includes(value)
    case "Exists":
      return value !== undefined
    case "DoesNotExist":
      return value === undefined
    default:
      return false // not valid: `selectorFault` names it
  }
}

const own = (labels: Labels, key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined)

/** What is wrong with a selector, in the words of Kubernetes' own validation. */
export function selectorFault(selector: LabelSelector): string | undefined {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}).sort(byKey)) {
    const fault = requirementFault(key, "=", [value])
    if (fault !== undefined) return fault
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    if (!["In", "NotIn", "Exists", "DoesNotExist"].includes(operator))
      return `${quote(operator)} is not a valid label selector operator`
    const fault = requirementFault(key, operator, values ?? [])
    if (fault !== undefined) return fault
  }
  return undefined
}

function requirementFault(key: string, operator: string, values: readonly string[]): string | undefined {
  const faults: string[] = []
  const inKey = keyFault(key)
  if (inKey !== undefined) faults.push(`key: Invalid value: ${quote(key)}: ${inKey}`)
  const list = JSON.stringify(values)
  if ((operator === "In" || operator === "NotIn") && values.length === 0)
    faults.push(`values: Invalid value: ${list}: for 'in', 'notin' operators, values set can't be empty`)
  if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0)
    faults.push(`values: Invalid value: ${list}: values set must be empty for exists and does not exist`)
  for (const [index, value] of values.entries()) {
    const inValue = valueFault(value)
    if (inValue !== undefined) faults.push(`values[${index}][${key}]: Invalid value: ${quote(value)}: ${inValue}`)
  }
  return faults.length > 1 ? `[${faults.join(", ")}]` : faults[0]
}

/** Repeats in a list of selectors. `field` is the list's name in the resource. */
export function repeatedSelector(selectors: readonly LabelSelector[], field: string): string | undefined {
  const sorted = selectors.map(withSortedValues)
  for (const selector of sorted) {
    const expressions = selector.matchExpressions ?? []
    for (const { values = [] } of expressions) {
      const value = firstRepeat(values)
      if (value !== undefined) return `duplicate definition of match expression value in label selector ${quote(value)}`
    }
    const expression = firstRepeat(expressions.map(expressionQuoted))
    if (expression !== undefined) return `duplicate definition of match expressions ${expression}`
  }
  const selector = firstRepeat(sorted.map(selectorQuoted))
  return selector === undefined ? undefined : `duplicate definition of ${field} ${selector}`
}

export function firstRepeat(texts: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return texts.find((text) => seen.size === seen.add(text).size)
}

const withSortedValues = (selector: LabelSelector): LabelSelector => ({
  ...selector,
  matchExpressions: (selector.matchExpressions ?? []).map((expression) => ({
    ...expression,
    values: [...(expression.values ?? [])].sort(),
  })),
})

/** One text per meaning, as Kubernetes prints a parsed selector: `a=b,c in (d,e),!f`. Equal text, equal selector. */
export function canonicalSelector(selector: LabelSelector): string {
  const requirements: [string, string][] = Object.entries(selector.matchLabels ?? {}).map(([k, v]) => [k, `${k}=${v}`])
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const set = `(${[...values].sort().join(",")})`
    if (operator === "In") requirements.push([key, `${key} in ${set}`])
    else if (operator === "NotIn") requirements.push([key, `${key} notin ${set}`])
    else requirements.push([key, operator === "Exists" ? key : `!${key}`])
  }
  return requirements
    .sort(byKey)
    .map(([, text]) => text)
    .join(",")
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0)
