import test from "ava"
import { compile } from "../../config/compile.ts"
import type { ConfigurationFacts, LabelSelector } from "../../config/facts.ts"
import { bgpNamed, l2Named, nothing, peerNamed, poolNamed } from "../support/configuration.ts"

/** Rules that an API server, or common sense, keeps from most people. */

const texts = (facts: Partial<ConfigurationFacts>): string[] => {
  const result = compile({ ...nothing, ...facts })
  return result.ok ? [] : result.error.map(({ text }) => text)
}

test("pool names: there is one, and once", (t) => {
  t.deepEqual(texts({ pools: [poolNamed("", { addresses: ["10.0.0.0/24"] })] }), [
    "parsing address pool : missing pool name",
  ])
  const twice = [poolNamed("p", { addresses: ["10.0.0.0/24"] }), poolNamed("p", { addresses: ["10.0.1.0/24"] })]
  t.deepEqual(texts({ pools: twice }), ['duplicate definition of pool "p"'])
})

const expression = { key: "k", operator: "In", values: ["b", "a"] }
for (const [what, selectors, text] of [
  [
    "a value twice in one expression",
    [{ matchExpressions: [{ key: "k", operator: "In", values: ["a", "b", "a"] }] }],
    'duplicate definition of match expression value in label selector "a"',
  ],
  [
    "an expression twice in one selector, its values in another order",
    [{ matchExpressions: [expression, { ...expression, values: ["a", "b"] }] }],
    'duplicate definition of match expressions {"k" "In" ["a" "b"]}',
  ],
  [
    "a selector twice",
    [{ matchLabels: { foo: "bar" } }, { matchLabels: { foo: "bar" } }],
    'duplicate definition of nodeSelectors {map["foo":"bar"] []}',
  ],
] as const satisfies readonly (readonly [string, readonly LabelSelector[], string])[])
  test(`selector lists: ${what}`, (t) => {
    const spec = { nodeSelectors: selectors }
    t.deepEqual(texts({ l2Advertisements: [l2Named("l", spec)] }), [text])
    t.deepEqual(texts({ bgpAdvertisements: [bgpNamed("b", spec)] }), [text])
    const peer = peerNamed("p", { ...spec, myASN: 1, peerASN: 2, peerAddress: "10.0.0.1" })
    t.deepEqual(texts({ peers: [peer] }), [`parsing peer p ${text}`])
  })

test("a peer's node selector that cannot be read", (t) => {
  const nodeSelectors = [{ matchExpressions: [{ key: "", operator: "invalid" }] }]
  const peer = peerNamed("p", { nodeSelectors, myASN: 1, peerASN: 2, peerAddress: "10.0.0.1" })
  t.deepEqual(texts({ peers: [peer] }), [
    'parsing peer p "invalid" is not a valid label selector operator\ninvalid label selector {map[] [{ invalid []}]}\nfailed to convert peer p node selector',
  ])
})
