import test from "ava"
import { compile, type CompileOptions } from "../../config/compile.ts"
import type { ConfigurationFacts } from "../../config/facts.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import { bgpNamed, communityNamed, l2Named, node, nothing, peerNamed, poolNamed } from "../support/configuration.ts"

const faults = (facts: Partial<ConfigurationFacts>, options: CompileOptions = {}): string[] => {
  const result = compile({ ...nothing, ...facts }, options)
  return result.ok ? [] : result.error.map(({ text }) => text)
}
const compiled = (facts: Partial<ConfigurationFacts>, options: CompileOptions = {}): Snapshot => {
  const result = compile({ ...nothing, ...facts }, options)
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join("; "))
  return result.value
}
const blocks = (...addresses: string[]): string[] | undefined =>
  compiled({ pools: [poolNamed("p", { addresses })] })
    .pools.get("p")
    ?.blocks.map(({ text }) => text)

test("a range becomes the fewest blocks, a CIDR loses its host bits", (t) => {
  t.deepEqual(blocks("10.0.0.150-10.0.0.200"), [
    "10.0.0.150/31",
    "10.0.0.152/29",
    "10.0.0.160/27",
    "10.0.0.192/29",
    "10.0.0.200/32",
  ])
  t.deepEqual(blocks("10.0.0.5/24", "fc00:1::7 - fc00:1::7"), ["10.0.0.0/24", "fc00:1::7/128"])
})

for (const [addresses, text] of [
  [[], "pool has no prefixes defined"],
  [["10.0.0.0"], 'invalid CIDR "10.0.0.0" in pool "p": invalid CIDR "10.0.0.0"'],
  [[" 10.0.0.0/8"], 'invalid CIDR " 10.0.0.0/8" in pool "p": invalid CIDR " 10.0.0.0/8"'],
  [["10.00.0.0/8"], 'invalid CIDR "10.00.0.0/8" in pool "p": invalid CIDR "10.00.0.0/8"'],
  [["x - y"], 'invalid CIDR "x - y" in pool "p": invalid IP range "x - y": invalid start IP "x "'],
  [["10.0.0.1-y"], 'invalid CIDR "10.0.0.1-y" in pool "p": invalid IP range "10.0.0.1-y": invalid end IP "y"'],
  [
    ["10.0.0.2-10.0.0.1"],
    'invalid CIDR "10.0.0.2-10.0.0.1" in pool "p": invalid IP range "10.0.0.2-10.0.0.1": start IP "10.0.0.2" is after the end IP "10.0.0.1"',
  ],
  [
    ["10.0.0.2-fc00::1"],
    'invalid CIDR "10.0.0.2-fc00::1" in pool "p": invalid IP range "10.0.0.2-fc00::1": start IP "10.0.0.2" and end IP "fc00::1" are of different families',
  ],
] as const)
  test(`pool addresses ${JSON.stringify(addresses)}`, (t) =>
    t.deepEqual(faults({ pools: [poolNamed("p", { addresses })] }), [`parsing address pool p: ${text}`]))

test("blocks may not overlap, in name order of pools, also within one", (t) => {
  t.deepEqual(
    faults({
      pools: [
        poolNamed("c", { addresses: ["fc00::/64"] }),
        poolNamed("b", { addresses: ["10.0.0.128-10.0.0.130"] }),
        poolNamed("a", { addresses: ["10.0.0.0/24", "10.0.0.0/25"] }),
      ],
    }),
    [
      'CIDR "10.0.0.0/25" in pool "a" overlaps with already defined CIDR "10.0.0.0/24"',
      'CIDR "10.0.0.128/31" in pool "b" overlaps with already defined CIDR "10.0.0.0/24"',
      'CIDR "10.0.0.130/32" in pool "b" overlaps with already defined CIDR "10.0.0.0/24"',
    ],
  )
})

