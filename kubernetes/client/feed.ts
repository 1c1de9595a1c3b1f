import type { Cluster } from "./cluster.ts"
import type { Collection } from "./collections.ts"
import type { JsonObject } from "./json.ts"
import type { Log } from "./log.ts"
import { type Reflector, startReflector } from "./reflector.ts"
import type { Time } from "./time.ts"

/** One collection, followed once and told to many. */
export interface Feed<T> {
  readonly values: ReadonlyMap<string, T>
  /** The first list is complete. */
  readonly listed: boolean
  readonly connection: Connection
  /** The server does not know the kind, as of the last time that it was asked. */
  readonly missing: boolean
  /** Listeners live as long as the feed. */
  listen(listener: FeedListener<T>): void
  stop(): Promise<void>
}

export type Connection =
  | { readonly kind: "connecting" | "connected" }
  | { readonly kind: "lost"; readonly reason: string }

export interface FeedListener<T> {
  changed?(key: string, value: T | undefined): void
  listed?(): void
  connection?(): void
}

export interface FeedOptions<T> {
  readonly cluster: Cluster
  readonly collection: Collection
  readonly keep: (object: JsonObject, previous: T | undefined) => T | undefined
  readonly log: Log
  readonly time: Time
}

export function startFeed<T>({ cluster, collection, keep, log, time }: FeedOptions<T>): Feed<T> {
  const listeners: FeedListener<T>[] = []
  let listed = false
  let missing = false
  let warned = false
  let unwatchable = false
  let connection: Connection = { kind: "connecting" }
  const { resource, kind, apiVersion } = collection

  const reflector: Reflector<T> = startReflector({
    cluster,
    collection,
    keep,
    time,
    on: {
      changed: (key, value) => each((listener) => listener.changed?.(key, value)),
      listed() {
        missing = false
        if (listed) return
        listed = true
        each((listener) => listener.listed?.())
      },
      missing() {
        missing = true
        if (warned) return
        warned = true
        log.warn(`the cluster has no ${kind} (${apiVersion}): apply deploy/crds; until then there are none`, {
          resource,
        })
      },
      unwatchable(reason) {
        if (unwatchable) return
        unwatchable = true
        log.warn(`may not watch ${resource}; reading the list once a minute instead`, { reason })
      },
      connected() {
        if (connection.kind === "connected") return
        if (connection.kind === "lost") log.info(`following ${resource} again`)
        connection = { kind: "connected" }
        each((listener) => listener.connection?.())
      },
      disconnected(reason) {
        if (connection.kind === "lost" && connection.reason === reason) return
        connection = { kind: "lost", reason }
        log.warn(`cannot follow ${resource}; what is known stays in force`, { reason })
        each((listener) => listener.connection?.())
      },
    },
  })

  function each(tell: (listener: FeedListener<T>) => void): void {
    for (const listener of listeners) tell(listener)
  }

  return {
    values: reflector.values,
    get listed() {
      return listed
    },
    get connection() {
      return connection
    },
    get missing() {
      return missing
    },
    listen(listener) {
      listeners.push(listener)
    },
    stop: () => reflector.stop(),
  }
}
