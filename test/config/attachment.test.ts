import test from "ava"
import { compile } from "../../config/compile.ts"
import type { BGPAdvertisementSpec, ConfigurationFacts, L2AdvertisementSpec } from "../../config/facts.ts"
import { bgpNamed, l2Named, node, nothing, peerNamed, poolNamed } from "../support/configuration.ts"

/** Which advertisements a pool ends up with, and which of them cannot stand side by side. */

const nodes = [node("n1", { zone: "1" }), node("n2", { zone: "2" })]
const zone = (value: string) => [{ matchLabels: { zone: value } }]
const v4 = poolNamed("v4", { addresses: ["10.0.0.0/24"] }, { kind: "four" })
const v6 = poolNamed("v6", { addresses: ["fc00::/120"] }, { kind: "six" })
const mixed = poolNamed("mixed", { addresses: ["10.0.1.0/24", "fc00:1::/120"] }, { kind: "both" })

function result(facts: Partial<ConfigurationFacts>) {
  const compiled = compile({ ...nothing, nodes, ...facts })
  return compiled.ok ? { pools: compiled.value.pools, faults: [] } : { faults: compiled.error.map(({ text }) => text) }
}

for (const [what, spec, pools] of [
  ["nothing chosen: every pool", {}, "mixed v4 v6"],
  ["by name", { ipAddressPools: ["v4"] }, "v4"],
  ["by a name that nobody has: no pool", { ipAddressPools: ["later"] }, ""],
  ["by label", { ipAddressPoolSelectors: [{ matchLabels: { kind: "six" } }] }, "v6"],
  ["by a label that none has: no pool", { ipAddressPoolSelectors: [{ matchLabels: { kind: "x" } }] }, ""],
  [
    "by either of two selectors",
    { ipAddressPoolSelectors: [{ matchLabels: { kind: "six" } }, { matchLabels: { kind: "four" } }] },
    "v4 v6",
  ],
  [
    "by name and label: both, each once",
    { ipAddressPools: ["v4", "v6"], ipAddressPoolSelectors: [{ matchLabels: { kind: "six" } }] },
    "v4 v6",
  ],
  ["an empty selector is for all", { ipAddressPoolSelectors: [{}] }, "mixed v4 v6"],
] as const satisfies readonly (readonly [string, L2AdvertisementSpec & BGPAdvertisementSpec, string])[])
  test(`pools of an advertisement: ${what}`, (t) => {
    for (const [facts, list] of [
      [{ l2Advertisements: [l2Named("a", spec)] }, "l2Advertisements"],
      [{ bgpAdvertisements: [bgpNamed("a", spec)] }, "bgpAdvertisements"],
    ] as const) {
      const { pools: compiled } = result({ pools: [v4, v6, mixed], ...facts })
      const attached = [...(compiled?.values() ?? [])].flatMap((pool) => pool[list].map(() => pool.name))
      t.is(attached.sort().join(" "), pools, list)
    }
  })

for (const [what, first, second, kept] of [
  ["equal", {}, {}, "a"],
  ["equal, interfaces in another order", { interfaces: ["x", "y"] }, { interfaces: ["y", "x"] }, "a"],
  ["all nodes, and all of them by selector", {}, { nodeSelectors: [{}] }, "a"],
  [
    "equal, Service selectors in another order",
    { serviceSelectors: [...zone("1"), ...zone("2")] },
    { serviceSelectors: [...zone("2"), ...zone("1")] },
    "a",
  ],
  ["other nodes", {}, { nodeSelectors: zone("1") }, "a b"],
  ["other interfaces", { interfaces: ["x"] }, { interfaces: ["y"] }, "a b"],
  ["all interfaces beside one", {}, { interfaces: ["x"] }, "a b"],
  ["other Services", {}, { serviceSelectors: zone("1") }, "a b"],
  [
    "equal, with preferences: they stack",
    { preferredNodeSelectors: [{ weight: 1, preference: {} }] },
    { preferredNodeSelectors: [{ weight: 1, preference: {} }] },
    "a b",
  ],
  ["one of them with preferences", {}, { preferredNodeSelectors: [{ weight: 1, preference: {} }] }, "a b"],
  [
    "preferences that match no node are none",
    {},
    { preferredNodeSelectors: [{ weight: 1, preference: { matchLabels: { zone: "3" } } }] },
    "a",
  ],
] as const satisfies readonly (readonly [string, L2AdvertisementSpec, L2AdvertisementSpec, string])[])
  test(`two layer 2 advertisements of a pool: ${what}`, (t) => {
    const { pools } = result({ pools: [v4], l2Advertisements: [l2Named("a", first), l2Named("b", second)] })
    t.is(
      pools
        ?.get("v4")
        ?.l2Advertisements.map(({ name }) => name)
        .join(" "),
      kept,
    )
  })

