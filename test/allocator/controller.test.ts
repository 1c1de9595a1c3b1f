import test from "ava"
import type { TreeNode } from "../../supervision/introspection.ts"
import { dualStack, holding, service } from "../support/service.ts"
import { until } from "../supervision/help.ts"
import { run } from "./running.ts"

const one = { p: ["10.0.0.0/30"] }

test("a Service gets an address, an annotation and an event, in one write", async (t) => {
  const { api, addresses, system } = run(one)
  api.putService(service("ns/web"))
  await until(() => addresses("ns/web") === "10.0.0.0")
  t.is(api.services.get("ns/web")?.annotations["metallb.io/ip-allocated-from-pool"], "p")
  t.deepEqual(
    api.events.map(({ reason, message, component, type }) => [type, reason, message, component]),
    [["Normal", "IPAllocated", 'Assigned IP ["10.0.0.0"]', "metallb-controller"]],
  )
  await system.stop()
  t.is(api.writes.length, 1)
})

test("nothing is written when nothing changes", async (t) => {
  const { api, metrics, system } = run(one, {
    before: (api) =>
      api.putService(
        service("ns/web", { ...holding("10.0.0.2"), annotations: { "metallb.io/ip-allocated-from-pool": "p" } }),
      ),
  })
  await until(async () => (await metrics()).ready)
  api.changeService("ns/web", { labels: { a: "b" } })
  api.putService(service("ns/other"))
  await until(() => api.writes.length > 0)
  await system.stop()
  t.deepEqual(
    api.writes.map(({ key, ingress }) => [key, ingress]),
    [["ns/other", ["10.0.0.0"]]],
  )
})

test("all that have addresses claim them before anyone is given a new one", async (t) => {
  const { addresses, system } = run(one, {
    before: (api) => {
      api.putService(service("ns/a-new"))
      api.putService(service("ns/b-homeless", holding("192.0.2.1")))
      api.putService(service("ns/c", holding("10.0.0.0")))
      api.putService(service("ns/d", holding("10.0.0.1")))
    },
  })
  await until(() => addresses("ns/a-new") !== "" && addresses("ns/b-homeless") !== "192.0.2.1")
  t.is(addresses("ns/c"), "10.0.0.0")
  t.is(addresses("ns/d"), "10.0.0.1")
  await until(() => [addresses("ns/a-new"), addresses("ns/b-homeless")].toSorted().join() === "10.0.0.2,10.0.0.3")
  await system.stop()
  t.pass()
})

test("who waits is served when an address comes free: by deletion, by type, by another class, by moving", async (t) => {
  for (const free of [
    (api: ReturnType<typeof run>["api"]) => api.deleteService("ns/first"),
    (api: ReturnType<typeof run>["api"]) => api.changeService("ns/first", { type: "ClusterIP" }),
    (api: ReturnType<typeof run>["api"]) => api.changeService("ns/first", { loadBalancerClass: "other" }),
    (api: ReturnType<typeof run>["api"]) => api.changeService("ns/first", { loadBalancerIP: "10.0.1.1" }),
  ]) {
    const { api, addresses, system } = run({ p: ["10.0.0.0/32"], q: { addresses: ["10.0.1.1/32"], autoAssign: false } })
    api.putService(service("ns/first"))
    await until(() => addresses("ns/first") === "10.0.0.0")
    api.putService(service("ns/second"))
    await until(() => api.events.some(({ reason }) => reason === "AllocationFailed"))
    t.is(addresses("ns/second"), "")
    free(api)
    await until(() => addresses("ns/second") === "10.0.0.0")
    await system.stop()
  }
})

test("a larger pool serves who waits", async (t) => {
  const { api, addresses, pools, system } = run({ p: ["10.0.0.0/32"] })
  for (const key of ["ns/a", "ns/b", "ns/c"]) api.putService(service(key))
  await until(() => api.events.filter(({ reason }) => reason === "AllocationFailed").length === 2)
  pools(one)
  const all = () => ["ns/a", "ns/b", "ns/c"].map(addresses).toSorted().join(" ")
  await until(() => all() === "10.0.0.0 10.0.0.1 10.0.0.2")
  await system.stop()
  t.pass()
})

