import type { StoreEvent } from "./history.ts"
import { type Kind, apiVersionOf } from "./kinds/kind.ts"
import { selection, versionIn } from "./list.ts"
import type { JsonObject, KubeObject } from "./object.ts"
import { outward } from "./forms.ts"
import type { Match } from "./selectors.ts"
import { ApiError, badRequest, expired, tooLargeVersion } from "./status.ts"
import type { Store } from "./store.ts"

/** Where the events go. Every send is one JSON line; `close` ends the response. */
export interface WatchSink {
  send(event: { readonly type: string; readonly object: JsonObject }): void
  close(): void
}

/** How an object is shown: as itself, as a Table row, as its metadata. */
export type Show = (object: KubeObject, first: boolean) => JsonObject

export interface WatchOptions {
  readonly store: Store
  readonly kind: Kind
  readonly namespace: string
  readonly query: URLSearchParams
  readonly show: Show
  readonly bookmarkIntervalMs: number
  readonly sink: WatchSink
}

/**
 * Starts a watch: initial events where asked for, then every change that the selectors let through. Returns what stops
 * it. Throws before anything was sent when the request is wrong.
 */
export function watch(options: WatchOptions): () => void {
  const { store, kind, namespace, query, sink } = options
  const matches = selection(kind, query)
  const from = versionIn(query)
  const bookmarks = isTrue(query.get("allowWatchBookmarks"))
  const initialList = isTrue(query.get("sendInitialEvents"))
  const timeoutSeconds = timeoutIn(query)
  if (query.has("sendInitialEvents") && query.get("resourceVersionMatch") !== "NotOlderThan") {
    throw new ApiError(
      422,
      "Invalid",
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      { group: "meta.k8s.io", kind: "ListOptions" },
    )
  }
  if (from !== undefined && from > store.revision) throw tooLargeVersion(from, store.revision)
  let first = true
  const send = (type: string, object: KubeObject) => {
    sink.send({ type, object: options.show(outward(kind, object), first) })
    first = false
  }
  const bookmark = (annotations?: Record<string, string>) => {
    const metadata = { resourceVersion: String(store.revision), ...(annotations === undefined ? {} : { annotations }) }
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata, ...(kind.custom ? {} : kind.empty) }
    sink.send({ type: "BOOKMARK", object: options.show(object, first) })
    first = false
  }
  const synthetic = initialList || from === undefined || from === 0
  if (synthetic) {
    for (const object of store.list(kind.storageKey, namespace)) if (matches(object)) send("ADDED", object)
    if (bookmarks && (initialList || from === 0)) bookmark({ "k8s.io/initial-events-end": "true" })
  } else {
    const missed = store.history.since(from)
    if (missed === undefined) {
      const oldest = store.history.compactedRevision
      sink.send({ type: "ERROR", object: expired(`too old resource version: ${from} (${oldest})`).body })
      sink.close()
      return () => undefined
    }
    for (const event of missed) relay(event, kind, namespace, matches, send)
  }
  const unsubscribe = store.history.subscribe((event) => relay(event, kind, namespace, matches, send))
  const timers: NodeJS.Timeout[] = []
  if (bookmarks) timers.push(setInterval(bookmark, options.bookmarkIntervalMs))
  const stop = () => {
    unsubscribe()
    for (const timer of timers) clearTimeout(timer)
  }
  if (timeoutSeconds > 0) {
    const end = () => {
      stop()
      if (bookmarks) bookmark()
      sink.close()
    }
    timers.push(setTimeout(end, timeoutSeconds * 1000))
  }
  return stop
}

/** What a change looks like through the selectors: an object may come into view or leave it. */
function relay(
  event: StoreEvent,
  kind: Kind,
  namespace: string,
  matches: Match,
  send: (type: string, object: KubeObject) => void,
): void {
  if (event.key.storageKey !== kind.storageKey) return
  if (namespace !== "" && event.key.namespace !== namespace) return
  const before = event.old !== undefined && matches(event.old)
  const after = event.type !== "DELETED" && matches(event.object)
  if (after) send(before ? "MODIFIED" : "ADDED", event.object)
  else if (before) {
    // Gone from view: the last form that was seen, under the revision at which it left.
    const { resourceVersion } = event.object.metadata
    const seen = event.type === "DELETED" ? event.object : event.old
    const metadata = { ...seen?.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) }
    send("DELETED", { ...(seen ?? event.object), metadata })
  }
}

function isTrue(text: string | null): boolean {
  return text === "true" || text === "1"
}

export function isWatch(query: URLSearchParams): boolean {
  return isTrue(query.get("watch"))
}

function timeoutIn(query: URLSearchParams): number {
  const text = query.get("timeoutSeconds") ?? ""
  if (text === "") return 0
  if (!/^\d{1,7}$/.test(text))
    throw badRequest(`timeoutSeconds: Invalid value: ${JSON.stringify(text)}: must be a number`)
  return Number(text)
}
