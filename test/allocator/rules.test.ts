import test from "ava"
import { AddressBook } from "../../actors/allocator/address-book.ts"
import { inOrder } from "../../actors/allocator/allocator-state.ts"
import { capacityOf } from "../../actors/allocator/capacity.ts"
import { concernsUs } from "../../actors/allocator/allocator.ts"
import { addressAssigned } from "../../actors/allocator/condition.ts"
import { decide } from "../../actors/allocator/decide.ts"
import { stackFamilyOf } from "../../actors/allocator/families.ts"
import { logLinesOf } from "../../actors/allocator/log-lines.ts"
import { describeRefusal } from "../../actors/allocator/reasons.ts"
import { claimOf, requestedAddresses, requestedPool } from "../../actors/allocator/request.ts"
import type { IPAddressPoolSpec, NamespaceFacts, ServiceFacts } from "../../config/facts.ts"
import { compile } from "../../config/compile.ts"
import type { Pool } from "../../config/snapshot.ts"
import { nothing } from "../support/configuration.ts"
import { poolFactsOf, type PoolSpecs, poolsOf } from "../support/pools.ts"
import { dualStack, holding, service } from "../support/service.ts"

/** MetalLB's rules for addresses as tables, chapter by chapter: a row is a rule and what comes of it. */

const poolsWith = (specs: PoolSpecs, namespaces: readonly NamespaceFacts[]): ReadonlyMap<string, Pool> => {
  const result = compile({ ...nothing, pools: poolFactsOf(specs), namespaces })
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join("; "))
  return result.value.pools
}

// What a Service brings: ports, sharing key, backend key.

const selector = { b: "2", a: "1" }
for (const [what, facts, want] of [
  [
    "every port with its protocol; node and target port play no part",
    {
      ports: [
        { protocol: "TCP", port: 80 },
        { protocol: "UDP", port: 53 },
        { protocol: "SCTP", port: 9 },
      ],
    },
    { ports: ["TCP/80", "UDP/53", "SCTP/9"] },
  ],
  ["no annotation: no sharing key", {}, { sharing: "" }],
  ["the sharing key", { annotations: { "metallb.io/allow-shared-ip": "k" } }, { sharing: "k" }],
  ["the deprecated one", { annotations: { "metallb.universe.tf/allow-shared-ip": "old" } }, { sharing: "old" }],
  [
    "an empty new one hides it",
    { annotations: { "metallb.io/allow-shared-ip": "", "metallb.universe.tf/allow-shared-ip": "old" } },
    { sharing: "" },
  ],
  ["Local: the pod selector, sorted by key", { externalTrafficPolicy: "Local", selector }, { backend: "a=1,b=2" }],
  ["Local without a selector", { externalTrafficPolicy: "Local", selector: {} }, { backend: "" }],
  ["Cluster: no backend key", { externalTrafficPolicy: "Cluster", selector }, { backend: "" }],
] as const satisfies readonly (readonly [string, Partial<ServiceFacts>, object])[])
  test(`keys of a Service: ${what}`, (t) => t.like(claimOf(service("ns/web", facts)), want))

const key = { annotations: { "metallb.io/allow-shared-ip": "k", "metallb.io/loadBalancerIPs": "10.0.0.1" } }
const local = { ...key, externalTrafficPolicy: "Local" }
const on = (port: number) => ({ ports: [{ protocol: "TCP", port }] })
for (const [what, first, second, shares] of [
  ["one key, disjoint ports", key, { ...key, ...on(81) }, true],
  ["one Local, one Cluster", { ...local, selector }, { ...key, ...on(81) }, false],
  ["one Local without a selector, one Cluster", { ...local, selector: {} }, { ...key, ...on(81) }, true],
  ["both Local with one selector", { ...local, selector }, { ...local, selector, ...on(81) }, true],
  ["both Local with different selectors", { ...local, selector }, { ...local, selector: { a: "1" }, ...on(81) }, false],
] as const satisfies readonly (readonly [string, Partial<ServiceFacts>, Partial<ServiceFacts>, boolean])[])
  test(`sharing between Services: ${what}`, (t) => {
    const book = new AddressBook(poolsOf({ p: ["10.0.0.0/24"] }))
    t.deepEqual(decide(service("ns/first", first), book).decision.ingress, ["10.0.0.1"])
    t.deepEqual(decide(service("ns/second", second), book).decision.ingress, shares ? ["10.0.0.1"] : [])
  })

