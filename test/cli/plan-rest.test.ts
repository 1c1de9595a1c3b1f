import test from "ava"
import fc from "fast-check"
import { decide } from "../../actors/allocator/decide.ts"
import { poolAnnotation } from "../../actors/allocator/request.ts"
import { Allocation } from "../../cli/planning/allocation.ts"
import { plan } from "../../cli/planning/plan.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import { arbitraryPools, arbitraryService, serviceKeys } from "../support/arbitrary-cluster.ts"
import { nothing } from "../support/configuration.ts"
import { type PoolSpecs, poolFactsOf } from "../support/pools.ts"
import { manifest, options, pool, service, set } from "./small-cluster.ts"

const textOf = (addresses: ServiceFacts["ingress"]) => addresses.map(({ ip }) => ip).join(" ")

/** Who has addresses, and which. */
const held = (allocation: Allocation) =>
  Object.fromEntries(
    [...allocation.keys()].sort().flatMap((key) => {
      const text = textOf(allocation.facts(key)?.ingress ?? [])
      return text === "" ? [] : [[key, text]]
    }),
  )

/*
 * A controller looks at a Service more often than a plan does: whenever something was written to it, its own status
 * included. A plan is right only if these looks change nothing, in whatever order they come.
 */
test("what is planned is at rest: nobody who looks again, and no controller that starts on it, changes anything", (t) => {
  const home = { loadBalancerClass: "", namespace: options.home }
  const step = fc.oneof({ weight: 4, arbitrary: arbitraryService }, { weight: 1, arbitrary: arbitraryPools })
  const isService = (one: ServiceFacts | PoolSpecs): one is ServiceFacts => typeof one["resourceVersion"] === "string"
  const run = (first: PoolSpecs, steps: readonly (ServiceFacts | PoolSpecs)[], order: readonly string[]) => {
    const allocation = new Allocation(home)
    let configuration = { ...nothing, pools: poolFactsOf(first) }
    allocation.start([], configuration)
    for (const one of steps) {
      if (isService(one)) {
        const { ingress = [], annotations = {}, conditions } = allocation.facts(one.key) ?? {}
        const from = annotations[poolAnnotation]
        allocation.service({
          ...one,
          ingress,
          annotations: { ...one.annotations, ...(from !== undefined && { [poolAnnotation]: from }) },
          ...(conditions && { conditions }),
        })
      } else {
        const next = { ...nothing, pools: poolFactsOf(one) }
        if (allocation.configure(next).length === 0) configuration = next
      }
      allocation.settle()
      const before = held(allocation)
      for (const key of order) {
        const facts = allocation.facts(key)
        if (facts === undefined) continue
        const { decision } = decide(facts, allocation.book)
        t.is(decision.ingress.join(" "), before[key] ?? "", key)
        t.deepEqual(decision.annotations, {}, key)
      }
      const restarted = new Allocation(home)
      restarted.start(
        [...allocation.keys()].flatMap((key) => allocation.facts(key) ?? []),
        configuration,
      )
      restarted.settle()
      t.deepEqual(held(restarted), before)
    }
  }
  const shuffled = fc.shuffledSubarray(serviceKeys, { minLength: serviceKeys.length })
  fc.assert(fc.property(arbitraryPools, fc.array(step, { minLength: 3, maxLength: 10 }), shuffled, run), {
    numRuns: 500,
  })
})

const both = pool("a", ["10.0.0.1/32", "fc00::1/128"])
const asks = (text: string): JsonObject => ({ "metallb.io/loadBalancerIPs": text })
const two = { clusterIPs: ["10.96.0.7", "fd00::7"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" }

test("who asks for the one address it has keeps it, and gives nobody the chance to take it", (t) => {
  const waiting = service("zoe", { annotations: asks("10.0.0.1,fc00::1"), spec: two })
  const present = [both, service("web", { ip: "10.0.0.1", pool: "a" }), waiting]
  const wanted = service("web", { ip: "10.0.0.1", pool: "a", annotations: asks("10.0.0.1"), spec: two })
  const planned = plan(set(...present), [manifest(wanted)], options)
  t.true(planned.valid)
  t.deepEqual(planned.objects, [{ object: "Service default/web", change: "change" }])
  t.deepEqual(planned.services, [])
})

test("a reason is given once, however often a Service that waits looks again", (t) => {
  const web = service("web", { ip: "10.0.0.1", pool: "a", annotations: { "metallb.io/allow-shared-ip": "k" } })
  const late = service("late", { annotations: asks("10.0.0.1") })
  const otherTerms = service("web", { ip: "10.0.0.1", pool: "a", annotations: { "metallb.io/allow-shared-ip": "j" } })
  const moves = service("web", { annotations: { "metallb.io/address-pool": "b" } })
  const present = [both, pool("b", ["10.0.1.1/32"]), web]
  const planned = plan(set(...present), [late, otherTerms, moves].map(manifest), options)
  const found = planned.services.find(({ service }) => service === "default/late")
  t.deepEqual(found?.addresses.because, [
    'can\'t change sharing key for "10.0.0.1", address also in use by default/web',
    'Assigned IP ["10.0.0.1"] from pool a (requested-addresses)',
  ])
})
