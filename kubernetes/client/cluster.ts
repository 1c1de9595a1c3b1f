import {
  IsomorphicFetchHttpLibrary,
  type KubeConfig,
  RequestContext,
  type ResponseContext,
} from "@kubernetes/client-node"
import type { Duplex } from "node:stream"
import { err, ok, type Result } from "../../protocols/result.ts"
import { authenticationFailure } from "./authentication.ts"
import { type RequestCounter, requestCounters } from "./counters.ts"
import { keepDispatcher } from "./dispatcher.ts"
import { type ApiFailure, refusal, transportFailure, unreachable } from "./failure.ts"
import { exactJsonText, parseExactJson } from "./exact-json.ts"
import { parseJson } from "./json.ts"
import { forwardPort, type PodPort } from "./port-forward.ts"
import type { Time } from "./time.ts"

/** A connection to one API server, with everything a request needs to be let in. */
export interface Cluster {
  readonly server: string
  readonly context: string
  /** The context's, when it names one. In a Pod: the Pod's. */
  readonly namespace: string | undefined
  /** The answer's body as JSON. */
  request(request: ApiRequest): Promise<Result<unknown, ApiFailure>>
  /** The answer's body as it comes; ends when the signal aborts. */
  open(request: ApiRequest): Promise<Result<ReadableStream<Uint8Array>, ApiFailure>>
  /** A connection of its own to a port of a Pod, as that Pod's loopback sees it. */
  forward(at: PodPort): Promise<Result<Duplex, ApiFailure>>
  counters(): readonly RequestCounter[]
  /** Drops all connections; requests under way fail. */
  close(): Promise<void>
}

export interface ApiRequest {
  readonly verb: Verb
  readonly path: string
  /** Plural name, for the counters; `services/status` for a subresource. */
  readonly resource: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** May hold BigInts; they are written as the numbers that they are. */
  readonly body?: unknown
  /** Whole numbers in the answer that a number cannot hold come as BigInt. Slower. */
  readonly exact?: boolean
  readonly contentType?: string
  readonly signal?: AbortSignal
  /** For the whole answer, of `open` for its beginning. Default 30 s. */
  readonly timeoutMs?: number
}

export const methods = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
} as const
export type Verb = keyof typeof methods

// A page of a list with objects of the largest size etcd takes would be some 700 MB; nobody has that.
const bodyLimit = 256 * 1024 * 1024

export function connectCluster(config: KubeConfig, time: Time): Cluster {
  const server = (config.getCurrentCluster()?.server ?? "").replace(/\/+$/, "")
  const dispatcher = keepDispatcher(config)
  const http = new IsomorphicFetchHttpLibrary()
  const counters = requestCounters()

  async function send(request: ApiRequest, signal: AbortSignal): Promise<Result<ResponseContext, ApiFailure>> {
    const context = new RequestContext(`${server}${request.path}`, methods[request.verb])
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) context.setQueryParam(name, String(value))
    context.setHeaderParam("Accept", "application/json")
    context.setHeaderParam("User-Agent", "troupe")
    context.setSignal(signal)
    if (request.body !== undefined) {
      context.setHeaderParam("Content-Type", request.contentType ?? "application/json")
      context.setBody(exactJsonText(request.body))
    }
    try {
      await config.applySecurityAuthentication(context)
    } catch (thrown) {
      return err(unreachable(authenticationFailure(config, thrown)))
    }
    const startMs = time.monotonicMs()
    const count = (code: string) =>
      counters.count(request.verb, request.resource, code, (time.monotonicMs() - startMs) / 1000)
    try {
      const response = await http.send(context).toPromise()
      count(String(response.httpStatusCode))
      if (response.httpStatusCode < 300) return ok(response)
      const body = await readText(response)
      return err(refusal(response.httpStatusCode, body, response.headers["retry-after"]))
    } catch (thrown) {
      count("unreachable")
      return err(transportFailure(server, thrown))
    }
  }

  /** Runs with a signal that aborts with the caller's or after the timeout; says which it was. */
  async function limited<T>(
    request: ApiRequest,
    run: (signal: AbortSignal) => Promise<Result<T, ApiFailure>>,
  ): Promise<Result<T, ApiFailure>> {
    const timeout = new AbortController()
    const timeoutMs = request.timeoutMs ?? 30_000
    const cancel = time.after(timeoutMs, () => timeout.abort())
    const signals = request.signal === undefined ? [timeout.signal] : [timeout.signal, request.signal]
    const result = await run(AbortSignal.any(signals))
    cancel()
    if (result.ok || result.error.kind === "refused") return result
    if (request.signal?.aborted === true) return err(unreachable("stopped"))
    if (!timeout.signal.aborted) return result
    return err(unreachable(`${server} did not answer within ${Math.ceil(timeoutMs / 1000)} s`))
  }

  return {
    server,
    context: config.getCurrentContext(),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    request: (request) =>
      limited(request, async (signal) => {
        const response = await send(request, signal)
        if (!response.ok) return response
        try {
          const body = (request.exact ? parseExactJson : parseJson)(await readText(response.value))
          return body === undefined ? err(unreachable(`${server} answered with something that is no JSON`)) : ok(body)
        } catch (thrown) {
          return err(transportFailure(server, thrown))
        }
      }),
    open: (request) =>
      limited(request, async (signal) => {
        const response = await send(request, signal)
        if (!response.ok) return response
        const stream = response.value.body.stream?.()
        return stream ? ok(stream) : err(unreachable(`${server} answered without a body`))
      }),
    forward: (at) => forwardPort(config, time, at),
    counters: () => counters.read(),
    close: () => dispatcher.close(),
  }
}

async function readText(response: ResponseContext): Promise<string> {
  const stream = response.body.stream?.()
  if (!stream) return ""
  const decoder = new TextDecoder()
  const parts: string[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > bodyLimit) throw new Error(`the answer is larger than ${bodyLimit} bytes`)
    parts.push(decoder.decode(chunk, { stream: true }))
  }
  return parts.join("") + decoder.decode()
}
