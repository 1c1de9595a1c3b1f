import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { tmpdir } from "node:os"
import path from "node:path"
import test from "ava"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { Client, configMap, configMaps, definition, server, service, services } from "./client.ts"

async function directory(t: { teardown(end: () => Promise<void>): void }): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), "troupe-embedded-"))
  t.teardown(() => rm(made, { recursive: true }))
  return made
}

test("what was written is there after a restart: objects, versions, definitions, allocations, owners", async (t) => {
  const persistTo = path.join(await directory(t), "state.json")
  const things = "/apis/example.org/v1/namespaces/default/things"
  const first = await startEmbeddedApi({ listen: [{}], definitions: [definition("things", "Thing", {})], persistTo })
  const one = new Client(first.url)
  const made = await one.post(services, service("web"))
  const owner = await one.post(configMaps, configMap("owner"))
  const { uid } = owner.body.metadata
  const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }]
  await one.post(things, {
    apiVersion: "example.org/v1",
    kind: "Thing",
    metadata: { name: "a", ownerReferences },
    spec: {},
  })
  const revision = first.revision()
  await first.close()

  const second = await startEmbeddedApi({ listen: [{}], definitions: [], persistTo })
  t.teardown(() => second.close())
  const two = new Client(second.url)
  t.deepEqual((await two.get(`${services}/web`)).body, made.body)
  t.is((await two.get(`${things}/a`)).status, 200)
  t.true(second.revision() >= revision)
  const { clusterIP } = made.body.spec
  t.is((await two.post(services, service("other", { clusterIP }))).status, 422)
  const old = await two.watch(`${configMaps}?resourceVersion=${owner.body.metadata.resourceVersion}`)
  await old.untilEnd()
  t.is(old.lines[0]?.object.code, 410, "who watched before has to list again")
  await two.delete(`${configMaps}/owner`)
  t.is((await two.get(`${things}/a`)).status, 404)
})

test("a state file that is none of ours is refused and left alone", async (t) => {
  const persistTo = path.join(await directory(t), "state.json")
  await writeFile(persistTo, '{"something":"else"}')
  await t.throwsAsync(startEmbeddedApi({ listen: [{}], definitions: [], persistTo }), { message: /does not hold/ })
  t.is(await readFile(persistTo, "utf8"), '{"something":"else"}')
})

test("a Unix socket and a TCP address show the same cluster", async (t) => {
  const socket = path.join(await directory(t), "api.sock")
  const { http } = await server(t, { listen: [{ socket }, {}] })
  await http.post(configMaps, configMap("a"))
  const text = await new Promise<string>((resolve, reject) => {
    const ask = request({ socketPath: socket, path: `${configMaps}/a` }, (answer) => {
      let all = ""
      answer.on("data", (chunk: Buffer) => (all += chunk.toString()))
      answer.on("end", () => resolve(all))
    })
    ask.on("error", reject)
    ask.end()
  })
  t.is((JSON.parse(text) as { metadata: { name: string } }).metadata.name, "a")
})

test("a token is asked for where one was set", async (t) => {
  const { http } = await server(t, { bearerToken: "secret" })
  const refused = await http.get(configMaps)
  t.is(refused.status, 401)
  t.false(JSON.stringify(refused.body).includes("secret"))
  t.is((await http.get(configMaps, { authorization: "Bearer secret" })).status, 200)
})

