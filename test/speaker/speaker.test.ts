import test from "ava"
import type { BgpCommand } from "../../actors/session/messages.ts"
import type { SpeakerMessage } from "../../actors/speaker.ts"
import { endpoints, node, service } from "../announcer/facts.ts"
import { bgpNamed, l2Named, peerNamed, poolNamed } from "../support/configuration.ts"
import { member, plain, pods, put, type Speaker, speaker } from "./harness.ts"

// 192.0.2.10 and .11 are led by charlie, which is this node; .12 by bravo, then alpha; .13 by alpha, then charlie.

async function announcing(): Promise<Speaker> {
  const it = await speaker()
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10")
    put(cluster, "api", "192.0.2.11")
    put(cluster, "mail", "192.0.2.12")
    put(cluster, "dns", "192.0.2.13")
  })
  await it.members("alpha", "bravo", "charlie")
  return it
}

const prefixes = (it: Speaker) =>
  it.peers()?.map(({ name, routes }) => [name, ...routes.flatMap((group) => group.prefixes)])
const all = ["router", "192.0.2.10/32", "192.0.2.11/32", "192.0.2.12/32", "192.0.2.13/32"]
const sentences = (it: Speaker, name: string) =>
  it.cluster.events.filter(({ key }) => key === `default/${name}`).map(({ reason, message }) => `${reason}: ${message}`)
const assigned = (protocol: string) => `nodeAssigned: announcing from node "charlie" with protocol "${protocol}"`

test("a speaker answers for what it leads, and advertises everything", async (t) => {
  const it = await announcing()
  t.deepEqual(it.table(), [
    { ip: "192.0.2.10", interfaces: "all" },
    { ip: "192.0.2.11", interfaces: "all" },
  ])
  t.deepEqual(prefixes(it), [all])
  t.deepEqual(it.peers()?.[0]?.session, {
    myASN: 64500,
    peerASN: 64501,
    address: "10.0.0.254",
    port: 179,
    holdSeconds: 90,
  })
  t.deepEqual(sentences(it, "web"), [assigned("bgp"), assigned("layer2")])
  t.deepEqual(sentences(it, "mail"), [assigned("bgp")])
  t.true(it.cluster.events.every(({ component, type }) => component === "metallb-speaker" && type === "Normal"))
  t.deepEqual(
    it.logged("service has IP, announcing").filter(({ service }) => service === "default/web"),
    ["bgp", "layer2"]
      .map((protocol) => ({
        actor: "/speaker/announcer/default~web",
        event: "serviceAnnounced",
        service: "default/web",
        ips: ["192.0.2.10"],
        pool: "first",
        protocol,
      }))
      .map((fields) => ({ ...fields })),
  )
})

test("nobody is elected before gossip has said who is alive; BGP does not wait for it", async (t) => {
  const it = await speaker()
  await it.change((cluster) => put(cluster, "web", "192.0.2.10"))
  t.is(it.table(), undefined)
  t.deepEqual(prefixes(it), [["router", "192.0.2.10/32"]])
  await it.members("alpha", "bravo", "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.10"])
})

test("gossip that knows itself alone is not believed until it has had time", async (t) => {
  const it = await speaker()
  await it.change((cluster) => put(cluster, "mail", "192.0.2.12"))
  await it.members("charlie")
  t.is(it.table(), undefined)
  await it.pass(1999)
  t.is(it.table(), undefined)
  await it.pass(1)
  t.deepEqual(it.addresses(), ["192.0.2.12"], "after the while, alone is alone")
})

test("gossip is told the addresses of the speaker Pods", async (t) => {
  const it = await speaker()
  await it.change((cluster) => cluster.putSpeakerPods(pods("10.0.0.2", "", "10.0.0.1", "10.0.0.1")))
  t.deepEqual(
    it.gossip.flat().filter(({ kind }) => kind === "peers"),
    [
      { kind: "peers", addresses: ["10.0.0.1", "10.0.0.2", "10.0.0.3"] },
      { kind: "peers", addresses: ["10.0.0.1", "10.0.0.2"] },
    ],
  )
})

test("without gossip every node is a candidate, at once", async (t) => {
  const it = await speaker({ gossip: "off" })
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10")
    put(cluster, "mail", "192.0.2.12")
  })
  t.deepEqual(it.addresses(), ["192.0.2.10"])
  t.is(it.gossip.length, 0)
})

