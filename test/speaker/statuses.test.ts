import test from "ava"
import type { DesiredServiceStatuses } from "../../config/cluster-api.ts"
import { SecretText } from "../../config/secret-text.ts"
import { bgpNamed, l2Named, peerNamed, poolNamed } from "../support/configuration.ts"
import { member, plain, put, type Speaker, speaker } from "./harness.ts"

// 192.0.2.10 is led by charlie, which is this node; .13 by alpha, then charlie.

/** Every set of that kind that the API was told, in order; each may be a little late. */
async function told(it: Speaker, kind: DesiredServiceStatuses["kind"]): Promise<Record<string, readonly string[]>[]> {
  await it.pass(1000)
  return it.cluster.serviceStatusSets
    .filter((set) => set.kind === kind && set.nodeName === "charlie")
    .map(({ services }) => Object.fromEntries(services))
}

async function announcing(): Promise<Speaker> {
  const it = await speaker()
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10")
    put(cluster, "dns", "192.0.2.13")
  })
  await it.members("alpha", "bravo", "charlie")
  return it
}

test("the API is told who leads a Service, with the interfaces, and only when that changes", async (t) => {
  const it = await announcing()
  t.deepEqual(await told(it, "layer2"), [{ "default/web": [] }], "all interfaces, and nothing said before gossip had")
  await it.members(member("alpha", "dead"), "bravo", "charlie")
  t.deepEqual((await told(it, "layer2")).at(-1), { "default/web": [], "default/dns": [] }, "moved here")
  await it.members("alpha", "bravo", "charlie")
  t.deepEqual((await told(it, "layer2")).at(-1), { "default/web": [] }, "and back")

  const some = l2Named("l2", { interfaces: ["eth1", "eth0"] })
  await it.layer2Report({ interfaces: ["eth0"] })
  await it.change((cluster) => cluster.configure({ ...plain, l2Advertisements: [some] }))
  t.deepEqual((await told(it, "layer2")).at(-1), { "default/web": ["eth0", "eth1"] })
  const before = (await told(it, "layer2")).length
  await it.change((cluster) => {
    put(cluster, "web", "192.0.2.10", { annotations: { other: "thing" } })
    cluster.configure({ ...plain, l2Advertisements: [some], namespaces: [{ name: "new", labels: {} }] })
  })
  await it.pass(60_000)
  t.is((await told(it, "layer2")).length, before)
  await it.layer2Report({ interfaces: ["eth7"] })
  t.deepEqual((await told(it, "layer2")).at(-1), {}, "none of the interfaces is here: nothing is answered")
})

test("the API is told the peers that were given a prefix of a Service", async (t) => {
  const it = await announcing()
  t.deepEqual((await told(it, "bgp")).at(-1), { "default/web": ["router"], "default/dns": ["router"] })
  const peers = ["tor-b", "tor-a", "away"].map((name, i) =>
    peerNamed(name, {
      myASN: 64500,
      peerASN: 64501,
      peerAddress: `10.0.0.${i + 10}`,
      ...(name === "away" && { nodeSelectors: [{ matchLabels: { rack: "elsewhere" } }] }),
    }),
  )
  const bgpAdvertisements = [
    bgpNamed("all", { peers: ["tor-b", "away"] }),
    bgpNamed("web", { peers: ["tor-a"], serviceSelectors: [{ matchLabels: { app: "web" } }] }),
  ]
  await it.change((cluster) => {
    cluster.changeService("default/web", { labels: { app: "web" } })
    cluster.configure({ ...plain, peers, bgpAdvertisements })
  })
  t.deepEqual((await told(it, "bgp")).at(-1), { "default/web": ["tor-a", "tor-b"], "default/dns": ["tor-b"] })

  await it.change((cluster) => put(cluster, "dns", "192.0.2.10"))
  const both = ["tor-a", "tor-b"]
  t.deepEqual((await told(it, "bgp")).at(-1), { "default/web": both, "default/dns": both }, "they share a prefix")
  await it.change((cluster) => cluster.configure({ ...plain, peers: [], bgpAdvertisements }))
  t.deepEqual((await told(it, "bgp")).at(-1), {}, "nobody to give it to")
})

