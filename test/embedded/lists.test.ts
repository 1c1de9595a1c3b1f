import test from "ava"
import { type Body, configMap, configMaps, server, service, services } from "./client.ts"

const names = (body: Body) => body.items.map((item) => item.metadata.name)

test("pages together show the state at the first page, whatever happens meanwhile", async (t) => {
  const { http } = await server(t)
  for (const name of ["a", "b", "c", "d", "e"]) await http.post(configMaps, configMap(name, { v: "old" }))
  const first = await http.get(`${configMaps}?limit=2`)
  t.is(first.body.metadata.remainingItemCount, 3)
  await http.delete(`${configMaps}/c`)
  await http.merge(`${configMaps}/d`, { data: { v: "new" } })
  await http.post(configMaps, configMap("da"))
  const second = await http.get(`${configMaps}?limit=2&continue=${first.body.metadata.continue}`)
  t.deepEqual(names(second.body), ["c", "d"])
  t.is(second.body.items[1]?.data?.v, "old")
  const third = await http.get(`${configMaps}?limit=2&continue=${second.body.metadata.continue}`)
  t.deepEqual(names(third.body), ["e"])
  t.is(third.body.metadata.continue, undefined)
  t.is(third.body.metadata.resourceVersion, first.body.metadata.resourceVersion)
})

test("a page that comes too late is expired", async (t) => {
  const { api, http } = await server(t)
  for (const name of ["a", "b"]) await http.post(configMaps, configMap(name))
  const first = await http.get(`${configMaps}?limit=1`)
  await http.post(configMaps, configMap("c"))
  api.compact()
  const { status, body } = await http.get(`${configMaps}?limit=1&continue=${first.body.metadata.continue}`)
  t.is(status, 410)
  t.is(body.reason, "Expired")
})

test("an exact old version, a minimum one, and one that is not there yet", async (t) => {
  const { http } = await server(t)
  const { body } = await http.post(configMaps, configMap("a"))
  await http.post(configMaps, configMap("b"))
  const version = body.metadata.resourceVersion
  t.deepEqual(names((await http.get(`${configMaps}?resourceVersion=${version}&resourceVersionMatch=Exact`)).body), [
    "a",
  ])
  t.deepEqual(
    names((await http.get(`${configMaps}?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`)).body),
    ["a", "b"],
  )
  t.deepEqual(names((await http.get(`${configMaps}?resourceVersion=0`)).body), ["a", "b"])
  t.is((await http.get(`${configMaps}?resourceVersion=99999`)).status, 504)
})

const selectors: readonly (readonly [selector: string, expected: readonly string[]])[] = [
  ["a=1", ["x", "y"]],
  ["a==1,b=2", ["y"]],
  ["a!=1", ["z"]],
  ["b", ["y"]],
  ["!b", ["x", "z"]],
  ["a in (1,3)", ["x", "y", "z"]],
  ["a notin (1)", ["z"]],
  ["a in (1),b notin (2)", ["x"]],
  ["a=", []],
  ["", ["x", "y", "z"]],
]
for (const [selector, expected] of selectors) {
  test(`labels "${selector}"`, async (t) => {
    const { http } = await server(t)
    for (const [name, labels] of [
      ["x", { a: "1" }],
      ["y", { a: "1", b: "2" }],
      ["z", { a: "3" }],
    ] as const) {
      await http.post(configMaps, configMap(name, {}, { labels }))
    }
    const { body } = await http.get(`${configMaps}?labelSelector=${encodeURIComponent(selector)}`)
    t.deepEqual(names(body), [...expected])
  })
}

test("fields: by name, by namespace, by type, and not", async (t) => {
  const { http } = await server(t)
  await http.post(services, service("a"))
  await http.post(services, service("b", { type: "ClusterIP" }))
  const found = async (selector: string) =>
    names((await http.get(`/api/v1/services?fieldSelector=${encodeURIComponent(selector)}`)).body)
  t.deepEqual(await found("metadata.name=a"), ["a"])
  t.deepEqual(await found("spec.type=ClusterIP"), ["b", "kubernetes"])
  t.deepEqual(await found("metadata.namespace=default,spec.type!=ClusterIP"), ["a"])
  const { body } = await http.get("/api/v1/services?fieldSelector=spec.nothing%3Dx")
  t.is(
    body.message,
    'Unable to find "/v1, Resource=services" that match label selector "", field selector "spec.nothing=x": field label not supported: spec.nothing',
  )
})

test("events: one store with two spellings, found by what they are about", async (t) => {
  const { http } = await server(t)
  const about = { kind: "Service", namespace: "default", name: "web", uid: "u1" }
  await http.post("/api/v1/namespaces/default/events", {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "web.1" },
    involvedObject: about,
    reason: "IPAllocated",
    message: "Assigned IP",
    type: "Normal",
    source: { component: "controller" },
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
    count: 1,
  })
  await http.post("/apis/events.k8s.io/v1/namespaces/default/events", {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "web.2" },
    regarding: about,
    reason: "Announced",
    note: "by node-1",
    type: "Normal",
    reportingController: "speaker",
    reportingInstance: "speaker-1",
    action: "announce",
    eventTime: "2026-01-01T00:00:00.000000Z",
  })
  const old = await http.get(
    "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dweb,involvedObject.uid%3Du1",
  )
  t.deepEqual(
    old.body.items.map((item) => [item.message, item.reportingComponent]),
    [
      ["Assigned IP", ""],
      ["by node-1", "speaker"],
    ],
  )
  const now = await http.get("/apis/events.k8s.io/v1/namespaces/default/events")
  t.deepEqual(
    now.body.items.map((item) => item.note),
    ["Assigned IP", "by node-1"],
  )
  const table = await http.get("/api/v1/namespaces/default/events", {
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
  })
  t.deepEqual(table.body.rows[0].cells.slice(1, 4), ["Normal", "IPAllocated", "service/web"])
})

test("metadata alone, YAML, and what is not offered", async (t) => {
  const { http } = await server(t)
  await http.post(configMaps, configMap("a", { x: "y" }))
  const list = await http.get(configMaps, {
    accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
  })
  t.is(list.body.kind, "PartialObjectMetadataList")
  t.is(list.body.items[0].data, undefined)
  const one = await http.get(`${configMaps}/a`, {
    accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
  })
  t.is(one.body.kind, "PartialObjectMetadata")
  const yaml = await http.get(`${configMaps}/a`, { accept: "application/yaml" })
  t.regex(yaml.text, /data:\n {2}x: "?y"?\n/)
  t.is((await http.get(configMaps, { accept: "text/html" })).status, 406)
})