test("sharing never makes anybody look for an occupied address: the first that may be had is taken", (t) => {
  const book = new AddressBook(poolsOf({ p: ["10.0.0.0/24"] }))
  const sharing = { annotations: { "metallb.io/allow-shared-ip": "k" } }
  decide(service("ns/first", key), book)
  t.deepEqual(decide(service("ns/second", { ...sharing, ...on(81) }), book).decision.ingress, ["10.0.0.0"])
})

// Who may use a pool, and who gets it without asking.

const red = [{ name: "ns", labels: { team: "red" } }]
for (const [what, serviceAllocation, facts, asked, automatic] of [
  ["absent", undefined, {}, true, "open"],
  ["empty: before all others, for everybody", {}, {}, true, "pinned"],
  ["a priority alone: the same", { priority: 5 }, {}, true, "pinned"],
  ["its namespace", { namespaces: ["ns"] }, {}, true, "pinned"],
  ["another namespace", { namespaces: ["other"] }, {}, false, "never"],
  ["its namespace's labels", { namespaceSelectors: [{ matchLabels: { team: "red" } }] }, {}, true, "pinned"],
  [
    "either: names and labels are one set",
    { namespaces: ["other"], namespaceSelectors: [{ matchLabels: { team: "red" } }] },
    {},
    true,
    "pinned",
  ],
  [
    "labels that no namespace has: never chosen, though whoever asks gets it",
    { namespaceSelectors: [{ matchLabels: { team: "blue" } }] },
    {},
    true,
    "never",
  ],
  ["its own labels", { serviceSelectors: [{ matchLabels: { a: "b" } }] }, { labels: { a: "b" } }, true, "pinned"],
  ["other labels", { serviceSelectors: [{ matchLabels: { a: "b" } }] }, { labels: { a: "c" } }, false, "never"],
  [
    "one of several selectors",
    { serviceSelectors: [{ matchLabels: { a: "b" } }, { matchLabels: { c: "d" } }] },
    { labels: { c: "d" } },
    true,
    "pinned",
  ],
  [
    "namespace and labels must both fit",
    { namespaces: ["ns"], serviceSelectors: [{ matchLabels: { a: "b" } }] },
    {},
    false,
    "never",
  ],
  [
    "the pod selector is not the labels",
    { serviceSelectors: [{ matchLabels: { app: "web" } }] },
    { selector: { app: "web" } },
    false,
    "never",
  ],
] as const satisfies readonly (readonly [
  string,
  IPAddressPoolSpec["serviceAllocation"],
  Partial<ServiceFacts>,
  boolean,
  "open" | "pinned" | "never",
])[]) {
  test(`serviceAllocation, ${what}`, (t) => {
    const spec = { addresses: ["10.0.9.0/24"], ...(serviceAllocation && { serviceAllocation }) }
    const asks = { annotations: { "metallb.io/address-pool": "p" } }
    const named = decide(service("ns/web", { ...facts, ...asks }), new AddressBook(poolsWith({ p: spec }, red)))
    t.is(named.decision.state, asked ? "assigned" : "waiting")
    // A pool for everybody that comes first by name.
    const pools = poolsWith({ a: ["10.0.0.0/24"], p: spec }, red)
    const chosen = decide(service("ns/web", facts), new AddressBook(pools)).decision
    t.is(chosen.pool, automatic === "pinned" ? "p" : "a")
    const alone = decide(service("ns/web", facts), new AddressBook(poolsWith({ p: spec }, red))).decision
    t.is(alone.state, automatic === "never" ? "waiting" : "assigned")
  })
}

for (const [what, priorities, want] of [
  ["lower numbers first", { a: 20, b: 10 }, "b"],
  ["0 is last", { a: 0, b: 10 }, "b"],
  ["unset is 0", { a: undefined, b: 10 }, "b"],
  ["negative ones are last too", { a: -5, b: 10 }, "b"],
  ["equal: by name", { b: 7, a: 7 }, "a"],
] as const)
  test(`priority: ${what}`, (t) => {
    const specs = Object.entries(priorities).map(([name, priority], i) => [
      name,
      {
        addresses: [`10.0.${i}.0/24`],
        serviceAllocation: { namespaces: ["ns"], ...(priority !== undefined && { priority }) },
      },
    ])
    const book = new AddressBook(poolsOf(Object.fromEntries(specs) as PoolSpecs))
    t.is(decide(service("ns/web"), book).decision.pool, want)
  })

