import type { ActorRef } from "../../../supervision/reference.ts"

/** What the layer 2 thread hears. */
export type Layer2Command =
  /** Everything that this node answers for, always the whole table. An address that was not in the one before is announced. */
  | { readonly kind: "table"; readonly entries: readonly Layer2Entry[] }
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<Layer2Report> }

export interface Layer2Entry {
  readonly ip: string
  readonly interfaces: "all" | readonly string[]
}

/** After each change and at most once a second: the totals since the thread began. */
export interface Layer2Report {
  readonly kind: "layer2-report"
  /** Names of the interfaces that are there, whether they can answer or not. */
  readonly interfaces: readonly string[]
  readonly requestsReceived: Readonly<Record<string, number>>
  readonly responsesSent: Readonly<Record<string, number>>
  readonly gratuitousSent: Readonly<Record<string, number>>
}
