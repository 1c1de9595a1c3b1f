// The annotation troupe.dev/election-policy of an L2Advertisement.
import test from "ava"
import { compile } from "../../config/compile.ts"
import { l2Named, nothing, poolNamed } from "../support/configuration.ts"

const policy = (text: string | undefined, name = "lan") => ({
  ...l2Named(name, {}),
  ...(text === undefined ? {} : { annotations: { "troupe.dev/election-policy": text } }),
})
const compiled = (...texts: readonly (string | undefined)[]) =>
  compile({
    ...nothing,
    pools: [poolNamed("first", { addresses: ["192.0.2.0/24"] })],
    l2Advertisements: texts.map((text, i) => policy(text, `lan-${i}`)),
  })
const elections = (...texts: readonly (string | undefined)[]) => {
  const result = compiled(...texts)
  return result.ok ? result.value.pools.get("first")?.l2Advertisements.map(({ election }) => election) : result.error
}

const table: readonly (readonly [string | undefined, readonly string[] | undefined])[] = [
  [undefined, undefined],
  ["sticky", ["sticky"]],
  ["spread", ["spread"]],
  ["subnet-aware", ["subnet-aware"]],
  ["subnet-aware,sticky", ["sticky", "subnet-aware"]],
  [" sticky , spread, sticky ", ["spread", "sticky"]],
]
for (const [text, want] of table)
  test(`annotation ${JSON.stringify(text)}`, (t) => t.deepEqual(elections(text), [want]))

for (const text of ["", "Sticky", "sticky,", "sticky spread", "random", "sticky,random"]) {
  test(`${JSON.stringify(text)} is a fault that names object, annotation and what is allowed`, (t) => {
    const result = compiled(text)
    t.deepEqual(result.ok ? [] : result.error, [
      {
        object: { kind: "L2Advertisement", name: "lan-0" },
        field: "metadata.annotations",
        text: `invalid troupe.dev/election-policy ${JSON.stringify(text)}: must be spread, sticky, subnet-aware, or several of them with commas between`,
      },
    ])
  })
}

test("advertisements that differ in the policy alone are two; with the same one they are one", (t) => {
  t.deepEqual(elections("sticky", undefined, "sticky"), [["sticky"], undefined])
})
