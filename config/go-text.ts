import type { LabelSelector } from "./facts.ts"

/**
 * Text as Go's fmt package prints it. Error texts are matched on by people's tooling, so they keep MetalLB's bytes, and
 * those come from the verbs `%q` and `%v`.
 */

const named: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
}

/** `%q` of a string: double quotes, Go escapes, printable characters as they are. */
export function quote(text: string): string {
  let quoted = '"'
  for (const character of text) quoted += named[character] ?? escaped(character)
  return `${quoted}"`
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (character === " " || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) return character
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`
  if (code < 0x1_0000) return `\\u${code.toString(16).padStart(4, "0")}`
  return `\\U${code.toString(16).padStart(8, "0")}`
}

/** `%q` of a list: `["a" "b"]`. */
export const quoteList = (texts: readonly string[]): string => `[${texts.map(quote).join(" ")}]`

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number]
const plain = (text: string): string => text

const expressionWith = (print: (text: string) => string, { key, operator, values }: Expression): string =>
  `{${print(key)} ${print(operator)} [${(values ?? []).map(print).join(" ")}]}`

function selectorWith(print: (text: string) => string, selector: LabelSelector): string {
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const map = labels.map(([key, value]) => `${print(key)}:${print(value)}`).join(" ")
  const expressions = (selector.matchExpressions ?? []).map((expression) => expressionWith(print, expression))
  return `{map[${map}] [${expressions.join(" ")}]}`
}

/** `%v` of a label selector: `{map[foo:bar] [{key In [a b]}]}`. */
export const selectorText = (selector: LabelSelector): string => selectorWith(plain, selector)
/** `%q` of a label selector: `{map["foo":"bar"] []}`. */
export const selectorQuoted = (selector: LabelSelector): string => selectorWith(quote, selector)
/** `%q` of one match expression: `{"key" "In" ["a" "b"]}`. */
export const expressionQuoted = (expression: Expression): string => expressionWith(quote, expression)
