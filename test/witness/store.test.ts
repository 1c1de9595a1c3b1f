// Redis as the witness: a real one, and what is none.
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { createServer, type Server } from "node:net"
import os from "node:os"
import path from "node:path"
import { once } from "node:events"
import test from "ava"
import { parseWitness } from "../../cli/witness/address.ts"
import { redisStore } from "../../cli/witness/redis-store.ts"
import type { WitnessAnswer, WitnessQuestion, WitnessStore } from "../../cluster/witness/messages.ts"
import { MemoryWitness } from "./memory-store.ts"
import { RedisServer, until } from "./redis-server.ts"

const web = "192.0.2.10"
const macs = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]

const open: (WitnessStore | RedisServer | Server)[] = []
test.afterEach.always(async () => {
  for (const one of open.splice(0)) {
    if (one instanceof RedisServer) await one.remove()
    else one.close()
  }
})

async function server(...options: readonly string[]): Promise<RedisServer> {
  const redis = new RedisServer(...options)
  open.push(redis)
  return redis.start()
}
async function store(
  url: string,
  over: { readonly prefix?: string; readonly password?: string; readonly ca?: string } = {},
) {
  const address = parseWitness(url, { prefix: "troupe:", ...over })
  if (!address.ok) throw new Error(address.error)
  const made = await redisStore(address.value)
  open.push(made)
  return made
}
/** Free a moment ago. */
async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1")
  await once(listener, "listening")
  const address = listener.address()
  await new Promise((done) => listener.close(done))
  return typeof address === "object" && address !== null ? address.port : 0
}
const claim = (epoch?: number, ip = web): WitnessQuestion => ({
  ip,
  what: { kind: "claim", ...(epoch !== undefined && { epoch }) },
})
const watch: WitnessQuestion = { ip: web, what: { kind: "watch" } }
const release: WitnessQuestion = { ip: web, what: { kind: "release" } }
const as = (to: WitnessStore, node: string, ttlMs = 60_000) => ({
  ask: async (...questions: readonly WitnessQuestion[]) => to.exchange({ node, macs, ttlMs }, questions),
  async one(question: WitnessQuestion): Promise<WitnessAnswer> {
    const [answer] = await to.exchange({ node, macs, ttlMs }, [question])
    if (answer === undefined) throw new Error("no answer")
    return answer
  },
})
const whom = ({ others }: WitnessAnswer) => others.map(({ node, epoch }) => [node, epoch])

const kinds = {
  async Redis() {
    const redis = await server()
    return { make: () => store(redis.url), forget: async () => void (await redis.cli("FLUSHALL")) }
  },
  async "the one in memory, for other tests"() {
    const memory = new MemoryWitness(() => performance.now())
    return { make: async () => memory.store(), forget: async () => memory.forget() }
  },
} as const
for (const [kind, begin] of Object.entries(kinds)) {
  test.serial(
    `${kind}: a claim is renewed in its epoch; the next is newer; both stand beside each other`,
    async (t) => {
      const { make } = await begin()
      const [alpha, bravo] = [as(await make(), "alpha"), as(await make(), "bravo")]
      const first = await alpha.one(claim())
      t.like(first.own, { node: "alpha", epoch: 1, macs })
      t.deepEqual(first.others, [])
      const again = await until(async () => {
        const renewed = await alpha.one(claim(1))
        return (renewed.own?.renewedMs ?? 0) > (first.own?.renewedMs ?? 0) ? renewed : undefined
      }, "the claim is not renewed")
      t.is(again.own?.sinceMs, first.own?.sinceMs)
      t.is(again.own?.epoch, 1)
      const other = await bravo.one(claim())
      t.is(other.own?.epoch, 2)
      t.deepEqual(whom(other), [["alpha", 1]])
      t.deepEqual(whom(await alpha.one(claim(1))), [["bravo", 2]])
      t.deepEqual(whom(await bravo.one(release)), [["alpha", 1]])
      const left = await alpha.one(claim(1))
      t.deepEqual([left.own?.epoch, whom(left)], [1, []])
      t.is((await bravo.one(watch)).own, undefined)
      t.is((await bravo.one(claim())).own?.epoch, 3, "an epoch is given once")
    },
  )

  test.serial(
    `${kind}: a claim that nobody renews ends; who renews it too late begins anew in its epoch`,
    async (t) => {
      const { make } = await begin()
      const [alpha, bravo] = [as(await make(), "alpha", 200), as(await make(), "bravo", 200)]
      const first = await alpha.one(claim())
      await until(
        async () => ((await bravo.one(watch)).others.length === 0 ? true : undefined),
        "the claim does not end",
      )
      t.is((await bravo.one(claim())).own?.epoch, 2)
      const late = await alpha.one(claim(1))
      t.is(late.own?.epoch, 1)
      t.true((late.own?.sinceMs ?? 0) > (first.own?.sinceMs ?? 0))
    },
  )

  test.serial(`${kind}: a claim that is renewed late, but lives, begins anew as well`, async (t) => {
    const { make } = await begin()
    const alpha = as(await make(), "alpha", 60_000)
    const first = await alpha.one(claim())
    // The same claim, asked for with half a life that is shorter than the time since.
    const hasty = as(await make(), "alpha", 2000)
    const late = await until(async () => {
      await new Promise((done) => setTimeout(done, 1100))
      const renewed = await hasty.one(claim(1))
      return renewed.own?.epoch === 1 ? renewed : undefined
    }, "no claim")
    t.true((late.own?.sinceMs ?? 0) > (first.own?.sinceMs ?? 0))
  })

  test.serial(`${kind}: one that has forgotten everything goes on from what the nodes remember`, async (t) => {
    const { make, forget } = await begin()
    const [alpha, bravo] = [as(await make(), "alpha"), as(await make(), "bravo")]
    await alpha.one(claim(7))
    await forget()
    t.is((await alpha.one(claim(7))).own?.epoch, 7)
    t.is((await bravo.one(claim())).own?.epoch, 8)
  })
}

