import { readFileSync } from "node:fs"
import test, { type ExecutionContext } from "ava"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { Counterparts, differences, type Exchange, latestTime } from "./replay.ts"

// Every recorded exchange of kubectl and curl with a real kube-apiserver 1.36, in order, against one embedded server.
// `Counterparts` pairs what a server chooses (uids, versions, addresses); times are the recorded ones, by the clock.

function recording(name: string): Exchange[] {
  return JSON.parse(readFileSync(new URL(`../recordings/${name}`, import.meta.url), "utf8")) as Exchange[]
}

/** Where ours is meant to differ, and why. Everything else must match. */
const accepted: readonly { readonly when: (exchange: Exchange) => boolean; readonly why: string }[] = [
  {
    when: ({ request }) => request.path.startsWith("/openapi/"),
    why: "the documents hold what kubectl reads of them, not the real server's two megabytes",
  },
  {
    when: ({ response }) => typeof response.body === "string" && response.body.startsWith("(binary"),
    why: "answers are JSON, which such clients name as their second choice; only the length was recorded",
  },
]

/** Request bodies of which only the length was recorded. */
const bodies: Readonly<Record<string, unknown>> = {
  "kubectl create namespace demo": { apiVersion: "v1", kind: "Namespace", metadata: { name: "demo" } },
  "kubectl create service loadbalancer demo --tcp=80:8080 -n demo": {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "demo", labels: { app: "demo" } },
    spec: {
      type: "LoadBalancer",
      selector: { app: "demo" },
      ports: [{ name: "80-8080", protocol: "TCP", port: 80, targetPort: 8080 }],
    },
  },
  "kubectl auth can-i list services": {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { verb: "list", resource: "services", namespace: "default" } },
  },
}

/** When the objects of binary answers were made, as later answers say. */
const binaryMs = Date.parse("2026-11-22T23:47:31Z")

let nowMs = Date.parse("2026-11-22T23:44:57Z")
/** Kinds of our own were not there. */
const recorded = definitions.filter(({ spec }) => spec.group === "metallb.io")
const api = await startEmbeddedApi({ listen: [{}], definitions: recorded, nowMs: () => nowMs, bookmarkIntervalMs: 50 })
const known = new Counterparts()

test.before(async () => {
  nowMs = Date.parse("2026-11-22T23:46:43Z")
  await fetch(`${api.url}/api/v1/namespaces?fieldManager=kubectl-create`, {
    method: "POST",
    body: JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "metallb-system" } }),
    headers: { "content-type": "application/json" },
  })
})
test.after.always(() => api.close())

const exchanges = [...recording("kubectl-exchanges.json"), ...recording("exchanges.json")]
for (let i = 0; i < exchanges.length; i++) {
  const exchange = exchanges[i]
  if (exchange === undefined) continue
  const { command, request, response } = exchange
  const followers: Exchange[] = []
  if (isWatch(exchange)) {
    // What came after under the same name happened while the watch was open.
    for (let next = exchanges[i + 1]; next?.command === command; next = exchanges[i + 1]) {
      followers.push(next)
      i++
    }
  }
  test.serial(`${i} ${command}: ${request.method} ${request.path.split("?")[0]}`, async (t) => {
    const binary = Object.hasOwn(bodies, command) ? binaryMs : 0
    nowMs = Math.max(nowMs, binary, latestTime(response.body) ?? 0)
    await (isWatch(exchange) ? replayWatch(exchange, followers, t) : replay(exchange, t))
  })
}

function isWatch({ request, response }: Exchange): boolean {
  return response.status === 200 && /[?&]watch=/.test(request.path)
}

