import test from "ava"
import { configMap, configMaps, server } from "./client.ts"

const namespace = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })

test("a finalizer holds an object back until it is taken away", async (t) => {
  const { http } = await server(t)
  await http.post(configMaps, configMap("a", {}, { finalizers: ["example.org/hold"] }))
  const first = await http.delete(`${configMaps}/a`)
  t.truthy(first.body.metadata.deletionTimestamp)
  const second = await http.delete(`${configMaps}/a`)
  t.is(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion, "a second delete changes nothing")
  const undelete = await http.merge(`${configMaps}/a`, { metadata: { deletionTimestamp: null } })
  t.is(undelete.body.metadata.deletionTimestamp, first.body.metadata.deletionTimestamp)
  const watching = await http.watch(configMaps)
  await http.merge(`${configMaps}/a`, { metadata: { finalizers: [] } })
  const lines = await watching.until((all) => all.length === 2)
  t.is(lines[1]?.type, "DELETED")
  t.is((await http.get(`${configMaps}/a`)).status, 404)
  await watching.stop()
})

test("preconditions are kept", async (t) => {
  const { http } = await server(t)
  const { body } = await http.post(configMaps, configMap("a"))
  const options = (preconditions: object) => ({ kind: "DeleteOptions", apiVersion: "v1", preconditions })
  const uid = await http.delete(`${configMaps}/a`, options({ uid: "another" }))
  t.is(uid.status, 409)
  t.regex(uid.body.message, /Precondition failed: UID in precondition: another, UID in object meta: /)
  t.is((await http.delete(`${configMaps}/a`, options({ resourceVersion: "1" }))).status, 409)
  t.is((await http.delete(`${configMaps}/a?dryRun=All`)).status, 200)
  t.is((await http.get(`${configMaps}/a`)).status, 200)
  t.is((await http.delete(`${configMaps}/a`, options({ uid: body.metadata.uid }))).status, 200)
})

test("a namespace takes its content along, and waits for what is held", async (t) => {
  const { http } = await server(t)
  await http.post("/api/v1/namespaces", namespace("demo"))
  const inside = "/api/v1/namespaces/demo/configmaps"
  await http.post(inside, configMap("free"))
  await http.post(inside, configMap("held", {}, { finalizers: ["example.org/hold"] }))
  const { body } = await http.delete("/api/v1/namespaces/demo")
  t.is(body.status.phase, "Terminating")
  t.is((await http.get(`${inside}/free`)).status, 404)
  t.is((await http.get("/api/v1/namespaces/demo")).body.status.phase, "Terminating")
  const refused = await http.post(inside, configMap("late"))
  t.is(refused.status, 403)
  t.is(refused.body.details.causes[0].reason, "NamespaceTerminating")
  await http.merge(`${inside}/held`, { metadata: { finalizers: null } })
  t.is((await http.get("/api/v1/namespaces/demo")).status, 404)
  t.is((await http.post("/api/v1/namespaces", namespace("demo"))).status, 201)
})

test("the namespaces of the cluster itself stay", async (t) => {
  const { http } = await server(t)
  t.is((await http.delete("/api/v1/namespaces/default")).status, 403)
})

test("what is owned goes with its last owner", async (t) => {
  const { http } = await server(t)
  const owner = async (name: string) => (await http.post(configMaps, configMap(name))).body.metadata.uid
  const [a, b] = [await owner("a"), await owner("b")]
  const reference = (name: string, uid: string) => ({ apiVersion: "v1", kind: "ConfigMap", name, uid })
  await http.post(configMaps, configMap("of-both", {}, { ownerReferences: [reference("a", a), reference("b", b)] }))
  await http.post(configMaps, configMap("of-a", {}, { ownerReferences: [reference("a", a)] }))
  const { body: child } = await http.get(`${configMaps}/of-a`)
  await http.post(configMaps, configMap("grandchild", {}, { ownerReferences: [reference("of-a", child.metadata.uid)] }))
  const watching = await http.watch(configMaps)
  await http.delete(`${configMaps}/a`)
  const lines = await watching.until((all) => all.filter((line) => line.type === "DELETED").length === 3)
  t.deepEqual(
    lines.filter((line) => line.type === "DELETED").map((line) => line.object.metadata.name),
    ["a", "of-a", "grandchild"],
  )
  const versions = lines.slice(-3).map((line) => Number(line.object.metadata.resourceVersion))
  t.deepEqual(
    versions,
    [...versions].sort((x, y) => x - y),
  )
  t.is((await http.get(`${configMaps}/of-both`)).status, 200)
  await http.delete(`${configMaps}/b`)
  t.is((await http.get(`${configMaps}/of-both`)).status, 404)
  await watching.stop()
})

test("deletecollection takes what the selector names", async (t) => {
  const { http } = await server(t)
  for (const [name, on] of [
    ["a", "yes"],
    ["b", "no"],
    ["c", "yes"],
  ] as const) {
    await http.post(configMaps, configMap(name, {}, { labels: { on } }))
  }
  const { body } = await http.delete(`${configMaps}?labelSelector=on%3Dyes`)
  t.deepEqual(
    body.items.map((item) => item.metadata.name),
    ["a", "c"],
  )
  const left = await http.get(configMaps)
  t.deepEqual(
    left.body.items.map((item) => item.metadata.name),
    ["b"],
  )
})
