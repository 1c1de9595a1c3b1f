// Single conditions in Services, beside the addresses and conditions of others.
import test from "ava"
import type { DesiredServiceConditions } from "../../../config/cluster-api.ts"
import type { ServiceCondition, ServiceFacts } from "../../../config/facts.ts"
import { kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { isObject, type JsonObject, listOf, objectAt } from "../../../kubernetes/client/json.ts"
import { embeddedCluster } from "./embedded-cluster.ts"
import { connectTo, fakeApi, hurried, json, memoryLog, type Request, status, until } from "./fake-api.ts"

const type = "troupe.dev/BrainSplit"
const split: ServiceCondition = { status: "True", reason: "GossipSplit", message: "two have it" }
const healed: ServiceCondition = { status: "False", reason: "Healed", message: "one has it" }
const desired = (services: Record<string, readonly [string, ServiceCondition]>): DesiredServiceConditions => ({
  type,
  services: new Map(Object.entries(services).map(([key, [uid, condition]]) => [key, { uid, condition }])),
})

async function withService(t: Parameters<typeof embeddedCluster>[0]) {
  const it = await embeddedCluster(t)
  const make = () =>
    it.server.objects.create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    })
  const made = make()
  const find = () => it.server.objects.list("v1", "Service", "default").find(({ metadata }) => metadata.name === "web")
  const conditions = (): readonly JsonObject[] => listOf(objectAt(find(), "status")["conditions"]).filter(isObject)
  const { api } = await it.client()
  const seen: { facts?: ServiceFacts | undefined } = {}
  await new Promise<void>((resolve) =>
    api.watch(
      { services: true },
      {
        service: (key, facts) => {
          if (key === "default/web") seen.facts = facts
        },
        synced: resolve,
      },
    ),
  )
  return { ...it, api, uid: made.metadata.uid ?? "", make, find, conditions, facts: () => seen.facts }
}

test("set and changed beside the addresses and the conditions of others, who change theirs meanwhile", async (t) => {
  const { api, uid, find, conditions, facts } = await withService(t)
  const controller = (ingress: readonly string[], condition: ServiceCondition) =>
    api.writeServiceStatus({
      key: "default/web",
      uid,
      resourceVersion: facts()?.resourceVersion ?? "",
      ingress,
      annotations: {},
      conditions: { "troupe.dev/AddressAssigned": condition },
    })
  const assigned: ServiceCondition = { status: "True", reason: "AutomaticPool", message: "from first" }
  await until(() => facts() !== undefined, "the Service")
  t.is((await controller(["192.0.2.10"], assigned)).kind, "written")
  await until(() => facts()?.ingress.length === 1, "the address")

  api.desiredServiceConditions(desired({ "default/web": [uid, split] }))
  await until(() => facts()?.conditions?.[type] !== undefined, "the condition")
  t.deepEqual(facts()?.conditions, { "troupe.dev/AddressAssigned": assigned, [type]: split })
  t.deepEqual(facts()?.ingress, [{ ip: "192.0.2.10" }])
  const since = conditions().find((each) => each["type"] === type)?.["lastTransitionTime"]
  t.regex(String(since), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)

  // Words alone are no transition; the controller's own write leaves it.
  const moved: ServiceCondition = { ...split, message: "two others have it" }
  api.desiredServiceConditions(desired({ "default/web": [uid, moved] }))
  await until(() => facts()?.conditions?.[type]?.message === moved.message, "other words")
  t.is(conditions().find((each) => each["type"] === type)?.["lastTransitionTime"], since)
  const kept: ServiceCondition = { ...assigned, reason: "KeptAddress" }
  t.is((await controller(["192.0.2.10"], kept)).kind, "written")
  api.desiredServiceConditions(desired({ "default/web": [uid, healed] }))
  await until(() => facts()?.conditions?.[type]?.status === "False", "the end")
  t.deepEqual(facts()?.conditions, { "troupe.dev/AddressAssigned": kept, [type]: healed })

  // What a set does not name stays, and what is so already is not written.
  const version = find()?.metadata.resourceVersion
  const { rounds, writes } = api.writeCounts()["services/status"]
  api.desiredServiceConditions(desired({}))
  api.desiredServiceConditions(desired({ "default/web": [uid, healed] }))
  await until(() => api.writeCounts()["services/status"].rounds > rounds, "looked at")
  t.is(api.writeCounts()["services/status"].writes, writes)
  t.is(find()?.metadata.resourceVersion, version)
})

