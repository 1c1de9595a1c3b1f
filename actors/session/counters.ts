import { messageType } from "../../protocols/bgp/iana.ts"
import type { MessageCounts } from "./messages.ts"

/** Counts messages by type, in place, over all connections of one life of a session's actor. */
export class Counter {
  readonly #byType = new Map<number, number>()
  #total = 0

  /** A whole message; its type is in the header. */
  count(message: Uint8Array): void {
    const type = message[18] ?? 0
    this.#byType.set(type, (this.#byType.get(type) ?? 0) + 1)
    this.#total++
  }

  get counts(): MessageCounts {
    const of = (type: number): number => this.#byType.get(type) ?? 0
    return {
      opens: of(messageType.open),
      updates: of(messageType.update),
      notifications: of(messageType.notification),
      keepalives: of(messageType.keepalive),
      routeRefreshes: of(messageType.routeRefresh),
      total: this.#total,
    }
  }
}

export interface Counters {
  readonly sent: Counter
  readonly received: Counter
}

export const newCounters = (): Counters => ({ sent: new Counter(), received: new Counter() })
