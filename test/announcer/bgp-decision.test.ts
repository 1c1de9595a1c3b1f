import test from "ava"
import { type BgpReason, decideBgp, describeBgp } from "../../actors/announcer/bgp-decision.ts"
import { routesOfSession } from "../../actors/announcer/routes-of-session.ts"
import type { Surroundings } from "../../actors/announcer/surroundings.ts"
import type { EndpointFacts, ServiceFacts } from "../../config/facts.ts"
import type { BGPAdvertisement } from "../../config/snapshot.ts"
import { bgp, endpoints, ip, node, pool, service, surroundings } from "./facts.ts"

interface Case {
  readonly service?: Partial<ServiceFacts>
  readonly ips?: readonly string[]
  readonly advertisements?: readonly BGPAdvertisement[]
  readonly blocks?: readonly string[]
  readonly endpoints?: EndpointFacts
  readonly around?: Partial<Surroundings>
}

function decide(given: Case) {
  return decideBgp(
    service(given.service),
    (given.ips ?? ["192.0.2.10"]).map(ip),
    pool({ bgpAdvertisements: given.advertisements ?? [bgp()] }, ...(given.blocks ?? [])),
    given.endpoints ?? endpoints("alpha"),
    surroundings(given.around),
  )
}

const withheld = (reason: string) => ({ kind: "withhold", reason })
const announced = (...routes: readonly (readonly [string, Partial<BGPAdvertisement>?])[]) => ({
  kind: "announce",
  routes: routes.map(([prefix, { localPref = 0, communities = [], peers = [] } = {}]) => ({
    prefix,
    localPref,
    communities,
    peers,
  })),
})
const host = announced(["192.0.2.10/32"])
const web = [{ matchLabels: { app: "web" } }]
const db = [{ matchLabels: { app: "db" } }]
const charlie = (over: Parameters<typeof node>[1]) => ({ nodes: new Map([["charlie", node("charlie", over)]]) })
const exclude = { labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } }
const v4 = ["192.0.2.0/24"]
const v6 = ["2001:db8::/64"]