test("a Service that is gone, or another one of its name, is left alone", async (t) => {
  const { api, uid, server, make, conditions, facts } = await withService(t)
  await until(() => facts() !== undefined, "the Service")
  server.objects.delete("v1", "Service", "web", "default")
  make()
  await until(() => facts()?.uid !== uid && facts() !== undefined, "the new one")
  api.desiredServiceConditions(desired({ "default/web": [uid, split], "default/none": ["uid-none", split] }))
  const counts = () => api.writeCounts()["services/status"]
  await until(() => counts().rounds >= 2 && counts().active === 0, "looked at")
  t.like(counts(), { writes: 0, retries: 0, delayed: 0 })
  t.false(conditions().some((each) => each["type"] === type))
})

test("not known by a watch, the uid goes along: the server refuses what is meant for another", async (t) => {
  const { server, client, make, conditions } = await withService(t)
  const { api } = await client()
  api.desiredServiceConditions(desired({ "default/web": ["11111111-2222-3333-4444-555555555555", split] }))
  await until(() => api.writeCounts()["services/status"].retries > 0, "refused")
  t.false(conditions().some((each) => each["type"] === type))
  server.objects.delete("v1", "Service", "web", "default")
  api.desiredServiceConditions(desired({ "default/web": [make().metadata.uid ?? "", split] }))
  await until(() => conditions().some((each) => each["type"] === type), "written")
  t.pass()
})

test("without the right: one request and one line for a hundred Services; asked again when it may have come", async (t) => {
  const fake = await fakeApi()
  const [log, time] = [memoryLog(), hurried(20)]
  let hourMs = 0
  const cluster = await connectTo(fake, { time })
  const late = { ...time, monotonicMs: () => time.monotonicMs() + hourMs }
  const api = kubernetesClusterApi(cluster, { namespace: "metallb-system", log, time: late })
  t.teardown(async () => {
    await api.stop()
    await cluster.close()
    await fake.close()
  })
  const isPatch = ({ method }: Request) => method === "PATCH"
  const patches = () => fake.requests.filter(isPatch).length
  const forbidden = 'services "web-0" is forbidden: User "speaker" cannot patch resource "services/status"'
  const all = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`shop/web-${i}`, [`uid-${i}`, split] as const]))
  fake.intercept(isPatch, status(403, "Forbidden", forbidden))
  api.desiredServiceConditions(desired(all))
  const counts = () => api.writeCounts()["services/status"]
  await until(() => counts().rounds === 100 && counts().active === 0, "all looked at")
  t.is(patches(), 1)
  t.is(counts().retries, 0)
  t.deepEqual(log.lines.filter((line) => line.includes("services/status")).length, 1, log.lines.join("\n"))
  api.desiredServiceConditions(desired({ "shop/web-7": ["uid-7", healed] }))
  await until(() => counts().rounds > 100 && counts().active === 0, "another wish")
  t.is(patches(), 1)

  hourMs = 3_600_000
  fake.intercept(isPatch, json({ metadata: { name: "web-7" } }))
  api.desiredServiceConditions(desired({ "shop/web-7": ["uid-7", split] }))
  await until(() => counts().writes === 1, "granted")
  const request = fake.requests.findLast(isPatch)
  t.is(request?.url.pathname, "/api/v1/namespaces/shop/services/web-7/status")
  t.is(request?.headers["content-type"], "application/strategic-merge-patch+json")
  const { metadata, status: body } = JSON.parse(request?.body ?? "") as Record<"metadata" | "status", object>
  t.deepEqual(metadata, { uid: "uid-7" })
  t.like(body, { conditions: [{ type, ...split }] })
})