async function send(exchange: Exchange, t: ExecutionContext, abort?: AbortController): Promise<Response> {
  const { request, response } = exchange
  const type = request.contentType?.includes("protobuf") === true ? "application/json" : request.contentType
  const answer = await fetch(api.url + translated(request.path), {
    method: request.method,
    headers: {
      ...(request.accept === undefined ? {} : { accept: request.accept }),
      ...(type === undefined ? {} : { "content-type": type }),
      "user-agent": "curl/8.0",
    },
    ...(abort === undefined ? {} : { signal: abort.signal }),
    ...(request.body === undefined ? {} : { body: bodyOf(exchange) }),
  })
  t.is(answer.status, response.status)
  if (accepted.some(({ when }) => when(exchange))) return answer
  t.is(answer.headers.get("content-type"), response.contentType ?? null)
  if (response.headers !== undefined)
    t.is(answer.headers.get("cache-control"), response.headers["cache-control"] ?? null)
  return answer
}

async function replay(exchange: Exchange, t: ExecutionContext): Promise<void> {
  const answer = await send(exchange, t)
  const text = await answer.text()
  if (accepted.some(({ when }) => when(exchange))) {
    t.not(text, "")
    return
  }
  const ours: unknown = answer.headers.get("content-type")?.includes("json") === true ? JSON.parse(text) : text
  t.deepEqual(differences(ordered(exchange.response.body), ordered(ours), known), [])
}

/** Opens the watch, repeats what happened meanwhile, and compares all lines once there are as many. */
async function replayWatch(exchange: Exchange, followers: readonly Exchange[], t: ExecutionContext): Promise<void> {
  const expected = linesOf(exchange.response.body)
  const wantsBookmark = expected.some(isPlainBookmark)
  const abort = new AbortController()
  const answer = await send(exchange, t, abort)
  for (const follower of followers) {
    nowMs = Math.max(nowMs, latestTime(follower.response.body) ?? 0)
    await replay(follower, t)
  }
  const lines: unknown[] = []
  const { closedByClient } = exchange.response
  if (closedByClient !== true || expected.length > 0) {
    for await (const line of jsonLines(answer)) {
      if (wantsBookmark || !isPlainBookmark(line)) lines.push(line)
      if (closedByClient === true && lines.length >= expected.length) break
    }
  }
  abort.abort()
  t.deepEqual(differences(expected, lines, known), [])
}

async function* jsonLines(answer: Response): AsyncGenerator {
  let rest = ""
  for await (const chunk of answer.body ?? []) {
    const parts = (rest + Buffer.from(chunk as Uint8Array).toString()).split("\n")
    rest = parts.pop() ?? ""
    for (const part of parts) yield JSON.parse(part)
  }
}

/** Versions and identifiers inside the request are those of the recorded server. */
function translated(path: string): string {
  const version = (recorded: string) => known.of("version", recorded) ?? String(api.revision())
  return known
    .translate(path)
    .replace(/resourceVersion=(\d{2,})/, (_, found: string) => `resourceVersion=${version(found)}`)
}

function bodyOf(exchange: Exchange): string {
  const { body } = exchange.request
  if (typeof body === "string") return body.startsWith("(binary") ? JSON.stringify(bodies[exchange.command]) : body
  return JSON.stringify(body, (key, value: unknown) => {
    const version = key === "resourceVersion" || (key === "value" && typeof value === "string" && /^\d+$/.test(value))
    return version ? (known.of("version", value) ?? value) : value
  })
}

function linesOf(body: unknown): readonly unknown[] {
  if (typeof body !== "object" || body === null) return []
  return "lines" in body && Array.isArray(body.lines) ? body.lines : [body]
}

/** One that only tells the version, which a server sends when it likes. */
function isPlainBookmark(line: unknown): boolean {
  const text = JSON.stringify(line)
  return text.startsWith('{"type":"BOOKMARK"') && !text.includes("initial-events-end")
}

/** Groups and resources have no order that means anything. */
function ordered(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("kind" in body) || !("items" in body)) return body
  if (body.kind !== "APIGroupDiscoveryList" || !Array.isArray(body.items)) return body
  const items = [...(body.items as { metadata: { name?: string } }[])]
  return { ...body, items: items.sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1)) }
}
