import test from "ava"
import type { DesiredServiceStatuses } from "../../../config/cluster-api.ts"
import type { ServiceKey } from "../../../config/facts.ts"
import { listOf, objectAt } from "../../../kubernetes/client/json.ts"
import type { EmbeddedApi, KubeObject } from "../../../kubernetes/embedded/index.ts"
import { custom, customPath, embeddedCluster, ours, send } from "./embedded-cluster.ts"
import { until } from "./fake-api.ts"

const desired = (
  kind: DesiredServiceStatuses["kind"],
  nodeName: string,
  services: Record<ServiceKey, readonly string[]>,
): DesiredServiceStatuses => ({ kind, nodeName, services: new Map(Object.entries(services)) })

/** `shop/web@node-1 eth0,eth1` for each, sorted. */
const said = (server: EmbeddedApi, kind = "ServiceL2Status") => custom(server, kind).map(words).sort()

function words(object: KubeObject): string {
  const { node, serviceNamespace, serviceName, interfaces, peers } = objectAt(object, "status")
  const list = listOf(peers ?? interfaces).map((one) => (typeof one === "string" ? one : objectAt(one)["name"]))
  return `${String(serviceNamespace)}/${String(serviceName)}@${String(node)} ${list.join()}`
}
const show = (server: EmbeddedApi, kind?: string) => said(server, kind).join("; ")

test("layer 2: one object with labels, owner and status in order; changed in place; deleted when it is given up", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  const own = pod("speaker-1")
  const { api } = await client("speaker-1")
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": ["eth1", "eth0"], "shop/all": [] }))
  await until(() => show(server) === "shop/all@node-1 ; shop/web@node-1 eth0,eth1", "both")
  const web = custom(server, "ServiceL2Status").find((object) => words(object).startsWith("shop/web"))
  t.regex(web?.metadata.name ?? "", /^l2-/)
  t.deepEqual(web?.metadata.labels, {
    "metallb.io/node": "node-1",
    "metallb.io/service-name": "web",
    "metallb.io/service-namespace": "shop",
  })
  t.deepEqual(objectAt(web, "metadata")["ownerReferences"], [
    { apiVersion: "v1", kind: "Pod", name: "speaker-1", uid: own.metadata.uid },
  ])

  await until(() => api.writeCounts().servicel2statuses.writes === 2, "two rounds that wrote")
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": ["eth0", "eth1"], "shop/all": [] }))
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": ["eth1"], "shop/all": [] }))
  await until(() => show(server) === "shop/all@node-1 ; shop/web@node-1 eth1", "changed")
  t.is(
    custom(server, "ServiceL2Status").find((object) => words(object).startsWith("shop/web"))?.metadata.uid,
    web?.metadata.uid,
  )
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/all": [] }))
  await until(() => show(server) === "shop/all@node-1 ", "given up")
  const idle = () => {
    const { depth, delayed, active } = api.writeCounts().servicel2statuses
    return depth + delayed + active === 0
  }
  await until(idle, "nothing more to look at")
  t.is(api.writeCounts().servicel2statuses.writes, 4)
})

test("layer 2: the new holder removes what the old one left; who does not hold it leaves it alone", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const [one, two] = [(await client()).api, (await client()).api]
  one.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": [], "shop/db": [] }))
  await until(() => show(server) === "shop/db@node-1 ; shop/web@node-1 ", "the first holder")
  two.desiredServiceStatuses(desired("layer2", "node-2", {}))
  two.desiredServiceStatuses(desired("layer2", "node-2", { "shop/web": [] }))
  one.forgetWishes()
  await until(() => said(server).includes("shop/web@node-2 "), "the second holder")
  await until(() => show(server) === "shop/db@node-1 ; shop/web@node-2 ", "the first one's leftover gone")
  one.desiredServiceStatuses(desired("layer2", "node-1", {}))
  await until(() => show(server) === "shop/web@node-2 ", "own leftovers removed, the other's kept")
  t.pass()
})

test("BGP: each node speaks for itself, no peers is no object", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const [one, two] = [(await client()).api, (await client()).api]
  const show = () => said(server, "ServiceBGPStatus").join("; ")
  one.desiredServiceStatuses(desired("bgp", "node-1", { "shop/web": ["tor-b", "tor-a"] }))
  two.desiredServiceStatuses(desired("bgp", "node-2", { "shop/web": ["tor-a"], "shop/db": [] }))
  await until(() => show() === "shop/web@node-1 tor-a,tor-b; shop/web@node-2 tor-a", "both nodes")
  t.regex(custom(server, "ServiceBGPStatus")[0]?.metadata.name ?? "", /^bgp-/)
  one.desiredServiceStatuses(desired("bgp", "node-1", { "shop/web": [] }))
  await until(() => show() === "shop/web@node-2 tor-a", "the first one's gone")
  t.pass()
})

