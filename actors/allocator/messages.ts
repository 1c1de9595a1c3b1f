import type { ConfigurationCondition, PoolStatus, ServiceEvent } from "../../config/cluster-api.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { ServiceCondition, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { WorkCounts } from "../../config/work-meter.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { ApiMessage } from "../api.ts"
import type { PoolAnswer, PoolRequest } from "./address-book.ts"
import type { Intent } from "./intent.ts"
import type { AllocationVerdict, ServiceOutcome } from "./outcome.ts"
import type { Claim, Holding, PoolCounters } from "./pool-book.ts"

/*
 *   api ──service, configuration──► allocator ──serve, release──► pools/<name>
 *                                       │ ▲                                 ▲
 *                                    turn │ turn-over               request, adopt, release
 *                                       ▼ │                                 │
 *                                  services/<ns>/<name> ────────────────────┘
 *                                       │
 *                                  desire, settled, event ──► writer ──► cluster API
 */

/** To a pool. It owns its addresses: nothing of it is assigned but by its answer. */
export type PoolMessage =
  /** All that Services hold has been claimed: from now on addresses that nobody holds are free. */
  | { readonly kind: "serve" }
  /** A claim on what the Service holds already. Taken at any time. */
  | {
      readonly kind: "adopt"
      readonly claim: Claim
      readonly addresses: readonly Ip[]
      readonly replyTo: ActorRef<PoolReply>
    }
  | { readonly kind: "request"; readonly request: PoolRequest; readonly replyTo: ActorRef<PoolReply> }
  | { readonly kind: "release"; readonly key: ServiceKey }

export type PoolReply =
  | { readonly kind: "answer"; readonly answer: PoolAnswer }
  /** Rebuilding: it does not know yet what is free. */
  | { readonly kind: "not-serving" }

/** To a Service: its turn to look at itself. One Service has the turn at a time. */
export interface ServiceMessage {
  readonly kind: "turn"
  /** adopt: claim what it holds, no more. converge: decide anew and act. */
  readonly what: "adopt" | "converge"
  readonly service: ServiceFacts
  readonly pools: PoolDirectory
  /** The first turn in the Service's life: no pool can hold anything for it. */
  readonly first: boolean
  readonly replyTo: ActorRef<TurnOver>
}

/** The pools in force. Made when they change or fill up, not for every turn. */
export interface PoolDirectory {
  readonly definitions: ReadonlyMap<string, Pool>
  readonly refs: ReadonlyMap<string, ActorRef<PoolMessage>>
  /** Nothing was left in these when one was asked last, and nothing has come free since. */
  readonly exhausted: ReadonlySet<string>
}

export interface TurnOver {
  /** retry: a pool did not serve; nothing was decided. */
  readonly kind: "done" | "retry"
  readonly holding: (Holding & { readonly pool: string }) | undefined
  /** No pool holds anything for it beside `holding`. */
  readonly certain: boolean
  /** Something came free that other Services may wait for: an address, a port on it, its terms. */
  readonly freed: boolean
  readonly verdict: AllocationVerdict | undefined
}

/** To the writer. */
export type WriterMessage =
  /** What status and annotation should be, against these facts. Replaces what was wanted before. */
  | { readonly kind: "desire"; readonly service: ServiceFacts; readonly want: Want }
  /** The facts show what was wanted, or something else altogether: nothing is outstanding. */
  | { readonly kind: "settled"; readonly key: ServiceKey }
  | { readonly kind: "intent"; readonly key: ServiceKey; readonly replyTo: ActorRef<Intent | undefined> }
  | { readonly kind: "event"; readonly event: ServiceEvent }
  | { readonly kind: "pool-status"; readonly status: PoolStatus }
  | { readonly kind: "configuration-report"; readonly condition: ConfigurationCondition }
  | { readonly kind: "metrics"; readonly replyTo: ActorRef<WriterMetrics> }

export interface WriterMetrics {
  /** Of statuses of Services. A conflict is an error too: the decision is made again. */
  readonly writing: WorkCounts
  readonly workers: number
}

/** As in `ServiceStatusWrite`. */
export interface Want {
  readonly ingress: readonly string[]
  readonly annotations: Readonly<Record<string, string | undefined>>
  readonly conditions: Readonly<Record<string, ServiceCondition | undefined>>
}

/** To the allocator, beside the cluster's facts. */
export type AllocatorMessage =
  | ApiMessage
  | { readonly kind: "metrics"; readonly replyTo: ActorRef<AllocatorMetrics> }
  | { readonly kind: "explain"; readonly key: ServiceKey; readonly replyTo: ActorRef<Explanation | undefined> }

/** From pools, Services and the allocator itself. */
export type AllocatorInternal =
  | { readonly kind: "pool-up"; readonly pool: string; readonly incarnation: ActorRef<PoolMessage> }
  | { readonly kind: "pool-counters"; readonly pool: string; readonly counters: PoolCounters }
  | { readonly kind: "service-up"; readonly key: ServiceKey }
  | {
      readonly kind: "turn-over"
      readonly key: ServiceKey
      readonly outcome: TurnOver | undefined
      readonly timedOut: boolean
    }
  | { readonly kind: "retry" }
  | { readonly kind: "pool-statuses-due" }

export interface AllocatorMetrics {
  /** In name order. `metallb_allocator_addresses_total` is `total`, `…_in_use_total` is `inUse`. */
  readonly pools: readonly {
    readonly pool: string
    readonly total: bigint
    readonly inUse: bigint
    readonly counters: PoolCounters
    /** How many Services have addresses of it. */
    readonly services: number
  }[]
  readonly services: Readonly<Record<ServiceOutcome["state"] | "undecided", number>>
  /** How often a Service was looked at, since the allocator started. */
  readonly turns: number
  readonly deciding: WorkCounts
  readonly configuring: WorkCounts
  /** What the cluster told: of a Service, or of the configuration as a whole. */
  readonly updates: number
  /** Of these, after how many a Service was without the addresses that it should have. */
  readonly updateErrors: number
  readonly configuration: {
    /** One was valid once. */
    readonly loaded: boolean
    /** The latest one is not in force. */
    readonly stale: boolean
    readonly faults: readonly ConfigurationFault[]
  }
  /** Every pool knows what is held, and every Service has been looked at once. */
  readonly ready: boolean
}

/** The latest decision about one Service, without what every pool said, and the facts it was made on. */
export interface Explanation {
  readonly service: ServiceFacts
  readonly holding: Holding | undefined
  readonly verdict: AllocationVerdict | undefined
}