test.serial("nothing stays in Redis of a claim that has ended", async (t) => {
  const redis = await server()
  await as(await store(redis.url), "alpha", 100).one(claim())
  const exists = () => redis.cli("EXISTS", `troupe:claims:${web}`)
  await until(async () => ((await exists()) === "0" ? true : undefined), "a key stays")
  t.is(await redis.cli("EXISTS", `troupe:epoch:${web}`), "1", "but its epoch does")
})

test.serial("many addresses at once, of both families, and two clusters in one Redis", async (t) => {
  const redis = await server()
  const ips = Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? `198.18.${i >> 8}.${i & 255}` : `2001:db8::${i}`))
  const alpha = as(await store(redis.url), "alpha")
  const other = as(await store(redis.url, { prefix: "other:" }), "bravo")
  const answers = await alpha.ask(...ips.map((ip) => claim(undefined, ip)))
  t.is(answers.length, 500)
  t.true(answers.every(({ own }) => own?.epoch === 1))
  t.deepEqual(whom(await other.one(claim(undefined, ips[0]))), [])
})

test.serial("what others have written under our keys is an error or is cleared away", async (t) => {
  const redis = await server()
  const alpha = as(await store(redis.url), "alpha")
  await redis.cli("HSET", `troupe:claims:${web}`, "bravo", "nonsense", "charlie", "1:2:3", "alpha", "")
  t.like(await alpha.one(claim()), { others: [], own: { epoch: 1 } })
  await redis.cli("SET", "troupe:claims:192.0.2.11", "text")
  await t.throwsAsync(alpha.one(claim(undefined, "192.0.2.11")), { message: /WRONGTYPE/ })
  await redis.cli("SET", "troupe:epoch:192.0.2.12", "text")
  t.is((await alpha.one(claim(undefined, "192.0.2.12"))).own?.epoch, 1)
})

test.serial("a password: wrong, missing, right; and in no error", async (t) => {
  const redis = await server("--requirepass", "s3cret/word")
  for (const [wrong, options] of [
    [`redis-wrong`, { password: "n0t-the-one" }],
    ["none", {}],
  ] as const) {
    const error = await until(
      async () =>
        as(await store(redis.url, options), "alpha")
          .one(claim())
          .then(() => undefined)
          .catch((reason: unknown) => String(reason)),
      wrong,
    )
    t.regex(error, /WRONGPASS|NOAUTH|not connected/)
    t.notRegex(error, /n0t-the-one/)
  }
  t.is((await as(await store(redis.url, { password: "s3cret/word" }), "alpha").one(claim())).own?.epoch, 1)
})

