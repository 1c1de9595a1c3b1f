import type { Cluster } from "./cluster.ts"
import type { Collection } from "./collections.ts"
import { emptyCopy, keyOf } from "./copy.ts"
import type { ApiFailure } from "./failure.ts"
import { isObject, type JsonObject, numberOf, objectAt, parseJson, textOf } from "./json.ts"
import { lines } from "./lines.ts"
import { backOffMs, pause, type Time } from "./time.ts"

/**
 * Keeps a copy of one collection: lists it, then watches it from there, for ever. It survives whatever the API server
 * or the network does; what was known stays known until the server says otherwise.
 */
export interface Reflector<T> {
  readonly values: ReadonlyMap<string, T>
  /** Ends the request under way; resolves when nothing is open any more. */
  stop(): Promise<void>
}

export interface ReflectorEvents<T> {
  /** `value` is undefined when the object is gone. */
  changed(key: string, value: T | undefined): void
  /** A whole list has been told. The first one makes the copy usable. */
  listed(): void
  connected(): void
  disconnected(reason: string): void
  /** The server does not know this collection: a definition is not installed. Counts as empty and is asked for again. */
  missing(): void
  /** We may list but not watch: the list is read again every minute. */
  unwatchable(reason: string): void
}

export interface ReflectorOptions<T> {
  readonly cluster: Cluster
  readonly collection: Collection
  readonly keep: (object: JsonObject, previous: T | undefined) => T | undefined
  readonly on: ReflectorEvents<T>
  readonly time: Time
}

/** What one list or watch came to. */
type Outcome =
  | { readonly kind: "listed" }
  /** Healthy: it lived for a while, or something came. */
  | { readonly kind: "ended"; readonly healthy: boolean }
  /** The version is too old for the server: list again. */
  | { readonly kind: "expired" }
  | { readonly kind: "missing" }
  | { readonly kind: "unwatchable"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs?: number }

const pageSize = 500
// Bookmarks come about once a minute. A stream that is silent for longer may be a connection that is no more.
const silenceMs = 90_000
// A watch that lived this long was no failure, whatever ended it.
const healthyMs = 5_000
const pollMs = 60_000