test("an announcer that begins anew tells the whole set at once, never less", async (t) => {
  const it = await announcing()
  await it.pass(1000)
  const before = it.cluster.serviceStatusSets.length
  await it.kill("/speaker/announcer")
  await it.members("alpha", "bravo", "charlie")
  await it.pass(1000)
  const after = it.cluster.serviceStatusSets.slice(before)
  t.deepEqual(
    after.map(({ kind, services }) => [kind, [...services.keys()]]),
    [
      ["bgp", ["default/dns", "default/web"]],
      ["layer2", ["default/web"]],
    ],
  )
})

test("the ConfigurationState says what is wrong with the configuration, all of it", async (t) => {
  const it = await announcing()
  const report = () => it.cluster.configurationReports.get("speaker-charlie")
  const fine = { status: "True", reason: "Reconciled", message: "" } as const
  t.deepEqual(report(), { component: "speaker", nodeName: "charlie", condition: fine })
  const broken = {
    ...plain,
    pools: [poolNamed("first", { addresses: ["192.0.2.0/33"] })],
    peers: [peerNamed("router", { myASN: 0, peerASN: 64501, peerAddress: "10.0.0.254" })],
  }
  await it.change((cluster) => cluster.configure(broken))
  t.deepEqual(report()?.condition, {
    status: "False",
    reason: "ConfigurationError",
    message: [
      "configuration error: parsing peer router missing local ASN",
      'parsing address pool first: invalid CIDR "192.0.2.0/33" in pool "first": invalid CIDR "192.0.2.0/33"',
    ].join("\n"),
  })
  await it.change((cluster) => cluster.configure(plain))
  t.deepEqual(report()?.condition, fine)

  await it.change((cluster) => cluster.deleteService("default/dns"))
  const moved = [poolNamed("second", { addresses: ["198.51.100.0/24"] })]
  await it.change((cluster) => cluster.configure({ ...plain, pools: moved }))
  t.is(
    report()?.condition.message,
    "configuration error: default/web: service has no configuration under new config",
    "held back for the sake of a Service",
  )
  await it.change((cluster) => put(cluster, "web", "198.51.100.1"))
  t.deepEqual(report()?.condition, fine)
})

test("a password comes from its Secret to the one session that it is for, and nowhere else", async (t) => {
  const it = await announcing()
  const secret = (text: string) => [{ name: "tor", type: "kubernetes.io/basic-auth", password: new SecretText(text) }]
  const tor = peerNamed("tor", {
    myASN: 64500,
    peerASN: 64501,
    peerAddress: "10.0.0.1",
    passwordSecret: { name: "tor" },
  })
  const peers = [...plain.peers, tor]
  const sessions = () => new Map(it.peers()?.map(({ name, session }) => [name, session]))
  await it.change((cluster) => cluster.configure({ ...plain, peers, passwordSecrets: secret("hush") }))
  t.is(sessions().get("tor")?.password, "hush")
  const [other, replaced] = [sessions().get("router"), it.logged("peer deconfigured, closing BGP session").length]

  await it.change((cluster) => cluster.configure({ ...plain, peers, passwordSecrets: secret("correct horse") }))
  t.is(sessions().get("tor")?.password, "correct horse")
  t.deepEqual(sessions().get("router"), other)
  t.deepEqual(
    it
      .logged("peer deconfigured, closing BGP session")
      .slice(replaced)
      .map(({ name }) => name),
    ["tor"],
  )

  await it.change((cluster) => cluster.configure({ ...plain, peers, passwordSecrets: [] }))
  t.is(sessions().get("tor")?.password, "correct horse", "a Secret that is gone is a fault: what was in force stays")
  t.regex(it.cluster.configurationReports.get("speaker-charlie")?.condition.message ?? "", /secret ref not found/)
  const said = JSON.stringify([it.lines, it.events(), await it.status(), await it.metrics()])
  t.false(said.includes("hush") || said.includes("correct horse"))
})