test("a pool renamed, split or removed", async (t) => {
  const { api, addresses, pools, log, system } = run({ p: ["10.0.0.0/29"] })
  api.putService(service("ns/low"))
  api.putService(service("ns/high", { loadBalancerIP: "10.0.0.4" }))
  await until(() => addresses("ns/low") === "10.0.0.0" && addresses("ns/high") === "10.0.0.4")
  const from = (key: string) => api.services.get(key)?.annotations["metallb.io/ip-allocated-from-pool"]

  pools({ low: ["10.0.0.0/30"], high: ["10.0.0.4/30"] })
  await until(() => from("ns/low") === "low" && from("ns/high") === "high")
  t.is(addresses("ns/low"), "10.0.0.0")
  t.is(addresses("ns/high"), "10.0.0.4")

  pools({ high: ["10.0.0.4/30"] })
  await until(() => addresses("ns/low") === "10.0.0.5")
  t.is(addresses("ns/high"), "10.0.0.4")

  pools({})
  await until(() => addresses("ns/low") === "" && addresses("ns/high") === "")
  t.is(from("ns/low"), undefined)
  const removed = "removed loadbalancer from service, services will be reprocessed"
  const told = log.lines.filter(({ message }) => message === removed).map(({ fields }) => String(fields["service"]))
  t.deepEqual(told.toSorted(), ["ns/high", "ns/low"])
  await system.stop()
})

test("an invalid configuration changes nothing, and says what is wrong with all of it", async (t) => {
  const { api, addresses, pools, metrics, log, system } = run(one)
  api.putService(service("ns/web"))
  await until(() => addresses("ns/web") !== "")
  pools({ p: [], q: ["nonsense"] })
  await until(async () => (await metrics()).configuration.stale)
  const line = log.lines.find(({ message }) => message === "failed to parse the configuration")
  t.is(line?.fields["error"], "parsing address pool p: pool has no prefixes defined")
  t.deepEqual(line?.fields["faults"], [
    "IPAddressPool p: parsing address pool p: pool has no prefixes defined",
    'IPAddressPool q: parsing address pool q: invalid CIDR "nonsense" in pool "q": invalid CIDR "nonsense"',
  ])
  api.putService(service("ns/other"))
  await until(() => addresses("ns/other") === "10.0.0.1")
  t.is(addresses("ns/web"), "10.0.0.0")
  pools(one)
  await until(async () => !(await metrics()).configuration.stale)
  await system.stop()
})

test("without a valid configuration no status is touched", async (t) => {
  const { api, pools, addresses, metrics, system } = run(
    { p: [] },
    { before: (api) => api.putService(service("ns/web", holding("192.0.2.9"))) },
  )
  await until(async () => (await metrics()).configuration.stale)
  api.changeService("ns/web", { labels: { a: "b" } })
  await until(async () => (await metrics()).services.undecided === 1)
  t.is(addresses("ns/web"), "192.0.2.9")
  t.is(api.writes.length, 0)
  pools(one)
  await until(() => addresses("ns/web") === "10.0.0.0")
  await system.stop()
})

test("a conflicting write is decided again on fresh facts", async (t) => {
  const { api, addresses, system } = run(one)
  let meddle = true
  api.beforeWrite = () => {
    // Somebody changes the Service between our reading and our writing.
    if (meddle) api.changeService("ns/web", { labels: { touched: "yes" } })
    meddle = false
    return undefined
  }
  api.putService(service("ns/web"))
  await until(() => addresses("ns/web") === "10.0.0.0")
  await system.stop()
  t.deepEqual(
    api.writes.map(({ outcome }) => outcome),
    ["conflict", "written"],
  )
  t.deepEqual(api.services.get("ns/web")?.labels, { touched: "yes" })
})

