import test from "ava"
import { rank } from "../../actors/announcer/election.ts"
import { explainer, explainService } from "../../cli/planning/explain.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import type { Ip } from "../../protocols/ip.ts"
import {
  endpoints,
  machines,
  node,
  nodes,
  options,
  peer,
  pool,
  resource,
  service,
  set,
  speaker,
} from "./small-cluster.ts"

const explain = (...objects: JsonObject[]) => {
  const found = explainService(set(...objects), "default/web", options)
  if (found === undefined) throw new Error("no such Service")
  return found
}
const says = (explanation: ReturnType<typeof explain>) =>
  Object.fromEntries(explanation.allocation.pools.map(({ pool, says }) => [pool, says]))

test("no such Service", (t) => t.is(explainService(set(), "default/web", options), undefined))

test("every pool says why it does or does not give", (t) => {
  const explained = explain(
    ...machines,
    pool("manual", ["10.1.0.0/30"], { autoAssign: false }),
    pool("elsewhere", ["10.2.0.0/30"], { serviceAllocation: { namespaces: ["other"] } }),
    pool("labelled", ["10.3.0.0/30"], { serviceAllocation: { serviceSelectors: [{ matchLabels: { tier: "db" } }] } }),
    pool("full", ["10.4.0.1/32"]),
    pool("good", ["10.5.0.0/30"]),
    pool("later", ["10.6.0.0/30"]),
    service("other", { ip: "10.4.0.1", pool: "full" }),
    service("web", { ip: "10.5.0.0", pool: "good" }),
  )
  t.like(explained, { addresses: ["10.5.0.0"], pool: "good", allocation: { state: "assigned" } })
  t.deepEqual(explained.allocation.because, ['keeps ["10.5.0.0"] from pool good'])
  t.regex(explained.allocation.rule ?? "", /good/)
  t.deepEqual(says(explained), {
    full: "no available IPs in pool full",
    good: "would give 10.5.0.0 today (chosen among the pools for everybody)",
    later: "not asked: pool good comes first",
    elsewhere: "pool elsewhere not compatible for ip assignment",
    labelled: "pool labelled not compatible for ip assignment",
    manual: "pool manual has autoAssign false",
  })
})

test("a Service that waits: why, and what it asks for", (t) => {
  const explained = explain(
    ...machines,
    pool("a", ["10.0.0.1/32"]),
    service("holder", { ip: "10.0.0.1", pool: "a" }),
    service("web", { annotations: { "metallb.io/loadBalancerIPs": "10.0.0.1", "metallb.io/address-pool": "a" } }),
  )
  t.like(explained, { addresses: [], allocation: { state: "waiting" } })
  t.true(explained.asks.includes("addresses 10.0.0.1"))
  t.true(explained.asks.includes("pool a"))
  t.regex(explained.allocation.because.join("\n"), /10\.0\.0\.1.*default\/holder/)
  t.is(says(explained)["a"], "not asked: the addresses that the Service names decide")
})

test("an address that it holds and would not get today", (t) => {
  const explained = explain(
    ...machines,
    pool("a", ["10.0.0.0/30"]),
    pool("pinned", ["10.1.0.0/30"], { serviceAllocation: { priority: 1 } }),
    service("web", { ip: "10.0.0.2", pool: "a" }),
  )
  t.is(says(explained)["pinned"], "would give 10.1.0.0 today (the pool's serviceAllocation names this Service)")
  t.is(says(explained)["a"], "not asked: pool pinned comes first")
  t.deepEqual(explained.addresses, ["10.0.0.2"])
})

test("who shares the address", (t) => {
  const sharing = { "metallb.io/allow-shared-ip": "k" }
  const explained = explain(
    ...machines,
    pool("a", ["10.0.0.1/32"]),
    service("dns", {
      ip: "10.0.0.1",
      pool: "a",
      annotations: sharing,
      spec: { ports: [{ protocol: "UDP", port: 53 }] },
    }),
    service("web", { ip: "10.0.0.1", pool: "a", annotations: sharing }),
  )
  t.deepEqual(explained.sharesWith, ["default/dns"])
})

const web = service("web", { ip: "10.0.0.1", pool: "a" })
const order = rank(nodes, "10.0.0.1" as Ip, () => 0).map((ranked) => ranked.node)

