import test from "ava"
import fc from "fast-check"
import { configMap, configMaps, type Line, server, type Watching } from "./client.ts"

// Several watchers, some filtered, some that come back after being away; random writes. What a watcher has pieced
// together must equal what a list with the same selector says.

const names = ["a", "b", "c", "d"]
const step = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    name: fc.constantFrom(...names),
    value: fc.nat(3),
    label: fc.constantFrom("x", "y"),
  }),
  fc.record({ kind: fc.constant("delete" as const), name: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant("finalizer" as const), name: fc.constantFrom(...names), on: fc.boolean() }),
  fc.record({ kind: fc.constant("reconnect" as const), watcher: fc.nat(2) }),
)

interface Watcher {
  readonly selector: string
  readonly state: Map<string, string>
  version: string
  watching: Watching
  seen: number
}

function take(watcher: Watcher): void {
  for (const line of watcher.watching.lines.slice(watcher.seen)) {
    watcher.seen++
    note(watcher, line)
  }
}

function note(watcher: Watcher, { type, object }: Line): void {
  if (type === "ERROR") throw new Error(JSON.stringify(object))
  watcher.version = object.metadata.resourceVersion
  if (type === "BOOKMARK") return
  if (type === "DELETED") watcher.state.delete(object.metadata.name)
  else watcher.state.set(object.metadata.name, JSON.stringify(object))
}

test("every watcher ends with what a list shows", async (t) => {
  const { api, http } = await server(t, { bookmarkIntervalMs: 5 })
  const open = (selector: string, version: string) =>
    http.watch(`${configMaps}?allowWatchBookmarks=true&labelSelector=${selector}&resourceVersion=${version}`)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const watchers: Watcher[] = []
      for (const selector of ["", "l%3Dx", "l%21%3Dx"]) {
        watchers.push({ selector, state: new Map(), version: "0", watching: await open(selector, "0"), seen: 0 })
      }
      for (const one of steps) {
        if (one.kind === "put") {
          const body = configMap(one.name, { value: String(one.value) }, { labels: { l: one.label } })
          const { status } = await http.post(configMaps, body)
          if (status === 409) await http.merge(`${configMaps}/${one.name}`, body)
        } else if (one.kind === "delete") await http.delete(`${configMaps}/${one.name}`)
        else if (one.kind === "finalizer") {
          const finalizers = one.on ? ["example.org/hold"] : null
          await http.merge(`${configMaps}/${one.name}`, { metadata: { finalizers } })
        } else {
          const watcher = watchers[one.watcher]
          if (watcher === undefined) continue
          await watcher.watching.stop()
          take(watcher)
          watcher.watching = await open(watcher.selector, watcher.version)
          watcher.seen = 0
        }
      }
      // A bookmark at the last revision says that everything before it was told.
      const revision = api.revision()
      for (const watcher of watchers) {
        await watcher.watching.until((lines) =>
          lines.some((line) => Number(line.object.metadata.resourceVersion) >= revision),
        )
        take(watcher)
        const list = await http.get(`${configMaps}?labelSelector=${watcher.selector}`)
        const expected = list.body.items.map((item): [string, string] => [
          item.metadata.name,
          JSON.stringify({ ...item, kind: "ConfigMap", apiVersion: "v1" }),
        ])
        const parsed = (pairs: Iterable<readonly [string, string]>) =>
          Object.fromEntries([...pairs].map(([name, text]): [string, unknown] => [name, JSON.parse(text)]))
        t.deepEqual(parsed(watcher.state), parsed(expected))
        await watcher.watching.stop()
      }
      for (const name of names) {
        await http.merge(`${configMaps}/${name}`, { metadata: { finalizers: null } })
        await http.delete(`${configMaps}/${name}`)
      }
    }),
    { numRuns: 40 },
  )
})
