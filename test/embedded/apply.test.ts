import test from "ava"
import { definition, type Json, server, services } from "./client.ts"

const applied = (spec: Json, metadata: Json = {}): Json => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "s", ...metadata },
  spec,
})
const s = (manager: string, force = false) => `${services}/s?fieldManager=${manager}${force ? "&force=true" : ""}`

test("what a manager no longer applies goes, unless another one owns it", async (t) => {
  const { http } = await server(t)
  await http.apply(
    s("a"),
    applied(
      {
        type: "LoadBalancer",
        ports: [
          { name: "http", port: 80 },
          { name: "https", port: 443 },
        ],
      },
      { labels: { x: "1", y: "2" } },
    ),
  )
  await http.apply(s("b"), applied({ ports: [{ name: "http", port: 80 }] }, { labels: { x: "1" } }))
  const { body } = await http.apply(s("a"), applied({ type: "LoadBalancer", ports: [{ name: "https", port: 443 }] }))
  t.deepEqual(
    body.spec.ports.map((port: Json) => port["port"]),
    [80, 443],
    "b still wants port 80",
  )
  t.deepEqual(body.metadata.labels, { x: "1" })
  const last = await http.apply(s("b"), applied({}))
  t.deepEqual(
    last.body.spec.ports.map((port: Json) => port["port"]),
    [443],
  )
  t.is(last.body.metadata.labels, undefined)
})

test("two managers may apply the same value; a change of it is a conflict that names both", async (t) => {
  const { http } = await server(t)
  await http.apply(s("a"), applied({ type: "LoadBalancer", ports: [{ port: 80 }] }, { labels: { x: "1" } }))
  t.is(
    (await http.apply(s("b"), applied({ type: "LoadBalancer", ports: [{ port: 80 }] }, { labels: { x: "1" } }))).status,
    200,
  )
  const { status, body } = await http.apply(
    s("b"),
    applied({ type: "NodePort", ports: [{ port: 80 }] }, { labels: { x: "2" } }),
  )
  t.is(status, 409)
  t.is(body.message, 'Apply failed with 2 conflicts: conflicts with "a":\n- .metadata.labels.x\n- .spec.type')
  t.deepEqual(
    body.details.causes.map((cause: Json) => cause["field"]),
    [".metadata.labels.x", ".spec.type"],
  )
  const forced = await http.apply(
    s("b", true),
    applied({ type: "NodePort", ports: [{ port: 80 }] }, { labels: { x: "2" } }),
  )
  t.is(forced.body.spec.type, "NodePort")
  const back = await http.apply(s("a"), applied({ ports: [{ port: 80 }] }))
  t.is(back.body.spec.type, "NodePort", "a owns the type no longer and does not take it away")
})

test("an update takes ownership from who applied", async (t) => {
  const { http } = await server(t)
  await http.apply(s("a"), applied({ type: "LoadBalancer", ports: [{ port: 80 }] }, { labels: { x: "1" } }))
  await http.merge(`${services}/s?fieldManager=hand`, { metadata: { labels: { x: "2" } } })
  const { status, body } = await http.apply(
    s("a"),
    applied({ type: "LoadBalancer", ports: [{ port: 80 }] }, { labels: { x: "1" } }),
  )
  t.is(status, 409)
  t.is(body.message, 'Apply failed with 1 conflict: conflict with "hand" using v1: .metadata.labels.x')
})

test("applying the same again writes nothing", async (t) => {
  const { http } = await server(t)
  const config = applied({ type: "LoadBalancer", ports: [{ port: 80 }] })
  const first = await http.apply(s("a"), config)
  const again = await http.apply(s("a"), config)
  t.is(again.body.metadata.resourceVersion, first.body.metadata.resourceVersion)
})

test("a dry run shows the result and stores none of it", async (t) => {
  const { api, http } = await server(t)
  const before = api.revision()
  const { status, body } = await http.apply(
    `${s("a")}&dryRun=All`,
    applied({ type: "LoadBalancer", ports: [{ port: 80 }] }),
  )
  t.is(status, 201)
  t.is(body.spec.sessionAffinity, "None")
  t.is(api.revision(), before)
  t.is((await http.get(`${services}/s`)).status, 404)
})

test("custom resources: keyed lists merge by key, others are one value", async (t) => {
  const peers = {
    type: "array",
    items: { type: "object", properties: { name: { type: "string" }, port: { type: "integer" } } },
  }
  const { http } = await server(t, {
    definitions: [
      definition("things", "Thing", {
        properties: {
          keyed: { ...peers, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
          plain: peers,
        },
      }),
    ],
  })
  const path = (manager: string) => `/apis/example.org/v1/namespaces/default/things/a?fieldManager=${manager}`
  const config = (spec: Json) => ({ apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "a" }, spec })
  await http.apply(path("a"), config({ keyed: [{ name: "x", port: 1 }], plain: [{ name: "x" }] }))
  const { body } = await http.apply(path("b"), config({ keyed: [{ name: "y", port: 2 }] }))
  t.deepEqual(body.spec.keyed, [
    { name: "x", port: 1 },
    { name: "y", port: 2 },
  ])
  const clash = await http.apply(path("b"), config({ keyed: [{ name: "y", port: 2 }], plain: [{ name: "y" }] }))
  t.is(clash.body.details.causes[0].field, ".spec.plain")
})

test("YAML is understood", async (t) => {
  const { http } = await server(t)
  const { status } = await http.apply(
    s("a"),
    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports: [{port: 80}]\n",
  )
  t.is(status, 201)
})