test("chaos: errors, resets and delays where they are asked for, and nowhere else", async (t) => {
  const { api, http } = await server(t)
  await http.post(configMaps, configMap("a"))
  Object.assign(api.chaos, {
    errorRate: 1,
    errors: ["too-many-requests"],
    applies: (method: string) => method === "PATCH",
  })
  const busy = await http.merge(`${configMaps}/a`, { data: { x: "1" } })
  t.is(busy.status, 429)
  t.is(busy.headers.get("retry-after"), "1")
  t.is((await http.get(`${configMaps}/a`)).body.data, undefined, "a request that failed did nothing")
  api.chaos.errors = ["internal-error"]
  t.is((await http.merge(`${configMaps}/a`, {})).status, 500)
  api.chaos.errors = ["reset"]
  await t.throwsAsync(http.merge(`${configMaps}/a`, {}))
  api.chaos.errors = ["lost-answer"]
  await t.throwsAsync(http.merge(`${configMaps}/a`, { data: { x: "2" } }))
  t.is((await http.get(`${configMaps}/a`)).body.data?.x, "2", "done, although nobody heard of it")
  Object.assign(api.chaos, { errorRate: 0, delayMs: 50 })
  const before = performance.now()
  t.is((await http.merge(`${configMaps}/a`, {})).status, 200)
  t.true(performance.now() - before >= 49)
})

test("the store has a limit and says so", async (t) => {
  const { http } = await server(t, { maxObjects: 6 })
  t.is((await http.post(configMaps, configMap("a"))).status, 201)
  const { status, body } = await http.post(configMaps, configMap("b"))
  t.is(status, 507)
  t.is(body.reason, "InsufficientStorage")
})

test("seeds, and objects without HTTP", async (t) => {
  const seeds = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "lab" } },
    configMap("a", { x: "1" }, { namespace: "lab" }),
  ]
  const { api, http } = await server(t, { seeds })
  t.is((await http.get("/api/v1/namespaces/lab/configmaps/a")).body.data?.x, "1")
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1" },
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [{ type: "InternalIP", address: "192.0.2.11" }],
    },
  }
  api.objects.put(node)
  const table = await http.get("/api/v1/nodes", { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" })
  t.deepEqual(table.body.rows[0].cells.slice(0, 3), ["node-1", "Ready", "<none>"])
  t.is(table.body.rows[0].cells[5], "192.0.2.11")
  api.objects.put({ ...node, metadata: { name: "node-1", labels: { a: "b" } } })
  t.deepEqual(api.objects.get("v1", "Node", "node-1")?.metadata.labels, { a: "b" })
  t.deepEqual(
    api.objects.list("v1", "ConfigMap").map((object) => object.metadata.name),
    ["a"],
  )
  const copy = api.objects.get("v1", "ConfigMap", "a", "lab")
  if (copy !== undefined) copy["data"] = {}
  t.deepEqual(api.objects.get("v1", "ConfigMap", "a", "lab")?.["data"], { x: "1" }, "what is given out is a copy")
  api.objects.delete("v1", "ConfigMap", "a", "lab")
  t.is(api.objects.get("v1", "ConfigMap", "a", "lab"), undefined)
})

test("two clients that write at once: one wins, the other is told", async (t) => {
  const { http } = await server(t)
  const { body } = await http.post(configMaps, configMap("a"))
  const { resourceVersion } = body.metadata
  const answers = await Promise.all(
    ["1", "2", "3"].map((x) => http.put(`${configMaps}/a`, configMap("a", { x }, { resourceVersion }))),
  )
  t.deepEqual(
    answers.map((answer) => answer.status).sort((a, b) => a - b),
    [200, 409, 409],
  )
})

test("discovery of before aggregation agrees with the aggregated one", async (t) => {
  const { http } = await server(t, { definitions: [definition("things", "Thing", {})] })
  const aggregated = await http.get("/apis", {
    accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  })
  const groups = await http.get("/apis")
  t.deepEqual(
    groups.body.groups.map((group: { name: string }) => group.name),
    aggregated.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
  )
  const list = await http.get("/apis/example.org/v1")
  t.deepEqual(
    list.body.resources.map((resource: { name: string }) => resource.name),
    ["things", "things/status"],
  )
  t.is((await http.get("/apis/example.org")).body.preferredVersion.version, "v1")
  t.is((await http.get("/api")).body.versions[0], "v1")
})