test("what somebody deletes or edits is restored; what lacks a label is left alone", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  const own = pod("speaker-1")
  const { api } = await client("speaker-1")
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": ["eth0"] }))
  const right = "shop/web@node-1 eth0"
  await until(() => show(server) === right, "written")
  const first = () => custom(server, "ServiceL2Status")[0]
  const at = () => customPath("servicel2statuses", first()?.metadata.name ?? "")

  server.objects.delete("metallb.io/v1beta1", "ServiceL2Status", first()?.metadata.name ?? "", ours)
  await until(() => show(server) === right, "made again")
  await send(server, "PATCH", `${at()}/status`, { status: { interfaces: [{ name: "eth9" }] } })
  await until(() => show(server) === right, "interfaces restored")
  await send(server, "PATCH", at(), { metadata: { ownerReferences: null } })
  await until(() => listOf(objectAt(first(), "metadata")["ownerReferences"]).length === 1, "owner restored")
  t.like(listOf(objectAt(first(), "metadata")["ownerReferences"])[0], { uid: own.metadata.uid })
  await send(server, "PATCH", at(), { metadata: { labels: { "metallb.io/node": "node-7" } } })
  await until(
    () => show(server) === right && first()?.metadata.labels?.["metallb.io/node"] === "node-1",
    "one of ours again, the one that was made another's gone",
  )

  server.objects.create({
    apiVersion: "metallb.io/v1beta1",
    kind: "ServiceL2Status",
    metadata: { name: "stray", namespace: ours, labels: { "metallb.io/node": "node-1" } },
  })
  server.objects.create({
    apiVersion: "metallb.io/v1beta1",
    kind: "ServiceL2Status",
    metadata: { name: "l2-twin", namespace: ours, labels: { ...first()?.metadata.labels } },
  })
  await until(() => custom(server, "ServiceL2Status").length === 2, "the twin gone")
  t.deepEqual(custom(server, "ServiceL2Status").map(words).sort(), [right, "undefined/undefined@undefined "])
})

test("an object of ours that says another node is made anew: who and where cannot be changed", async (t) => {
  const { server, client } = await embeddedCluster(t)
  server.objects.put({
    apiVersion: "metallb.io/v1beta1",
    kind: "ServiceL2Status",
    metadata: {
      name: "l2-old",
      namespace: ours,
      labels: { "metallb.io/node": "node-1", "metallb.io/service-name": "web", "metallb.io/service-namespace": "shop" },
    },
    status: { node: "node-9", serviceName: "web", serviceNamespace: "shop" },
  })
  const { api } = await client()
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": [] }))
  await until(() => show(server) === "shop/web@node-1 ", "made anew")
  t.pass()
})

test("a restarted speaker adopts what its predecessor wrote, with itself as owner, and deletes what is no longer so", async (t) => {
  const { server, client, pod } = await embeddedCluster(t)
  pod("speaker-1")
  const next = pod("speaker-2")
  const { api: before } = await client("speaker-1")
  before.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": [], "shop/old": [] }))
  await until(() => said(server).length === 2 && !show(server).includes("undefined"), "the predecessor's")
  const uids = () => custom(server, "ServiceL2Status").map(({ metadata }) => metadata.uid)
  const known = uids()
  await before.stop()
  const { api } = await client("speaker-2")
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": [] }))
  await until(() => show(server) === "shop/web@node-1 ", "adopted")
  t.true(known.includes(uids()[0]))
  const owners = () => listOf(objectAt(custom(server, "ServiceL2Status")[0], "metadata")["ownerReferences"])
  await until(() => objectAt(owners()[0])["uid"] === next.metadata.uid, "owned by the new Pod")
  t.is(owners().length, 1)
})

