import { execFile } from "node:child_process"
import fs from "node:fs"
import http from "node:http"
import type { AddressInfo } from "node:net"
import os from "node:os"
import path from "node:path"
import { promisify } from "node:util"
import test, { type ExecutionContext } from "ava"
import { serveMetrics } from "../../cli/daemon/metrics-port.ts"
import { text } from "../../cli/daemon/serve.ts"
import { issueSelfSigned } from "../../kubernetes/certificates/issue.ts"
import { accessCheck } from "../../kubernetes/client/access.ts"
import { realTime } from "../../kubernetes/client/time.ts"
import { connectTo, memoryLog, until } from "../kubernetes/client/fake-api.ts"

const run = promisify(execFile)

interface Review {
  readonly kind: string
  readonly spec: {
    readonly token?: string
    readonly user?: string
    readonly groups?: readonly string[]
    readonly uid?: string
    readonly extra?: Readonly<Record<string, readonly string[]>>
    readonly nonResourceAttributes?: { readonly path: string; readonly verb: string }
  }
}

/** An API server that knows two users, of whom one may read /metrics, and remembers what it was asked. */
async function reviewer(t: ExecutionContext) {
  const asked: Review[] = []
  const state = { reviewsForbidden: false, hold: undefined as Promise<void> | undefined }
  const answer = ({ kind, spec }: Review): object => {
    if (kind === "TokenReview") {
      if (!spec.token?.startsWith("token-of-")) return { authenticated: false, error: "invalid bearer token" }
      const username = spec.token.replace("token-of-", "")
      return { authenticated: true, user: { username, uid: "u-7", groups: ["scrapers"], extra: { scope: ["a"] } } }
    }
    return { allowed: spec.user === "prometheus" && spec.nonResourceAttributes?.path === "/metrics" }
  }
  const server = http.createServer((request, response) => {
    let body = ""
    request.on("data", (data) => {
      body += String(data)
    })
    const respond = (review: Review) => {
      const code = state.reviewsForbidden ? 403 : 201
      response.writeHead(code, { "content-type": "application/json" })
      const refused = { kind: "Status", message: "cannot create resource tokenreviews", reason: "Forbidden", code: 403 }
      response.end(JSON.stringify(state.reviewsForbidden ? refused : { ...review, status: answer(review) }))
    }
    request.on("end", () => {
      const review = JSON.parse(body) as Review
      asked.push(review)
      if (state.hold === undefined) respond(review)
      else void state.hold.then(() => respond(review))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  let nowMs = 0
  const cluster = await connectTo({ url: `http://127.0.0.1:${port}` })
  const time = { ...realTime, monotonicMs: () => nowMs }
  const access = accessCheck({ cluster, nonResourceURL: "/metrics", time })
  t.teardown(async () => {
    await cluster.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { asked, access, pass, state }
}

async function opened(t: ExecutionContext, certDirectory = "") {
  const api = await reviewer(t)
  const log = memoryLog()
  const server = await serveMetrics({
    host: "127.0.0.1",
    port: 0,
    certDirectory,
    settings: { minVersion: "TLSv1.3" },
    access: api.access,
    metrics: () => text("metallb_allocator_addresses_total 4"),
    log,
  })
  t.teardown(() => server.close())
  const curl = async (at: string, ...args: readonly string[]) => {
    const { stdout } = await run("curl", [
      ..."-sS -k --max-time 20 -w \n%{http_code}".split(" "),
      ...args,
      `https://localhost:${server.port}${at}`,
    ])
    const end = stdout.lastIndexOf("\n")
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) }
  }
  const as = (user: string) => ["-H", `Authorization: Bearer token-of-${user}`]
  return { ...api, server, log, curl, as }
}

test("who may, reads; who may not is told why", async (t) => {
  const { curl, as, asked } = await opened(t)
  t.deepEqual(await curl("/metrics", ...as("prometheus")), {
    status: 200,
    body: "metallb_allocator_addresses_total 4\n",
  })
  t.deepEqual(await curl("/metrics"), { status: 401, body: "Unauthorized: the request has no bearer token\n" })
  t.deepEqual(await curl("/metrics", "-H", "Authorization: Basic eDp5"), {
    status: 401,
    body: "Unauthorized: the request has no bearer token\n",
  })
  t.deepEqual(await curl("/metrics", "-H", "Authorization: Bearer wrong"), {
    status: 401,
    body: "Unauthorized: the API server does not accept the bearer token\n",
  })
  t.deepEqual(await curl("/metrics", ...as("intruder")), {
    status: 403,
    body: "Authorization denied for user intruder: may not get /metrics\n",
  })
  t.regex((await curl("/metrics", "-i")).body, /www-authenticate: Bearer/i)
  const review = asked.find(({ kind }) => kind === "SubjectAccessReview")
  t.deepEqual(review?.spec, {
    user: "prometheus",
    groups: ["scrapers"],
    uid: "u-7",
    extra: { scope: ["a"] },
    nonResourceAttributes: { path: "/metrics", verb: "get" },
  })
})

test("only /metrics is there, and only to be read; plain HTTP is not served", async (t) => {
  const { curl, as, server } = await opened(t)
  t.is((await curl("/", ...as("prometheus"))).status, 404)
  t.is((await curl("/debug/actors", ...as("prometheus"))).status, 404)
  t.is((await curl("/metrics", "-X", "POST", ...as("prometheus"))).status, 405)
  await t.throwsAsync(run("curl", ["-sS", "--max-time", "20", `http://localhost:${server.port}/metrics`]))
})

test("an answer holds for a minute, a refusal for ten seconds", async (t) => {
  const { access, asked, pass } = await reviewer(t)
  const check = (user: string) => access.check(`Bearer token-of-${user}`)
  for (let i = 0; i < 3; i++) t.is((await check("prometheus")).kind, "allowed")
  t.is(asked.length, 2)
  for (let i = 0; i < 3; i++) t.is((await check("intruder")).kind, "forbidden")
  t.is(asked.length, 4)
  pass(10_001)
  await check("intruder")
  await check("prometheus")
  t.is(asked.length, 6)
  pass(50_000)
  await check("prometheus")
  t.is(asked.length, 8)
  t.deepEqual(access.counts(), { reviews: 4, remembered: 5, refusedAsBusy: 0, entries: 2 })
})

test("many tokens fill no memory and hold up no API server", async (t) => {
  const { access, asked, state } = await reviewer(t)
  let release = () => {}
  state.hold = new Promise((resolve) => {
    release = resolve
  })
  const many = Array.from({ length: 20 }, (_, i) => access.check(`Bearer token-of-${i}`))
  const same = Array.from({ length: 5 }, () => access.check("Bearer token-of-0"))
  await until(() => asked.length === 8, "eight are asked about")
  release()
  state.hold = undefined
  const kinds = (await Promise.all(many)).map(({ kind }) => kind)
  t.is(kinds.filter((kind) => kind === "unavailable").length, 12)
  t.deepEqual(new Set((await Promise.all(same)).map(({ kind }) => kind)), new Set(["forbidden"]))
  for (let i = 0; i < 1100; i++) await access.check(`Bearer x${i}`)
  t.is(access.counts().entries, 1000)
  t.is((await access.check(`Bearer ${"x".repeat(20_000)}`)).kind, "unauthenticated")
})

test("without the right to ask it is closed, says so in the log, and asks again the next time", async (t) => {
  const { curl, as, state, log, asked } = await opened(t)
  state.reviewsForbidden = true
  const answer = await curl("/metrics", ...as("prometheus"))
  t.deepEqual(answer, { status: 503, body: "Authentication failed\n" })
  await curl("/metrics", ...as("prometheus"))
  t.is(asked.length, 2)
  t.is(log.lines.filter((line) => line.includes("cannot create resource tokenreviews")).length, 1)
  t.false(log.lines.join().includes("token-of"))
  state.reviewsForbidden = false
  t.is((await curl("/metrics", ...as("prometheus"))).status, 200)
})

test("with a certificate of one's own", async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-metrics-"))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const { cert, key } = await issueSelfSigned(Date.now())
  fs.writeFileSync(path.join(directory, "tls.crt"), cert)
  fs.writeFileSync(path.join(directory, "tls.key"), key.reveal())
  const { server, as } = await opened(t, directory)
  const trusting = ["-sS", "--max-time", "20", "--cacert", path.join(directory, "tls.crt")]
  const { stdout } = await run("curl", [...trusting, ...as("prometheus"), `https://localhost:${server.port}/metrics`])
  t.is(stdout, "metallb_allocator_addresses_total 4\n")
})
