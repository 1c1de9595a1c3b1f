import test from "ava"
import { AddressBook } from "../../actors/allocator/address-book.ts"
import { decide } from "../../actors/allocator/decide.ts"
import { describe } from "../../actors/allocator/reasons.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import { type PoolSpecs, poolsOf } from "../support/pools.ts"
import { asWritten, dualStack, holding, service } from "../support/service.ts"

type Specs = PoolSpecs
const both: Specs = { p: ["10.0.0.0/30", "fc00::/126"] }
const from = (pool: string) => ({ "metallb.io/ip-allocated-from-pool": pool })
const requestsIPs = (text: string) => ({ "metallb.io/loadBalancerIPs": text })
const inPool = (name: string) => ({ "metallb.io/address-pool": name })

interface Case {
  readonly pools?: Specs
  readonly before?: readonly ServiceFacts[]
  readonly facts: Partial<ServiceFacts>
  readonly ingress: readonly string[]
  readonly annotations?: Readonly<Record<string, string | undefined>>
  readonly events?: readonly string[]
  readonly state?: "assigned" | "waiting" | "not-wanted"
}
const failed = (text: string) => `AllocationFailed: Failed to allocate IP for "ns/web": ${text}`
const moved = (text: string) =>
  `ClearAssignment: current IP for "ns/web" not allowed by config, will attempt for new IP assignment: ${text}`

