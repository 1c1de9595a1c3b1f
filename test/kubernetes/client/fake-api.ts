import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import type { Cluster } from "../../../kubernetes/client/cluster.ts"
import { loadCluster } from "../../../kubernetes/client/load.ts"
import type { Log } from "../../../kubernetes/client/log.ts"
import { realTime, type Time } from "../../../kubernetes/client/time.ts"

/** An API server that does what it is told, wrongly if need be: for the failures that a correct one does not show. */
export interface FakeApi {
  readonly url: string
  readonly requests: readonly Request[]
  /** Connections accepted so far. */
  readonly connections: number
  /** Watches open now, all or those of one collection. */
  watches(collection?: string): number
  put(collection: string, object: FakeObject): void
  remove(collection: string, name: string): void
  /** Changes the store without telling the watches, as if they had been away. */
  putUnseen(collection: string, object: FakeObject): void
  /** What a list gives now. */
  objects(collection: string): readonly FakeObject[]
  /** Forgets what happened: a watch from before now gets 410. */
  compact(): void
  /** Answers the next request that matches instead of the store. */
  intercept(matches: (request: Request) => boolean, answer: Answer): void
  /** Writes to the open watches of a collection as it is. */
  say(collection: string, text: string): void
  /** Ends the open watches: in order, or by a reset. */
  endWatches(collection: string, how: "end" | "reset"): void
  close(): Promise<void>
}

export interface Request {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

export interface FakeObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [more: string]: unknown }
  readonly [more: string]: unknown
}

type Answer = (response: ServerResponse, socket: Socket) => void

export const status =
  (code: number, reason: string, message: string, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(code, { "content-type": "application/json", ...headers })
    response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message }))
  }

export const json =
  (value: unknown): Answer =>
  (response) => {
    response.writeHead(200, { "content-type": "application/json" })
    response.end(JSON.stringify(value))
  }

interface Watch {
  readonly collection: string
  readonly response: ServerResponse
  readonly socket: Socket
}

export async function fakeApi(tls?: { readonly key: string; readonly cert: string }): Promise<FakeApi> {
  const store = new Map<string, Map<string, FakeObject>>()
  const requests: Request[] = []
  const rules: { matches: (request: Request) => boolean; answer: Answer }[] = []
  const watches = new Set<Watch>()
  const sockets = new Set<Socket>()
  const history: { collection: string; version: number; text: string }[] = []
  let connections = 0
  let version = 100
  let compacted = 0

  const listener = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const request: Request = {
      method: incoming.method ?? "",
      url: new URL(incoming.url ?? "", "http://fake"),
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    }
    requests.push(request)
    const rule = rules.findIndex(({ matches }) => matches(request))
    if (rule >= 0) return rules.splice(rule, 1)[0]?.answer(response, incoming.socket)
    const objects = store.get(request.url.pathname) ?? new Map<string, FakeObject>()
    if (request.method !== "GET")
      return json(request.body === "" ? {} : JSON.parse(request.body))(response, incoming.socket)
    if (request.url.searchParams.get("watch") === "true") {
      const watch = { collection: request.url.pathname, response, socket: incoming.socket }
      response.writeHead(200, { "content-type": "application/json" })
      response.flushHeaders()
      const since = Number(request.url.searchParams.get("resourceVersion"))
      if (since < compacted) {
        response.end(
          `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, message: "too old" } })}\n`,
        )
        return
      }
      for (const event of history)
        if (event.collection === watch.collection && event.version > since) response.write(event.text)
      watches.add(watch)
      response.on("close", () => watches.delete(watch))
      return
    }
    const limit = Number(request.url.searchParams.get("limit") ?? "100000")
    const from = Number(request.url.searchParams.get("continue") ?? "0")
    const items = [...objects.values()].slice(from, from + limit)
    const more = from + limit < objects.size ? { continue: String(from + limit) } : {}
    json({ kind: "List", metadata: { resourceVersion: String(version), ...more }, items })(response, incoming.socket)
  }

  const handle = (incoming: IncomingMessage, response: ServerResponse) => void listener(incoming, response)
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo

  const keep = (collection: string, object: FakeObject): FakeObject => {
    const objects = store.get(collection) ?? new Map<string, FakeObject>()
    store.set(collection, objects)
    const uid = object.metadata["uid"] ?? `uid-${object.metadata.name}`
    const stamped = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(++version) } }
    objects.set(object.metadata.name, stamped)
    return stamped
  }
  const say = (collection: string, text: string) => {
    for (const watch of watches) if (watch.collection === collection) watch.response.write(text)
  }
  const event = (collection: string, type: string, object: unknown) => {
    const text = `${JSON.stringify({ type, object })}\n`
    history.push({ collection, version, text })
    say(collection, text)
  }

  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    requests,
    get connections() {
      return connections
    },
    watches: (collection) =>
      [...watches].filter((watch) => collection === undefined || watch.collection === collection).length,
    put(collection, object) {
      const known = store.get(collection)?.has(object.metadata.name) === true
      event(collection, known ? "MODIFIED" : "ADDED", keep(collection, object))
    },
    objects: (collection) => [...(store.get(collection)?.values() ?? [])],
    compact() {
      compacted = version
      history.length = 0
    },
    putUnseen: (collection, object) => void keep(collection, object),
    remove(collection, name) {
      const object = store.get(collection)?.get(name)
      store.get(collection)?.delete(name)
      if (object === undefined) return
      const metadata = { ...object.metadata, resourceVersion: String(++version) }
      event(collection, "DELETED", { ...object, metadata })
    },
    intercept: (matches, answer) => void rules.push({ matches, answer }),
    say,
    endWatches(collection, how) {
      for (const watch of watches) {
        if (watch.collection !== collection) continue
        watches.delete(watch)
        if (how === "end") watch.response.end()
        else watch.socket.resetAndDestroy()
      }
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** A temporary directory that goes when the process ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "troupe-kubernetes-"))
  directories.push(directory)
  return directory
}

const directories: string[] = []
process.on("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

export function kubeconfig(server: string, more: { cluster?: object; user?: object } = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "fake", cluster: { server, ...more.cluster } }],
    users: [{ name: "tester", user: more.user ?? {} }],
    contexts: [{ name: "here", context: { cluster: "fake", user: "tester" } }],
    "current-context": "here",
  })
}

export async function connectTo(
  api: { readonly url: string },
  options: { time?: Time; cluster?: object; user?: object } = {},
): Promise<Cluster> {
  const file = path.join(temporaryDirectory(), "config")
  writeFileSync(file, kubeconfig(api.url, options))
  const cluster = await loadCluster({ kubeconfig: file, ...(options.time && { time: options.time }) })
  if (!cluster.ok) throw new Error(cluster.error)
  return cluster.value
}

const requestTimeoutsMs = [30_000, 60_000]

/** Timers run that many times as fast, but a request has its full time: a busy machine is no failure. */
export const hurried = (factor: number): Time => ({
  ...realTime,
  monotonicMs: () => realTime.monotonicMs() * factor,
  after: (delayMs, run) => realTime.after(requestTimeoutsMs.includes(delayMs) ? delayMs : delayMs / factor, run),
})

export function memoryLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const line =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  return { lines, debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") }
}

/** Waits until the condition holds, for at most half a minute; then fails with what was hoped for. */
export async function until(holds: () => boolean, hoped: string): Promise<void> {
  for (const deadline = performance.now() + 30_000; !holds(); ) {
    if (performance.now() > deadline) throw new Error(`still not: ${hoped}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