test("pinned pools that are full or of another family fall through to pools for everybody", (t) => {
  const pools = poolsOf({
    a: { addresses: ["10.0.1.0/32"], serviceAllocation: { namespaces: ["ns"] } },
    b: ["10.0.2.0/24", "fc00::/120"],
  })
  const book = new AddressBook(pools)
  t.is(decide(service("ns/one"), book).decision.pool, "a")
  t.is(decide(service("ns/two"), book).decision.pool, "b")
  t.is(decide(service("ns/six", { clusterIPs: ["fd00::1"], ipFamilies: ["IPv6"] }), book).decision.pool, "b")
})

// Families.

for (const [addresses, want] of [
  [["10.0.0.1"], "ipv4"],
  [["fc00::1"], "ipv6"],
  [["::ffff:10.0.0.1"], "ipv4"],
  [["10.0.0.1", "fc00::1"], "dual"],
  [["fc00::1", "10.0.0.1"], "dual"],
  [["x"], 'IPFamilyForAddresses: Invalid address ["x"]'],
  [["10.0.0.1", "x"], 'IPFamilyForAddresses: Invalid address ["10.0.0.1" "x"]'],
  [["10.0.0.1", "10.0.0.2"], 'IPFamilyForAddresses: same address family ["10.0.0.1" "10.0.0.2"]'],
  [[], "IPFamilyForAddresses: invalid ips length 0 []"],
  [["10.0.0.1", "fc00::1", "10.0.0.2"], 'IPFamilyForAddresses: invalid ips length 3 ["10.0.0.1" "fc00::1" "10.0.0.2"]'],
] as const)
  test(`family of [${addresses.join(" ")}]`, (t) => {
    const family = stackFamilyOf(addresses)
    t.is(family.ok ? family.value : describeRefusal(family.error), want)
  })

const v4 = ["10.0.0.0/30"]
const v6 = ["fc00::/126"]
const six = { clusterIPs: ["fd00::1"], ipFamilies: ["IPv6"] }
const require = { ...dualStack, ipFamilyPolicy: "RequireDualStack" }
const single = { ...dualStack, ipFamilyPolicy: "SingleStack" }
const sixFirst = { ...dualStack, ipFamilies: ["IPv6", "IPv4"] }
for (const [what, pools, facts, want] of [
  ["IPv4 from the first pool that has one", { a: v6, b: v4, c: ["10.0.1.0/30"] }, {}, "b 10.0.0.0"],
  ["IPv6 likewise", { a: v4, b: v6 }, six, "b fc00::"],
  ["IPv4, and no pool has one", { a: v6 }, {}, "no available IPs"],
  [
    "both required: the first pool that has both",
    { a: v4, b: v6, c: ["10.0.1.0/30", "fc01::/126"] },
    require,
    "c 10.0.1.0 fc01::",
  ],
  ["both required, and no pool has both", { a: v4, b: v6 }, require, "no available IPs"],
  [
    "both preferred: a pool with both, though it comes later",
    { a: v4, b: ["10.0.1.0/30", ...v6] },
    dualStack,
    "b 10.0.1.0 fc00::",
  ],
  ["both preferred, none has both: the primary family", { a: v6, b: v4 }, dualStack, "b 10.0.0.0"],
  ["the primary family is the first of ipFamilies", { a: v4, b: v6 }, sixFirst, "b fc00::"],
  ["both preferred, and only the other family is there", { a: v6 }, dualStack, "a fc00::"],
  ["two cluster IPs with SingleStack, which Kubernetes never makes", { a: [...v4, ...v6] }, single, "no available IPs"],
  ["IPv4 first in a dual answer, whatever ipFamilies says", { a: [...v6, ...v4] }, sixFirst, "a 10.0.0.0 fc00::"],
  [
    "within a tier before priority, but never across: pinned pools come first",
    { a: { addresses: v4, serviceAllocation: { namespaces: ["ns"] } }, b: ["10.0.1.0/30", ...v6] },
    dualStack,
    "a 10.0.0.0",
  ],
] as const satisfies readonly (readonly [string, PoolSpecs, Partial<ServiceFacts>, string])[])
  test(`families, automatic: ${what}`, (t) => {
    const { decision } = decide(service("ns/web", facts), new AddressBook(poolsOf(pools)))
    const failed = 'Failed to allocate IP for "ns/web": '
    const [event] = decision.events
    t.is(
      decision.pool === undefined
        ? (event?.message.slice(failed.length) ?? "")
        : [decision.pool, ...decision.ingress].join(" "),
      want,
    )
  })

