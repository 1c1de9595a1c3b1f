import test, { type ExecutionContext } from "ava"
import { services } from "../../../kubernetes/client/collections.ts"
import { objectAt, textOf } from "../../../kubernetes/client/json.ts"
import { startReflector } from "../../../kubernetes/client/reflector.ts"
import { connectTo, type FakeApi, fakeApi, hurried, type Request, status, until } from "./fake-api.ts"

const all = services.path
const service = (name: string, more: object = {}) => ({ metadata: { name, namespace: "shop", ...more } })
const isList = (request: Request) => request.url.pathname === all && !request.url.searchParams.has("watch")
const isWatch = (request: Request) => request.url.searchParams.has("watch")

/** Follows the Services of a fake server; what happens is told as a list of words. Hurried: 30 s are 0.3 s. */
async function follow(t: ExecutionContext, prepare: (api: FakeApi) => void = () => {}, factor = 100) {
  const api = await fakeApi()
  prepare(api)
  const time = hurried(factor)
  const cluster = await connectTo(api, { time })
  const said: string[] = []
  const reflector = startReflector<string>({
    cluster,
    collection: services,
    time,
    keep: (object) => textOf(objectAt(object, "metadata")["colour"]) || "plain",
    on: {
      changed: (key, value) => said.push(`${key} ${value ?? "gone"}`),
      listed: () => said.push("listed"),
      connected: () => said.push("connected"),
      disconnected: (reason) => said.push(`lost: ${reason}`),
      missing: () => said.push("missing"),
      unwatchable: (reason) => said.push(`unwatchable: ${reason}`),
    },
  })
  t.teardown(async () => {
    await reflector.stop()
    await cluster.close()
    await api.close()
  })
  const changes = () => said.filter((line) => line.startsWith("shop/"))
  const watching = () => until(() => api.watches() === 1, "one open watch")
  return { api, said, reflector, changes, watching }
}

test("what exists is told, then listed, then every change", async (t) => {
  const { api, said, changes, watching } = await follow(t, (api) => api.put(all, service("a")))
  await watching()
  t.deepEqual(said.slice(0, 3), ["connected", "shop/a plain", "listed"])
  api.put(all, service("b"))
  api.put(all, service("b", { colour: "red" }))
  api.put(all, service("b", { colour: "red", managedFields: [{}], labels: {} }))
  api.remove(all, "a")
  await until(() => changes().includes("shop/a gone"), "a gone")
  t.deepEqual(changes(), ["shop/a plain", "shop/b plain", "shop/b red", "shop/a gone"])
})

test("the watch asks for bookmarks and for an end between 5 and 10 minutes", async (t) => {
  const { api, watching } = await follow(t)
  await watching()
  const query = api.requests.find(isWatch)?.url.searchParams
  t.is(query?.get("allowWatchBookmarks"), "true")
  const seconds = Number(query?.get("timeoutSeconds"))
  t.true(seconds >= 300 && seconds <= 600, `${seconds}`)
})

test("a long list comes in pages", async (t) => {
  const { api, reflector, watching } = await follow(t, (api) => {
    for (let i = 0; i < 1201; i++) api.put(all, service(`s${i}`))
  })
  await watching()
  t.is(reflector.values.size, 1201)
  t.is(api.requests.filter(isList).length, 3)
})

test("a page that is too old: the list is read again, in one piece", async (t) => {
  const { api, reflector, watching } = await follow(t, (api) => {
    for (let i = 0; i < 600; i++) api.put(all, service(`s${i}`))
    api.intercept((request) => request.url.searchParams.has("continue"), status(410, "Expired", "too old"))
  })
  await watching()
  t.is(reflector.values.size, 600)
  t.deepEqual(
    api.requests.filter(isList).map(({ url }) => url.searchParams.get("limit")),
    ["500", "500", null],
  )
})

test("a reset while watching: it watches on from where it was, and nothing is lost", async (t) => {
  const { api, said, changes, watching } = await follow(t)
  await watching()
  api.endWatches(all, "reset")
  await until(() => said.some((line) => line.startsWith("lost: services: the watch connection")), "the loss told")
  await watching()
  api.put(all, service("after"))
  await until(() => changes().length === 1, "the change after the reset")
  t.is(api.requests.filter(isList).length, 1)
  t.is(
    said.findLast((line) => !line.startsWith("shop/")),
    "connected",
  )
})

test("410 as a watch event or as the answer to a watch: listed again, differences told", async (t) => {
  const { api, changes, watching } = await follow(t, (api) => api.put(all, service("kept")))
  await watching()
  api.putUnseen(all, service("new"))
  api.say(all, `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, message: "too old" } })}\n`)
  await until(() => changes().includes("shop/new plain"), "new one told")
  await watching()

  api.intercept(isWatch, status(410, "Expired", "too old"))
  api.putUnseen(all, service("newer"))
  api.endWatches(all, "end")
  await until(() => changes().includes("shop/newer plain"), "newer one told")
  t.deepEqual(changes(), ["shop/kept plain", "shop/new plain", "shop/newer plain"])
})

test("deleted and made again while away: gone, then there", async (t) => {
  const { api, changes, watching } = await follow(t, (api) => api.put(all, service("a")))
  await watching()
  api.putUnseen(all, service("a", { uid: "another" }))
  api.intercept(isWatch, status(410, "Expired", "too old"))
  api.endWatches(all, "reset")
  await until(() => changes().length === 3, "three changes")
  t.deepEqual(changes(), ["shop/a plain", "shop/a gone", "shop/a plain"])
})

