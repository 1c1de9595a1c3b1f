import { connect } from "node:net"
import test from "ava"
import { configMap, configMaps, server, service, services } from "./client.ts"

test("a watch without a version starts with what is there, then tells every change", async (t) => {
  const { http } = await server(t)
  await http.post(configMaps, configMap("a"))
  const watching = await http.watch(configMaps)
  await watching.until((lines) => lines.length === 1)
  await http.merge(`${configMaps}/a`, { data: { x: "1" } })
  await http.delete(`${configMaps}/a`)
  const lines = await watching.until((all) => all.length === 3)
  t.deepEqual(
    lines.map((line) => [line.type, line.object.data ?? null]),
    [
      ["ADDED", null],
      ["MODIFIED", { x: "1" }],
      ["DELETED", { x: "1" }],
    ],
  )
  const versions = lines.map((line) => Number(line.object.metadata.resourceVersion))
  t.true((versions[0] ?? 0) < (versions[1] ?? 0) && (versions[1] ?? 0) < (versions[2] ?? 0))
  await watching.stop()
})

test("a watch from a version replays what came after it and nothing before", async (t) => {
  const { http } = await server(t)
  const first = await http.post(configMaps, configMap("a"))
  await http.post(configMaps, configMap("b"))
  const watching = await http.watch(`${configMaps}?resourceVersion=${first.body.metadata.resourceVersion}`)
  await http.post(configMaps, configMap("c"))
  const lines = await watching.until((all) => all.length === 2)
  t.deepEqual(
    lines.map((line) => line.object.metadata.name),
    ["b", "c"],
  )
  await watching.stop()
})

test("an object that enters or leaves a selector is added or deleted", async (t) => {
  const { http } = await server(t)
  await http.post(configMaps, configMap("a"))
  const watching = await http.watch(`${configMaps}?labelSelector=on%3Dyes`)
  await http.merge(`${configMaps}/a`, { metadata: { labels: { on: "yes" } } })
  await http.merge(`${configMaps}/a`, { data: { x: "1" } })
  await http.merge(`${configMaps}/a`, { metadata: { labels: { on: "no" } } })
  await http.merge(`${configMaps}/a`, { data: { x: "2" } })
  await http.merge(`${configMaps}/a`, { metadata: { labels: { on: "yes" } } })
  const lines = await watching.until((all) => all.length === 4)
  t.deepEqual(
    lines.map((line) => line.type),
    ["ADDED", "MODIFIED", "DELETED", "ADDED"],
  )
  t.is(lines[2]?.object.metadata.labels?.on, "yes", "the last form that was in view")
  await watching.stop()
})

test("a version whose successors are forgotten gets 410 in the stream, and the stream ends", async (t) => {
  const { http } = await server(t, { historyEvents: 3 })
  const { body } = await http.post(configMaps, configMap("a"))
  for (const x of ["1", "2", "3", "4"]) await http.merge(`${configMaps}/a`, { data: { x } })
  const watching = await http.watch(`${configMaps}?resourceVersion=${body.metadata.resourceVersion}`)
  await watching.untilEnd()
  t.is(watching.status, 200)
  t.is(watching.lines.length, 1)
  t.is(watching.lines[0]?.type, "ERROR")
  t.is(watching.lines[0]?.object.code, 410)
  t.is(watching.lines[0]?.object.reason, "Expired")
})

test("exactly the last events are kept", async (t) => {
  const { http } = await server(t, { historyEvents: 3 })
  const versions: string[] = []
  for (const name of ["a", "b", "c", "d", "e"]) {
    const { body } = await http.post(configMaps, configMap(name))
    versions.push(body.metadata.resourceVersion)
  }
  const kept = await http.watch(`${configMaps}?resourceVersion=${versions[1]}`)
  const lines = await kept.until((all) => all.length === 3)
  t.deepEqual(
    lines.map((line) => line.object.metadata.name),
    ["c", "d", "e"],
  )
  await kept.stop()
  const lost = await http.watch(`${configMaps}?resourceVersion=${versions[0]}`)
  await lost.untilEnd()
  t.is(lost.lines[0]?.object.code, 410)
})