test("200 Services, a third of all requests failing, watches cut, people meddling: in the end all is as desired", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const { api } = await client()
  server.chaos.errorRate = 0.33
  const all = (round: number) =>
    Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => i)
        .filter((i) => (i + round) % 5 !== 0)
        .map((i) => [`shop/s${i}`, i % 3 === round % 3 ? ["eth0"] : []]),
    )
  for (let round = 0; round < 6; round++) {
    api.desiredServiceStatuses(desired("layer2", "node-1", all(round)))
    server.closeWatches()
    if (round % 2 === 0) server.compact()
    await new Promise((resolve) => setTimeout(resolve, 30))
    const [some] = custom(server, "ServiceL2Status")
    if (some) server.objects.delete("metallb.io/v1beta1", "ServiceL2Status", some.metadata.name ?? "", ours)
  }
  const wanted = Object.entries(all(5))
    .map(([service, list]) => `${service}@node-1 ${list.join()}`)
    .sort()
    .join("; ")
  await until(() => show(server) === wanted, "as desired")
  server.chaos.errorRate = 0
  const idle = () => {
    const { depth, delayed, active } = api.writeCounts().servicel2statuses
    return depth + delayed + active === 0
  }
  await until(idle, "nothing left to do")
  t.is(show(server), wanted)
})

test("two that both think they hold it do not hammer the API server", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const [one, two] = [(await client()).api, (await client()).api]
  one.desiredServiceStatuses(desired("layer2", "node-1", { "shop/web": [] }))
  two.desiredServiceStatuses(desired("layer2", "node-2", { "shop/web": [] }))
  const writes = () => one.writeCounts().servicel2statuses.writes + two.writeCounts().servicel2statuses.writes
  await until(() => one.writeCounts().servicel2statuses.writes >= 12, "a dispute")
  // Unhindered there are hundreds a second; here the waits are a twentieth of the real ones.
  const before = writes()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  t.true(writes() - before < 60, `${writes() - before} writes in a second`)
  two.desiredServiceStatuses(desired("layer2", "node-2", {}))
  await until(() => show(server) === "shop/web@node-1 ", "the dispute over")
})

test("while the watch is away nothing is written twice, and what is deleted meanwhile is noticed by looking", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const { api } = await client()
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/first": [] }))
  await until(() => show(server) === "shop/first@node-1 ", "the first one, so the list was read")
  server.chaos.applies = (method, path) => method === "GET" && path.endsWith("/servicel2statuses")
  server.chaos.errorRate = 1
  server.closeWatches()
  api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/first": [], "shop/web": ["eth0"] }))
  const both = "shop/first@node-1 ; shop/web@node-1 eth0"
  await until(() => show(server) === both, "written")
  for (const list of [["eth1"], ["eth2"], ["eth0"]])
    api.desiredServiceStatuses(desired("layer2", "node-1", { "shop/first": [], "shop/web": list }))
  await until(() => api.writeCounts().servicel2statuses.active === 0 && show(server) === both, "as it was")
  const web = custom(server, "ServiceL2Status").find((object) => words(object).startsWith("shop/web"))
  server.objects.delete("metallb.io/v1beta1", "ServiceL2Status", web?.metadata.name ?? "", ours)
  await until(() => show(server) === both, "made again")
  server.chaos.errorRate = 0
  const idle = () => api.writeCounts().servicel2statuses.delayed === 0
  await until(idle, "the watch has caught up")
  t.is(show(server), both)
})

test("our Pod cannot be read: waited for when the server fails, done without when there is none", async (t) => {
  const { server, client, pod, log } = await embeddedCluster(t)
  pod("speaker-1")
  server.chaos.applies = (_, path) => path.endsWith("/pods/speaker-1")
  server.chaos.errorRate = 1
  const { api } = await client("speaker-1")
  api.desiredServiceStatuses(desired("bgp", "node-1", { "shop/web": ["tor"] }))
  await until(() => api.writeCounts().servicebgpstatuses.retries >= 3, "asked again and again")
  t.deepEqual(custom(server, "ServiceBGPStatus"), [])
  server.chaos.errorRate = 0
  await until(() => show(server, "ServiceBGPStatus") === "shop/web@node-1 tor", "written")
  t.is(listOf(objectAt(custom(server, "ServiceBGPStatus")[0], "metadata")["ownerReferences"]).length, 1)

  const { api: homeless } = await client("nobody")
  homeless.desiredServiceStatuses(desired("bgp", "node-2", { "shop/web": ["tor"], "shop/db": ["tor"] }))
  await until(() => custom(server, "ServiceBGPStatus").length === 3, "written without an owner")
  t.is(log.lines.filter((line) => line.includes("there is no Pod metallb-system/nobody")).length, 1)
})
