import {
  type EmbeddedApi,
  type EmbeddedApiOptions,
  type ResourceDefinition,
  startEmbeddedApi,
} from "../../kubernetes/embedded/index.ts"

export type Json = Record<string, unknown>

type Words = Readonly<Partial<Record<"a" | "b" | "x" | "y" | "v" | "on", string>>>
/** At least one: the first may be looked at right away. */
type Some<T> = readonly [T, ...T[]]

interface BodySpec extends Json {
  readonly clusterIP: string
  readonly clusterIPs: Some<string>
  readonly ports: Some<{ readonly port: number; readonly nodePort: number }>
  readonly healthCheckNodePort?: number
  readonly nested: { readonly on: boolean }
  readonly type: unknown
  readonly sessionAffinity: unknown
  readonly ipFamilies: unknown
  readonly ipFamilyPolicy: unknown
  readonly keyed: unknown
  readonly colour: unknown
  readonly size: unknown
  readonly wrong: unknown
}

/** Everything that the tests look at in an answer; which of it is there depends on the request. */
export interface Body {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation: number
    readonly labels?: Words
    readonly annotations?: Json
    readonly deletionTimestamp?: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
  readonly spec: BodySpec
  readonly status: {
    readonly phase: string
    readonly seen: number
    readonly loadBalancer: { readonly ingress: unknown }
    readonly conditions: readonly Json[]
  }
  readonly data?: Words
  readonly items: Some<Body>
  readonly columnDefinitions: Some<{ readonly name: string }> | null
  readonly rows: Some<{ readonly cells: readonly unknown[] }>
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details: {
    readonly causes: Some<{ readonly reason: string; readonly message: string; readonly field: string }>
  }
  readonly groups: readonly { readonly name: string }[]
  readonly resources: readonly { readonly name: string }[]
  readonly preferredVersion: { readonly version: string }
  readonly versions: readonly string[]
  readonly note: string
  readonly reportingComponent: string
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed when it is JSON. */
  readonly body: Body
}

export interface Line {
  readonly type: string
  readonly object: Body
}

/** A server for one test, ended with it. */
export async function server(
  t: { teardown(end: () => Promise<void>): void },
  options: Partial<EmbeddedApiOptions> = {},
): Promise<{ api: EmbeddedApi; http: Client }> {
  const api = await startEmbeddedApi({ listen: [{}], definitions: [], ...options })
  t.teardown(() => api.close())
  return { api, http: new Client(api.url) }
}

export class Client {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body)
    const answer = await fetch(this.url + path, {
      method,
      headers: { ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(text === undefined ? {} : { body: text }),
    })
    const content = await answer.text()
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") === true
    return {
      status: answer.status,
      headers: answer.headers,
      text: content,
      body: (isJson ? JSON.parse(content) : {}) as Body,
    }
  }

  get = (path: string, headers: Record<string, string> = {}) => this.send("GET", path, undefined, headers)
  post = (path: string, body: unknown) => this.send("POST", path, body)
  put = (path: string, body: unknown) => this.send("PUT", path, body)
  delete = (path: string, body?: unknown) => this.send("DELETE", path, body)
  merge = (path: string, body: unknown) => this.patch(path, "merge-patch+json", body)
  strategic = (path: string, body: unknown) => this.patch(path, "strategic-merge-patch+json", body)
  json = (path: string, body: unknown) => this.patch(path, "json-patch+json", body)
  apply = (path: string, body: unknown) => this.patch(path, "apply-patch+yaml", body)

  patch(path: string, type: string, body: unknown): Promise<Reply> {
    return this.send("PATCH", path, body, { "content-type": `application/${type}` })
  }

  /** The lines of a watch, as they come. `stop` lets go of the connection. */
  async watch(path: string, headers: Record<string, string> = {}): Promise<Watching> {
    const abort = new AbortController()
    const answer = await fetch(`${this.url}${path}${path.includes("?") ? "&" : "?"}watch=true`, {
      headers,
      signal: abort.signal,
    })
    return new Watching(answer, abort)
  }
}

export class Watching {
  readonly status: number
  readonly lines: Line[] = []
  ended = false
  readonly #abort: AbortController
  readonly #wakers = new Set<() => void>()
  readonly #done: Promise<void>

  constructor(answer: Response, abort: AbortController) {
    this.status = answer.status
    this.#abort = abort
    this.#done = this.#read(answer)
  }

  /** Resolves when the lines satisfy the condition; throws when the stream ends or 10 s pass before. */
  async until(condition: (lines: readonly Line[]) => boolean): Promise<readonly Line[]> {
    const late = AbortSignal.timeout(10_000)
    while (!condition(this.lines)) {
      if (this.ended || late.aborted)
        throw new Error(`the watch showed only ${JSON.stringify(this.lines).slice(0, 2000)}`)
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve)
        late.addEventListener("abort", () => resolve(), { once: true })
      })
    }
    return this.lines
  }

  untilEnd(): Promise<void> {
    return this.#done
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#done
  }

  async #read(answer: Response): Promise<void> {
    let rest = ""
    try {
      for await (const chunk of answer.body ?? []) {
        const parts = (rest + Buffer.from(chunk as Uint8Array).toString()).split("\n")
        rest = parts.pop() ?? ""
        for (const part of parts) this.lines.push(JSON.parse(part) as Line)
        this.#wake()
      }
    } catch {
      // Cut off, by us or by the server: the lines so far are what there is.
    }
    this.ended = true
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
    this.#wakers.clear()
  }
}

export const services = "/api/v1/namespaces/default/services"
export const configMaps = "/api/v1/namespaces/default/configmaps"

export function service(name: string, spec: Json = {}): Json {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
  }
}

export function configMap(name: string, data: Json = {}, metadata: Json = {}): Json {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data }
}

/** A definition with one version and the given schema of `spec`. */
export function definition(plural: string, kind: string, spec: Json, more: Json = {}): ResourceDefinition {
  return {
    spec: {
      group: "example.org",
      scope: "Namespaced",
      names: { plural, kind },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: { type: "object", ...spec },
                status: { type: "object", properties: { seen: { type: "integer" } } },
              },
            },
          },
          ...more,
        },
      ],
    },
  }
}
