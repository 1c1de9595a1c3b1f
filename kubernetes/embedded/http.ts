import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { stringify as yamlText } from "yaml"
import { mediaType, readBody } from "./body.ts"
import { type Chaos, failureFor } from "./chaos.ts"
import { aggregated, legacy, serverVersion } from "./discovery.ts"
import type { Call, Handlers } from "./handlers.ts"
import { negotiate } from "./negotiate.ts"
import type { JsonObject } from "./object.ts"
import { openApiV2 } from "./openapi-v2.ts"
import { openApiDocument, openApiIndex } from "./openapi.ts"
import type { Registry } from "./registry.ts"
import { PageNotFound, route } from "./routes.ts"
import { ApiError, badRequest } from "./status.ts"
import type { Store } from "./store.ts"
import { isWatch, watch } from "./watch.ts"

export interface HttpOptions {
  readonly store: Store
  readonly registry: Registry
  readonly handlers: Handlers
  readonly chaos: Chaos
  readonly random: () => number
  readonly bearerToken: string | undefined
  readonly bookmarkIntervalMs: number
  /** A watcher that lets this much pile up is cut off. */
  readonly watchBufferBytes: number
}

export interface HttpCounts {
  requests: number
  internalErrors: number
  slowWatchersClosed: number
}

/** The HTTP side: paths, encodings, errors, streams. */
export class HttpSide {
  readonly server: Server
  readonly counts: HttpCounts = { requests: 0, internalErrors: 0, slowWatchersClosed: 0 }
  readonly #options: HttpOptions
  readonly #watches = new Set<() => void>()