test("a write that fails is repeated, and one Service's trouble holds up no other", async (t) => {
  const { api, addresses, system } = run(one)
  let left = 2
  api.beforeWrite = ({ key }) =>
    key === "ns/bad" && left-- > 0 ? { kind: "failed", message: "the server is busy" } : undefined
  api.putService(service("ns/bad"))
  api.putService(service("ns/good"))
  await until(() => addresses("ns/good") === "10.0.0.1")
  await until(() => addresses("ns/bad") === "10.0.0.0")
  await system.stop()
  t.deepEqual(
    api.writes.filter(({ key }) => key === "ns/bad").map(({ outcome }) => outcome),
    ["failed", "failed", "written"],
  )
})

test("the newest decision wins over one that is on its way", async (t) => {
  const { api, addresses, system } = run(one)
  let letGo = () => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))
  let first = true
  let waiting = false
  api.beforeWrite = async () => {
    if (!first) return undefined
    first = false
    waiting = true
    await held
    return undefined
  }
  api.putService(service("ns/web"))
  await until(() => waiting)
  api.changeService("ns/web", { loadBalancerIP: "10.0.0.3" })
  await until(() => api.events.some(({ message }) => message === 'Assigned IP ["10.0.0.3"]'))
  letGo()
  await until(() => addresses("ns/web") === "10.0.0.3")
  await system.stop()
  t.false(api.writes.some(({ outcome, ingress }) => outcome === "written" && ingress[0] !== "10.0.0.3"))
})

test("the API server gone: nothing moves, and afterwards everything goes on", async (t) => {
  const { api, addresses, log, system, doubles } = run(one)
  api.putService(service("ns/web"))
  await until(() => addresses("ns/web") !== "")
  api.disconnect("ECONNREFUSED")
  api.putService(service("ns/late"))
  await until(() => log.lines.some(({ level, fields }) => level === "warn" && fields["reason"] === "ECONNREFUSED"))
  t.is(addresses("ns/web"), "10.0.0.0")
  t.is(addresses("ns/late"), "")
  api.connect()
  await until(() => addresses("ns/late") === "10.0.0.1")
  await system.stop()
  t.deepEqual(doubles, [])
})

test("only Services of our class", async (t) => {
  const { api, addresses, system } = run(one, { loadBalancerClass: "ours" })
  api.putService(service("ns/none"))
  api.putService(service("ns/theirs", { loadBalancerClass: "theirs" }))
  api.putService(service("ns/ours", { loadBalancerClass: "ours" }))
  await until(() => addresses("ns/ours") === "10.0.0.0")
  await system.stop()
  t.deepEqual(
    api.writes.map(({ key }) => key),
    ["ns/ours"],
  )
})

test("metrics and explanations as plain data", async (t) => {
  const { api, addresses, metrics, explain, system } = run({ p: ["10.0.0.0/30"], q: ["fc00::/64"] })
  api.putService(service("ns/web"))
  api.putService(service("ns/odd", { loadBalancerIP: "192.0.2.1" }))
  await until(() => addresses("ns/web") !== "" && api.events.some(({ reason }) => reason === "AllocationFailed"))
  const seen = await metrics()
  t.deepEqual(
    seen.pools.map(({ pool, total, inUse }) => [pool, total, inUse]),
    [
      ["p", 4n, 1n],
      ["q", 9223372036854775807n, 0n],
    ],
  )
  t.like(seen.services, { assigned: 1, waiting: 1 })
  t.deepEqual((await explain("ns/odd"))?.verdict?.because, [
    { kind: "not-assigned", refusal: { kind: "not-in-a-pool", addresses: ["192.0.2.1"] } },
  ] as never)
  t.is(await explain("ns/nobody"), undefined)
  await system.stop()
})

test("every actor has its place in the tree", async (t) => {
  const { api, addresses, system } = run(one)
  api.putService(service("ns/web"))
  await until(() => addresses("ns/web") !== "")
  const paths: string[] = []
  const walk = (node: TreeNode) => {
    paths.push(node.path)
    for (const child of node.children) walk(child)
  }
  walk(await system.snapshot())
  t.deepEqual(paths, [
    "/",
    "/controller",
    "/controller/writer",
    "/controller/allocator",
    "/controller/allocator/pools/p",
    "/controller/allocator/services/ns/web",
    "/controller/api",
  ])
  await system.stop()
})