test("the successor's table has the address when the members message has been handled", async (t) => {
  const it = await announcing()
  await it.members("alpha", "bravo", member("charlie"))
  const before = it.layer2.flat().length
  await it.members(member("alpha", "dead"), "bravo", "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11", "192.0.2.13"])
  t.is(it.layer2.flat().length, before + 1, "one table, and nothing else")
  t.is(sentences(it, "dns").at(-1), assigned("layer2"))
})

test("a suspect stays the leader", async (t) => {
  const it = await announcing()
  const before = it.layer2.flat().length
  await it.members(member("alpha", "suspect"), "bravo", "charlie")
  t.is(it.layer2.flat().length, before)
})

test("what changes nothing sends nothing", async (t) => {
  const it = await announcing()
  const [layer2, bgp, events] = [it.layer2.flat().length, it.bgp.flat().length, it.cluster.events.length]
  await it.members("alpha", "bravo", "charlie")
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10")
    put(cluster, "mail", "192.0.2.12")
    cluster.configure(plain)
    cluster.putNode(node("alpha"))
    cluster.putService(service({ key: "kube-system/dns", type: "ClusterIP", ingress: [] }))
  })
  await it.pass(60_000)
  t.deepEqual([it.layer2.flat().length, it.bgp.flat().length, it.cluster.events.length], [layer2, bgp, events])
})

test("endpoints that go unready take the announcement with them, and bring it back", async (t) => {
  const it = await announcing()
  await it.change((cluster) =>
    cluster.putEndpoints({
      key: "default/web",
      endpoints: [{ addresses: ["10.244.0.1"], nodeName: "alpha", ready: false, serving: false }],
    }),
  )
  t.deepEqual(it.addresses(), ["192.0.2.11"])
  t.deepEqual(prefixes(it), [all.toSpliced(1, 1)])
  t.deepEqual(
    it
      .logged("withdrawing service announcement")
      .map(({ event, service, reason, ips }) => [event, service, reason, ips]),
    [["serviceWithdrawn", "default/web", "notOwner", ["192.0.2.10"]]],
  )
  await it.change((cluster) => cluster.putEndpoints(endpoints("alpha")))
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"])
  t.deepEqual(prefixes(it), [all])
})

test("no endpoints at all are the same as unready ones", async (t) => {
  const it = await announcing()
  await it.change((cluster) => cluster.putEndpoints({ key: "default/web", endpoints: [] }))
  t.deepEqual(it.addresses(), ["192.0.2.11"])
})

test("externalTrafficPolicy Local follows the endpoints", async (t) => {
  const it = await announcing()
  const local = { externalTrafficPolicy: "Local" }
  await it.change((cluster) => put(cluster, "web", "192.0.2.10", local))
  t.deepEqual(it.addresses(), ["192.0.2.11"], "the endpoint is on alpha")
  t.deepEqual(prefixes(it), [all.toSpliced(1, 1)])
  t.is(it.logged("withdrawing service announcement").at(-1)?.["reason"], "notOwner")
  await it.change((cluster) => cluster.putEndpoints(endpoints("bravo", "charlie")))
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"])
  t.deepEqual(prefixes(it), [all])
})

test("while one protocol still announces, nobody is told of a withdrawal", async (t) => {
  const it = await announcing()
  await it.change((cluster) => cluster.configure({ ...plain, l2Advertisements: [] }))
  t.deepEqual(it.table(), [])
  t.deepEqual(prefixes(it), [all])
  t.deepEqual(it.logged("withdrawing service announcement"), [])
  await it.change((cluster) => cluster.configure({ ...plain, l2Advertisements: [], bgpAdvertisements: [] }))
  t.deepEqual(prefixes(it), [["router"]])
  t.deepEqual(
    it
      .logged("withdrawing service announcement")
      .map(({ service, reason }) => `${String(service)} ${String(reason)}`)
      .toSorted(),
    ["api", "dns", "mail", "web"].map((name) => `default/${name} notOwner`),
  )
})

test("another address: withdrawn and announced in one table", async (t) => {
  const it = await announcing()
  const before = it.layer2.flat().length
  await it.change((cluster) => put(cluster, "web", "192.0.2.20"))
  t.deepEqual(it.logged("withdrawing service announcement").at(-1)?.["reason"], "loadBalancerIPChanged")
  t.deepEqual(prefixes(it)?.[0]?.includes("192.0.2.20/32"), true)
  t.true(it.layer2.flat().length <= before + 1)
  t.false(it.addresses()?.includes("192.0.2.10"))
})