for (const [what, pool, facts, want] of [
  ["IPv4 of a dual pool", [...v4, ...v6], {}, "10.0.0.0"],
  ["IPv6 of a dual pool", [...v4, ...v6], six, "fc00::"],
  ["a family that it lacks", v4, six, "no available IPs in pool p for IPv6 IPFamily"],
  ["both required", [...v4, ...v6], require, "10.0.0.0 fc00::"],
  ["both required, one missing", v4, require, "no available IPs in pool p for dual IPFamily"],
  ["both preferred, one missing", v6, dualStack, "fc00::"],
  ["two cluster IPs with SingleStack", [...v4, ...v6], single, "no available IPs in pool p for dual IPFamily"],
] as const satisfies readonly (readonly [string, readonly string[], Partial<ServiceFacts>, string])[])
  test(`families, of a requested pool: ${what}`, (t) => {
    const asks = { ...facts, annotations: { "metallb.io/address-pool": "p" } }
    const { decision } = decide(service("ns/web", asks), new AddressBook(poolsOf({ p: pool })))
    const failed = 'Failed to allocate IP for "ns/web": '
    t.is(
      decision.pool === undefined
        ? (decision.events[0]?.message.slice(failed.length) ?? "")
        : decision.ingress.join(" "),
      want,
    )
  })

// What a Service asks for.

const both = "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"
const newIPs = (text: string) => ({ annotations: { "metallb.io/loadBalancerIPs": text } })
for (const [what, facts, want] of [
  ["nothing", {}, ""],
  ["the field", { loadBalancerIP: "10.0.0.1" }, "10.0.0.1"],
  ["the annotation", newIPs("10.0.0.1"), "10.0.0.1"],
  ["two of them, with blanks, in the user's order", newIPs(" fc00::1 , 10.0.0.1 "), "fc00::1 10.0.0.1"],
  ["the deprecated annotation", { annotations: { "metallb.universe.tf/loadBalancerIPs": "10.0.0.1" } }, "10.0.0.1"],
  [
    "an empty new annotation hides the deprecated one, and lets the field count",
    {
      annotations: { "metallb.io/loadBalancerIPs": "", "metallb.universe.tf/loadBalancerIPs": "10.0.0.1" },
      loadBalancerIP: "10.0.0.2",
    },
    "10.0.0.2",
  ],
  ["both, even when equal", { ...newIPs("10.0.0.1"), loadBalancerIP: "10.0.0.1" }, both],
  ["both, and both unreadable", { ...newIPs("x"), loadBalancerIP: "y" }, both],
  [
    "an unreadable entry: the whole value is named",
    newIPs("10.0.0.1,x"),
    'invalid metallb.io/loadBalancerIPs: "10.0.0.1,x"',
  ],
  ["a comma too many", newIPs("10.0.0.1,"), 'invalid metallb.io/loadBalancerIPs: "10.0.0.1,"'],
  ["blanks alone", newIPs(" "), 'invalid metallb.io/loadBalancerIPs: " "'],
  ["an unreadable field", { loadBalancerIP: "x" }, 'invalid spec.loadBalancerIP "x"'],
  [
    "two of one family",
    newIPs("10.0.0.1,10.0.0.2"),
    'IPFamilyForAddresses: same address family ["10.0.0.1" "10.0.0.2"]',
  ],
  [
    "three",
    newIPs("10.0.0.1,fc00::1,fc00::2"),
    'IPFamilyForAddresses: invalid ips length 3 ["10.0.0.1" "fc00::1" "fc00::2"]',
  ],
] as const satisfies readonly (readonly [string, Partial<ServiceFacts>, string])[])
  test(`requested addresses: ${what}`, (t) => {
    const requested = requestedAddresses(service("ns/web", facts))
    t.is(requested.ok ? requested.value.join(" ") : describeRefusal(requested.error), want)
  })

for (const [annotations, want] of [
  [{}, ""],
  [{ "metallb.io/address-pool": "p" }, "p"],
  [{ "metallb.universe.tf/address-pool": "old" }, "old"],
  [{ "metallb.io/address-pool": "", "metallb.universe.tf/address-pool": "old" }, ""],
] as const satisfies readonly (readonly [ServiceFacts["annotations"], string])[])
  test(`requested pool: ${JSON.stringify(annotations)}`, (t) =>
    t.is(requestedPool(service("ns/web", { annotations })), want))