const table: readonly (readonly [string, Case, object, BgpReason["rule"]])[] = [
  ["every node announces, an endpoint being anywhere", {}, host, "advertised"],
  ["no advertisement", { advertisements: [] }, withheld("notOwner"), "no-advertisement-covers-node"],
  [
    "none covers this node",
    { advertisements: [bgp({ nodes: new Set(["alpha"]) })] },
    withheld("notOwner"),
    "no-advertisement-covers-node",
  ],
  [
    "none that covers this node selects the Service",
    { advertisements: [bgp({ serviceSelectors: db }), bgp({ name: "b", nodes: new Set(["alpha"]) })] },
    withheld("noMatchingAdvertisement"),
    "no-advertisement-selects-service",
  ],
  [
    "two local preferences for one prefix",
    { advertisements: [bgp({ localPref: 100 }), bgp({ name: "b", localPref: 200 })] },
    withheld("conflictingAdvertisements"),
    "conflicting-local-pref",
  ],
  [
    "the conflict comes before the fault of the node",
    { advertisements: [bgp({ localPref: 100 }), bgp({ name: "b" })], around: charlie({ networkUnavailable: true }) },
    withheld("conflictingAdvertisements"),
    "conflicting-local-pref",
  ],
  [
    "no conflict with an advertisement that selects another Service",
    {
      service: { labels: { app: "web" } },
      advertisements: [bgp({ localPref: 100, serviceSelectors: web }), bgp({ name: "b", serviceSelectors: db })],
    },
    announced(["192.0.2.10/32", { localPref: 100 }]),
    "advertised",
  ],
  [
    "no conflict when the lengths differ in the pool's only family",
    { blocks: v4, advertisements: [bgp({ localPref: 100 }), bgp({ name: "b", aggregationLength: 24 })] },
    announced(["192.0.2.10/32", { localPref: 100 }], ["192.0.2.0/24"]),
    "advertised",
  ],
  [
    "conflict when only the other family's lengths differ",
    { blocks: v4, advertisements: [bgp({ localPref: 100 }), bgp({ name: "b", aggregationLengthV6: 64 })] },
    withheld("conflictingAdvertisements"),
    "conflicting-local-pref",
  ],
  [
    "no conflict when the lengths differ in the pool's only family, IPv6",
    {
      blocks: v6,
      ips: ["2001:db8::5"],
      advertisements: [bgp({ localPref: 100 }), bgp({ name: "b", aggregationLengthV6: 64 })],
    },
    announced(["2001:db8::5/128", { localPref: 100 }], ["2001:db8::/64"]),
    "advertised",
  ],
  [
    "conflict in a pool of both families when one length is the same",
    { advertisements: [bgp({ localPref: 100 }), bgp({ name: "b", aggregationLength: 24 })] },
    withheld("conflictingAdvertisements"),
    "conflicting-local-pref",
  ],
  [
    "no conflict between peers that are apart",
    { advertisements: [bgp({ localPref: 100, peers: ["a"] }), bgp({ name: "b", peers: ["b", "c"] })] },
    announced(["192.0.2.10/32", { localPref: 100, peers: ["a"] }], ["192.0.2.10/32", { peers: ["b", "c"] }]),
    "advertised",
  ],
  [
    "conflict when one of them goes to every peer",
    { advertisements: [bgp({ localPref: 100, peers: ["a"] }), bgp({ name: "b" })] },
    withheld("conflictingAdvertisements"),
    "conflicting-local-pref",
  ],
  [
    "network unavailable",
    { around: charlie({ networkUnavailable: true }), endpoints: endpoints() },
    withheld("nodeNetworkUnavailable"),
    "node-fault",
  ],
  ["exclude label", { around: charlie(exclude) }, withheld("nodeLabeledExcludeBalancers"), "node-fault"],
  [
    "exclude label, told to ignore it",
    { around: { ...charlie(exclude), ignoreExcludeLoadBalancer: true } },
    host,
    "advertised",
  ],
  [
    "out of service",
    { around: charlie({ taints: [{ key: "node.kubernetes.io/out-of-service", value: "", effect: "NoExecute" }] }) },
    withheld("nodeOutOfService"),
    "node-fault",
  ],
  [
    "drained by taint",
    { around: charlie({ taints: [{ key: "troupe.dev/drain", value: "", effect: "NoSchedule" }] }) },
    withheld("nodeDrained"),
    "node-fault",
  ],
  ["drained by command", { around: { drained: new Set(["charlie"]) } }, withheld("nodeDrained"), "node-fault"],
  ["another node is drained", { around: { drained: new Set(["alpha"]) } }, host, "advertised"],
  ["this node is not known yet", { around: { nodes: new Map() } }, host, "advertised"],
  ["gossip plays no part", { around: { speakers: new Set(["alpha"]) } }, host, "advertised"],
  [
    "Local: no endpoint here",
    { service: { externalTrafficPolicy: "Local" } },
    withheld("noLocalEndpoints"),
    "no-local-endpoints",
  ],
  [
    "Local: an endpoint here that cannot serve",
    {
      service: { externalTrafficPolicy: "Local" },
      endpoints: { key: "default/web", endpoints: [{ addresses: ["10.244.0.1"], nodeName: "charlie", ready: false }] },
    },
    withheld("noLocalEndpoints"),
    "no-local-endpoints",
  ],
  [
    "Local: an endpoint here",
    { service: { externalTrafficPolicy: "Local" }, endpoints: endpoints("charlie") },
    host,
    "advertised",
  ],
  ["no endpoints", { endpoints: endpoints() }, withheld("noEndpoints"), "no-endpoints"],
  [
    "an endpoint without an address does not count",
    { endpoints: { key: "default/web", endpoints: [{ addresses: [], nodeName: "charlie" }] } },
    withheld("noEndpoints"),
    "no-endpoints",
  ],
  [
    "each address through each advertisement",
    {
      ips: ["192.0.2.10", "2001:db8::5"],
      advertisements: [
        bgp({ communities: ["65000:1"], peers: ["a"] }),
        bgp({ name: "b", aggregationLength: 24, aggregationLengthV6: 64, communities: ["65000:2", "65000:10"] }),
      ],
    },
    announced(
      ["192.0.2.10/32", { communities: ["65000:1"], peers: ["a"] }],
      ["2001:db8::5/128", { communities: ["65000:1"], peers: ["a"] }],
      ["192.0.2.0/24", { communities: ["65000:2", "65000:10"] }],
      ["2001:db8::/64", { communities: ["65000:2", "65000:10"] }],
    ),
    "advertised",
  ],
]

for (const [name, given, decision, rule] of table) {
  test(name, (t) => {
    const verdict = decide(given)
    t.deepEqual(verdict.decision as object, decision)
    t.is(verdict.because[0]?.rule, rule)
    for (const reason of verdict.because) t.regex(describeBgp(reason), /^\S.*\S$/)
  })
}

test("a conflict names both advertisements and both values", (t) => {
  const [reason] = decide({ advertisements: [bgp({ name: "a", localPref: 100 }), bgp({ name: "b" })] }).because
  t.is(reason && describeBgp(reason), "advertisements 'a' and 'b' have conflicting LOCAL_PREF (100 vs 0)")
})