const ends: readonly (readonly [string, string, (it: Speaker) => Promise<void>])[] = [
  ["deleted", "serviceDeleted", (it) => it.change((cluster) => cluster.deleteService("default/web"))],
  [
    "type changed",
    "notLoadBalancer",
    (it) => it.change((cluster) => put(cluster, "web", "192.0.2.10", { type: "ClusterIP" })),
  ],
  [
    "address taken away",
    "noIPAllocated",
    (it) => it.change((cluster) => put(cluster, "web", "192.0.2.10", { ingress: [] })),
  ],
  [
    "not an address",
    "invalidIP",
    (it) => it.change((cluster) => put(cluster, "web", "192.0.2.10", { ingress: [{ ip: "" }] })),
  ],
  ["address of no pool", "ipNotAllowed", (it) => it.change((cluster) => put(cluster, "web", "198.51.100.1"))],
]

for (const [name, reason, end] of ends) {
  test(`${name}: withdrawn because of ${reason}`, async (t) => {
    const it = await announcing()
    await end(it)
    t.deepEqual(
      it.logged("withdrawing service announcement").map(({ reason }) => reason),
      [reason],
    )
    t.deepEqual(it.addresses(), ["192.0.2.11"])
    t.deepEqual(prefixes(it), [all.toSpliced(1, 1)])
  })
}

test("a deleted Service leaves no actor behind, and may come back", async (t) => {
  const it = await announcing()
  await it.change((cluster) => cluster.deleteService("default/web"))
  t.false(await it.system.kill("/speaker/announcer/default~web"))
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10")
    cluster.deleteService("default/web")
    put(cluster, "web", "192.0.2.10")
  })
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"])
})

test("Services of another class are not ours", async (t) => {
  const it = await speaker({ loadBalancerClass: "ours" })
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10")
    put(cluster, "api", "192.0.2.11", { loadBalancerClass: "ours" })
  })
  await it.members("alpha", "bravo", "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.11"])
})

test("an address that two Services share stays until the last of them goes, on the interfaces of both", async (t) => {
  const it = await announcing()
  const share = { annotations: { "metallb.io/allow-shared-ip": "key" } }
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10", share)
    put(cluster, "web-udp", "192.0.2.10", share)
    cluster.configure({ ...plain, l2Advertisements: [l2Named("l2", { interfaces: ["eth1", "eth0"] })] })
  })
  t.deepEqual(it.table()?.[0], { ip: "192.0.2.10", interfaces: ["eth0", "eth1"] })
  await it.change((cluster) => cluster.deleteService("default/web"))
  t.true(it.addresses()?.includes("192.0.2.10"))
  await it.change((cluster) => cluster.deleteService("default/web-udp"))
  t.false(it.addresses()?.includes("192.0.2.10"))
})

test("selected interfaces that are not here: an Event, the announcement in name, and no entry", async (t) => {
  const it = await announcing()
  await it.layer2Report({ interfaces: ["eth0"] })
  await it.change((cluster) =>
    cluster.configure({ ...plain, l2Advertisements: [l2Named("l2", { interfaces: ["eth7"] })] }),
  )
  t.deepEqual(it.addresses(), [])
  t.deepEqual(sentences(it, "web").slice(-2), [
    assigned("layer2"),
    `announceFailed: the interfaces specified by LB IP "192.0.2.10" doesn't exist in assigned node "charlie" with protocol "layer2"`,
  ])
  const { services } = await it.status()
  t.is(services.find(({ key }) => key === "default/web")?.layer2.announced, true)
  await it.layer2Report({ interfaces: ["eth0", "eth7"] })
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"], "it came")
})

test("a peer for other nodes is not ours until our labels say so", async (t) => {
  const it = await announcing()
  const rack = peerNamed("rack", {
    myASN: 64500,
    peerASN: 64502,
    peerAddress: "10.0.0.253",
    password: "hush",
    nodeSelectors: [{ matchLabels: { rack: "b" } }],
  })
  await it.change((cluster) => cluster.configure({ ...plain, peers: [...plain.peers, rack] }))
  t.deepEqual(prefixes(it), [all])
  await it.change((cluster) => cluster.putNode(node("charlie", { labels: { rack: "b" } })))
  t.deepEqual(prefixes(it), [["rack", ...all.slice(1)], all], "a new session has the routes at once")
  t.false(JSON.stringify([it.lines, await it.status(), await it.metrics()]).includes("hush"))
})

