import test from "ava"
import fc from "fast-check"
import { services } from "../../../kubernetes/client/collections.ts"
import { objectAt, textOf } from "../../../kubernetes/client/json.ts"
import { startReflector } from "../../../kubernetes/client/reflector.ts"
import { connectTo, fakeApi, hurried, status, until } from "./fake-api.ts"

const all = services.path
const deed = fc.constantFrom(
  ..."put put put remove again reset end garbage compact list-fails watch-fails watch-expires cut wait".split(" "),
)

test("whatever goes wrong between client and server, in the end both know the same, and every object's life was told in order", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(deed, fc.nat(5)), { minLength: 10, maxLength: 60 }), async (deeds) => {
      const api = await fakeApi()
      const time = hurried(500)
      const cluster = await connectTo(api, { time })
      const told = new Map<string, string>()
      const wrong: string[] = []
      const reflector = startReflector<string>({
        cluster,
        collection: services,
        time,
        keep: (object) => ["uid", "colour"].map((name) => textOf(objectAt(object, "metadata")[name])).join(),
        on: {
          changed(key, value) {
            const before = told.get(key)
            if (value === undefined && before === undefined) wrong.push(`${key} went without having come`)
            if (value !== undefined && before !== undefined && before.split(",")[0] !== value.split(",")[0])
              wrong.push(`${key} became another object without going first`)
            if (value === undefined) told.delete(key)
            else told.set(key, value)
          },
          listed() {},
          connected() {},
          disconnected() {},
          missing() {},
          unwatchable() {},
        },
      })

      let count = 0
      for (const [what, n] of deeds) {
        const name = `s${n}`
        const uid = api.objects(all).find(({ metadata }) => metadata.name === name)?.metadata["uid"] ?? `uid-${++count}`
        const object = { metadata: { name, namespace: "shop", uid, colour: `${++count}` } }
        const isWatch = ({ url }: { url: URL }) => url.searchParams.has("watch")
        if (what === "put") api.put(all, object)
        if (what === "remove") api.remove(all, name)
        if (what === "again") {
          api.remove(all, name)
          api.put(all, { metadata: { ...object.metadata, uid: `uid-${++count}` } })
        }
        if (what === "reset") api.endWatches(all, "reset")
        if (what === "end") api.endWatches(all, "end")
        if (what === "garbage") api.say(all, "{\n")
        // Half a line, then nothing more.
        if (what === "cut") {
          api.say(all, '{"type":"ADDED","object":{"metadata":{"name":"ghost"')
          api.endWatches(all, "end")
        }
        if (what === "compact") api.compact()
        if (what === "list-fails") api.intercept((request) => !isWatch(request), status(500, "InternalError", "no"))
        if (what === "watch-fails") api.intercept(isWatch, (_, socket) => socket.resetAndDestroy())
        if (what === "watch-expires") api.intercept(isWatch, status(410, "Expired", "too old"))
        if (what === "wait" || n === 0) await new Promise((resolve) => setTimeout(resolve, n))
      }

      const store = () =>
        api
          .objects(all)
          .map(({ metadata }) => `shop/${metadata.name}=${[metadata["uid"], metadata["colour"]].join()}`)
          .sort()
          .join(" ")
      const copy = () =>
        [...told]
          .map(([key, value]) => `${key}=${value}`)
          .sort()
          .join(" ")
      await until(
        () => api.watches() > 0 && copy() === store(),
        `the same on both sides after ${JSON.stringify(deeds)}`,
      )
      t.deepEqual(wrong, [])
      await reflector.stop()
      await until(() => api.watches() === 0, "no watch open")
      await cluster.close()
      await api.close()
    }),
    { numRuns: 25 },
  )
})
