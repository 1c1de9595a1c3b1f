import test from "ava"
import fc from "fast-check"
import { AddressBook } from "../../actors/allocator/address-book.ts"
import { addressAssigned, conditionDiffers, ruleOf } from "../../actors/allocator/condition.ts"
import { decide } from "../../actors/allocator/decide.ts"
import type { How } from "../../actors/allocator/reasons.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import { type PoolSpecs, poolsOf } from "../support/pools.ts"
import { dualStack, holding, service } from "../support/service.ts"

const both: PoolSpecs = { p: ["10.0.0.0/30", "fc00::/126"], q: ["10.0.1.0/30"] }

interface Case {
  readonly pools?: PoolSpecs
  readonly before?: readonly ServiceFacts[]
  readonly facts?: Partial<ServiceFacts>
  /** `status reason: message`; undefined: no condition. */
  readonly told: string | undefined
}

const asks = (name: string, value: string) => ({ annotations: { [`metallb.io/${name}`]: value } })

const cases: Readonly<Record<string, Case>> = {
  "from any pool": { told: "True AutomaticPool: 10.0.0.0 from pool p: chosen among the pools for everybody" },
  "from the pool it asks for": {
    facts: asks("address-pool", "q"),
    told: "True RequestedPool: 10.0.1.0 from pool q: the Service asks for this pool",
  },
  "the address it asks for": {
    facts: asks("loadBalancerIPs", "10.0.1.2"),
    told: "True RequestedAddresses: 10.0.1.2 from pool q: the Service asks for it by address",
  },
  "from the pool that names it": {
    pools: { ...both, r: { addresses: ["10.0.2.0/30"], serviceAllocation: { namespaces: ["ns"], priority: 10 } } },
    told: "True PinnedPool: 10.0.2.0 from pool r: the pool's serviceAllocation names this Service",
  },
  "kept from a pool that is not given out any more": {
    pools: { p: { addresses: ["10.0.0.0/30"], autoAssign: false } },
    facts: { ...holding("10.0.0.2"), annotations: { "metallb.io/ip-allocated-from-pool": "p" } },
    told: "True KeptAddress: 10.0.0.2 from pool p: kept from before, today this pool would not be chosen",
  },
  "the second family is not to be had": {
    pools: { p: ["10.0.0.0/30"] },
    facts: { ...dualStack, ...holding("10.0.0.0") },
    told: "True AutomaticPool: 10.0.0.0 from pool p: chosen among the pools for everybody; no IPv6 range",
  },
  "no pools at all": { pools: {}, told: "False NoPools: there are no address pools" },
  "no pool has one": {
    pools: {
      full: ["10.0.0.0/32"],
      "full-too": ["10.0.4.0/32"],
      six: ["fc00::/126"],
      manual: { addresses: ["10.0.1.0/24"], autoAssign: false },
      others: { addresses: ["10.0.2.0/24"], serviceAllocation: { namespaces: ["x"] } },
      labelled: {
        addresses: ["10.0.3.0/24"],
        serviceAllocation: { serviceSelectors: [{ matchLabels: { a: "b" } }] },
      },
      nobody: {
        addresses: ["10.0.5.0/24"],
        serviceAllocation: { namespaceSelectors: [{ matchLabels: { no: "such" } }] },
      },
    },
    before: [service("ns/first"), service("ns/second")],
    told:
      "False NoAddressAvailable: no pool can serve it. full, full-too: no free IPv4 address; labelled: not for its labels; " +
      "manual: autoAssign is false; nobody: its serviceAllocation names nobody; others: not for namespace ns; " +
      "six: no IPv4 range",
  },
  "both families or nothing": {
    pools: { four: ["10.0.0.0/30"], six: ["fc00::/126"], full: ["10.0.9.0/32", "fc00:9::/128"] },
    before: [service("ns/first", { ...dualStack, ipFamilyPolicy: "RequireDualStack" })],
    facts: { ...dualStack, ipFamilyPolicy: "RequireDualStack" },
    told:
      "False NoAddressAvailable: no pool can serve it. four: no IPv6 range; full: no free IPv4 address and " +
      "no free IPv6 address; six: no IPv4 range",
  },
  "the pool it asks for is full": {
    pools: { p: ["10.0.0.0/32"] },
    before: [service("ns/first")],
    facts: asks("address-pool", "p"),
    told: "False PoolExhausted: no available IPs in pool p",
  },
  "the pool it asks for is not there": {
    facts: asks("address-pool", "nowhere"),
    told: 'False UnknownPool: unknown pool "nowhere"',
  },
  "the pool it asks for is for others": {
    pools: { p: { addresses: ["10.0.0.0/30"], serviceAllocation: { namespaces: ["x"] } } },
    facts: asks("address-pool", "p"),
    told: "False PoolIncompatible: pool p not compatible for ip assignment: it is not for Services of this namespace",
  },
  "the address it asks for is in no pool": {
    facts: asks("loadBalancerIPs", "192.0.2.1"),
    told: 'False AddressNotInPool: ["192.0.2.1"] is not allowed in config',
  },
  "the address it asks for is taken": {
    before: [service("ns/first", { loadBalancerIP: "10.0.0.1" })],
    facts: { loadBalancerIP: "10.0.0.1" },
    told: `False SharingConflict: can't change sharing key for "10.0.0.1", address also in use by ns/first`,
  },
  "its port is taken": {
    before: [service("ns/first", { loadBalancerIP: "10.0.0.1", ...asks("allow-shared-ip", "k") })],
    facts: { loadBalancerIP: "10.0.0.1", ...asks("allow-shared-ip", "k") },
    told: 'False PortTaken: port TCP/80 is already in use on "10.0.0.1" by ns/first',
  },
  "an unreadable request beside an address": {
    facts: { ...holding("10.0.0.1"), loadBalancerIP: "nonsense" },
    told: 'False InvalidRequest: keeps 10.0.0.1 meanwhile; invalid spec.loadBalancerIP "nonsense"',
  },
  "no LoadBalancer any more": { facts: { ...holding("10.0.0.1"), type: "ClusterIP" }, told: undefined },
}