test("serviceAllocation resolves namespaces; an empty one is for every Service", (t) => {
  const { pools } = compiled({
    namespaces: [
      { name: "x", labels: { team: "red" } },
      { name: "y", labels: {} },
    ],
    pools: [
      poolNamed("all", { addresses: ["10.0.0.0/24"], serviceAllocation: { priority: 3 } }),
      poolNamed("some", {
        addresses: ["10.0.1.0/24"],
        serviceAllocation: { namespaces: ["z"], namespaceSelectors: [{ matchLabels: { team: "red" } }] },
      }),
      poolNamed("open", { addresses: ["10.0.2.0/24"], autoAssign: false, avoidBuggyIPs: true }),
    ],
  })
  t.deepEqual(pools.get("all")?.allocation, { priority: 3, namespaces: new Set(), serviceSelectors: [{}] })
  t.deepEqual(pools.get("some")?.allocation, { priority: 0, namespaces: new Set(["z", "x"]), serviceSelectors: [] })
  t.like(pools.get("open"), { autoAssign: false, avoidBuggyIPs: true })
  t.is(pools.get("open")?.allocation, undefined)
})

test("serviceAllocation faults", (t) => {
  const bad = { matchExpressions: [{ key: "", operator: "invalid" }] }
  t.deepEqual(
    faults({
      pools: [
        poolNamed("p", {
          addresses: ["10.0.0.0/24"],
          serviceAllocation: {
            namespaces: ["a", "a"],
            namespaceSelectors: [bad],
            serviceSelectors: [{ matchLabels: { foo: "bar" } }, { matchLabels: { foo: "bar" } }],
          },
        }),
      ],
    }),
    [
      "duplicate definition in namespaces field",
      '"invalid" is not a valid label selector operator\ninvalid namespace label selector {map[] [{ invalid []}]} in ip pool p',
      'duplicate definition of serviceSelectors {map["foo":"bar"] []}',
    ].map((text) => `parsing address pool p: ${text}`),
  )
})

const nodes = [node("a", { zone: "1" }), node("b", { zone: "2" })]
const pools = [
  poolNamed("v4", { addresses: ["10.0.0.0/24"] }, { kind: "four" }),
  poolNamed("v6", { addresses: ["fc00::/120"] }, { kind: "six" }),
]
const zone = (value: string) => [{ matchLabels: { zone: value } }]

test("layer 2 advertisements: pools, nodes, interfaces, scores", (t) => {
  const snapshot = compiled({
    nodes,
    pools,
    l2Advertisements: [
      l2Named("plain", {}),
      l2Named("same", { interfaces: [] }),
      l2Named("narrow", {
        ipAddressPools: ["v4", "nobody"],
        ipAddressPoolSelectors: [{ matchLabels: { kind: "four" } }],
        nodeSelectors: zone("2"),
        interfaces: ["eth0"],
        preferredNodeSelectors: [
          { weight: 10, preference: {} },
          { weight: 5, preference: { matchLabels: { zone: "2" } } },
        ],
      }),
    ],
  })
  t.deepEqual(
    snapshot.pools.get("v4")?.l2Advertisements.map((a) => [a.name, [...a.nodes], a.interfaces, [...a.scores]]),
    [
      ["narrow", ["b"], ["eth0"], [["b", 15]]],
      ["plain", ["a", "b"], "all", []],
    ],
  )
  t.deepEqual(
    snapshot.pools.get("v6")?.l2Advertisements.map(({ name }) => name),
    ["plain"],
  )
})

