import test from "ava"
import fc from "fast-check"
import { compile } from "../../config/compile.ts"
import type { ConfigurationFacts } from "../../config/facts.ts"
import { modes } from "../../config/modes.ts"
import { node, nothing } from "../support/configuration.ts"

/** A JSON tree that keeps the names of real fields and gets their types wrong now and then. */
const text = fc.oneof(
  fc.constantFrom(
    "10.0.0.0/30",
    "10.0.0.9-10.0.0.7",
    "fc00::/127",
    "1:2",
    "large:1:2:3",
    "a",
    "",
    "30s",
    "0s",
    "__proto__",
  ),
  fc.string({ maxLength: 12 }),
)
const junk = fc.oneof({ weight: 6, arbitrary: text }, fc.jsonValue({ maxDepth: 2 }))
const number = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 1, 24, 32, 33, 64, 128, 64512, -1, 1.5) }, junk)
const flag = fc.oneof({ weight: 6, arbitrary: fc.boolean() }, junk)
const list = (item: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 8, arbitrary: fc.array(item, { maxLength: 3 }) }, fc.jsonValue({ maxDepth: 1 }))
const fields = (model: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc.oneof({ weight: 12, arbitrary: fc.record(model, { requiredKeys: [] }) }, fc.jsonValue({ maxDepth: 1 }))
const selector = fields({
  matchLabels: fc.oneof(fc.dictionary(fc.constantFrom("a", "b/c", "-"), junk, { maxKeys: 2 }), junk),
  matchExpressions: list(
    fields({
      key: junk,
      operator: fc.constantFrom<unknown>("In", "NotIn", "Exists", "DoesNotExist", "x", 1),
      values: list(junk),
    }),
  ),
})
const selectors = list(selector)
const selecting = {
  ipAddressPools: list(fc.constantFrom<unknown>("a", "b", 1)),
  ipAddressPoolSelectors: selectors,
  nodeSelectors: selectors,
  serviceSelectors: selectors,
}
const named = (spec: fc.Arbitrary<unknown>) =>
  fc.array(fc.record({ name: fc.constantFrom("a", "b", "", "__proto__"), labels: fc.constant({ a: "b" }), spec }), {
    maxLength: 3,
  })
const specs = fc.record({
  pools: named(
    fields({
      addresses: list(junk),
      autoAssign: flag,
      avoidBuggyIPs: flag,
      serviceAllocation: fields({
        priority: number,
        namespaces: list(junk),
        namespaceSelectors: selectors,
        serviceSelectors: selectors,
      }),
    }),
  ),
  l2Advertisements: named(
    fields({
      ...selecting,
      interfaces: list(junk),
      preferredNodeSelectors: list(fields({ weight: number, preference: selector })),
    }),
  ),
  bgpAdvertisements: named(
    fields({
      ...selecting,
      aggregationLength: number,
      aggregationLengthV6: number,
      localPref: number,
      communities: list(junk),
      peers: list(junk),
    }),
  ),
  peers: named(
    fields({
      myASN: number,
      peerASN: number,
      dynamicASN: fc.oneof(fc.constant("internal"), junk),
      peerAddress: fc.oneof(fc.constant("10.0.0.1"), junk),
      interface: junk,
      sourceAddress: junk,
      peerPort: number,
      holdTime: junk,
      keepaliveTime: junk,
      connectTime: junk,
      routerID: junk,
      nodeSelectors: selectors,
      password: junk,
      passwordSecret: fields({ name: junk }),
      bfdProfile: junk,
      ebgpMultiHop: flag,
      vrf: junk,
    }),
  ),
  communities: named(fields({ communities: list(fields({ name: junk, value: junk })) })),
  bfdProfiles: named(fields({ detectMultiplier: number, receiveInterval: number, echoMode: flag, minimumTtl: number })),
})

test("whatever the resources hold, compile answers, and names an object in every fault", (t) => {
  const property = fc.property(
    specs,
    fc.constantFrom(...modes),
    fc.constantFrom(undefined, "x"),
    (found, mode, nodeName) => {
      const facts = { ...nothing, ...(found as unknown as ConfigurationFacts), nodes: [node("x", { a: "b" })] }
      const result = compile(facts, { mode, ...(nodeName !== undefined && { nodeName }) })
      return result.ok || result.error.every(({ object, text }) => object.kind.length * text.length > 0)
    },
  )
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }))
})

test("a spec of the wrong type is a fault with its path; null is absent", (t) => {
  const pool = (spec: unknown) =>
    compile({ ...nothing, pools: [{ name: "p", labels: {}, spec }] as unknown as ConfigurationFacts["pools"] })
  for (const [spec, field, text] of [
    [{}, "addresses", "spec.addresses is required"],
    [null, "addresses", "spec.addresses is required"],
    ["x", "", "spec must be an object"],
    [{ addresses: "10.0.0.0/24" }, "addresses", "spec.addresses must be a list"],
    [{ addresses: [7] }, "addresses[0]", "spec.addresses[0] must be a string"],
    [
      { addresses: [], serviceAllocation: { priority: "1" } },
      "serviceAllocation.priority",
      "spec.serviceAllocation.priority must be a number",
    ],
  ] as const)
    t.deepEqual(pool(spec), { ok: false, error: [{ object: { kind: "IPAddressPool", name: "p" }, field, text }] })
  t.true(pool({ addresses: ["10.0.0.0/24"], autoAssign: null, serviceAllocation: null }).ok)
})