export function startReflector<T>({ cluster, collection, keep, on, time }: ReflectorOptions<T>): Reflector<T> {
  const { path, resource, labelSelector, fieldSelector } = collection
  const stopped = new AbortController()
  const copy = emptyCopy(keep, (key, value) => on.changed(key, value))
  let version: string | undefined
  let listedMs: number | undefined
  // A list whose continuation expires is read in one piece the next time.
  let pages = true
  let failures = 0

  const finished = run()
  return {
    values: copy.values,
    async stop() {
      stopped.abort()
      await finished
    },
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      const outcome = version === undefined ? await list() : await watch(version)
      if (!stopped.signal.aborted) await settle(outcome)
    }
  }

  async function settle(outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case "listed":
        return
      case "ended":
        // A server that hangs up at once, again and again, is not to be asked without a pause.
        return outcome.healthy ? undefined : wait()
      case "expired": {
        const tooSoon = listedMs !== undefined && time.monotonicMs() - listedMs < healthyMs
        pages = version !== undefined
        version = undefined
        return tooSoon || !pages ? wait() : undefined
      }
      case "missing":
        on.connected()
        // Only before the first list: a definition that goes away later took its objects with it, one by one.
        if (listedMs === undefined) on.listed()
        on.missing()
        version = undefined
        return wait()
      case "unwatchable":
        on.unwatchable(outcome.reason)
        on.connected()
        version = undefined
        return pause(time, pollMs * (0.8 + 0.4 * time.random()), stopped.signal)
      case "failed":
        on.disconnected(outcome.reason)
        return wait(outcome.retryAfterMs)
      default:
        outcome satisfies never
    }
  }

  function wait(atLeastMs = 0): Promise<void> {
    return pause(time, Math.max(atLeastMs, backOffMs(failures++, time.random())), stopped.signal)
  }

  function failed(reason: string): Outcome {
    return { kind: "failed", reason: `${resource}: ${reason}` }
  }

  function refused(error: ApiFailure): Outcome {
    if (error.kind === "unreachable") return failed(error.message)
    if (error.status === 410) return { kind: "expired" }
    if (error.status === 404) return { kind: "missing" }
    return { ...failed(error.message), ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }) }
  }

  async function list(): Promise<Outcome> {
    const found = new Map<string, JsonObject>()
    let next: string | undefined
    let listed = ""
    do {
      const query = { labelSelector, fieldSelector, limit: pages ? pageSize : undefined, continue: next }
      const page = await cluster.request({
        verb: "list",
        path,
        resource,
        query,
        signal: stopped.signal,
        timeoutMs: 60_000,
      })
      if (!page.ok) return refused(page.error)
      const metadata = objectAt(page.value, "metadata")
      listed = textOf(metadata["resourceVersion"])
      const items = isObject(page.value) ? page.value["items"] : undefined
      // An empty list has been seen as null.
      if (listed === "" || !(Array.isArray(items) || items === null)) return failed("the API server's list is no list")
      for (const item of items ?? []) {
        const key = keyOf(item)
        if (key !== undefined) found.set(key, item as JsonObject)
      }
      next = textOf(metadata["continue"]) || undefined
    } while (next !== undefined)

    pages = true
    version = listed
    listedMs = time.monotonicMs()
    on.connected()
    copy.replace(found)
    on.listed()
    return { kind: "listed" }
  }

  async function watch(from: string): Promise<Outcome> {
    const silence = new AbortController()
    const opened = await cluster.open({
      verb: "watch",
      path,
      resource,
      query: {
        labelSelector,
        fieldSelector,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: from,
        // Spread, so that the watches of many clients do not end together.
        timeoutSeconds: 300 + Math.floor(time.random() * 301),
      },
      signal: AbortSignal.any([stopped.signal, silence.signal]),
    })
    if (!opened.ok) {
      // MetalLB's roles let the controller list nodes, and everybody list Pods, without watching them.
      if (opened.error.kind === "refused" && opened.error.status === 403)
        return { kind: "unwatchable", reason: opened.error.message }
      return refused(opened.error)
    }
    on.connected()

    const openedMs = time.monotonicMs()
    let understood = false
    const healthy = () => understood || time.monotonicMs() - openedMs > healthyMs
    let cancel = () => {}
    const heard = () => {
      cancel()
      cancel = time.after(silenceMs, () => silence.abort())
    }
    try {
      heard()
      for await (const line of lines(opened.value, heard)) {
        const outcome = receive(parseJson(line))
        if (outcome !== undefined) return outcome
        understood = true
      }
      return { kind: "ended", healthy: healthy() }
    } catch {
      // Thrown by the stream, or by our own abort: silence is no fault that anybody should hear of.
      if (silence.signal.aborted) return { kind: "ended", healthy: true }
      return failed(`the watch connection to ${cluster.server} broke`)
    } finally {
      cancel()
      if (healthy()) failures = 0
    }
  }

  /** One watch event. An outcome ends the watch. */
  function receive(event: unknown): Outcome | undefined {
    const garbage = failed("the API server sent something that is no watch event")
    if (!isObject(event)) return garbage
    const object = objectAt(event, "object")
    if (event["type"] === "ERROR") {
      const status = numberOf(object["code"])
      return status === 410 ? { kind: "expired" } : failed(textOf(object["message"]) || `status ${status}`)
    }
    const seen = textOf(objectAt(object, "metadata")["resourceVersion"])
    const key = keyOf(object)
    if (seen === "") return garbage
    if (event["type"] !== "BOOKMARK") {
      if (key === undefined) return garbage
      if (event["type"] === "ADDED" || event["type"] === "MODIFIED") copy.put(key, object)
      else if (event["type"] === "DELETED") copy.remove(key)
      else return garbage
    }
    version = seen
    return undefined
  }
}