const mismatch = (list: string) => `requested loadBalancer IP(s) [${list}] does not match the ipFamily of the service`
for (const [what, facts, want] of [
  ["an address of no pool", newIPs("192.0.2.1"), '["192.0.2.1"] is not allowed in config'],
  [
    "two addresses of two pools",
    { ...dualStack, ...newIPs("10.0.0.1,fc01::1") },
    '["10.0.0.1" "fc01::1"] is not allowed in config',
  ],
  ["one address, both families", { ...dualStack, ...newIPs("10.0.0.1") }, mismatch('"10.0.0.1"')],
  ["two addresses, one family", newIPs("10.0.0.1,fc00::1"), mismatch('"10.0.0.1" "fc00::1"')],
  ["the other family", { ...six, ...newIPs("10.0.0.1") }, mismatch('"10.0.0.1"')],
  [
    "one that somebody has",
    newIPs("10.0.0.3"),
    'can\'t change sharing key for "10.0.0.3", address also in use by ns/first',
  ],
  ["a buggy one of a pool that avoids them", newIPs("10.0.2.0"), '["10.0.2.0"] is not allowed in config'],
  ["one of a pool for others", newIPs("10.0.3.1"), "pool others not compatible for ip assignment"],
  ["one of a pool with autoAssign false: that is no matter", newIPs("10.0.4.1"), "10.0.4.1"],
] as const satisfies readonly (readonly [string, Partial<ServiceFacts>, string])[])
  test(`a request is met or the Service waits: ${what}`, (t) => {
    const pools = poolsOf({
      p: ["10.0.0.0/24", "fc00::/120"],
      q: ["10.0.1.0/24", "fc01::/120"],
      calm: { addresses: ["10.0.2.0/24"], avoidBuggyIPs: true },
      others: { addresses: ["10.0.3.0/24"], serviceAllocation: { namespaces: ["other"] } },
      manual: { addresses: ["10.0.4.0/24"], autoAssign: false },
    })
    const book = new AddressBook(pools)
    decide(service("ns/first", { loadBalancerIP: "10.0.0.3" }), book)
    const { decision } = decide(service("ns/web", facts), book)
    const failed = 'Failed to allocate IP for "ns/web": '
    t.is(
      decision.ingress.length > 0
        ? decision.ingress.join(" ")
        : (decision.events[0]?.message.slice(failed.length) ?? ""),
      want,
    )
  })

// What a change of pools does to a Service that has an address.

const gone = "cleared"
for (const [what, before, after, facts, want] of [
  ["grown", { p: v4 }, { p: ["10.0.0.0/24"] }, holding("10.0.0.1"), "p 10.0.0.1"],
  ["renamed", { p: v4 }, { q: v4 }, holding("10.0.0.1"), "q 10.0.0.1"],
  ["split around it", { p: ["10.0.0.0/29"] }, { a: v4, b: ["10.0.0.4/30"] }, holding("10.0.0.5"), "b 10.0.0.5"],
  ["removed, another is there", { p: v4 }, { q: ["10.0.1.0/30"] }, holding("10.0.0.1"), "q 10.0.1.0"],
  ["shrunk past it", { p: ["10.0.0.0/29"] }, { p: v4 }, holding("10.0.0.5"), "p 10.0.0.0"],
  [
    "its two addresses end up in two pools",
    { p: [...v4, ...v6] },
    { a: v4, b: [...v6, "10.0.1.0/30"] },
    { ...dualStack, ...holding("10.0.0.1", "fc00::1") },
    "b 10.0.1.0 fc00::",
  ],
  [
    "avoidBuggyIPs turned on",
    { p: ["10.0.0.0/24"] },
    { p: { addresses: ["10.0.0.0/24"], avoidBuggyIPs: true } },
    holding("10.0.0.0"),
    "p 10.0.0.1",
  ],
  [
    "serviceAllocation turned to others",
    { p: v4, q: ["10.0.1.0/30"] },
    { p: { addresses: v4, serviceAllocation: { namespaces: ["other"] } }, q: ["10.0.1.0/30"] },
    holding("10.0.0.1"),
    "q 10.0.1.0",
  ],
  ["autoAssign turned off", { p: v4 }, { p: { addresses: v4, autoAssign: false } }, holding("10.0.0.1"), "p 10.0.0.1"],
  [
    "a better pool appears",
    { p: v4 },
    { p: v4, a: { addresses: ["10.0.1.0/30"], serviceAllocation: { namespaces: ["ns"], priority: 1 } } },
    holding("10.0.0.1"),
    "p 10.0.0.1",
  ],
  [
    "it gains the other family, and both are preferred",
    { p: v4 },
    { p: [...v4, ...v6] },
    { ...dualStack, ...holding("10.0.0.1") },
    "p 10.0.0.1 fc00::",
  ],
  ["all removed", { p: v4 }, {}, holding("10.0.0.1"), gone],
] as const satisfies readonly (readonly [string, PoolSpecs, PoolSpecs, Partial<ServiceFacts>, string])[])
  test(`the pool is ${what}`, (t) => {
    const book = new AddressBook(poolsOf(before))
    const has = service("ns/web", { ...facts, annotations: { "metallb.io/ip-allocated-from-pool": "p" } })
    t.deepEqual(
      decide(has, book).decision.ingress.slice(0, has.ingress.length),
      has.ingress.map(({ ip }) => ip),
    )
    book.reconfigure(poolsOf(after))
    const { decision } = decide(has, book)
    t.is(decision.ingress.length === 0 ? gone : [decision.pool, ...decision.ingress].join(" "), want)
    const annotation = decision.annotations["metallb.io/ip-allocated-from-pool"]
    const [pool = ""] = want.split(" ")
    if (want === gone) t.true("metallb.io/ip-allocated-from-pool" in decision.annotations && annotation === undefined)
    else t.is(annotation ?? "p", pool)
  })