test("layer 2 advertisement faults name the field", (t) => {
  const bad = { matchExpressions: [{ key: "k", operator: "In", values: [] }] }
  const result = compile({
    ...nothing,
    l2Advertisements: [
      l2Named("l", {
        ipAddressPools: ["p", "p"],
        nodeSelectors: [bad],
        serviceSelectors: [{ matchLabels: { k: "-" } }],
        preferredNodeSelectors: [{ weight: 1, preference: bad }],
      }),
    ],
  })
  const inner = "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
  const label =
    "values[0][k]: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  t.deepEqual(
    result.ok || result.error.map(({ object, field, text }) => [`${object.kind} ${object.name}`, field, text]),
    [
      ["L2Advertisement l", "ipAddressPools", 'duplicate definition of ipAddressPools "p"'],
      [
        "L2Advertisement l",
        "nodeSelectors",
        `${inner}\ninvalid label selector {map[] [{k In []}]}\nfailed to parse node selector for l`,
      ],
      [
        "L2Advertisement l",
        "serviceSelectors",
        `invalid service selector {map[k:-] []}: ${label}\nfailed to parse service selector for l`,
      ],
      [
        "L2Advertisement l",
        "preferredNodeSelectors",
        `${inner}\ninvalid preferred node selector {map[] [{k In []}]}\nfailed to parse preferred node selectors for l`,
      ],
    ],
  )
})

test("BGP advertisements: communities from aliases and literals, sorted, each once", (t) => {
  const snapshot = compiled({
    nodes,
    pools,
    communities: [
      communityNamed("c", {
        communities: [
          { name: "no-export", value: "65535:65281" },
          { name: "twin", value: "65535:65281" },
          { name: "big", value: "large:64512:1:2" },
        ],
      }),
    ],
    bgpAdvertisements: [
      bgpNamed("b", {
        ipAddressPools: ["v4"],
        communities: ["no-export", "twin", "big", "100:2", "99:7"],
        aggregationLength: 26,
        localPref: 50,
        peers: ["p1"],
        nodeSelectors: zone("1"),
      }),
    ],
  })
  t.deepEqual(snapshot.pools.get("v4")?.bgpAdvertisements, [
    {
      name: "b",
      nodes: new Set(["a"]),
      aggregationLength: 26,
      aggregationLengthV6: 128,
      localPref: 50,
      communities: ["64512:1:2", "99:7", "100:2", "65535:65281"],
      peers: ["p1"],
      serviceSelectors: [],
    },
  ])
  t.deepEqual(snapshot.pools.get("v6")?.bgpAdvertisements, [])
})

for (const [spec, text] of [
  [{ aggregationLength: 33 }, "invalid aggregation length 33 for IPv4"],
  [{ aggregationLengthV6: 129 }, "invalid aggregation length 129 for IPv6"],
  [
    { aggregationLength: 24, serviceSelectors: [{}] },
    "serviceSelectors and aggregationLength are mutually exclusive, both cannot be set in b",
  ],
  [
    { ipAddressPools: ["v4"], aggregationLength: 20 },
    "invalid aggregation length 20: prefix 24 in this pool is more specific than the aggregation length for addresses 10.0.0.0/24",
  ],
  [
    { ipAddressPools: ["v6"], aggregationLengthV6: 64 },
    "invalid aggregation length 64: prefix 120 in this pool is more specific than the aggregation length for addresses fc00::/120",
  ],
  [{ communities: ["nope"] }, 'invalid community format: nope\ninvalid community "nope" in BGP advertisement'],
  [
    { communities: ["70000:1"] },
    'invalid community value: invalid section "70000" of community "70000:1", err: "strconv.ParseUint: parsing \\"70000\\": value out of range"\ninvalid community "70000:1" in BGP advertisement',
  ],
  [
    { communities: ["small:1:2:3"] },
    'invalid community value: invalid marker for large community, expected community to be of format large:<uint32>:<uint32>:<uint32> but got "small:1:2:3" instead\ninvalid community "small:1:2:3" in BGP advertisement',
  ],
  [{ communities: ["1:1", "1:1"] }, 'duplicate definition of community "1:1"'],
  [{ peers: ["x", "x"] }, 'duplicate definition of peers "x"'],
] as const)
  test(`BGP advertisement ${JSON.stringify(spec)}`, (t) =>
    t.is(faults({ nodes, pools, bgpAdvertisements: [bgpNamed("b", spec)] })[0], text))