test.serial("killed, it is refused at once; started again, it answers", async (t) => {
  const redis = await server()
  const alpha = as(await store(redis.url), "alpha")
  await alpha.one(claim())
  await redis.kill()
  const begunMs = performance.now()
  await t.throwsAsync(alpha.one(claim(1)))
  t.true(performance.now() - begunMs < 5000)
  await redis.start()
  const back = await until(() => alpha.one(claim(1)).catch(() => undefined), "it does not come back")
  t.is(back.own?.epoch, 1)
})

test.serial("slow: nobody waits longer than a second and a half", async (t) => {
  const redis = await server()
  const alpha = as(await store(redis.url), "alpha")
  await alpha.one(claim())
  await redis.cli("CLIENT", "PAUSE", "60000")
  await t.throwsAsync(alpha.one(claim(1)), { message: /timed out/ })
})

test.serial("TLS: checked against the file that was given, and not believed without", async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-tls-"))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const [key, certificate] = [path.join(directory, "key.pem"), path.join(directory, "cert.pem")]
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
  const request = ["req", "-x509", "-nodes", "-days", "2", ...curve, ...subject]
  execFileSync("openssl", [...request, "-keyout", key, "-out", certificate], { stdio: "ignore" })
  const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]
  const port = await until(async () => {
    const free = await freePort()
    const redis = await server("--tls-port", String(free), "--tls-auth-clients", "no", ...files)
    const listens = await redis.cli("PING").catch(() => "")
    return listens === "PONG" && redis.running ? free : undefined
  }, "no Redis with TLS")
  const url = `rediss://localhost:${port}`
  const trusting = as(await store(url, { ca: fs.readFileSync(certificate, "utf8") }), "alpha")
  t.is((await trusting.one(claim())).own?.epoch, 1)
  const error = await t.throwsAsync(as(await store(url), "bravo").one(claim()))
  t.regex(error.message, /certificate|self/)
})

for (const [what, answer] of [
  ["says nothing", undefined],
  ["speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
  ["sends noise", "\u0000\u0001$*+:-\r\n*99999999\r\n"],
] as const) {
  test.serial(`something else listens there, and ${what}`, async (t) => {
    const listener = createServer((socket) => {
      socket.on("error", () => undefined)
      if (answer !== undefined) socket.on("data", () => void socket.write(answer))
    }).listen(0, "127.0.0.1")
    open.push(listener)
    await once(listener, "listening")
    const address = listener.address()
    if (address === null || typeof address === "string") throw new Error("no port")
    const alpha = as(await store(`redis://127.0.0.1:${address.port}`), "alpha")
    await t.throwsAsync(alpha.one(claim()))
  })
}

test("where it is, as text: what can be asked for, and what people see of it", (t) => {
  const where = (text: string, over = {}) => parseWitness(text, { prefix: "troupe:", ...over })
  const rows: readonly (readonly [string, object])[] = [
    ["redis://redis.example", { where: "redis://redis.example:6379", host: "redis.example", port: 6379 }],
    ["redis://192.0.2.9:7000/3", { where: "redis://192.0.2.9:7000/3", host: "192.0.2.9", port: 7000, db: 3 }],
    ["redis://[2001:db8::9]", { where: "redis://[2001:db8::9]:6379", host: "2001:db8::9", port: 6379 }],
    [
      "rediss://r.example:1",
      { where: "rediss://r.example:1", host: "r.example", port: 1, tls: { servername: "r.example" } },
    ],
    [
      "redis://me:p%40ss@r.example",
      { where: "redis://r.example:6379", host: "r.example", port: 6379, username: "me", password: "p@ss" },
    ],
    ["redis://:pass@r.example", { where: "redis://r.example:6379", host: "r.example", port: 6379, password: "pass" }],
    ["unix:///run/redis.sock", { where: "unix:///run/redis.sock", path: "/run/redis.sock" }],
  ]
  for (const [text, want] of rows)
    t.deepEqual(where(text), { ok: true, value: { prefix: "troupe:", ...want } as never })
  t.like(where("redis://:old@r.example", { password: "new" }), { value: { password: "new" } })
  for (const text of [
    "",
    "redis",
    "redis://",
    "http://r.example",
    "redis://r.example/x",
    "redis://:s3cret@/1",
    "unix://r/x",
    "redis://r.example?x=1",
  ]) {
    const refused = where(text)
    t.regex(refused.ok ? "" : refused.error, /^witness must be redis:/, text)
  }
  t.false(where("redis://r.example", { prefix: "two words" }).ok)
})