test("a condition says why, in the same write; who waits is told once what hinders each pool", async (t) => {
  const { api, addresses, metrics, system } = run({
    p: ["10.0.0.0/32"],
    q: { addresses: ["10.0.1.0/30"], autoAssign: false },
  })
  api.putService(service("ns/web"))
  await until(() => addresses("ns/web") !== "")
  api.putService(service("ns/late"))
  const condition = (key: string) => api.services.get(key)?.conditions?.["troupe.dev/AddressAssigned"]
  await until(() => condition("ns/late") !== undefined)
  t.deepEqual(condition("ns/web"), {
    status: "True",
    reason: "AutomaticPool",
    message: "10.0.0.0 from pool p: chosen among the pools for everybody",
  })
  t.deepEqual(condition("ns/late"), {
    status: "False",
    reason: "NoAddressAvailable",
    message: "no pool can serve it. p: no free IPv4 address; q: autoAssign is false",
  })
  // It looks again, and has nothing new to say.
  const { turns } = await metrics()
  api.changeService("ns/late", { labels: { a: "b" } })
  await until(async () => (await metrics()).turns > turns)
  t.deepEqual(
    api.writes.map(({ key }) => key),
    ["ns/web", "ns/late"],
  )
  t.deepEqual(
    api.events.map(({ key, reason }) => `${key} ${reason}`),
    ["ns/web IPAllocated", "ns/late AllocationFailed"],
  )
  api.changeService("ns/web", { type: "ClusterIP" })
  await until(() => condition("ns/web") === undefined && condition("ns/late")?.status === "True")
  await system.stop()
})

test("after a restart with unchanged Services nothing is written", async (t) => {
  const first = run({ p: ["10.0.0.0/31"], q: ["fc00::/127"] })
  const keys = Array.from({ length: 6 }, (_, i) => `ns/s${i}`)
  for (const [i, key] of keys.entries()) first.api.putService(service(key, i % 2 === 0 ? dualStack : {}))
  const told = () => keys.every((key) => first.api.services.get(key)?.conditions !== undefined)
  await until(told)
  await until(async () => (await first.metrics()).ready)
  await first.system.stop()
  const second = run(
    { p: ["10.0.0.0/31"], q: ["fc00::/127"] },
    {
      before: (api) => {
        for (const facts of first.api.services.values()) api.putService(facts)
      },
    },
  )
  await until(async () => (await second.metrics()).ready)
  await second.system.stop()
  t.deepEqual(second.api.writes, [])
  t.deepEqual(second.api.events, [])
})

test("a changed pool concerns its own Services, and those who wait", async (t) => {
  const specs = (first: string) => ({
    p: [first],
    ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`q${i}`, [`10.1.${i}.0/24`]])),
  })
  const keys = Array.from({ length: 200 }, (_, i) => `ns/s${String(i).padStart(3, "0")}`)
  const asking = (pool: string) => ({ annotations: { "metallb.io/address-pool": pool } })
  const { api, addresses, pools, metrics, system } = run(specs("10.0.0.0/29"), {
    before: (api) => {
      for (const [i, key] of keys.entries()) api.putService(service(key, asking(i < 8 ? "p" : `q${i % 20}`)))
      api.putService(service("ns/waits", asking("p")))
    },
  })
  await until(() => keys.every((key) => addresses(key) !== ""))
  await until(() => api.events.some(({ key }) => key === "ns/waits"))
  // Each has claimed, decided, and seen its write.
  await until(async () => (await metrics()).turns >= 3 * 201)
  const { turns } = await metrics()
  const before = keys.map(addresses)
  pools(specs("10.0.0.0/28"))
  await until(() => addresses("ns/waits") === "10.0.0.8")
  await until(async () => (await metrics()).pools[0]?.inUse === 9n)
  // 8 claim and look, one looks, writes, and sees its write; it may have looked once more for a claim.
  t.true((await metrics()).turns - turns <= 20, `${(await metrics()).turns - turns} turns`)
  t.deepEqual(keys.map(addresses), before)
  await system.stop()
})

