import test from "ava"
import fc from "fast-check"
import { beginning } from "../../actors/allocator/allocator-state.ts"
import { answerOf, forgetExhausted, learnExhausted } from "../../actors/allocator/exhausted.ts"
import type { TurnOver } from "../../actors/allocator/messages.ts"
import { type Claim, PoolBook } from "../../actors/allocator/pool-book.ts"
import type { AllocationReason } from "../../actors/allocator/reasons.ts"
import { cameFree, turnOver } from "../../actors/allocator/turns.ts"
import { Allocation } from "../../cli/planning/allocation.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import type { Family } from "../../protocols/ip.ts"
import { nothing } from "../support/configuration.ts"
import { type PoolSpecs, poolFactsOf, poolsOf } from "../support/pools.ts"
import { dualStack, service } from "../support/service.ts"
import { settled, until } from "../supervision/help.ts"
import { run, type Running } from "./running.ts"

const claim = (key: string, sharing = ""): Claim => ({ key, ports: ["TCP/80"], sharing, backend: "" })
const state = (...exhausted: string[]) => ({
  directory: { definitions: new Map(), refs: new Map(), exhausted: new Set(exhausted) as ReadonlySet<string> },
  turn: undefined as { key: string; what: "converge"; mayHaveChanged: boolean } | undefined,
})
const refusal = (pool: string, free: readonly Family[] = []): AllocationReason => ({
  kind: "pool-passed-over",
  pool,
  because: { kind: "pool-exhausted", pool, wanted: ["ipv4"], free },
})

test("the answer is what the pool says itself", (t) => {
  for (const addresses of [["10.0.0.0/31"], ["10.0.0.0/31", "fc00::/127"]]) {
    const pool = poolsOf({ p: addresses }).get("p")
    if (pool === undefined) return t.fail()
    const book = new PoolBook(pool)
    for (const family of ["ipv4", "ipv6"] as const)
      for (const key of ["a", "b"]) book.take(claim(key + family), [family])
    for (const families of [["ipv4"], ["ipv6"], ["ipv4", "ipv6"]] as const) {
      const request = { kind: "take", pool: "p", claim: claim("new"), families, keep: [] } as const
      t.deepEqual(answerOf(new Set(["p"]), request), book.take(request.claim, families))
      t.is(answerOf(new Set(["q"]), request), undefined)
    }
  }
})

test("who would share an address, or asks for a certain one, asks the pool", (t) => {
  const exhausted = new Set(["p"])
  const take = { kind: "take", pool: "p", families: ["ipv4"], keep: [] } as const
  t.is(answerOf(exhausted, { ...take, claim: claim("new", "key") }), undefined)
  t.is(answerOf(exhausted, { kind: "assign", pool: "p", claim: claim("new"), addresses: [] }), undefined)
})

test("a pool counts as exhausted when it has nothing of any family, until something comes free in it", (t) => {
  const now = state()
  learnExhausted(now, [refusal("a"), refusal("b", ["ipv6"]), refusal("c")], false)
  t.deepEqual([...now.directory.exhausted], ["a", "c"])
  forgetExhausted(now, "b")
  t.deepEqual([...now.directory.exhausted], ["a", "c"])
  forgetExhausted(now, "a")
  t.deepEqual([...now.directory.exhausted], ["c"])
  forgetExhausted(now)
  t.deepEqual([...now.directory.exhausted], [])
})