const cases: Readonly<Record<string, Case>> = {
  "a new Service gets the lowest address": {
    facts: {},
    ingress: ["10.0.0.0"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["10.0.0.0"]'],
  },
  "what it has stays, and nothing is written": {
    facts: { ...holding("10.0.0.2"), annotations: from("p") },
    ingress: ["10.0.0.2"],
  },
  "no LoadBalancer: cleared": {
    facts: { type: "ClusterIP", ...holding("10.0.0.2"), annotations: from("p") },
    ingress: [],
    annotations: { "metallb.io/ip-allocated-from-pool": undefined },
    state: "not-wanted",
  },
  "no pools: cleared": { pools: {}, facts: holding("10.0.0.2"), ingress: [], state: "waiting" },
  "no cluster IPs: cleared": { facts: { clusterIPs: [], ...holding("10.0.0.2") }, ingress: [], state: "waiting" },
  "RequireDualStack with one cluster IP": {
    facts: { ipFamilyPolicy: "RequireDualStack" },
    ingress: [],
    state: "waiting",
    events: ["not enough clusterips: Service requires dual stack but not enough clusterips [10.96.0.1]"],
  },
  "unreadable status": {
    facts: holding("nonsense"),
    ingress: ["10.0.0.0"],
    annotations: from("p"),
    events: [
      'nolbIPsIPFamily: Failed to retrieve LBIPs IPFamily for "ns/web": IPFamilyForAddresses: Invalid address ["<nil>"]',
      'IPAllocated: Assigned IP ["10.0.0.0"]',
    ],
  },
  "unreadable cluster IPs: nothing is touched": {
    facts: { clusterIPs: ["10.96.0.1", "10.96.0.2"], ...holding("10.0.0.2") },
    ingress: ["10.0.0.2"],
    state: "waiting",
    events: [
      'noclusterIPsIPFamily: Failed to retrieve ClusterIPs IPFamily for "ns/web" 10.96.0.1: IPFamilyForAddresses: same address family ["10.96.0.1" "10.96.0.2"]',
    ],
  },
  "the family changed": {
    facts: { clusterIPs: ["fd00::1"], ...holding("10.0.0.2") },
    ingress: ["fc00::"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["fc00::"]'],
  },
  "an address that no pool has": {
    facts: holding("192.0.2.1"),
    ingress: ["10.0.0.0"],
    annotations: from("p"),
    events: [moved('["192.0.2.1"] is not allowed in config'), 'IPAllocated: Assigned IP ["10.0.0.0"]'],
  },
  "an address that somebody else has": {
    before: [service("ns/other", holding("10.0.0.0"))],
    facts: holding("10.0.0.0"),
    ingress: ["10.0.0.1"],
    annotations: from("p"),
    events: [
      moved('can\'t change sharing key for "10.0.0.0", address also in use by ns/other'),
      'IPAllocated: Assigned IP ["10.0.0.1"]',
    ],
  },
  "a requested address": {
    facts: { annotations: requestsIPs("10.0.0.3") },
    ingress: ["10.0.0.3"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["10.0.0.3"]'],
  },
  "requested addresses keep the user's order": {
    facts: { ...dualStack, annotations: requestsIPs("fc00::3, 10.0.0.3") },
    ingress: ["fc00::3", "10.0.0.3"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["fc00::3" "10.0.0.3"]'],
  },
  "the order in the status is no reason to move": {
    facts: {
      ...dualStack,
      ...holding("10.0.0.3", "fc00::3"),
      annotations: { ...requestsIPs("fc00::3,10.0.0.3"), ...from("p") },
    },
    ingress: ["10.0.0.3", "fc00::3"],
  },
  "another address is requested": {
    facts: { ...holding("10.0.0.2"), loadBalancerIP: "10.0.0.1" },
    ingress: ["10.0.0.1"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["10.0.0.1"]'],
  },
  "requested twice": {
    facts: { annotations: requestsIPs("10.0.0.1"), loadBalancerIP: "10.0.0.1" },
    ingress: [],
    state: "waiting",
    events: [failed("service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP")],
  },
  "an unreadable request keeps what there is": {
    facts: { ...holding("10.0.0.2"), annotations: { ...requestsIPs("10.0.0"), ...from("p") } },
    ingress: ["10.0.0.2"],
    state: "waiting",
    events: ['LoadBalancerFailed: invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "10.0.0"'],
  },
  "an unreadable spec.loadBalancerIP": {
    facts: { loadBalancerIP: "x" },
    ingress: [],
    state: "waiting",
    events: [failed('invalid spec.loadBalancerIP "x"')],
  },
  "the deprecated annotation counts when the new one is absent": {
    facts: { annotations: { "metallb.universe.tf/loadBalancerIPs": "10.0.0.3" } },
    ingress: ["10.0.0.3"],
    annotations: from("p"),
    events: [
      'IPAllocated: Assigned IP ["10.0.0.3"]',
      "deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs",
    ],
  },
  "an empty new annotation hides the deprecated one": {
    facts: { annotations: { ...requestsIPs(""), "metallb.universe.tf/loadBalancerIPs": "10.0.0.3" } },
    ingress: ["10.0.0.0"],
    annotations: from("p"),
    events: [
      'IPAllocated: Assigned IP ["10.0.0.0"]',
      "deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs",
    ],
  },
  "one address requested for a dual-stack Service": {
    facts: { ...dualStack, annotations: requestsIPs("10.0.0.1") },
    ingress: [],
    state: "waiting",
    events: [failed('requested loadBalancer IP(s) ["10.0.0.1"] does not match the ipFamily of the service')],
  },
  "an address outside the requested pool": {
    pools: { p: ["10.0.0.0/30"], q: ["10.0.1.0/30"] },
    facts: { annotations: { ...requestsIPs("10.0.0.1"), ...inPool("q") } },
    ingress: [],
    state: "waiting",
    events: [failed('requested loadBalancer IP(s) ["10.0.0.1"] is not compatible with requested address pool q')],
  },
  "a requested pool, though autoAssign is false": {
    pools: { p: ["10.0.0.0/30"], q: { addresses: ["10.0.1.0/30"], autoAssign: false } },
    facts: { annotations: inPool("q") },
    ingress: ["10.0.1.0"],
    annotations: from("q"),
    events: ['IPAllocated: Assigned IP ["10.0.1.0"]'],
  },
  "another pool is requested": {
    pools: { p: ["10.0.0.0/30"], q: ["10.0.1.0/30"] },
    facts: { ...holding("10.0.0.2"), annotations: { ...inPool("q"), ...from("p") } },
    ingress: ["10.0.1.0"],
    annotations: from("q"),
    events: ['IPAllocated: Assigned IP ["10.0.1.0"]'],
  },
  "an unknown pool": {
    facts: { annotations: inPool("nope") },
    ingress: [],
    state: "waiting",
    events: [failed('unknown pool "nope"')],
  },
  "a requested pool without the family": {
    pools: { p: ["10.0.0.0/30"] },
    facts: { clusterIPs: ["fd00::1"], annotations: inPool("p") },
    ingress: [],
    state: "waiting",
    events: [failed("no available IPs in pool p for IPv6 IPFamily")],
  },
  "the pool was renamed": {
    facts: { ...holding("10.0.0.2"), annotations: from("old") },
    ingress: ["10.0.0.2"],
    annotations: from("p"),
  },
  "dual stack: IPv4 first": {
    facts: { ...dualStack, ipFamilies: ["IPv6", "IPv4"] },
    ingress: ["10.0.0.0", "fc00::"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["10.0.0.0" "fc00::"]'],
  },
  "PreferDualStack takes a dual pool before a better one with a single family": {
    pools: {
      a: { addresses: ["10.0.1.0/30"], serviceAllocation: { priority: 1 } },
      b: { addresses: ["10.0.2.0/30", "fc00::/126"], serviceAllocation: { priority: 2 } },
    },
    facts: dualStack,
    ingress: ["10.0.2.0", "fc00::"],
    annotations: from("b"),
    events: ['IPAllocated: Assigned IP ["10.0.2.0" "fc00::"]'],
  },
  "PreferDualStack without a dual pool takes the primary family": {
    pools: { a: ["10.0.1.0/30"], b: ["fc00::/126"] },
    facts: { ...dualStack, ipFamilies: ["IPv6", "IPv4"] },
    ingress: ["fc00::"],
    annotations: from("b"),
    events: ['IPAllocated: Assigned IP ["fc00::"]'],
  },
  "RequireDualStack never combines two pools": {
    pools: { a: ["10.0.1.0/30"], b: ["fc00::/126"] },
    facts: { ...dualStack, ipFamilyPolicy: "RequireDualStack" },
    ingress: [],
    state: "waiting",
    events: [failed("no available IPs")],
  },
  "PreferDualStack with one address gains the other family, behind it": {
    facts: { ...dualStack, ...holding("fc00::2"), annotations: from("p") },
    ingress: ["fc00::2", "10.0.0.0"],
    events: ['IPAllocated: Assigned additional IP "10.0.0.0"'],
  },
  "PreferDualStack whose pool has one family only": {
    pools: { p: ["10.0.0.0/30"] },
    facts: { ...dualStack, ...holding("10.0.0.2"), annotations: from("p") },
    ingress: ["10.0.0.2"],
    events: [
      "AdditionalAssignFailed: cannot assign additional IP in PreferDualStack: no available IPs in pool p for IPv6 IPFamily",
    ],
  },
  "PreferDualStack with one cluster IP stays as it is": {
    facts: { ipFamilyPolicy: "PreferDualStack", ...holding("10.0.0.2"), annotations: from("p") },
    ingress: ["10.0.0.2"],
  },
  "PreferDualStack that asks for the one address it has stays with it": {
    facts: { ...dualStack, ...holding("10.0.0.2"), annotations: { ...requestsIPs("10.0.0.2"), ...from("p") } },
    ingress: ["10.0.0.2"],
  },
  "the same with spec.loadBalancerIP": {
    facts: { ...dualStack, ...holding("fc00::2"), loadBalancerIP: "fc00::2", annotations: from("p") },
    ingress: ["fc00::2"],
  },
  "PreferDualStack that asks for one of the two that it has keeps that one": {
    facts: {
      ...dualStack,
      ...holding("10.0.0.2", "fc00::2"),
      annotations: { ...requestsIPs("fc00::2"), ...from("p") },
    },
    ingress: ["fc00::2"],
    events: ['IPAllocated: Assigned IP ["fc00::2"]'],
  },
  "RequireDualStack that asks for one of the two that it has is refused": {
    facts: {
      ...dualStack,
      ipFamilyPolicy: "RequireDualStack",
      ...holding("10.0.0.2", "fc00::2"),
      annotations: { ...requestsIPs("fc00::2"), ...from("p") },
    },
    ingress: [],
    annotations: { "metallb.io/ip-allocated-from-pool": undefined },
    state: "waiting",
    events: [failed('requested loadBalancer IP(s) ["fc00::2"] does not match the ipFamily of the service')],
  },
  "PreferDualStack to RequireDualStack with one address": {
    facts: { ...dualStack, ipFamilyPolicy: "RequireDualStack", ...holding("10.0.0.2") },
    ingress: ["10.0.0.0", "fc00::"],
    annotations: from("p"),
    events: ['IPAllocated: Assigned IP ["10.0.0.0" "fc00::"]'],
  },
  "pinned pools come first, lowest priority number first, 0 last": {
    pools: {
      a: ["10.0.1.0/30"],
      b: { addresses: ["10.0.2.0/30"], serviceAllocation: { namespaces: ["ns"] } },
      c: { addresses: ["10.0.3.0/30"], serviceAllocation: { namespaces: ["ns"], priority: 20 } },
      d: { addresses: ["10.0.4.0/30"], serviceAllocation: { namespaces: ["ns"], priority: 10 } },
    },
    facts: {},
    ingress: ["10.0.4.0"],
    annotations: from("d"),
    events: ['IPAllocated: Assigned IP ["10.0.4.0"]'],
  },
  "a pool pinned to others is no fallback": {
    pools: {
      b: { addresses: ["10.0.2.0/30"], serviceAllocation: { namespaces: ["other"] } },
      c: {
        addresses: ["10.0.3.0/30"],
        serviceAllocation: { namespaces: ["ns"], serviceSelectors: [{ matchLabels: { a: "b" } }] },
      },
    },
    facts: {},
    ingress: [],
    state: "waiting",
    events: [failed("no available IPs")],
  },
  "the pool turned to others": {
    pools: {
      p: { addresses: ["10.0.0.0/30"], serviceAllocation: { namespaces: ["other"] } },
      q: ["10.0.1.0/30"],
    },
    facts: { ...holding("10.0.0.2"), annotations: from("p") },
    ingress: ["10.0.1.0"],
    annotations: from("q"),
    events: [moved("pool p not compatible for ip assignment"), 'IPAllocated: Assigned IP ["10.0.1.0"]'],
  },
  "autoAssign was turned off: kept": {
    pools: { p: { addresses: ["10.0.0.0/30"], autoAssign: false } },
    facts: { ...holding("10.0.0.2"), annotations: from("p") },
    ingress: ["10.0.0.2"],
  },
}

for (const [
  name,
  { pools = both, before = [], facts, ingress, annotations = {}, events = [], state },
] of Object.entries(cases))
  test(name, (t) => {
    const book = new AddressBook(poolsOf(pools))
    for (const other of before) decide(other, book)
    const web = service("ns/web", facts)
    const { decision, because } = decide(web, book)
    t.deepEqual(decision.ingress, ingress)
    t.deepEqual(decision.annotations, annotations)
    t.deepEqual(
      decision.events.map(({ reason, message }) => `${reason}: ${message}`),
      events,
    )
    t.is(decision.state, state ?? "assigned")
    t.true(because.length > 0)
    for (const reason of because) t.not(describe(reason), "")
    // What was decided is what the book holds, unless nothing could be judged.
    if (decision.pool !== undefined) t.deepEqual(book.holding("ns/web")?.addresses, decision.ingress as never)
    const present = web.ingress.map(({ ip }) => ip)
    // Who has what it wants and no condition yet gets none for its own sake.
    const told = decision.condition !== undefined && (decision.state !== "assigned" || decision.hopeful)
    t.is(decision.changed, present.join() !== ingress.join() || Object.keys(annotations).length > 0 || told)
  })

test("the reasons name every pool that was considered", (t) => {
  const book = new AddressBook(
    poolsOf({
      full: ["10.0.0.0/32"],
      manual: { addresses: ["10.0.1.0/24"], autoAssign: false },
      others: { addresses: ["10.0.2.0/24"], serviceAllocation: { namespaces: ["x"] } },
    }),
  )
  decide(service("ns/first"), book)
  t.deepEqual(decide(service("ns/web"), book).because.map(describe), [
    "pool manual has autoAssign false",
    "pool others not compatible for ip assignment",
    "no available IPs in pool full",
    "no available IPs",
  ])
})

test("deciding again changes nothing", (t) => {
  for (const [name, { pools = both, before = [], facts }] of Object.entries(cases)) {
    const book = new AddressBook(poolsOf(pools))
    for (const other of before) decide(other, book)
    const web = service("ns/web", facts)
    const first = decide(web, book).decision
    const next = decide(asWritten(web, first), book).decision
    t.deepEqual(next.ingress, first.ingress, name)
    t.false(next.changed, name)
  }
})
