import test, { type ExecutionContext } from "ava"
import type { Watched } from "../../../config/cluster-api.ts"
import type { ConfigurationFacts } from "../../../config/facts.ts"
import { kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { connectTo, type FakeApi, fakeApi, hurried, memoryLog, status, until } from "./fake-api.ts"

const services = "/api/v1/services"
const slices = "/apis/discovery.k8s.io/v1/endpointslices"
const nodes = "/api/v1/nodes"
const pods = "/api/v1/namespaces/metallb-system/pods"
const custom = (plural: string, version = "v1beta1") =>
  `/apis/metallb.io/${version}/namespaces/metallb-system/${plural}`
const pools = custom("ipaddresspools")
const peers = custom("bgppeers", "v1beta2")

const service = (name: string, more: object = {}) => ({ metadata: { name, namespace: "shop" }, spec: {}, ...more })
const slice = (name: string, of: string, ...addresses: string[]) => ({
  metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": of } },
  endpoints: addresses.map((address) => ({ addresses: [address] })),
})
const pool = (name: string, ...addresses: string[]) => ({
  metadata: { name, namespace: "metallb-system" },
  spec: { addresses },
})
const node = (name: string, more: object = {}) => ({ metadata: { name, labels: { n: name } }, ...more })

async function start(t: ExecutionContext, prepare: (api: FakeApi) => void = () => {}) {
  const fake = await fakeApi()
  prepare(fake)
  const time = hurried(20)
  const cluster = await connectTo(fake, { time })
  const log = memoryLog()
  const api = kubernetesClusterApi(cluster, { namespace: "metallb-system", log, time })
  t.teardown(async () => {
    await api.stop()
    await until(() => fake.watches() === 0, "no watch open after stop")
    await cluster.close()
    await fake.close()
  })
  /** Watches and keeps what was said. */
  const listen = (wanted: Watched) => {
    const said: string[] = []
    const configurations: ConfigurationFacts[] = []
    const watch = api.watch(wanted, {
      service: (key, facts) =>
        said.push(`${key} ${facts === undefined ? "gone" : facts.ingress.map(({ ip }) => ip).join()}`),
      endpoints: (key, { endpoints }) =>
        said.push(`${key} -> ${endpoints.flatMap(({ addresses }) => addresses).join()}`),
      node: (name, facts) => said.push(`node ${name} ${facts === undefined ? "gone" : facts.networkUnavailable}`),
      configuration(facts) {
        configurations.push(facts)
        said.push(`pools ${facts.pools.map(({ name, spec }) => `${name}=${spec.addresses.join()}`).join(" ")}`)
      },
      speakerPods: (pods) => said.push(`speakers ${pods.map(({ podIP }) => podIP).join()}`),
      synced: () => said.push("synced"),
      connection: (connected, reason) => said.push(connected ? "connected" : `lost: ${reason}`),
    })
    const synced = () => until(() => said.includes("synced"), "synced")
    const hear = (line: string) => until(() => said.includes(line), line)
    return { said, configurations, watch, synced, hear }
  }
  return { fake, api, log, listen }
}

test("a watcher is told what exists, then synced once, then every change and deletion", async (t) => {
  const { fake, listen } = await start(t, (fake) => {
    fake.put(services, service("a", { status: { loadBalancer: { ingress: [{ ip: "192.168.1.1" }] } } }))
    fake.put(services, service("b"))
    fake.put(nodes, node("n1"))
  })
  const { said, synced, hear } = listen({ services: true, nodes: true })
  t.deepEqual(said, [])
  await synced()
  t.deepEqual(said.filter((line) => line !== "connected").sort(), [
    "node n1 false",
    "shop/a 192.168.1.1",
    "shop/b ",
    "synced",
  ])
  fake.put(services, service("c"))
  fake.remove(services, "b")
  fake.put(nodes, node("n1", { status: { conditions: [{ type: "NetworkUnavailable", status: "True" }] } }))
  fake.remove(nodes, "n1")
  for (const line of ["shop/c ", "shop/b gone", "node n1 true", "node n1 gone"]) await hear(line)
  t.is(said.filter((line) => line === "synced").length, 1)
  t.is(said.filter((line) => line === "connected").length, 1)
})

test("2,000 Services are told, all of them before synced", async (t) => {
  const { listen } = await start(t, (fake) => {
    for (let i = 0; i < 2000; i++) fake.put(services, service(`s${i}`))
  })
  const { said, synced } = listen({ services: true })
  await synced()
  t.is(new Set(said.slice(0, said.indexOf("synced")).filter((line) => line.startsWith("shop/"))).size, 2000)
})

test("a later watcher is told from memory, without a new list; a stopped one hears nothing more", async (t) => {
  const { fake, listen } = await start(t, (fake) => fake.put(services, service("a")))
  const first = listen({ services: true })
  await first.synced()
  first.watch.stop()
  const lists = fake.requests.length
  const second = listen({ services: true })
  await second.synced()
  t.deepEqual(second.said, ["shop/a ", "connected", "synced"])
  fake.put(services, service("b"))
  await second.hear("shop/b ")
  t.false(first.said.includes("shop/b "))
  t.is(fake.requests.filter(({ url }) => !url.searchParams.has("watch")).length, 1)
  t.true(fake.requests.length <= lists + 1)
})

test("slices of one Service come together; when the last goes there are no endpoints", async (t) => {
  const { fake, listen } = await start(t, (fake) => {
    fake.put(slices, slice("a-2", "a", "10.0.0.2"))
    fake.put(slices, slice("a-1", "a", "10.0.0.1"))
    fake.put(slices, slice("b-1", "b", "10.0.0.9"))
  })
  const { said, synced, hear } = listen({ endpoints: true })
  await synced()
  t.deepEqual(said.filter((line) => line.startsWith("shop")).sort(), [
    "shop/a -> 10.0.0.1,10.0.0.2",
    "shop/b -> 10.0.0.9",
  ])
  // Moved to another Service: both hear of it.
  fake.put(slices, slice("a-2", "b", "10.0.0.2"))
  await hear("shop/a -> 10.0.0.1")
  await hear("shop/b -> 10.0.0.2,10.0.0.9")
  fake.remove(slices, "a-1")
  await hear("shop/a -> ")
  const late = listen({ endpoints: true })
  await late.synced()
  t.deepEqual(
    late.said.filter((line) => line.startsWith("shop")),
    ["shop/b -> 10.0.0.2,10.0.0.9"],
  )
})

test("the configuration comes whole, after all its kinds have been listed, and once for a burst", async (t) => {
  const { fake, listen } = await start(t, (fake) => {
    fake.put(pools, pool("blue", "10.1.0.0/24"))
    fake.put(nodes, node("n1"))
    fake.put(peers, { metadata: { name: "tor", namespace: "metallb-system" }, spec: { myASN: 64512, peerASN: 64513 } })
    // The slowest of the lists.
    fake.intercept(
      ({ url }) => url.pathname === custom("communities"),
      status(503, "ServiceUnavailable", "not yet", { "retry-after": "5" }),
    )
  })
  const { said, configurations, synced, hear } = listen({ configuration: true })
  await synced()
  t.deepEqual(
    said.filter((line) => line.startsWith("pools")),
    ["pools blue=10.1.0.0/24"],
  )
  t.like(configurations[0], {
    peers: [{ name: "tor", spec: { myASN: 64512, peerASN: 64513 } }],
    nodes: [{ name: "n1" }],
    l2Advertisements: [],
  })
  for (let i = 0; i < 10; i++) fake.put(pools, pool(`p${i}`, "10.2.0.0/24"))
  fake.remove(pools, "blue")
  await hear(`pools ${Array.from({ length: 10 }, (_, i) => `p${i}=10.2.0.0/24`).join(" ")}`)
  t.true(configurations.length <= 4, `${configurations.length} calls`)
})

test("what does not matter is not told: a node's heartbeat, a pool's counters", async (t) => {
  const { fake, listen } = await start(t, (fake) => {
    fake.put(pools, pool("blue", "10.1.0.0/24"))
    fake.put(nodes, node("n1"))
  })
  const { said, synced, hear } = listen({ configuration: true, nodes: true })
  await synced()
  const before = said.length
  fake.put(nodes, node("n1", { status: { conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: "now" }] } }))
  fake.put(pools, { ...pool("blue", "10.1.0.0/24"), status: { assignedIPv4: 1 } })
  fake.put(nodes, node("n2"))
  await hear("node n2 false")
  await until(() => said.length >= before + 2, "the new node in the configuration")
  t.deepEqual(said.slice(before).sort(), ["node n2 false", "pools blue=10.1.0.0/24"])
})

