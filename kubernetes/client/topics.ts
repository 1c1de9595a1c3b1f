import type { ClusterHandlers } from "../../config/cluster-api.ts"
import type { ServiceKey } from "../../config/facts.ts"
import type { SliceFacts } from "./facts/endpoints.ts"
import type { Connection, Feed } from "./feed.ts"
import type { Time } from "./time.ts"

/** Something that a watcher hears about: the present state on joining, then every change. */
export interface Topic {
  ready(): boolean
  connections(): readonly Connection[]
  /** What is known now. */
  now(): Iterable<Tell>
  listeners: Set<TopicListener>
}

/** One call of one handler. */
export type Tell = (on: ClusterHandlers) => void

export interface TopicListener {
  tell(tell: Tell): void
  ready(): void
  connection(): void
}

/** Each object by itself. */
export function objectTopic<T>(feed: Feed<T>, told: (key: string, value: T | undefined) => Tell): Topic {
  const topic: Topic = {
    ready: () => feed.listed,
    connections: () => [feed.connection],
    now: () => feed.values.entries().map(([key, value]) => told(key, value)),
    listeners: new Set(),
  }
  feed.listen({
    changed: (key, value) => tellAll(topic, told(key, value)),
    listed: () => readyAll(topic),
    connection: () => connectionAll(topic),
  })
  return topic
}

/** All slices of a Service together, once for all that changed in one turn. */
export function endpointsTopic(feed: Feed<SliceFacts>): Topic {
  const slicesOf = new Map<ServiceKey, Set<string>>()
  const serviceOf = new Map<string, ServiceKey>()
  const dirty = new Set<ServiceKey>()
  const topic: Topic = {
    ready: () => feed.listed,
    connections: () => [feed.connection],
    now: () => slicesOf.keys().map(told),
    listeners: new Set(),
  }

  function told(key: ServiceKey): Tell {
    const slices = [...(slicesOf.get(key) ?? [])].sort()
    const endpoints = slices.flatMap((slice) => feed.values.get(slice)?.endpoints ?? [])
    return (on) => on.endpoints?.(key, { key, endpoints })
  }

  function file(slice: string, service: ServiceKey | undefined): void {
    const before = serviceOf.get(slice)
    if (before !== undefined && before !== service) {
      const rest = slicesOf.get(before)
      rest?.delete(slice)
      if (rest?.size === 0) slicesOf.delete(before)
      serviceOf.delete(slice)
      dirty.add(before)
    }
    if (service === undefined) return
    serviceOf.set(slice, service)
    slicesOf.set(service, (slicesOf.get(service) ?? new Set()).add(slice))
    dirty.add(service)
  }

  function flush(): void {
    const services = [...dirty]
    dirty.clear()
    for (const service of services) tellAll(topic, told(service))
  }

  feed.listen({
    changed(slice, facts) {
      if (dirty.size === 0) queueMicrotask(flush)
      file(slice, facts?.service)
    },
    listed() {
      flush()
      readyAll(topic)
    },
    connection: () => connectionAll(topic),
  })
  return topic
}

// One `kubectl apply` of a file reaches several watches within a few milliseconds: one call for all of it.
const burstMs = 25

/** Always the whole set, only once all its parts have been listed, and once for a burst of changes. */
export function wholeSetTopic(feeds: readonly Feed<unknown>[], told: () => Tell, time: Time): Topic {
  let latest: Tell | undefined
  let cancel: (() => void) | undefined
  const complete = () => feeds.every((feed) => feed.listed)
  const topic: Topic = {
    ready: () => latest !== undefined,
    connections: () => feeds.map((feed) => feed.connection),
    now: () => (latest === undefined ? [] : [latest]),
    listeners: new Set(),
  }

  function flush(): void {
    cancel?.()
    cancel = undefined
    latest = told()
    tellAll(topic, latest)
  }

  for (const feed of feeds)
    feed.listen({
      changed() {
        if (complete() && latest !== undefined) cancel ??= time.after(burstMs, flush)
      },
      listed() {
        if (!complete()) return
        flush()
        readyAll(topic)
      },
      connection: () => connectionAll(topic),
    })
  // All of them may be followed already, for another topic.
  if (complete()) latest = told()
  return topic
}

function tellAll(topic: Topic, tell: Tell): void {
  for (const listener of topic.listeners) listener.tell(tell)
}
function readyAll(topic: Topic): void {
  for (const listener of topic.listeners) listener.ready()
}
function connectionAll(topic: Topic): void {
  for (const listener of topic.listeners) listener.connection()
}