test("bookmarks come only when allowed, and tell a version one can go on from", async (t) => {
  const { http } = await server(t, { bookmarkIntervalMs: 20 })
  const { body } = await http.get(configMaps)
  const from = body.metadata.resourceVersion
  const silent = await http.watch(`${configMaps}?resourceVersion=${from}`)
  const watching = await http.watch(`${configMaps}?resourceVersion=${from}&allowWatchBookmarks=true`)
  await http.post(services, service("elsewhere"))
  const lines = await watching.until((all) =>
    all.some((line) => Number(line.object.metadata.resourceVersion) > Number(from)),
  )
  const bookmark = lines.at(-1)
  t.is(bookmark?.type, "BOOKMARK")
  t.is(bookmark?.object.kind, "ConfigMap")
  const onward = await http.watch(`${configMaps}?resourceVersion=${bookmark?.object.metadata.resourceVersion}`)
  await http.post(configMaps, configMap("next"))
  await onward.until((all) => all.length === 1)
  await silent.until((all) => all.length === 1)
  t.is(silent.lines[0]?.type, "ADDED")
  await Promise.all([silent.stop(), watching.stop(), onward.stop()])
})

test("timeoutSeconds ends the stream, with a last bookmark", async (t) => {
  const { http } = await server(t)
  const watching = await http.watch(`${configMaps}?timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=0`)
  await watching.untilEnd()
  t.deepEqual(
    watching.lines.map((line) => [line.type, line.object.metadata.annotations ?? null]),
    [
      ["BOOKMARK", { "k8s.io/initial-events-end": "true" }],
      ["BOOKMARK", null],
    ],
  )
})

test("sendInitialEvents needs resourceVersionMatch=NotOlderThan", async (t) => {
  const { http } = await server(t)
  const { status, body } = await http.get(`${configMaps}?watch=true&sendInitialEvents=true`)
  t.is(status, 422)
  t.regex(body.message, /resourceVersionMatch/)
})

test("a watch from the future is told that the version is too large", async (t) => {
  const { http } = await server(t)
  const { status, body } = await http.get(`${configMaps}?watch=true&resourceVersion=999999`)
  t.is(status, 504)
  t.is(body.details.causes[0].reason, "ResourceVersionTooLarge")
})

test("a watch as a Table names the columns once", async (t) => {
  const { http } = await server(t)
  const watching = await http.watch(services, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" })
  await watching.until((all) => all.length === 1)
  await http.post(services, service("web"))
  const lines = await watching.until((all) => all.length === 2)
  t.is(lines[0]?.object.columnDefinitions?.[0].name, "Name")
  t.is(lines[1]?.object.columnDefinitions, null)
  t.is(lines[1]?.object.rows[0].cells[0], "web")
  await watching.stop()
})

test("a namespace's watch does not see its neighbours", async (t) => {
  const { http } = await server(t)
  const watching = await http.watch("/api/v1/namespaces/kube-system/configmaps")
  await http.post(configMaps, configMap("a"))
  await http.post("/api/v1/namespaces/kube-system/configmaps", configMap("b"))
  const lines = await watching.until((all) => all.length === 1)
  t.is(lines[0]?.object.metadata.name, "b")
  await watching.stop()
})

test("a watcher that does not read is cut off, others go on", async (t) => {
  const { api, http } = await server(t, { watchBufferBytes: 512 * 1024 })
  const url = new URL(api.url)
  const stuck = connect(Number(url.port), url.hostname)
  t.teardown(async () => {
    stuck.destroy()
  })
  stuck.pause()
  stuck.write(`GET ${configMaps}?watch=true HTTP/1.1\r\nhost: x\r\n\r\n`)
  const healthy = await http.watch(configMaps)
  const closed = () => api.counts().slowWatchersClosed > 0
  const text = "x".repeat(100_000)
  let written = 0
  while (!closed() && written < 500) {
    await http.post(configMaps, configMap(`big-${written}`, { text }))
    written++
  }
  t.true(closed(), `${written} objects of 100 kB were written`)
  await healthy.until((all) => all.length === written)
  t.is(api.counts().watches, 1)
  await healthy.stop()
})

test("closeWatches ends every stream, as a restart would", async (t) => {
  const { api, http } = await server(t)
  const watching = await http.watch(configMaps)
  await http.get("/readyz")
  api.closeWatches()
  await watching.untilEnd()
  t.is(api.counts().watches, 0)
})