test("preferences count for eligible nodes only, added up; a selector without terms is for every node", (t) => {
  const preferredNodeSelectors = [
    { weight: 10, preference: {} },
    { weight: 5, preference: { matchLabels: { zone: "1" } } },
    { weight: 7, preference: { matchLabels: { zone: "2" } } },
  ]
  const scores = (spec: L2AdvertisementSpec) => [
    ...(result({ pools: [v4], l2Advertisements: [l2Named("a", spec)] }).pools?.get("v4")?.l2Advertisements[0]?.scores ??
      []),
  ]
  t.deepEqual(scores({ preferredNodeSelectors }), [
    ["n1", 15],
    ["n2", 17],
  ])
  t.deepEqual(scores({ preferredNodeSelectors, nodeSelectors: zone("1") }), [["n1", 15]])
  t.deepEqual(scores({}), [])
})

// LOCAL_PREF: two advertisements may not say different things of one route.

const conflict =
  "invalid local preference 2: local preferernce 1 was already set for the same type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths"
for (const [what, pool, first, second, stands] of [
  ["nothing tells them apart", v4, {}, {}, false],
  ["the same LOCAL_PREF", v4, { localPref: 2 }, {}, true],
  ["other IPv4 lengths", v4, { aggregationLength: 28 }, {}, true],
  ["other IPv6 lengths, of an IPv4 pool", v4, { aggregationLengthV6: 124 }, {}, false],
  ["other IPv6 lengths", v6, { aggregationLengthV6: 124 }, {}, true],
  ["other IPv4 lengths, of an IPv6 pool", v6, { aggregationLength: 28 }, {}, false],
  ["other IPv4 lengths, of a mixed pool", mixed, { aggregationLength: 28 }, {}, false],
  ["other IPv6 lengths, of a mixed pool", mixed, { aggregationLengthV6: 124 }, {}, false],
  ["other lengths of both, of a mixed pool", mixed, { aggregationLength: 28, aggregationLengthV6: 124 }, {}, true],
  ["other peers", v4, { peers: ["p"] }, { peers: ["q"] }, true],
  ["a common peer", v4, { peers: ["p", "q"] }, { peers: ["q", "r"] }, false],
  ["all peers beside one", v4, {}, { peers: ["q"] }, false],
  ["other nodes", v4, { nodeSelectors: zone("1") }, { nodeSelectors: zone("2") }, true],
  ["a common node", v4, { nodeSelectors: zone("1") }, {}, false],
  ["no node at all", v4, { nodeSelectors: zone("3") }, {}, true],
  ["one is for some Services", v4, { serviceSelectors: [{}] }, {}, true],
] as const satisfies readonly (readonly [
  string,
  ConfigurationFacts["pools"][number],
  BGPAdvertisementSpec,
  BGPAdvertisementSpec,
  boolean,
])[])
  test(`two BGP advertisements of a pool: ${what}`, (t) => {
    const bgpAdvertisements = [bgpNamed("a", { localPref: 1, ...first }), bgpNamed("b", { localPref: 2, ...second })]
    t.deepEqual(result({ pools: [pool], bgpAdvertisements }).faults, stands ? [] : [conflict])
  })

test("two advertisements that are one and the same", (t) => {
  const same = [bgpNamed("a", { communities: ["1:1"] }), bgpNamed("a", { communities: ["1:1"] })]
  t.deepEqual(result({ pools: [v4], bgpAdvertisements: same }).faults, [
    "duplicate definition of bgpadvertisements. advertisement 1 and 2 are equal",
  ])
})

// Chapters in order, and within a peer the rules in order: the first fault is where MetalLB stops.

test("the rules of a peer, in MetalLB's order", (t) => {
  const wrong = {
    myASN: 0,
    peerASN: 1,
    dynamicASN: "internal" as const,
    peerAddress: "x",
    interface: "eth0",
    holdTime: "1s",
    routerID: "r",
    sourceAddress: "s",
    nodeSelectors: [{}, {}],
    password: "a",
    passwordSecret: { name: "b" },
    bfdProfile: "gone",
  }
  const { faults } = result({ peers: [peerNamed("p", wrong)], bfdProfiles: [], passwordSecrets: [] })
  const prefix = "parsing peer p "
  t.deepEqual(faults, [
    `${prefix}missing local ASN`,
    `${prefix}both peer ASN and dynamicASN specified`,
    `${prefix}peer has both Address and Interface specified`,
    `${prefix}invalid BGPPeer timers: invalid hold time "1s": must be 0 or >=3s`,
    `${prefix}invalid BGPPeer address "x"`,
    `${prefix}invalid router ID "r"`,
    `${prefix}invalid source IP "s"`,
    `${prefix}duplicate definition of nodeSelectors {map[] []}`,
    `${prefix}can not have both password and secret ref set in peer config "metallb-system"/"p"`,
    "peer p referencing non existing bfd profile gone",
  ])
})