test("a kind that is not installed is named in the log, counts as empty, and holds nobody up", async (t) => {
  const { fake, log, listen } = await start(t, (fake) => {
    fake.put(pools, pool("blue", "10.1.0.0/24"))
    for (let i = 0; i < 2; i++)
      fake.intercept(({ url }) => url.pathname === peers, status(404, "NotFound", "the server could not find it"))
    fake.put(peers, { metadata: { name: "tor", namespace: "metallb-system" }, spec: { myASN: 64512 } })
  })
  const { configurations, synced } = listen({ configuration: true })
  await synced()
  t.like(configurations[0], { pools: [{ name: "blue" }], peers: [] })
  t.deepEqual(
    log.lines.filter((line) => line.startsWith("warn the cluster has no")),
    [
      'warn the cluster has no BGPPeer (metallb.io/v1beta2): apply deploy/crds; until then there are none {"resource":"bgppeers"}',
    ],
  )
  await until(() => configurations.at(-1)?.peers.length === 1, "the peer once the kind is there")
  t.true(fake.requests.length > 0)
})

test("an object that its schema refuses is named in the log; the last good one stays", async (t) => {
  const { fake, log, listen } = await start(t, (fake) => {
    fake.put(pools, pool("blue", "10.1.0.0/24"))
    fake.put(pools, { ...pool("bad"), spec: { addresses: "10.3.0.0/24" } })
  })
  const { said, synced, hear } = listen({ configuration: true })
  await synced()
  t.true(said.includes("pools blue=10.1.0.0/24"))
  fake.put(pools, { ...pool("blue"), spec: {} })
  fake.put(pools, pool("green", "10.4.0.0/24"))
  await hear("pools blue=10.1.0.0/24 green=10.4.0.0/24")
  t.deepEqual(
    log.lines.filter((line) => line.startsWith("error")).map((line) => line.replace(" {}", "")),
    [
      "error IPAddressPool bad: spec.addresses must be array; it is left out",
      "error IPAddressPool blue: spec must have required properties addresses; the last good one stays in force",
    ],
  )
})