test("counters go into the status of pools, verdicts on the configuration are reported", async (t) => {
  const { api, pools, system } = run({ p: ["10.0.0.0/30", "fc00::/64"] })
  api.putService(service("ns/web"))
  await until(() => api.poolStatuses.get("p")?.assignedIPv4 === 1n)
  t.deepEqual(api.poolStatuses.get("p"), {
    name: "p",
    assignedIPv4: 1n,
    assignedIPv6: 0n,
    availableIPv4: 3n,
    availableIPv6: 9223372036854775807n,
  })
  const reported = () => api.configurationReports.get("controller")?.condition
  t.deepEqual(reported(), { status: "True", reason: "Reconciled", message: "" })
  pools({ p: [], q: ["nonsense"] })
  await until(() => reported()?.status === "False")
  t.deepEqual(reported(), {
    status: "False",
    reason: "ConfigurationError",
    message:
      "configuration error: parsing address pool p: pool has no prefixes defined\n" +
      'parsing address pool q: invalid CIDR "nonsense" in pool "q": invalid CIDR "nonsense"',
  })
  await system.stop()
})

test("labels of a Namespace or of a Service decide anew who may use a pool", async (t) => {
  const forRed = { namespaceSelectors: [{ matchLabels: { team: "red" } }] }
  const forBlue = { serviceSelectors: [{ matchLabels: { colour: "blue" } }] }
  const { api, addresses, system } = run({
    red: { addresses: ["10.0.0.0/30"], serviceAllocation: forRed },
    blue: { addresses: ["10.0.1.0/30"], serviceAllocation: forBlue },
  })
  api.putService(service("ns/web"))
  await until(() => api.events.some(({ reason }) => reason === "AllocationFailed"))
  api.configure({ namespaces: [{ name: "ns", labels: { team: "red" } }] })
  await until(() => addresses("ns/web") === "10.0.0.0")
  api.changeService("ns/web", { labels: { colour: "blue" } })
  // A better pool is no reason to move; not to be allowed any more is one.
  const others = { name: "other", labels: { team: "red" } }
  api.configure({ namespaces: [{ name: "ns", labels: {} }, others] })
  await until(() => addresses("ns/web") === "10.0.1.0")
  api.changeService("ns/web", { labels: {} })
  await until(() => addresses("ns/web") === "")
  await system.stop()
  t.pass()
})

test("a Community that cannot be read holds pools back, and what advertisements and peers say does not", async (t) => {
  const { api, addresses, pools, metrics, system } = run({ p: ["10.0.0.0/32"] })
  api.putService(service("ns/a"))
  api.putService(service("ns/b"))
  await until(() => api.events.some(({ reason }) => reason === "AllocationFailed"))
  const waiting = () => ["ns/a", "ns/b"].filter((key) => addresses(key) === "").length
  api.configure({
    bgpAdvertisements: [{ name: "a", labels: {}, spec: { peers: ["x", "x"] } }],
    peers: [{ name: "p", labels: {}, spec: { myASN: 0 } }],
  })
  api.configure({ communities: [{ name: "c", labels: {}, spec: { communities: [{ name: "n", value: "1:2:3" }] } }] })
  await until(async () => (await metrics()).configuration.stale)
  t.deepEqual(
    (await metrics()).configuration.faults.map(({ text }) => text),
    ['parsing community "n": invalid community format: 1:2:3'],
  )
  pools({ p: ["10.0.0.0/31"] })
  const { turns } = await metrics()
  api.changeService("ns/a", { labels: { a: "b" } })
  await until(async () => (await metrics()).turns > turns)
  t.is(waiting(), 1)
  api.configure({ communities: [] })
  await until(() => waiting() === 0)
  await system.stop()
})