test("what was told in a turn in whose course something came free is not learnt, and who waits looks again", (t) => {
  const { world } = { world: { clock: { monotonicMs: () => 0 } } } as unknown as Parameters<typeof beginning>[1]
  for (const meanwhile of [true, false]) {
    const now = beginning({ writer: undefined as never, loadBalancerClass: "", namespace: "" }, { world })
    const facts = service("ns/web")
    const entry = { facts, ref: undefined as never, last: undefined, begun: true, told: false, leaving: false }
    now.services.set("ns/web", entry)
    now.turn = { key: "ns/web", what: "converge", mayHaveChanged: false }
    if (meanwhile) cameFree(now, "a")
    const decision = { state: "waiting", hopeful: true, ingress: [] }
    const verdict = { decision, because: [refusal("a"), { kind: "not-assigned", refusal: { kind: "none-available" } }] }
    const outcome = { kind: "done", holding: undefined, certain: true, freed: false, verdict } as unknown as TurnOver
    turnOver(now, { kind: "turn-over", key: "ns/web", outcome, timedOut: false }, undefined as never)
    t.deepEqual([...now.directory.exhausted], meanwhile ? [] : ["a"])
    t.deepEqual([...now.converging], meanwhile ? ["ns/web"] : [])
    t.deepEqual(
      now.services.get("ns/web")?.last?.verdict?.because.map(({ kind }) => kind),
      ["not-assigned"],
      "a reason for each of a thousand pools is not kept for every Service",
    )
  }
})

const pools: PoolSpecs = {
  a: ["10.0.0.0/31"],
  b: ["10.0.1.0/31", "fc00:1::/127"],
  c: { addresses: ["10.0.2.0/31"], serviceAllocation: { priority: 1, namespaces: ["red"] } },
  d: ["fc00:2::/127"],
  e: { addresses: ["10.0.3.0/32"], autoAssign: false },
  f: ["10.0.4.255/32", "10.0.5.1/32", "fc00:3::/128"],
}
const name = fc.tuple(fc.constantFrom("red", "blue"), fc.nat({ max: 7 })).map(([ns, i]) => `${ns}/s${i}`)
const wish: fc.Arbitrary<Partial<ServiceFacts>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.constant(dualStack) },
  fc.constant({ ...dualStack, ipFamilyPolicy: "RequireDualStack" }),
  fc.constant({ clusterIPs: ["fd00::1"], ipFamilies: ["IPv6"] }),
  fc.constant({ annotations: { "metallb.io/address-pool": "e" } }),
  fc.constant({ loadBalancerIP: "10.0.0.1" }),
  fc.nat({ max: 3 }).map((port) => ({
    annotations: { "metallb.io/allow-shared-ip": "key" },
    ports: [{ protocol: "TCP", port }],
  })),
)
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("put" as const), name, wish }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), name }) },
)

/** Everybody has been decided on as they are now, and nobody has had a turn since. */
async function atRest({ api, metrics, explain }: Running): Promise<boolean> {
  const { turns } = await metrics()
  for (const [key, { resourceVersion }] of api.services)
    if ((await explain(key))?.service.resourceVersion !== resourceVersion) return false
  await settled()
  return (await metrics()).turns === turns
}

test("nearly all pools full: the same addresses as when every pool is asked every time", async (t) => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 60 }), async (steps) => {
    const running = run(pools)
    const { api, system, addresses } = running
    const asksAll = new Allocation({ loadBalancerClass: "", namespace: "metallb-system" })
    asksAll.start([], { ...nothing, pools: poolFactsOf(pools) })
    const expected = new Map<string, string>()
    for (const { name, ...what } of steps) {
      const before = api.services.get(name)
      if (what.kind === "delete") {
        api.deleteService(name)
        if (before !== undefined) asksAll.service({ ...before, loadBalancerClass: "gone" })
        expected.delete(name)
      } else {
        api.putService(service(name, what.wish))
        const facts = api.services.get(name)
        if (facts !== undefined) asksAll.service(facts)
      }
      for (const { key, verdict } of asksAll.settle()) expected.set(key, verdict.decision.ingress.join(" "))
      await until(
        async () => (await atRest(running)) && api.services.keys().every((key) => addresses(key) === expected.get(key)),
      )
    }
    await system.stop()
    t.deepEqual(running.doubles, [])
  })
  await fc.assert(property, { numRuns: 15 })
})