test("speakers come as a whole set, found by their labels, once they have an address", async (t) => {
  const pod = (name: string, podIP?: string) => ({
    metadata: { name, namespace: "metallb-system" },
    status: podIP === undefined ? {} : { podIP },
  })
  const { fake, listen } = await start(t, (fake) => {
    fake.put(pods, pod("speaker-a", "10.0.0.1"))
    fake.put(pods, pod("speaker-b"))
  })
  const { said, synced, hear } = listen({ speakerPods: { labelSelector: "app=metallb,component=speaker" } })
  await synced()
  t.deepEqual(
    said.filter((line) => line.startsWith("speakers")),
    ["speakers 10.0.0.1"],
  )
  t.is(fake.requests[0]?.url.searchParams.get("labelSelector"), "app=metallb,component=speaker")
  fake.put(pods, pod("speaker-b", "10.0.0.2"))
  await hear("speakers 10.0.0.1,10.0.0.2")
  fake.remove(pods, "speaker-a")
  await hear("speakers 10.0.0.2")
})

test("the loss of the API server is told once, with the reason; what is known stays; its return is told", async (t) => {
  const { fake, listen } = await start(t, (fake) => fake.put(services, service("a")))
  const { said, synced, hear } = listen({ services: true, nodes: true })
  await synced()
  await hear("connected")
  await until(() => fake.watches() === 2, "both watches")
  for (let i = 0; i < 2; i++)
    fake.intercept(({ url }) => url.searchParams.has("watch"), status(500, "InternalError", "etcd is away"))
  fake.endWatches(services, "end")
  await hear("lost: services: etcd is away")
  fake.put(services, service("b"))
  await hear("shop/b ")
  await until(() => said.filter((line) => line === "connected").length === 2, "the return")
  t.is(said.filter((line) => line.startsWith("lost")).length, 1)
  t.false(said.includes("shop/a gone"))
})

test("an API server that is not there at first: the reason is told, then the connection, then what exists", async (t) => {
  const { said, synced } = (
    await start(t, (fake) => {
      fake.put(services, service("a"))
      fake.intercept(() => true, status(503, "ServiceUnavailable", "starting"))
    })
  ).listen({ services: true })
  await synced()
  t.is(said[0], "lost: services: starting")
  t.regex(said[1] ?? "", /^connected/)
  t.deepEqual(said.slice(2), ["shop/a ", "synced"])
})

test("a slice that belongs to nobody is named in the log and left out", async (t) => {
  const { log, listen } = await start(t, (fake) => {
    fake.put(slices, { ...slice("x", "a", "10.0.0.1"), metadata: { name: "x", namespace: "shop" } })
  })
  const { said, synced } = listen({ endpoints: true })
  await synced()
  t.deepEqual(said, ["connected", "synced"])
  t.deepEqual(log.lines, ["error EndpointSlice shop/x has no label kubernetes.io/service-name; it is left out {}"])
})

test("a handler that throws is logged and does not stop the others", async (t) => {
  const { api, fake, log, listen } = await start(t, (fake) => fake.put(services, service("a")))
  api.watch(
    { services: true },
    {
      service: () => {
        throw new Error("broken handler")
      },
      synced: () => {},
    },
  )
  const { synced, hear } = listen({ services: true })
  await synced()
  fake.put(services, service("b"))
  await hear("shop/b ")
  t.true(log.lines.some((line) => line.startsWith("error a handler of cluster changes failed")))
})