const route = (prefix: string, over: Partial<BGPAdvertisement> = {}) => {
  const { localPref, communities, peers } = bgp(over)
  return { prefix, localPref, communities, peers }
}

test("a session has the routes that name it and those for every peer", (t) => {
  const all = [
    route("192.0.2.2/32"),
    route("192.0.2.1/32", { peers: ["a", "b"] }),
    route("192.0.2.3/32", { peers: ["c"] }),
  ]
  t.deepEqual(
    routesOfSession("a", all).flatMap(({ prefixes }) => prefixes),
    ["192.0.2.1/32", "192.0.2.2/32"],
  )
})

test("one prefix is one route: communities together in numeric order, local preference of the first", (t) => {
  const all = [
    route("192.0.2.0/24", { localPref: 50, communities: ["65000:100", "65000:20"] }),
    route("192.0.2.0/24", { localPref: 70, communities: ["65000:3", "65000:20", "65000:1:2"] }),
  ]
  t.deepEqual(routesOfSession("a", all), [
    { localPref: 50, communities: ["65000:1:2", "65000:3", "65000:20", "65000:100"], prefixes: ["192.0.2.0/24"] },
  ])
})

test("routes that differ in their prefix only are one group; groups and prefixes are in order, whatever came first", (t) => {
  const all = [
    route("192.0.2.9/32", { communities: ["65000:1"] }),
    route("192.0.2.3/32"),
    route("192.0.2.1/32", { communities: ["65000:1"] }),
    route("192.0.2.2/32"),
  ]
  const groups = [
    { localPref: 0, communities: [], prefixes: ["192.0.2.2/32", "192.0.2.3/32"] },
    { localPref: 0, communities: ["65000:1"], prefixes: ["192.0.2.1/32", "192.0.2.9/32"] },
  ]
  t.deepEqual(routesOfSession("a", all), groups)
  t.deepEqual(routesOfSession("a", all.toReversed()), groups)
})

test("MED and prepend go with the route; of two advertisements that meet, one may leave them to the other", (t) => {
  const { decision } = decide({
    advertisements: [bgp({ name: "a", med: 50 }), bgp({ name: "b", prepend: 2 }), bgp({ name: "c" })],
  })
  if (decision.kind !== "announce") return t.fail()
  t.deepEqual(routesOfSession("p", decision.routes), [
    { localPref: 0, communities: [], med: 50, prepend: 2, prefixes: ["192.0.2.10/32"] },
  ])
})

for (const [attribute, a, b, text] of [
  ["MED", { med: 0 }, { med: 10 }, "advertisements 'a' and 'b' have conflicting MED (0 vs 10)"],
  ["prepend", { prepend: 1 }, { prepend: 2 }, "advertisements 'a' and 'b' have conflicting AS path prepend (1 vs 2)"],
] as const) {
  const both = [bgp({ name: "a", ...a }), bgp({ name: "b", ...b })]
  test(`two values of ${attribute} for one prefix: nothing goes out, and both are named`, (t) => {
    const { decision, because } = decide({ advertisements: both })
    t.deepEqual(decision as unknown, withheld("conflictingAdvertisements"))
    t.deepEqual(because.map(describeBgp), [text])
  })
  test(`two values of ${attribute} for other peers, or other prefixes, do not meet`, (t) => {
    const [first, second] = both
    if (first === undefined || second === undefined) return t.fail()
    const apart = [
      { ...first, peers: ["p"] },
      { ...second, peers: ["q"] },
    ]
    t.is(decide({ advertisements: apart }).decision.kind, "announce")
    const wider = { ...second, aggregationLength: 24 }
    t.is(decide({ advertisements: [first, wider], blocks: v4 }).decision.kind, "announce")
  })
}

test("Services that share an address: the lowest MED and the shortest prepend, whoever comes first", (t) => {
  const all = [
    { ...route("192.0.2.1/32"), med: 70, prepend: 1 },
    { ...route("192.0.2.1/32"), med: 30, prepend: 3 },
    { ...route("192.0.2.1/32"), communities: ["65000:1"] },
  ]
  const want = [{ localPref: 0, communities: ["65000:1"], med: 30, prepend: 1, prefixes: ["192.0.2.1/32"] }]
  t.deepEqual(routesOfSession("a", all), want)
  t.deepEqual(routesOfSession("a", all.toReversed()), want)
})

test("routes that differ in MED or prepend are groups of their own", (t) => {
  const all = [{ ...route("192.0.2.1/32"), med: 1 }, { ...route("192.0.2.2/32"), prepend: 1 }, route("192.0.2.3/32")]
  t.is(routesOfSession("a", all).length, 3)
})
