import { exactJsonText } from "../client/exact-json.ts"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { stringify as yamlText } from "yaml"
import { ConnectionLost, mediaType, readBody } from "./body.ts"
import { type Chaos, failureFor } from "./chaos.ts"
import { answerDocument } from "./documents.ts"
import type { Call, Handlers } from "./handlers.ts"
import { negotiate } from "./negotiate.ts"
import type { JsonObject } from "./object.ts"
import type { Registry } from "./registry.ts"
import { respond, respondText, warn } from "./respond.ts"
import { PageNotFound, route } from "./routes.ts"
import { ApiError, badRequest, invalidOptions, notSupported, tooManyRequests } from "./status.ts"
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
  /** Open at the same time; more get 429. */
  readonly maxWatches: number
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
      if (response.headersSent || response.destroyed || error instanceof ConnectionLost) {
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
    const { path, parts, query } = parseUrl(request.url ?? "/")
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
    if (failure === "too-many-requests") throw tooManyRequests()
    if (failure === "internal-error") throw new ApiError(500, "InternalError", "Internal error occurred: injected")
    if (answerDocument(this.#options.registry, request, response, path, parts, query)) return
    if (parts[0] !== "api" && parts[0] !== "apis") throw new PageNotFound()
    await this.#resource(request, response, method, parts, query, failure === "lost-answer")
  }

  async #resource(
    request: IncomingMessage,
    response: ServerResponse,
    method: string,
    parts: readonly string[],
    query: URLSearchParams,
    loseAnswer: boolean,
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
        dryRun: dryRunIn(method, query),
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
    if (loseAnswer) {
      request.socket.resetAndDestroy()
      return
    }
    warn(response, warnings)
    if (wanted.yaml) {
      response.setHeader("content-type", "application/yaml")
      respondText(response, answer.code, yamlText(answer.body))
    } else respond(response, answer.code, answer.body)
  }

  #watch(call: Call, response: ServerResponse): void {
    const { store, handlers, bookmarkIntervalMs, watchBufferBytes, maxWatches } = this.#options
    if (this.#watches.size >= maxWatches) throw tooManyRequests()
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
    text = exactJsonText(event.object)
    texts.set(event.object, text)
  }
  return `{"type":"${event.type}","object":${text}}\n`
}

function parseUrl(text: string): { path: string; parts: readonly string[]; query: URLSearchParams } {
  try {
    const url = new URL(text, "http://embedded")
    const parts = url.pathname.split("/").filter((part) => part !== "")
    return { path: url.pathname, parts: parts.map(decodeURIComponent), query: url.searchParams }
  } catch {
    throw badRequest("the URL cannot be parsed")
  }
}

function managerOf(request: IncomingMessage, query: URLSearchParams, type: string): string {
  const asked = query.get("fieldManager") ?? ""
  if (asked !== "" || type === "application/apply-patch+yaml") return asked
  return (request.headers["user-agent"] ?? "unknown").split("/")[0]?.slice(0, 128) || "unknown"
}

const optionsOf: Readonly<Record<string, string>> = {
  POST: "CreateOptions",
  PUT: "UpdateOptions",
  PATCH: "PatchOptions",
  DELETE: "DeleteOptions",
}

function dryRunIn(method: string, query: URLSearchParams): boolean {
  const asked = query.getAll("dryRun").filter((value) => value !== "")
  if (asked.some((value) => value !== "All") && Object.hasOwn(optionsOf, method))
    throw invalidOptions(optionsOf[method] ?? "", [notSupported("dryRun", asked, ["All"])])
  return asked.length > 0
}

function fieldValidationIn(query: URLSearchParams): "Strict" | "Warn" | "Ignore" {
  const text = query.get("fieldValidation") ?? ""
  if (text === "") return "Warn"
  if (text === "Strict" || text === "Warn" || text === "Ignore") return text
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(text)}: supported values: "Ignore", "Strict", "Warn"`,
  )
}