  constructor(options: HttpOptions) {
    this.#options = options
    this.server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      void this.#serve(request, response)
    })
    this.server.on("clientError", (_, socket) => socket.destroy())
  }

  get watches(): number {
    return this.#watches.size
  }

  /** Ends every watch, as a restarting server would. */
  closeWatches(): void {
    for (const end of Array.from(this.#watches)) end()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counts.requests++
    response.on("error", () => response.destroy())
    try {
      await this.#handle(request, response)
    } catch (error) {
      if (response.headersSent || response.destroyed) {
        response.destroy()
      } else if (error instanceof PageNotFound) {
        respondText(response, 404, "404 page not found\n")
      } else if (error instanceof ApiError) {
        for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
        respond(response, error.code, error.body)
      } else {
        this.counts.internalErrors++
        const text = error instanceof Error ? error.message : String(error)
        respond(response, 500, new ApiError(500, "InternalError", `Internal error occurred: ${text}`).body)
      }
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { chaos, random, bearerToken } = this.#options
    const method = request.method ?? "GET"
    const { path, query } = parseUrl(request.url ?? "/")
    if (bearerToken !== undefined && request.headers.authorization !== `Bearer ${bearerToken}`) {
      throw new ApiError(401, "Unauthorized", "Unauthorized")
    }
    const applies = chaos.applies(method, path)
    if (chaos.delayMs > 0 && applies) await sleep(chaos.delayMs)
    const failure = failureFor(chaos, method, path, random)
    if (failure === "reset") {
      request.socket.resetAndDestroy()
      return
    }
    if (failure === "too-many-requests") {
      const text = "the server has received too many requests and has asked us to try again later"
      throw new ApiError(429, "TooManyRequests", text, { retryAfterSeconds: 1 }, { "retry-after": "1" })
    }
    if (failure === "internal-error") throw new ApiError(500, "InternalError", "Internal error occurred: injected")
    const parts = path.split("/").filter((part) => part !== "")
    if (this.#document(request, response, path, parts, query)) return
    if (parts[0] !== "api" && parts[0] !== "apis") throw new PageNotFound()
    await this.#resource(request, response, method, parts, query)
  }

  /** Everything that is no resource. True when it was answered. */
  #document(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    parts: readonly string[],
    query: URLSearchParams,
  ): boolean {
    const { registry } = this.#options
    if (["/healthz", "/livez", "/readyz"].some((root) => path === root || path.startsWith(`${root}/`))) {
      respondText(response, 200, "ok")
      return true
    }
    if (path === "/version") {
      respond(response, 200, serverVersion)
      return true
    }
    if (path === "/openapi/v2") {
      const { type, bytes } = openApiV2(registry, request.headers.accept)
      response.setHeader("content-type", type)
      finish(response, 200, bytes)
      return true
    }
    if (path === "/openapi/v3") {
      response.setHeader("content-type", "text/plain; charset=utf-8")
      respond(response, 200, openApiIndex(registry))
      return true
    }
    if (path.startsWith("/openapi/v3/")) {
      const document = openApiDocument(registry, parts.slice(2))
      if (document === undefined) throw new PageNotFound()
      response.setHeader("cache-control", query.has("hash") ? "public, immutable" : "no-cache, private")
      respond(response, 200, document)
      return true
    }
    const short = (parts[0] === "api" && parts.length <= 2) || (parts[0] === "apis" && parts.length <= 3)
    if (!short) return false
    if (parts.length === 1 && (parts[0] === "api" || parts[0] === "apis")) {
      const wanted = negotiate(request.headers.accept, true)
      if (wanted.as === "APIGroupDiscoveryList") {
        response.setHeader("content-type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
        response.setHeader("cache-control", "public")
        respond(response, 200, aggregated(registry, parts[0] === "api"))
        return true
      }
    }
    const document = legacy(registry, parts)
    if (document === undefined) throw new PageNotFound()
    respond(response, 200, document)
    return true
  }

  async #resource(
    request: IncomingMessage,
    response: ServerResponse,
    method: string,
    parts: readonly string[],
    query: URLSearchParams,
  ): Promise<void> {
    const { registry, handlers } = this.#options
    const found = route(registry, parts)
    const watching = method === "GET" && found.name === "" && isWatch(query)
    const wanted = negotiate(request.headers.accept)
    const warnings: string[] = []
    const { kind } = found
    if (kind.deprecationWarning !== undefined) warnings.push(kind.deprecationWarning)
    const call: Call = {
      method,
      target: {
        ...found,
        manager: managerOf(request, query, mediaType(request.headers["content-type"])),
        dryRun: query.getAll("dryRun").includes("All"),
        fieldValidation: fieldValidationIn(query),
        warnings,
      },
      query,
      mediaType: mediaType(request.headers["content-type"]),
      body: method === "GET" || method === "HEAD" ? Buffer.alloc(0) : await readBody(request),
      wanted,
    }
    if (watching) {
      if (!kind.verbs.includes("watch")) throw new PageNotFound()
      warn(response, warnings)
      this.#watch(call, response)
      return
    }
    const answer = handlers.answer(call)
    warn(response, warnings)
    if (wanted.yaml) {
      response.setHeader("content-type", "application/yaml")
      respondText(response, answer.code, yamlText(answer.body))
    } else respond(response, answer.code, answer.body)
  }

  #watch(call: Call, response: ServerResponse): void {
    const { store, handlers, bookmarkIntervalMs, watchBufferBytes } = this.#options
    let stop: () => void = () => undefined
    let ended = false
    const end = () => {
      ended = true
      stop()
      this.#watches.delete(end)
      response.end()
    }
    const open = () => {
      if (response.headersSent) return
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" })
      response.flushHeaders()
    }
    const sink = {
      send: (event: { readonly type: string; readonly object: JsonObject }) => {
        if (ended) return
        if (response.writableLength > watchBufferBytes) {
          this.counts.slowWatchersClosed++
          end()
          response.destroy()
          return
        }
        open()
        response.write(lineOf(event))
      },
      close: end,
    }
    this.#watches.add(end)
    response.on("close", end)
    try {
      stop = watch({
        store,
        kind: call.target.kind,
        namespace: call.target.namespace,
        query: call.query,
        show: handlers.show(call),
        bookmarkIntervalMs,
        sink,
      })
    } catch (error) {
      this.#watches.delete(end)
      response.off("close", end)
      throw error
    }
    if (ended) stop()
    else open()
  }
}

/** Many watchers get the same stored object: it is turned into text once. */
const texts = new WeakMap<object, string>()
function lineOf(event: { readonly type: string; readonly object: JsonObject }): string {
  let text = texts.get(event.object)
  if (text === undefined) {
    text = JSON.stringify(event.object)
    texts.set(event.object, text)
  }
  return `{"type":"${event.type}","object":${text}}\n`
}

function parseUrl(text: string): { path: string; query: URLSearchParams } {
  try {
    const url = new URL(text, "http://embedded")
    return { path: decodeURIComponent(url.pathname), query: url.searchParams }
  } catch {
    throw badRequest("the URL cannot be parsed")
  }
}

function managerOf(request: IncomingMessage, query: URLSearchParams, type: string): string {
  const asked = query.get("fieldManager") ?? ""
  if (asked !== "" || type === "application/apply-patch+yaml") return asked
  return (request.headers["user-agent"] ?? "unknown").split("/")[0]?.slice(0, 128) || "unknown"
}

function fieldValidationIn(query: URLSearchParams): "Strict" | "Warn" | "Ignore" {
  const text = query.get("fieldValidation") ?? ""
  if (text === "") return "Warn"
  if (text === "Strict" || text === "Warn" || text === "Ignore") return text
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(text)}: supported values: "Ignore", "Strict", "Warn"`,
  )
}

function warn(response: ServerResponse, warnings: readonly string[]): void {
  const unique = [...new Set(warnings)].slice(0, 20)
  if (unique.length === 0) return
  const quoted = unique.map((text) => `299 - "${printable(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`)
  response.setHeader("warning", quoted)
}

/** Header values carry no control characters and no letters beyond Latin-1. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 1000)
}

function respond(response: ServerResponse, code: number, body: JsonObject): void {
  const text = JSON.stringify(body)
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json")
  finish(response, code, text)
}

function respondText(response: ServerResponse, code: number, text: string): void {
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "text/plain; charset=utf-8")
  finish(response, code, text)
}

function finish(response: ServerResponse, code: number, text: string | Uint8Array): void {
  if (!response.hasHeader("cache-control")) response.setHeader("cache-control", "no-cache, private")
  response.statusCode = code
  response.setHeader("content-length", Buffer.byteLength(text))
  response.end(text)
}
