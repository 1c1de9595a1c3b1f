import test, { type ExecutionContext } from "ava"
import fc from "fast-check"
import type { Socket } from "node:net"
import { kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { exactJsonText, parseExactJson } from "../../../kubernetes/client/exact-json.ts"
import { objectAt } from "../../../kubernetes/client/json.ts"
import { customPath, embeddedCluster, ours, send } from "./embedded-cluster.ts"
import { connectTo, fakeApi, hurried, memoryLog, status, until } from "./fake-api.ts"

const huge = 2n ** 63n - 1n
const wish = { name: "blue", assignedIPv4: 3n, assignedIPv6: 2n ** 53n + 1n, availableIPv4: 253n, availableIPv6: huge }
const poolPath = customPath("ipaddresspools", "blue")

async function start(t: ExecutionContext) {
  const fake = await fakeApi()
  const time = hurried(50)
  const cluster = await connectTo(fake, { time })
  const log = memoryLog()
  const api = kubernetesClusterApi(cluster, { namespace: ours, log, time })
  t.teardown(async () => {
    await api.stop()
    await cluster.close()
    await fake.close()
  })
  const answerWith = (text: string) =>
    fake.intercept(
      ({ method, url }) => method === "GET" && url.pathname === poolPath,
      (response) => response.end(text),
    )
  const puts = () => fake.requests.filter(({ method }) => method === "PUT")
  return { fake, api, log, answerWith, puts }
}

const pool = (counters: string) =>
  `{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"blue","namespace":"${ours}","resourceVersion":"7"},"spec":{"addresses":["fd00::/64"]},"status":${counters}}`

test("one PUT of the whole pool, every digit as it is", async (t) => {
  const { fake, api, answerWith, puts } = await start(t)
  answerWith(pool("{}"))
  api.writePoolStatus(wish)
  await until(() => api.writeCounts().ipaddresspools.writes === 1, "written")
  t.is(puts().length, 1)
  t.is(puts()[0]?.url.pathname, `${poolPath}/status`)
  t.is(
    puts()[0]?.body,
    pool(`{"assignedIPv4":3,"assignedIPv6":9007199254740993,"availableIPv4":253,"availableIPv6":9223372036854775807}`),
  )
  t.false(fake.requests.some(({ method }) => method === "PATCH"))
})

test("nothing is sent when the pool says so already, down to the last digit", async (t) => {
  const { api, answerWith, puts } = await start(t)
  const counters = (last: string) =>
    `{"assignedIPv4":3,"assignedIPv6":9007199254740993,"availableIPv4":253,"availableIPv6":${last}}`
  answerWith(pool(counters("9223372036854775807")))
  api.writePoolStatus(wish)
  await until(() => api.writeCounts().ipaddresspools.rounds === 1, "looked at")
  await until(() => api.writeCounts().ipaddresspools.active === 0, "done")
  t.is(puts().length, 0)
  answerWith(pool(counters("9223372036854775806")))
  api.writePoolStatus(wish)
  await until(() => puts().length === 1, "one less is a difference")
  t.pass()
})

test("a conflict, a refusal, a broken connection: read again and written; only what is refused is said", async (t) => {
  const { fake, api, log, answerWith, puts } = await start(t)
  const answers = [
    status(409, "Conflict", "the object has been modified"),
    status(403, "Forbidden", "ipaddresspools/status is forbidden"),
    (_: unknown, socket: Socket) => socket.resetAndDestroy(),
  ]
  for (const answer of answers) {
    answerWith(pool("{}"))
    fake.intercept(({ method }) => method === "PUT", answer)
  }
  answerWith(pool("{}"))
  api.writePoolStatus(wish)
  await until(() => api.writeCounts().ipaddresspools.writes === 1, "written in the end")
  t.is(puts().length, 4)
  t.is(api.writeCounts().ipaddresspools.retries, 3)
  t.true(log.lines.some((line) => line.includes("ipaddresspools/status is forbidden")))
  t.false(log.lines.some((line) => line.includes("has been modified")))
  t.true(log.lines.some((line) => line.includes("the statuses of pools are written again")))
})

test("a pool that is gone needs no status; made again it gets it; an edit is undone; the newest numbers win", async (t) => {
  const { server, client } = await embeddedCluster(t)
  const { api } = await client()
  await new Promise<void>((synced) => api.watch({ configuration: true }, { synced }))
  const put = () =>
    server.objects.put({
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name: "blue", namespace: ours },
      spec: { addresses: ["192.168.1.0/24"] },
    })
  const counters = () => objectAt(server.objects.get("metallb.io/v1beta1", "IPAddressPool", "blue", ours), "status")
  const small = { name: "blue", assignedIPv4: 1n, assignedIPv6: 0n, availableIPv4: 255n, availableIPv6: 0n }
  const said = (assignedIPv4: number, availableIPv4: number) => () =>
    counters()["assignedIPv4"] === assignedIPv4 && counters()["availableIPv4"] === availableIPv4
  api.writePoolStatus(small)
  await until(() => api.writeCounts().ipaddresspools.rounds === 1, "looked for")
  put()
  await until(said(1, 255), "written once it is there")
  await send(server, "PATCH", `${poolPath}/status`, { status: { assignedIPv4: 77 } })
  await until(said(1, 255), "the edit undone")
  for (let n = 2n; n <= 20n; n++) api.writePoolStatus({ ...small, assignedIPv4: n, availableIPv4: 256n - n })
  await until(said(20, 236), "the newest")
  api.forgetWishes()
  await send(server, "PATCH", `${poolPath}/status`, { status: { assignedIPv4: 78 } })
  const { api: other } = await client()
  other.writePoolStatus({ ...small, name: "green" })
  await until(() => other.writeCounts().ipaddresspools.rounds === 1, "somebody else was served")
  t.is(counters()["assignedIPv4"], 78)
})

test("JSON there and back keeps every whole number", (t) => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: huge }),
      fc.double({ noNaN: true }),
      fc.string(),
      (whole, real, text) => {
        const small = whole >= -(2n ** 53n) + 1n && whole <= 2n ** 53n - 1n
        const back = parseExactJson(exactJsonText({ whole, text, list: [whole] }))
        const expected = small ? Number(whole) : whole
        t.deepEqual(back, { whole: expected, text, list: [expected] })
        if (Number.isFinite(real) && !Number.isInteger(real)) t.is(parseExactJson(exactJsonText(real)), real)
      },
    ),
  )
  t.is(parseExactJson("{"), undefined)
  t.is(parseExactJson("1e400"), Infinity)
})