// Capacity at the edges of int64: exact up to 2⁶³ − 1, and never below nothing.

for (const [addresses, avoidBuggyIPs, want] of [
  [["fc00::/66"], false, 2n ** 62n],
  [["fc00::/65"], false, 2n ** 63n - 1n],
  [["fc00::/64", "10.0.0.0/24"], false, 2n ** 63n - 1n],
  [["10.0.0.0/24", "fc00::/64", "fc01::/64"], false, 2n ** 63n - 1n],
  [["10.0.0.0/32"], true, 0n],
  [["10.0.0.255/32"], true, 0n],
  [["10.0.0.0/24"], true, 254n],
  [["10.0.0.0/22"], true, 1016n],
  [["10.0.0.128/25"], true, 127n],
] as const)
  test(`capacity at the edge: ${addresses.join(" ")}${avoidBuggyIPs ? ", none buggy" : ""}`, (t) => {
    const pool = poolsOf({ p: { addresses, avoidBuggyIPs } }).get("p")
    const { ipv4, ipv6 } = capacityOf(pool ?? { blocks: [], avoidBuggyIPs })
    t.is(ipv6 > 0n ? ipv6 : ipv4, want)
  })

// The first pass: those with more addresses claim first.

test("two that claim one address: the one with more addresses keeps it, then the first by name", (t) => {
  const entry = (...addresses: string[]) => ({ facts: service("ns/x", holding(...addresses)), last: undefined })
  const order = inOrder([
    ["ns/waits", entry()],
    ["ns/b", entry("10.0.0.1")],
    ["ns/a", entry("10.0.0.1")],
    ["ns/dual", entry("10.0.0.1", "fc00::1")],
  ])
  t.deepEqual(order, ["ns/dual", "ns/a", "ns/b", "ns/waits"])
})

// Whose Services are looked at.

for (const [what, facts, want] of [
  ["a LoadBalancer", {}, true],
  ["another type", { type: "ClusterIP" }, false],
  ["another type with a leftover address", { type: "ClusterIP", ...holding("10.0.0.1") }, true],
  [
    "another type with a leftover pool",
    { type: "NodePort", annotations: { "metallb.io/ip-allocated-from-pool": "p" } },
    true,
  ],
  [
    "another type with a leftover condition",
    { type: "NodePort", conditions: { [addressAssigned]: { status: "True", reason: "x", message: "" } } },
    true,
  ],
] as const satisfies readonly (readonly [string, Partial<ServiceFacts>, boolean])[])
  test(`looked at: ${what}`, (t) => t.is(concernsUs(service("ns/web", facts)), want))

// The log: MetalLB's keys and words, for each step of a decision.

