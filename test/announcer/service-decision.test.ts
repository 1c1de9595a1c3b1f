import test from "ava"
import { decideService, describeService, type ServiceReason } from "../../actors/announcer/service-decision.ts"
import type { Surroundings } from "../../actors/announcer/surroundings.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import { bgp, endpoints, l2, pool, service, snapshot, surroundings } from "./facts.ts"

const stopped = (reason: string) => ({ kind: "stopped", reason })
const ignored = { kind: "ignored" }
const ingress = (...ips: readonly string[]) => ({ ingress: ips.map((ip) => ({ ip })) })
const spread = {
  snapshot: snapshot(pool({ name: "four" }, "192.0.2.0/24"), pool({ name: "six" }, "2001:db8::/64")),
}

const table: readonly (readonly [
  string,
  Partial<ServiceFacts> | undefined,
  Partial<Surroundings>,
  object,
  ServiceReason["rule"],
])[] = [
  ["deleted", undefined, {}, stopped("serviceDeleted"), "deleted"],
  ["deleted, and we have a class", undefined, { loadBalancerClass: "ours" }, stopped("serviceDeleted"), "deleted"],
  ["not a LoadBalancer", { type: "ClusterIP" }, {}, stopped("notLoadBalancer"), "not-load-balancer"],
  ["a class, and we have none", { loadBalancerClass: "theirs" }, {}, ignored, "other-class"],
  ["no class, and we have one", {}, { loadBalancerClass: "ours" }, ignored, "other-class"],
  ["another class", { loadBalancerClass: "theirs" }, { loadBalancerClass: "ours" }, ignored, "other-class"],
  ["no address", ingress(), {}, stopped("noIPAllocated"), "no-address"],
  ["a host name only", ingress(""), {}, stopped("invalidIP"), "invalid-address"],
  [
    "one bad address among good ones",
    ingress("192.0.2.10", "192.0.2.010"),
    {},
    stopped("invalidIP"),
    "invalid-address",
  ],
  ["in no pool", ingress("198.51.100.1"), {}, stopped("ipNotAllowed"), "address-not-allowed"],
  ["one of two in no pool", ingress("192.0.2.10", "198.51.100.1"), {}, stopped("ipNotAllowed"), "address-not-allowed"],
  [
    "spread over two pools",
    ingress("192.0.2.10", "2001:db8::5"),
    spread,
    stopped("ipNotAllowed"),
    "address-not-allowed",
  ],
]

for (const [name, facts, around, decision, rule] of table) {
  test(name, (t) => {
    const verdict = decideService(facts && service(facts), endpoints("alpha"), surroundings(around))
    t.deepEqual(verdict.decision as object, decision)
    t.deepEqual(
      verdict.because.map(({ rule }) => rule),
      [rule],
    )
    for (const reason of verdict.because) t.regex(describeService(reason), /^\S.*\S$/)
  })
}

test("both protocols are asked, in the order of the addresses in the status", (t) => {
  const verdict = decideService(
    service(ingress("2001:DB8::5", "192.0.2.10")),
    endpoints("alpha"),
    surroundings({ nodeName: "alpha" }),
  )
  if (verdict.decision.kind !== "considered") return t.fail(verdict.decision.kind)
  t.is(verdict.decision.pool, "first")
  t.deepEqual([...verdict.decision.ips], ["2001:db8::5", "192.0.2.10"])
  // 2001:db8::5 is led by alpha, 192.0.2.10 by charlie: the first address decides for both.
  t.is(verdict.decision.layer2.decision.kind, "announce")
  t.is(verdict.decision.bgp.decision.kind, "announce")
})

test("the same class on both sides is ours", (t) => {
  const verdict = decideService(
    service({ loadBalancerClass: "ours" }),
    endpoints("alpha"),
    surroundings({ loadBalancerClass: "ours" }),
  )
  t.is(verdict.decision.kind, "considered")
})

test("the first pool in name order that contains all addresses counts", (t) => {
  const around = surroundings({
    snapshot: snapshot(
      pool({ name: "a", l2Advertisements: [l2()] }, "198.51.100.0/24"),
      pool({ name: "b", bgpAdvertisements: [bgp()] }, "192.0.2.0/28", "192.0.2.16/28"),
    ),
  })
  const verdict = decideService(service(ingress("192.0.2.10", "192.0.2.20")), endpoints("alpha"), around)
  if (verdict.decision.kind !== "considered") return t.fail(verdict.decision.kind)
  t.is(verdict.decision.pool, "b")
  t.deepEqual(verdict.decision.layer2.decision, { kind: "withhold", reason: "noMatchingAdvertisement" })
})