for (const [text, transient] of [
  ["nope", true],
  ["a:b:c", true],
  ["a:b", undefined],
  ["70000:1", undefined],
  ["small:1:2:3", undefined],
] as const)
  test(`community ${text} of a BGP advertisement: ${transient ? "an alias may come" : "wrong for good"}`, (t) => {
    const bgpAdvertisements = [bgpNamed("b", { communities: [text] })]
    const result = compile({ ...nothing, nodes, pools, bgpAdvertisements })
    t.deepEqual(result.ok ? [] : result.error.map((fault) => fault.transient), [transient])
    const communities = [communityNamed("c", { communities: [{ name: text, value: "1:1" }] })]
    t.deepEqual(faults({ nodes, pools, communities, bgpAdvertisements }), [], "an alias may have any name")
  })

test("a range is compared with the shortest of its blocks", (t) => {
  const range = { nodes, pools: [poolNamed("p", { addresses: ["3.3.3.2-3.3.3.254"] })] }
  t.deepEqual(faults({ ...range, bgpAdvertisements: [bgpNamed("b", { aggregationLength: 26 })] }), [])
  t.is(faults({ ...range, bgpAdvertisements: [bgpNamed("b", { aggregationLength: 24 })] }).length, 1)
})

test("two LOCAL_PREFs for one route conflict, unless something tells the routes apart", (t) => {
  const conflict =
    "invalid local preference 2: local preferernce 1 was already set for the same type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths"
  const two = (a: object, b: object) =>
    faults({
      nodes,
      pools: pools.slice(0, 1),
      bgpAdvertisements: [bgpNamed("a", { localPref: 1, ...a }), bgpNamed("b", { localPref: 2, ...b })],
    })
  t.deepEqual(two({}, {}), [conflict])
  t.deepEqual(two({ peers: ["x"] }, {}), [conflict])
  t.deepEqual(two({ aggregationLengthV6: 120 }, {}), [conflict])
  t.deepEqual(two({ aggregationLength: 28 }, {}), [])
  t.deepEqual(two({ peers: ["x"] }, { peers: ["y"] }), [])
  t.deepEqual(two({ nodeSelectors: zone("1") }, { nodeSelectors: zone("2") }), [])
  t.deepEqual(two({}, { serviceSelectors: [{}] }), [])
})

test("Community objects", (t) => {
  const communities = [
    communityNamed("y", {
      communities: [
        { name: "a", value: "2:2" },
        { name: "b", value: "x" },
      ],
    }),
    communityNamed("x", { communities: [{ name: "a", value: "1:1" }] }),
  ]
  t.deepEqual(faults({ communities }), [
    'duplicate definition of community "a"',
    'parsing community "b": invalid community format: x',
  ])
})

const good = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1" }

test("a peer with every default", (t) => {
  t.deepEqual(compiled({ peers: [peerNamed("p", good)] }).peers, [
    { name: "p", myASN: 64500, peerASN: 64501, address: "192.0.2.1", port: 179, holdSeconds: 90, nodeSelectors: [] },
  ] as unknown)
  t.like(
    compiled({
      peers: [
        peerNamed("p", {
          ...good,
          holdTime: "1m30s",
          routerID: "1.1.1.1",
          sourceAddress: "fc00::1",
          peerPort: 1790,
          password: "x",
        }),
      ],
    }).peers[0],
    { holdSeconds: 90, routerId: "1.1.1.1", sourceAddress: "fc00::1", port: 1790, password: "x" },
  )
})