for (const [name, { pools = both, before = [], facts, told }] of Object.entries(cases))
  test(name, (t) => {
    const book = new AddressBook(poolsOf(pools))
    for (const other of before) decide(other, book)
    const web = service("ns/web", facts)
    const { condition, ingress, pool } = decide(web, book).decision
    t.is(condition && `${condition.status} ${condition.reason}: ${condition.message}`, told)

    // Once it is written it stays as it is, whoever looks.
    const written = condition && { conditions: { [addressAssigned]: condition } }
    const annotations = { ...web.annotations, ...(pool && { "metallb.io/ip-allocated-from-pool": pool }) }
    const again = decide({ ...web, ...holding(...ingress), annotations, ...written }, book).decision
    t.deepEqual(again.condition, condition)
    t.false(again.changed && web.type === "LoadBalancer")
  })

test("the rule in the condition is the rule that chose", (t) => {
  const rules: Readonly<Record<How, string>> = {
    "requested-addresses": "RequestedAddresses",
    "requested-pool": "RequestedPool",
    pinned: "PinnedPool",
    automatic: "AutomaticPool",
    "added-family": "AutomaticPool",
  }
  const allocation = fc.option(
    fc.record({
      priority: fc.nat(3),
      namespaces: fc.subarray(["ns", "x"]),
      serviceSelectors: fc.subarray([{ matchLabels: { a: "b" } }]),
    }),
    { nil: undefined },
  )
  const spec = fc.record({ autoAssign: fc.boolean(), serviceAllocation: allocation })
  const wish = fc.constantFrom({}, asks("address-pool", "p0"), asks("loadBalancerIPs", "10.0.1.1"))
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 3 }), wish, fc.boolean(), (specs, asked, labelled) => {
      const named = specs.map(({ autoAssign, serviceAllocation }, i) => [
        `p${i}`,
        { addresses: [`10.0.${i}.0/30`], autoAssign, ...(serviceAllocation && { serviceAllocation }) },
      ])
      const pools = poolsOf(Object.fromEntries(named) as PoolSpecs)
      const web = service("ns/web", { ...asked, labels: labelled ? { a: "b" } : {} })
      const { because, decision } = decide(web, new AddressBook(pools))
      const assigned = because.find((reason) => reason.kind === "assigned")
      if (assigned === undefined) return decision.condition?.status === "False"
      const pool = pools.get(assigned.pool)
      return pool !== undefined && ruleOf(web, pool) === rules[assigned.how]
    }),
  )
  t.pass()
})

test("who has an address and no condition yet is not written to for it; who lacks something is", (t) => {
  const condition = { status: "True", reason: "AutomaticPool", message: "m" } as const
  const bare = service("ns/web")
  t.false(conditionDiffers(bare, condition, false))
  t.true(conditionDiffers(bare, condition, true))
  t.true(conditionDiffers(bare, { ...condition, status: "False" }, false))
  t.false(conditionDiffers(bare, undefined, false))
  const told = service("ns/web", { conditions: { [addressAssigned]: condition } })
  t.false(conditionDiffers(told, condition, true))
  t.true(conditionDiffers(told, undefined, false))
  t.true(conditionDiffers(told, { ...condition, message: "other" }, false))
})
