import test from "ava"
import { rank } from "../../actors/announcer/election.ts"
import { plan, type ServiceChange } from "../../cli/planning/plan.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import { parseIp } from "../../protocols/ip.ts"
import {
  endpoints,
  machines,
  manifest,
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

const web = service("web", { ip: "10.0.0.1", pool: "a" })
const wide = pool("a", ["10.0.0.0/24"])
const everything = [...machines, wide, web, endpoints("web", ...nodes)]
const change = (present: JsonObject[], ...manifests: JsonObject[]) =>
  plan(set(...present), manifests.map(manifest), options)
const only = (t: { fail: (text: string) => never }, services: readonly ServiceChange[]): ServiceChange =>
  services.length === 1 && services[0] !== undefined ? services[0] : t.fail(JSON.stringify(services))
const leader = (ip: string, among = nodes) =>
  rank(
    among,
    parseIp(ip) ??
      (() => {
        throw new Error(ip)
      })(),
    () => 0,
  )[0]?.node

test("applying what is there changes nothing", (t) => {
  const planned = change(
    [...everything, resource("L2Advertisement", "l2")],
    wide,
    resource("L2Advertisement", "l2"),
    web,
  )
  t.deepEqual(planned, {
    valid: true,
    objects: [
      { object: "IPAddressPool metallb-system/a", change: "none" },
      { object: "L2Advertisement metallb-system/l2", change: "none" },
      { object: "Service default/web", change: "none" },
    ],
    faults: [],
    services: [],
    unchanged: 1,
    notes: [],
  })
})

test("an advertisement begins to announce; who leads is what all speakers compute", (t) => {
  const found = only(t, change(everything, resource("L2Advertisement", "l2")).services)
  t.deepEqual(found.addresses.before, found.addresses.after)
  t.like(found.announcements.layer2, { after: leader("10.0.0.1") })
  t.false("before" in found.announcements.layer2)
  t.regex(found.announcements.layer2.because.join("\n"), /candidates for 10\.0\.0\.1, the leader first/)
})

test("a pool that shrinks moves the address, and with it the leader", (t) => {
  const present = [...everything, resource("L2Advertisement", "l2")]
  const found = only(t, change(present, pool("a", ["10.0.0.8/30"])).services)
  t.deepEqual([found.addresses.before, found.addresses.after, found.pool], [["10.0.0.1"], ["10.0.0.8"], "a"])
  t.regex(found.addresses.because[0] ?? "", /^cannot keep \["10\.0\.0\.1"\]: .* is not allowed in config$/)
  t.regex(found.addresses.because[1] ?? "", /^Assigned IP \["10\.0\.0\.8"\] from pool a/)
  t.is(found.announcements.layer2.before, leader("10.0.0.1"))
  t.is(found.announcements.layer2.after, leader("10.0.0.8"))
})

test("a label on the leader's node hands over to the next", (t) => {
  const first = leader("10.0.0.1") ?? ""
  const rest = nodes.filter((name) => name !== first)
  const label = { "node.kubernetes.io/exclude-from-external-load-balancers": "" }
  const found = only(t, change([...everything, resource("L2Advertisement", "l2")], node(first, label)).services)
  t.like(found.announcements.layer2, { before: first, after: leader("10.0.0.1", rest) })
  t.regex(found.announcements.layer2.because.join("\n"), new RegExp(`${first} is no candidate: it carries the label`))
})

test("BGP: from which nodes, to which peers, and why it stops", (t) => {
  const present = [
    ...everything.filter(({ kind }) => kind !== "Node"),
    node("n1", { rack: "1" }),
    node("n2", { rack: "2" }),
    node("n3", { rack: "2" }),
    peer("tor"),
    peer("spine", { nodeSelectors: [{ matchLabels: { rack: "2" } }] }),
  ]
  const advertisement = (spec: JsonObject) => resource("BGPAdvertisement", "bgp", spec)
  const starting = only(t, change(present, advertisement({})).services).announcements.bgp
  t.deepEqual(starting.starts, [
    { prefix: "10.0.0.1/32", peers: ["tor"], nodes: ["n1"] },
    { prefix: "10.0.0.1/32", peers: ["spine", "tor"], nodes: ["n2", "n3"] },
  ])
  t.deepEqual(starting.stops, [])
  const narrow = advertisement({ nodeSelectors: [{ matchLabels: { rack: "2" } }] })
  const stopping = only(t, change([...present, advertisement({})], narrow).services).announcements.bgp
  t.deepEqual([stopping.starts, stopping.stops], [[], [{ prefix: "10.0.0.1/32", peers: ["tor"], nodes: ["n1"] }]])
  t.deepEqual(stopping.because, ["no BGPAdvertisement of the pool covers this node"])
  t.deepEqual(change([...present, advertisement({})], advertisement({ peers: ["tor", "spine"] })).services, [])
})

test("a configuration that is not valid moves nothing and says what is wrong", (t) => {
  const planned = change([...everything, resource("L2Advertisement", "l2")], pool("b", ["10.0.0.128/25"]))
  t.false(planned.valid)
  t.deepEqual(planned.services, [])
  t.deepEqual(planned.faults, [
    {
      object: "IPAddressPool metallb-system/b",
      field: "addresses",
      text: 'CIDR "10.0.0.128/25" in pool "b" overlaps with already defined CIDR "10.0.0.0/24"',
    },
  ])
})

test("an object that an API server refuses is not applied", (t) => {
  const planned = change(everything, resource("IPAddressPool", "a", { addresses: 7 }))
  t.deepEqual(planned.objects, [{ object: "IPAddressPool metallb-system/a", change: "refused" }])
  t.like(planned.faults[0], { object: "IPAddressPool metallb-system/a", field: "spec.addresses" })
  t.deepEqual([planned.valid, planned.services], [false, []])
})

test("addresses that change hands: step by step, and otherwise all at once", (t) => {
  const present = [...machines, wide, pool("z", ["10.9.0.0/24"]), web]
  const planned = change(present, pool("a", ["10.0.0.128/25"]), pool("b", ["10.0.0.0/25"]))
  t.deepEqual(only(t, planned.services).addresses.after, ["10.0.0.128"])
  t.deepEqual(planned.notes, [
    "default/web gets 10.0.0.128 step by step, and 10.0.0.1 when the controller sees all at once",
  ])
})

test("a new Service: its address, and who would announce it", (t) => {
  const { metadata, spec } = service("new")
  const { clusterIPs: _, ipFamilies: __, ipFamilyPolicy: ___, ...written } = spec
  const manifest = { apiVersion: "v1", kind: "Service", metadata, spec: written }
  const planned = change([...everything, resource("L2Advertisement", "l2")], manifest)
  const found = only(t, planned.services)
  t.deepEqual([found.addresses.before, found.addresses.after], [[], ["10.0.0.0"]])
  t.is(found.announcements.layer2.after, leader("10.0.0.0"))
  t.regex(found.notes.join(), /no endpoints yet/)
  t.is(planned.unchanged, 1)
})

test("who waits gets what comes free", (t) => {
  const tight = pool("a", ["10.0.0.1/32"])
  const waiting = service("waits")
  const present = [...machines, tight, web, waiting]
  const planned = change(present, service("web", { spec: { type: "ClusterIP" } }))
  t.deepEqual(
    planned.services.map(({ service, addresses }) => [service, addresses.after]),
    [
      ["default/waits", ["10.0.0.1"]],
      ["default/web", []],
    ],
  )
})

test("what cannot be known is said", (t) => {
  const broken = [...machines, wide, pool("b", ["10.0.0.0/30"]), web]
  t.regex(
    change(broken, peer("p")).notes.join("\n"),
    /the present pools are not valid.*\n.*the present configuration is not valid/,
  )
  t.deepEqual(change([node("n1"), wide, web], peer("p")).notes, [
    "no speaker Pod is known: every node is taken for one that can announce",
  ])
  t.deepEqual(change([node("n1"), speaker("n1"), wide, service("late")], peer("p")).services[0]?.notes, [
    "it would change anyway: the controller has not got to it yet",
  ])
})

test("Services of another class are none of ours", (t) => {
  const other = service("other", { spec: { loadBalancerClass: "example.com/other" } })
  const planned = change([...machines, wide, other, web], pool("a", ["10.0.0.8/30"]))
  t.deepEqual(
    planned.services.map(({ service }) => service),
    ["default/web"],
  )
})

test("a taint that drains its leader moves the address, and says why", (t) => {
  const present = [...everything, resource("L2Advertisement", "l2")]
  const led = leader("10.0.0.1")
  const next = leader(
    "10.0.0.1",
    nodes.filter((name) => name !== led),
  )
  for (const [key, text] of [
    ["troupe.dev/drain", `${led} is no candidate: it is drained: it carries the taint troupe.dev/drain`],
    [
      "node.kubernetes.io/out-of-service",
      `${led} is no candidate: it carries the taint node.kubernetes.io/out-of-service`,
    ],
  ] as const) {
    const tainted = { ...node(led ?? ""), spec: { taints: [{ key, effect: "NoSchedule" }] } }
    const found = only(t, change(present, tainted).services)
    t.like(found.announcements.layer2, { before: led, after: next })
    t.true(
      found.announcements.layer2.because.some((because) => because.startsWith(text)),
      JSON.stringify(found),
    )
  }
  const cordoned = { ...node(led ?? ""), spec: { unschedulable: true } }
  t.deepEqual(change(present, cordoned).services, [])
})