const cleared = (reason: string) => `event=clearAssignment reason=${reason}`
const requestedPoolQ = { annotations: { "metallb.io/address-pool": "q" } }
for (const [what, pools, facts, want] of [
  ["a new address", { p: v4 }, {}, ["info IP address assigned by controller event=ipAllocated ip=10.0.0.0 pool=p"]],
  [
    "a second family",
    { p: [...v4, ...v6] },
    { ...dualStack, ...holding("10.0.0.1") },
    [
      "info familyPolicy is PreferDualStack, trying to assign additional ip event=tryAssignAdditionalIP",
      "info Additional IP address assigned by controller event=ipAllocated ip=fc00:: pool=p",
    ],
  ],
  [
    "no second family",
    { p: v4 },
    { ...dualStack, ...holding("10.0.0.1") },
    ["info familyPolicy is PreferDualStack, trying to assign additional ip event=tryAssignAdditionalIP"],
  ],
  ["no LoadBalancer", { p: v4 }, { type: "ClusterIP" }, [`debug not a LoadBalancer ${cleared("notLoadBalancer")}`]],
  ["no pools", {}, {}, [`debug pools are empty ${cleared("noConfig")}`]],
  ["no cluster IPs", { p: v4 }, { clusterIPs: [] }, [`info No ClusterIPs ${cleared("noClusterIPs")}`]],
  [
    "two families required, one cluster IP",
    { p: v4 },
    { ipFamilyPolicy: "RequireDualStack" },
    [
      `error requires dual stack but clusterips are not dual stack ${cleared("requires dual stack but clusterips are not dual stack")} clusterips=10.96.0.1`,
    ],
  ],
  [
    "an unreadable status",
    { p: v4 },
    holding("x"),
    [
      `error Failed to retrieve lbIPs family ${cleared("nolbIPsIPFamily")}`,
      "info IP address assigned by controller event=ipAllocated ip=10.0.0.0 pool=p",
    ],
  ],
  [
    "unreadable cluster IPs",
    { p: v4 },
    { clusterIPs: ["x"], ...holding("10.0.0.1") },
    [`error Failed to retrieve clusterIPs family ${cleared("noclusterIPsIPFamily")}`],
  ],
  [
    "an address that is in no pool any more",
    { p: v4 },
    holding("192.0.2.1"),
    [
      'info current IP not allowed by config, clearing event=clearAssignment error=["192.0.2.1"] is not allowed in config ip=192.0.2.1',
      "info IP address assigned by controller event=ipAllocated ip=10.0.0.0 pool=p",
    ],
  ],
  [
    "another pool",
    { p: v4, q: ["10.0.1.0/30"] },
    { ...holding("10.0.0.1"), ...requestedPoolQ },
    [
      `info user requested a different pool than the one currently assigned ${cleared("differentPoolRequested")} pool=q`,
      "info IP address assigned by controller event=ipAllocated ip=10.0.1.0 pool=q",
    ],
  ],
  [
    "another address",
    { p: v4 },
    { ...holding("10.0.0.1"), loadBalancerIP: "10.0.0.2" },
    [
      `info user requested a different IP than the one currently assigned ${cleared("differentIPRequested")} ip=10.0.0.2`,
      "info IP address assigned by controller event=ipAllocated ip=10.0.0.2 pool=p",
    ],
  ],
  [
    "an unreadable request beside an address",
    { p: v4 },
    { ...holding("10.0.0.1"), loadBalancerIP: "x" },
    ['error invalid requested loadbalancer IPs event=loadbalancerIP error=invalid spec.loadBalancerIP "x"'],
  ],
  [
    "nothing to be had, asked for by the deprecated annotation",
    { p: v4 },
    { annotations: { "metallb.universe.tf/address-pool": "nope" } },
    [
      'error IP allocation failed op=allocateIPs error=unknown pool "nope"',
      "warn The used annotation is deprecated. Support might get removed in future versions event=deprecatedAnnotation annotation=metallb.universe.tf/address-pool",
    ],
  ],
] as const satisfies readonly (readonly [string, PoolSpecs, Partial<ServiceFacts>, readonly string[]])[])
  test(`what the log says: ${what}`, (t) => {
    const { decision, because } = decide(service("ns/web", facts), new AddressBook(poolsOf(pools)))
    const lines = logLinesOf(because, decision.events).map(({ level, message, fields }) =>
      [level, message, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(" "),
    )
    t.deepEqual(lines, want)
  })