test("layer 2: the leader, its rivals, and who was no candidate", (t) => {
  const [first = "", second = ""] = order
  const label = { "node.kubernetes.io/exclude-from-external-load-balancers": "" }
  const { announcements } = explain(
    ...machines.filter(({ metadata }) => (metadata as JsonObject)["name"] !== first),
    node(first, label),
    pool("a", ["10.0.0.0/24"]),
    resource("L2Advertisement", "l2"),
    endpoints("web", "n1"),
    web,
  )
  t.is(announcements.layer2, second)
  t.regex(announcements.election.join("\n"), new RegExp(`${first} is no candidate: it carries the label`))
  t.regex(announcements.election.join("\n"), new RegExp(`candidates for 10\\.0\\.0\\.1, the leader first: ${second} `))
  const of = new Map(announcements.nodes.map(({ node, layer2 }) => [node, layer2]))
  t.deepEqual(of.get(second), { announces: true, because: ["on all interfaces"] })
  t.deepEqual(of.get(first), { announces: false, because: [`${second} leads`] })
  for (const { bgp } of announcements.nodes)
    t.deepEqual(bgp, { announces: false, because: ["no BGPAdvertisement of the pool covers this node"] })
})

test("BGP: local endpoints, peers, and a node without a speaker", (t) => {
  const { announcements } = explain(
    ...["n1", "n2", "n3", "n4"].map((name) => node(name)),
    ...nodes.map(speaker),
    pool("a", ["10.0.0.0/24"]),
    resource("BGPAdvertisement", "bgp", { peers: ["tor"] }),
    peer("tor", { nodeSelectors: [{ matchLabels: { none: "such" } }] }),
    peer("other", { peerAddress: "192.0.2.2" }),
    endpoints("web", "n1"),
    service("web", { ip: "10.0.0.1", pool: "a", spec: { externalTrafficPolicy: "Local" } }),
  )
  t.deepEqual(
    announcements.nodes.map(({ node, bgp }) => [node, bgp.because.join("; ")]),
    [
      ["n1", "no BGPPeer that the advertisement names is for this node"],
      ["n2", "externalTrafficPolicy is Local and no endpoint that can serve runs on this node"],
      ["n3", "externalTrafficPolicy is Local and no endpoint that can serve runs on this node"],
      ["n4", "no speaker Pod runs there"],
    ],
  )
})

test("what ends it before any protocol is asked", (t) => {
  const none = explain(...machines, pool("a", ["10.0.0.0/24"]), service("web", { spec: { type: "ClusterIP" } }))
  t.deepEqual(none.allocation.because, ["type is ClusterIP, not LoadBalancer"])
  t.deepEqual(none.announcements.nodes[0]?.layer2.because, ["its type is ClusterIP, not LoadBalancer"])
  const other = explain(...machines, pool("a", ["10.0.0.0/24"]), service("web", { spec: { loadBalancerClass: "x/y" } }))
  t.deepEqual(other.allocation.because, ["its load-balancer class is x/y, ours is none: it is not ours"])
  const broken = explain(...machines, pool("a", ["nonsense"]), web)
  t.regex(broken.notes.join("\n"), /the pools are not valid.*nonsense/)
  t.regex(broken.announcements.nodes[0]?.bgp.because.join() ?? "", /no valid configuration: parsing address pool a/)
})

test("what the controller has not written yet", (t) => {
  const late = explain(...machines, pool("a", ["10.0.0.0/24"]), service("web"))
  t.deepEqual(late.allocation.due, ["it should have 10.0.0.0: the controller has not written that yet"])
})

test("many Services of one cluster: each explained as if alone, in whatever order", (t) => {
  const shared = { annotations: { "metallb.io/allow-shared-ip": "k" } }
  const dual = { clusterIPs: ["10.96.0.7", "fd00::7"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" }
  const objects = set(
    ...machines,
    pool("a", ["10.0.0.0/31"]),
    pool("b", ["10.0.1.0/32", "fc00::/126"], { serviceAllocation: { namespaces: ["default"], priority: 1 } }),
    resource("L2Advertisement", "l2"),
    service("has", { ip: "10.0.0.0", pool: "a" }),
    service("shares", { ip: "10.0.0.1", pool: "a", ...shared }),
    service("shares-too", { ip: "10.0.0.1", pool: "a", ...shared, spec: { ports: [{ protocol: "TCP", port: 81 }] } }),
    // One address is left, and three would take it.
    service("first"),
    service("second"),
    service("dual", { spec: dual }),
    service("stray", { ip: "192.0.2.77" }),
    service("unhappy", { annotations: { "metallb.io/address-pool": "nope" } }),
  )
  const keys = ["has", "shares", "shares-too", "first", "second", "dual", "stray", "unhappy"].map((n) => `default/${n}`)
  const alone = new Map(keys.map((key) => [key, explainService(objects, key, options)]))
  for (const order of [keys, keys.toReversed(), [...keys, ...keys]]) {
    const explain = explainer(objects, options)
    for (const key of order) t.deepEqual(explain(key), alone.get(key), key)
  }
})