test("an invalid configuration changes nothing and is said to be stale", async (t) => {
  const it = await announcing()
  const [layer2, bgp] = [it.layer2.flat().length, it.bgp.flat().length]
  await it.change((cluster) =>
    cluster.configure({ ...plain, pools: [poolNamed("first", { addresses: ["192.0.2.0/33"] })] }),
  )
  t.deepEqual([it.layer2.flat().length, it.bgp.flat().length], [layer2, bgp])
  t.is(it.logged("failed to parse the configuration").length, 1)
  const { configuration } = await it.status()
  t.like(configuration, { loaded: true, stale: true })
  t.regex(configuration.faults[0] ?? "", /IPAddressPool first/)
  t.like(await it.metrics(), { configurationStale: true, configurationLoaded: true, updateErrors: 0 })

  await it.change((cluster) => put(cluster, "new", "192.0.2.20"))
  t.true(prefixes(it)?.[0]?.includes("192.0.2.20/32"), "the last valid one goes on deciding")
  await it.change((cluster) => cluster.configure(plain))
  t.false((await it.status()).configuration.stale)
})

test("a configuration without the pool of an announced Service is held back until the Service is elsewhere", async (t) => {
  const it = await announcing()
  await it.change((cluster) => {
    for (const name of ["api", "mail", "dns"]) cluster.deleteService(`default/${name}`)
  })
  const moved = { ...plain, pools: [poolNamed("second", { addresses: ["198.51.100.0/24"] })] }
  await it.change((cluster) => cluster.configure(moved))
  t.deepEqual(it.addresses(), ["192.0.2.10"])
  t.deepEqual(
    it.logged("new configuration rejected").map(({ op, error }) => [op, error]),
    [["setConfig", "service has no configuration under new config"]],
  )
  t.true((await it.metrics()).configurationStale)

  await it.change((cluster) => put(cluster, "web", "198.51.100.1"))
  t.false((await it.metrics()).configurationStale)
  t.deepEqual(prefixes(it), [["router", "198.51.100.1/32"]])
})

test("what somebody has to mend is logged once, in MetalLB's words", async (t) => {
  const it = await announcing()
  const web = { labels: { app: "web" }, annotations: { "metallb.io/allow-shared-ip": "key" } }
  const selective = l2Named("l2", { serviceSelectors: [{ matchLabels: { app: "web" } }] })
  await it.change((cluster) => {
    cluster.configure({ ...plain, l2Advertisements: [selective] })
    put(cluster, "web", "192.0.2.10", web)
    put(cluster, "api", "192.0.2.11", { ingress: [{ ip: "" }] })
  })
  await it.change((cluster) => cluster.putNode(node("charlie", { networkUnavailable: true })))
  await it.members("alpha", "bravo", member("charlie"), "delta")
  const complaints = it.lines.filter(({ level }) => level === "warn" || level === "error")
  const of = (service: string) =>
    complaints
      .filter(({ fields }) => fields["service"] === service)
      .map(({ level, message, fields }) => [level, message, fields["reason"]])
  t.deepEqual(of("default/api"), [["error", "invalid IP allocated by controller", undefined]])
  t.deepEqual(
    of("default/web").map(([, , reason]) => reason),
    [
      "allow-shared-ip is incompatible with serviceSelectors on L2 advertisements",
      "speaker's node has NodeNetworkUnavailable condition",
    ],
  )
})

test("the API server is gone: nothing moves, and elections go on", async (t) => {
  const it = await announcing()
  const layer2 = it.layer2.flat().length
  await it.change((cluster) => cluster.disconnect("connection refused"))
  await it.pass(3_600_000)
  t.is(it.layer2.flat().length, layer2)
  t.deepEqual((await it.status()).connection, { connected: false, reason: "connection refused" })
  await it.members(member("alpha", "left"), "bravo", "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11", "192.0.2.13"])
})

/** Every table and every set of routes that any life of a thread was told after the first full one. */
const tables = (it: Speaker) =>
  it.layer2.flat().flatMap((message) => (message.kind === "table" ? [message.entries.map(({ ip }) => ip)] : []))