for (const [spec, text] of [
  [{ myASN: 0 }, "missing local ASN"],
  [{ peerASN: 0 }, "missing peer ASN and dynamicASN"],
  [{ dynamicASN: "internal" }, "both peer ASN and dynamicASN specified"],
  [{ peerASN: 0, dynamicASN: "both" }, "invalid dynamicASN both"],
  [{ peerASN: 64500, ebgpMultiHop: true }, "invalid ebgp-multihop parameter set for an ibgp peer"],
  [{ peerAddress: "" }, "peer has no Address or Interface specified"],
  [{ interface: "eth0" }, "peer has both Address and Interface specified"],
  [{ holdTime: "2s" }, 'invalid BGPPeer timers: invalid hold time "2s": must be 0 or >=3s'],
  [
    { holdTime: "30s", keepaliveTime: "1m1s" },
    'invalid BGPPeer timers: invalid keepaliveTime "1m1s", must be lower than holdTime "30s"',
  ],
  [{ holdTime: "soon" }, 'invalid BGPPeer timers: time: invalid duration "soon"'],
  [{ peerAddress: "1.1.1" }, 'invalid BGPPeer address "1.1.1"'],
  [{ routerID: "r" }, 'invalid router ID "r"'],
  [{ sourceAddress: "s" }, 'invalid source IP "s"'],
  [
    { password: "secret", passwordSecret: { name: "s" } },
    'can not have both password and secret ref set in peer config "metallb-system"/"p"',
  ],
] as const)
  test(`peer ${JSON.stringify(spec)}`, (t) =>
    t.is(faults({ peers: [peerNamed("p", { ...good, ...spec })] })[0], `parsing peer p ${text}`))

test("what MetalLB's native mode refuses, a session can do", (t) => {
  const bfdProfiles = [{ name: "fast", labels: {}, spec: {} }]
  for (const spec of [{ vrf: "red" }, { peerAddress: "", interface: "eth0" }])
    t.deepEqual(faults({ bfdProfiles, peers: [peerNamed("p", { ...good, ...spec, bfdProfile: "fast" })] }), [])
  t.deepEqual(
    faults({ peers: [peerNamed("p", { ...good, keepaliveTime: "0s", holdTime: "0s", disableMP: true })] }),
    [],
  )
})

test("a password reaches no fault", (t) => {
  const peers = [peerNamed("p", { ...good, myASN: 0, password: "hunter2", passwordSecret: { name: "s" } })]
  t.notRegex(faults({ peers }).join("\n"), /hunter2/)
})

test("seen from a node, peers and BGP advertisements for others do not count; layer 2 ones do", (t) => {
  const facts = {
    nodes,
    pools,
    peers: [
      peerNamed("here", { ...good, nodeSelectors: zone("1") }),
      peerNamed("there", { ...good, myASN: 0, nodeSelectors: zone("2") }),
    ],
    bgpAdvertisements: [bgpNamed("there", { aggregationLength: 33, nodeSelectors: zone("2") })],
    l2Advertisements: [l2Named("there", { nodeSelectors: zone("2") })],
  }
  const snapshot = compiled(facts, { nodeName: "a" })
  t.deepEqual(
    snapshot.peers.map(({ name }) => name),
    ["here"],
  )
  t.deepEqual(
    snapshot.pools.get("v4")?.l2Advertisements.map(({ nodes }) => [...nodes]),
    [["b"]],
  )
  t.deepEqual(faults(facts), ["parsing peer there missing local ASN", "invalid aggregation length 33 for IPv4"])
  t.deepEqual(faults(facts, { nodeName: "b" }).length, 2)
})

test("all faults are told, the first is the one MetalLB stops at", (t) => {
  t.deepEqual(
    faults({
      pools: [poolNamed("p", { addresses: [] })],
      l2Advertisements: [l2Named("l", { ipAddressPools: ["p", "p"] })],
      bgpAdvertisements: [bgpNamed("b", { peers: ["x", "x"] })],
      communities: [communityNamed("c", { communities: [{ name: "n", value: "" }] })],
      peers: [peerNamed("q", { ...good, myASN: 0 })],
    }),
    [
      "parsing peer q missing local ASN",
      'parsing community "n": invalid community format: ',
      "parsing address pool p: pool has no prefixes defined",
      'duplicate definition of ipAddressPools "p"',
      'duplicate definition of peers "x"',
    ],
  )
})
