import test from "ava"
import { durationText, parseDurationMs } from "../../config/duration.ts"
import { quote } from "../../config/go-text.ts"
import { canonicalSelector, matchesSelector, selectorFault } from "../../config/selector.ts"

const expression = (operator: string, values?: string[]) => ({
  matchExpressions: [{ key: "k", operator, ...(values && { values }) }],
})

for (const [name, selector, with1, with2, without] of [
  ["empty", {}, true, true, true],
  ["matchLabels", { matchLabels: { k: "1" } }, true, false, false],
  ["In", expression("In", ["1", "3"]), true, false, false],
  ["NotIn", expression("NotIn", ["1"]), false, true, true],
  ["Exists", expression("Exists"), true, true, false],
  ["DoesNotExist", expression("DoesNotExist"), false, false, true],
  ["both terms", { matchLabels: { k: "1" }, ...expression("NotIn", ["1"]) }, false, false, false],
] as const)
  test(`selector: ${name}`, (t) =>
    t.deepEqual(
      [{ k: "1" }, { k: "2" }, { constructor: "1" }].map((labels) => matchesSelector(selector, labels)),
      [with1, with2, without],
    ))

test("faults of selectors in Kubernetes' words", (t) => {
  t.is(selectorFault(expression("In", ["a"])), undefined)
  t.is(selectorFault(expression("Is", ["a"])), '"Is" is not a valid label selector operator')
  t.is(
    selectorFault(expression("Exists", ["a"])),
    'values: Invalid value: ["a"]: values set must be empty for exists and does not exist',
  )
  t.regex(selectorFault({ matchLabels: { "": "x" } }) ?? "", /^key: Invalid value: "": name part must be non-empty; /)
  t.regex(selectorFault({ matchLabels: { "A_/b": "x" } }) ?? "", /prefix part a lowercase RFC 1123 subdomain/)
  t.is(selectorFault({ matchLabels: { "example.com/b": "" } }), undefined)
})

test("canonical text orders terms by key", (t) => {
  t.is(
    canonicalSelector({
      matchLabels: { z: "1" },
      matchExpressions: [
        { key: "b", operator: "In", values: ["y", "x"] },
        { key: "a", operator: "DoesNotExist" },
      ],
    }),
    "!a,b in (x,y),z=1",
  )
})

test("Go's quoting", (t) => {
  t.is(quote('a"b\\\n\u0000\u00e9\u200b'), '"a\\"b\\\\\\n\\x00\u00e9\\u200b"')
})

for (const [text, ms, back] of [
  ["90s", 90_000, "1m30s"],
  ["1m30s", 90_000, "1m30s"],
  ["1.5h", 5_400_000, "1h30m0s"],
  ["500ms", 500, "500ms"],
  ["0", 0, "0s"],
  ["-2s", -2000, "-2s"],
  [".5s", 500, "500ms"],
  ["2500ms", 2500, "2.5s"],
] as const)
  test(`duration ${text}`, (t) => {
    t.is(parseDurationMs(text), ms)
    t.is(durationText(ms), back)
  })

test("what is no duration", (t) => {
  for (const text of ["", "-", "1", "s", "1x", "1s ", "1 s", "1s1"]) t.is(parseDurationMs(text), undefined, text)
})