const routes = (it: Speaker) =>
  it.bgp
    .flat()
    .filter((message): message is BgpCommand & { kind: "peers" } => message.kind === "peers")
    .map(({ peers }) => peers.map(({ name, routes }) => [name, ...routes.flatMap((group) => group.prefixes)]))

const paths = [
  "/speaker/cluster",
  "/speaker/layer2",
  "/speaker/bgp",
  "/speaker/announcer",
  "/speaker/announcer/default~web",
  "/speaker/announcer/default~mail",
  "/speaker/api",
]

for (const path of paths) {
  test(`${path} dies: nothing that is announced is ever missing from what the threads are told`, async (t) => {
    const it = await announcing()
    const [before, routesBefore] = [tables(it).length, routes(it).length]
    await it.kill(path)
    await it.members("alpha", "bravo", "charlie")
    const [tablesAfter, routesAfter] = [tables(it).slice(before), routes(it).slice(routesBefore)]
    for (const table of tablesAfter) t.deepEqual(table, ["192.0.2.10", "192.0.2.11"])
    for (const peers of routesAfter) t.deepEqual(peers, [all])
    t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"], "the thread that lives now knows the table")
    t.deepEqual(prefixes(it), [all])

    const expected = {
      layer2: path.endsWith("/layer2") || path.endsWith("/announcer") ? 1 : 0,
      bgp: path.endsWith("/bgp") || path.endsWith("/announcer") ? 1 : 0,
    }
    t.deepEqual({ layer2: tablesAfter.length, bgp: routesAfter.length }, expected)
    t.deepEqual(
      [it.gossip.length, it.layer2.length, it.bgp.length],
      ["cluster", "layer2", "bgp"].map((thread) => (path.endsWith(`/${thread}`) ? 2 : 1)),
      "no thread takes another with it",
    )

    const { updates } = await it.metrics()
    await it.change((cluster) => cluster.deleteService("default/api"))
    t.deepEqual(it.addresses(), ["192.0.2.10"], "and it goes on working")
    t.is((await it.metrics()).updates, updates + 1, "each fact is told once: no second watch was left behind")
  })
}

test("a Service's actor that died tells nothing twice", async (t) => {
  const it = await announcing()
  const events = it.cluster.events.length
  await it.kill("/speaker/announcer/default~web")
  t.is(it.cluster.events.length, events)
})

test("a Service changed while its actor was dead", async (t) => {
  const it = await announcing()
  await it.system.kill("/speaker/announcer/default~web")
  await it.change((cluster) => put(cluster, "web", "192.0.2.10", { ingress: [] }))
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"], "nobody has decided yet")
  await it.pass(1000)
  t.deepEqual(it.addresses(), ["192.0.2.11"])
})

test("gossip that began anew is not believed before it has heard of those it knew", async (t) => {
  const it = await announcing()
  const before = tables(it).length
  await it.kill("/speaker/cluster")
  await it.members("charlie")
  await it.members("alpha", "charlie")
  t.is(tables(it).length, before)
  await it.members("alpha", member("bravo", "dead"), "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"])
  await it.members(member("alpha", "dead"), member("bravo", "dead"), "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"])
})

test("the announcer dies while the configuration is invalid: the last valid one stays in force", async (t) => {
  const it = await announcing()
  await it.change((cluster) =>
    cluster.configure({ ...plain, pools: [poolNamed("first", { addresses: ["nonsense"] })] }),
  )
  await it.kill("/speaker/announcer")
  await it.members("alpha", "bravo", "charlie")
  t.deepEqual(it.addresses(), ["192.0.2.10", "192.0.2.11"])
  t.like((await it.status()).configuration, { loaded: true, stale: true })
  await it.change((cluster) => put(cluster, "web", "192.0.2.10", { ingress: [] }))
  t.deepEqual(it.addresses(), ["192.0.2.11"])
})

test("the announcer dies while the API server is gone: the threads keep what they have", async (t) => {
  const it = await announcing()
  const [layer2, bgp] = [tables(it).length, routes(it).length]
  it.cluster.disconnect("connection refused")
  await it.kill("/speaker/announcer")
  await it.members("alpha", "bravo", "charlie")
  await it.pass(60_000)
  t.deepEqual([tables(it).length, routes(it).length], [layer2, bgp])
})

