import type { StoreEvent } from "./history.ts"
import type { Key, Store } from "./store.ts"

const EVENTS = "/events"

/** Events (the Kubernetes kind) end by themselves: a real server keeps them for an hour. Looked at when one is written. */
export class EventExpiry {
  readonly #store: Store
  readonly #nowMs: () => number
  readonly #limits: { readonly seconds: number; readonly count: number }
  /** In the order they were made. One that was deleted meanwhile is skipped. */
  #queue: { readonly key: Key; readonly uid: string | undefined; readonly untilMs: number }[] = []

  constructor(store: Store, nowMs: () => number, limits: { readonly seconds: number; readonly count: number }) {
    this.#store = store
    this.#nowMs = nowMs
    this.#limits = limits
  }

  follow(event: StoreEvent): void {
    if (event.key.storageKey !== EVENTS || event.type !== "ADDED") return
    this.#note(event.key, event.object.metadata.uid)
    const now = this.#nowMs()
    let ended = 0
    for (const entry of this.#queue) {
      if (entry.untilMs > now && this.#queue.length - ended <= this.#limits.count) break
      ended++
      if (this.#store.get(entry.key)?.metadata.uid === entry.uid) this.#store.remove(entry.key)
    }
    if (ended > 0) this.#queue = this.#queue.slice(ended)
  }

  /** After a load: the hour starts again. */
  reindex(): void {
    this.#queue = []
    for (const { metadata } of this.#store.list(EVENTS)) {
      this.#note({ storageKey: EVENTS, namespace: metadata.namespace ?? "", name: metadata.name ?? "" }, metadata.uid)
    }
  }

  #note(key: Key, uid: string | undefined): void {
    this.#queue.push({ key, uid, untilMs: this.#nowMs() + this.#limits.seconds * 1000 })
  }
}