test("errors from the server are said in its words and retried, the list as well as the watch", async (t) => {
  const { said, changes, watching } = await follow(t, (api) => {
    api.put(all, service("a"))
    api.intercept(isList, status(403, "Forbidden", 'services is forbidden: User "x" cannot list'))
    api.intercept(isList, status(500, "InternalError", "etcd is away"))
    api.intercept(isWatch, status(503, "ServiceUnavailable", "starting"))
  })
  await watching()
  await until(() => said.length === 7, "seven lines")
  t.deepEqual(said, [
    'lost: services: services is forbidden: User "x" cannot list',
    "lost: services: etcd is away",
    "connected",
    "shop/a plain",
    "listed",
    "lost: services: starting",
    "connected",
  ])
  t.is(changes().length, 1)
})

test("429: not asked again before the server said so", async (t) => {
  const startMs = performance.now()
  const { said, watching } = await follow(
    t,
    (api) => api.intercept(isList, status(429, "TooManyRequests", "slow down", { "retry-after": "20" })),
    20,
  )
  await watching()
  t.is(said[0], "lost: services: slow down")
  // 20 s, hurried twentyfold. Without the header it would have been 0.25 s, that is 12 ms.
  t.true(performance.now() - startMs >= 1000)
})

test("garbage in the stream: said, and the watch begins anew", async (t) => {
  for (const garbage of [
    "this is no JSON\n",
    '{"type":"ADDED","object":{}}\n',
    '{"type":"NEWS","object":[]}\n',
    "[]\n",
  ]) {
    const { api, said, changes, watching } = await follow(t)
    await watching()
    api.say(all, garbage)
    await until(() => said.some((line) => line.includes("no watch event")), `complaint about ${garbage}`)
    await watching()
    api.put(all, service("after"))
    await until(() => changes().length === 1, "a change after the garbage")
  }
  t.pass()
})

test("a body that is no list: said and retried", async (t) => {
  const { said, watching } = await follow(t, (api) => {
    api.intercept(isList, (response) => response.end("<html>proxy</html>"))
    api.intercept(isList, (response) => response.end('{"kind":"Tea"}'))
  })
  await watching()
  t.regex(said[0] ?? "", /^lost: services: .* answered with something that is no JSON$/)
  t.is(said[1], "lost: services: the API server's list is no list")
})

test("a silent stream is given up after a while, without an alarm, and a bookmark moves the place to go on from", async (t) => {
  const { api, said, watching } = await follow(t, undefined, 300)
  await watching()
  api.say(all, `${JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: "777" } } })}\n`)
  await until(() => api.requests.filter(isWatch).length >= 2, "a second watch")
  t.is(api.requests.filter(isWatch)[1]?.url.searchParams.get("resourceVersion"), "777")
  t.deepEqual(
    said.filter((line) => line.startsWith("lost")),
    [],
  )
})

test("a server that hangs up at once is not asked without pause", async (t) => {
  const { api } = await follow(
    t,
    (api) => {
      for (let i = 0; i < 1000; i++) api.intercept(isWatch, (response) => void response.writeHead(200).end())
    },
    1,
  )
  const startMs = performance.now()
  await until(() => api.requests.filter(isWatch).length >= 4, "four watches")
  // After pauses of 0.25, 0.5 and 1 s, each 20 % shorter at most.
  t.true(performance.now() - startMs > 1300)
})

test("a collection that is not installed counts as empty; once it is there its objects are told", async (t) => {
  const { said, changes, watching } = await follow(t, (api) => {
    for (let i = 0; i < 3; i++) api.intercept(isList, status(404, "NotFound", "the server could not find it"))
    api.put(all, service("a"))
  })
  await watching()
  t.deepEqual(said.slice(0, 3), ["connected", "listed", "missing"])
  t.deepEqual(changes(), ["shop/a plain"])
})

test("allowed to list but not to watch: the list is read again and again, without an alarm", async (t) => {
  const forbidden = status(403, "Forbidden", "services is forbidden: cannot watch")
  const { api, said, changes, watching } = await follow(t, (api) => {
    api.put(all, service("a"))
    for (let i = 0; i < 2; i++) api.intercept(isWatch, forbidden)
  })
  await until(() => said.includes("unwatchable: services is forbidden: cannot watch"), "said once")
  api.putUnseen(all, service("b"))
  await until(() => changes().includes("shop/b plain"), "the change")
  // Allowed after all.
  await watching()
  t.deepEqual(
    said.filter((line) => line.startsWith("lost")),
    [],
  )
})

test("gone after it had been listed: what was known stays", async (t) => {
  const { api, said, changes, watching } = await follow(t, (api) => api.put(all, service("a")))
  await watching()
  api.intercept(isWatch, status(404, "NotFound", "the server could not find it"))
  api.endWatches(all, "end")
  await until(() => said.includes("missing"), "missing told")
  await watching()
  t.deepEqual(changes(), ["shop/a plain"])
})

test("stopped at any moment, no watch stays open", async (t) => {
  for (const moment of ["before the list", "during the list", "while watching", "between tries"]) {
    const { api, reflector, watching } = await follow(t, (api) => {
      if (moment === "during the list") api.intercept(isList, () => {})
      if (moment === "between tries") api.intercept(isList, status(500, "InternalError", "no"))
    })
    if (moment === "while watching") await watching()
    if (moment === "during the list" || moment === "between tries")
      await until(() => api.requests.length > 0, "the list asked for")
    await reflector.stop()
    await until(() => api.watches() === 0, `no watch open after a stop ${moment}`)
  }
  t.pass()
})