test("the announcer and then the threads die while the API server is gone: they do what they did", async (t) => {
  const it = await announcing()
  const [before, peers] = [it.addresses(), prefixes(it)]
  it.cluster.disconnect("connection refused")
  await it.kill("/speaker/announcer")
  await it.members("alpha", "bravo", "charlie")
  const [layer2, bgp] = [tables(it).length, routes(it).length]
  await it.kill("/speaker/layer2")
  await it.kill("/speaker/bgp")
  await it.pass(1000)
  t.deepEqual([tables(it).length, routes(it).length], [layer2 + 1, bgp + 1])
  t.deepEqual([it.addresses(), prefixes(it)], [before, peers])
  await it.kill("/speaker/announcer")
  await it.kill("/speaker/layer2")
  await it.pass(1000)
  t.deepEqual(it.addresses(), before)
  t.is(tables(it).length, layer2 + 2)
})

test("what vanished while nobody watched is gone after the next sync", async (t) => {
  const it = await announcing()
  await it.system.kill("/speaker/api")
  it.cluster.endpoints.delete("default/web")
  it.cluster.deleteService("default/api")
  await it.pass(1000)
  t.deepEqual(it.addresses(), [])
  t.deepEqual(prefixes(it), [["router", "192.0.2.12/32", "192.0.2.13/32"]])
})

test("status gives the reasons, metrics the numbers", async (t) => {
  const it = await announcing()
  await it.layer2Report({ requestsReceived: { "192.0.2.10": 3 }, responsesSent: { "192.0.2.10": 2 } })
  const status = await it.status()
  t.deepEqual(structuredClone(status), status, "plain data")
  const [mail, web] = ["default/mail", "default/web"].map((key) =>
    status.services.find((service) => service.key === key),
  )
  t.like(mail, { key: "default/mail", pool: "first", ips: ["192.0.2.12"] })
  t.like(mail?.layer2, { announced: false, withheld: "notOwner", leader: "bravo" })
  t.like(web?.layer2, { announced: true, interfaces: "all", leader: "charlie" })
  t.deepEqual(web?.bgp.reasons, ["192.0.2.10/32 through bgp"])
  const { announced, layer2, configurationLoaded } = await it.metrics()
  t.deepEqual(
    announced.filter(({ service }) => service === "default/web"),
    [
      { service: "default/web", protocol: "bgp", ip: "192.0.2.10" },
      { service: "default/web", protocol: "layer2", ip: "192.0.2.10" },
    ],
  )
  t.deepEqual(layer2.requestsReceived, { "192.0.2.10": 3 })
  t.true(configurationLoaded)
})

test("an orderly end: gossip leaves, BGP shuts down, the table stays to the last, and nothing new is told", async (t) => {
  const it = await announcing()
  const layer2 = it.layer2.flat().length
  const asked = it.system.ask<SpeakerMessage, { kind: "shut-down" }>(
    it.root,
    (replyTo) => ({ kind: "shutdown", replyTo }),
    5000,
  )
  await it.pass(250)
  t.deepEqual(await asked, { ok: true, value: { kind: "shut-down" } })
  t.is(it.gossip.flat().at(-1)?.kind, "leave")
  t.is(it.bgp.flat().at(-1)?.kind, "shutdown")
  await it.pass(60_000)
  t.deepEqual([it.layer2.flat().length, it.layer2.length], [layer2, 1])
  await it.system.stop()
})

test("an orderly end does not wait for the dead", async (t) => {
  const it = await announcing()
  await it.system.kill("/speaker/cluster")
  await it.system.kill("/speaker/bgp")
  const asked = it.system.ask<SpeakerMessage, { kind: "shut-down" }>(
    it.root,
    (replyTo) => ({ kind: "shutdown", replyTo }),
    300,
  )
  await it.pass(300)
  t.true((await asked).ok)
})

test("more Services than a default mailbox holds are told at once, and none is lost", async (t) => {
  const it = await speaker({ gossip: "off" })
  const count = 6_000
  await it.change((cluster) => {
    cluster.configure({
      ...plain,
      pools: [poolNamed("first", { addresses: ["10.1.0.0/16"] })],
      bgpAdvertisements: [bgpNamed("bgp", {})],
    })
    for (let i = 0; i < count; i++) put(cluster, `web-${i}`, `10.1.${i >> 8}.${i & 255}`)
  })
  await it.change((cluster) => cluster.putNode(node("delta")))
  t.is(it.peers()?.[0]?.routes[0]?.prefixes.length, count)
})
