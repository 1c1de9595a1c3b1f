import type { ConfigurationCondition } from "../../config/cluster-api.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import { type WorkMeter, workMeter } from "../../config/work-meter.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { World } from "../../supervision/world.ts"
import { ingressOf } from "./intent.ts"
import type { PoolDirectory, PoolMessage, ServiceMessage, TurnOver, WriterMessage } from "./messages.ts"
import type { PoolCounters } from "./pool-book.ts"

export interface AllocatorConfig {
  readonly writer: ActorRef<WriterMessage>
  /** Only Services of this class are ours; empty: those without a class. */
  readonly loadBalancerClass: string
  readonly namespace: string
}

export interface PoolEntry {
  readonly pool: Pool
  readonly ref: ActorRef<PoolMessage>
  /** Undefined until it has started once. */
  incarnation: ActorRef<PoolMessage> | undefined
  counters: PoolCounters | undefined
}

export interface ServiceEntry {
  facts: ServiceFacts
  readonly ref: ActorRef<ServiceMessage>
  last: TurnOver | undefined
  /** It has had a turn. */
  begun: boolean
  /** The cluster told something of it that no decision was made on yet. */
  told: boolean
  /** Deleted while it had the turn: it goes when the turn is over. */
  leaving: boolean
}

interface Turn {
  readonly key: ServiceKey
  readonly what: ServiceMessage["what"]
  /** Something came free in its course. */
  mayHaveChanged: boolean
}

export interface AllocatorState {
  readonly config: AllocatorConfig
  readonly pools: Map<string, PoolEntry>
  directory: PoolDirectory
  /** Every pool has started once. */
  poolsUp: boolean
  /** Their counters are to be written into their status. */
  readonly poolStatusesDue: Set<string>
  readonly services: Map<ServiceKey, ServiceEntry>
  /** They have not all that they should have, and an address or port that comes free may change it. */
  readonly hopeful: Set<ServiceKey>
  /** The cluster has told everything there is. */
  synced: boolean
  /** The pools in force; undefined until a configuration was valid. */
  snapshot: ReadonlyMap<string, Pool> | undefined
  /** Of the latest configuration: not empty means that an older one is in force. */
  faults: readonly ConfigurationFault[]
  reported: ConfigurationCondition | undefined
  /** adopting: Services claim what they hold. serving: they are decided on, one after the other. */
  phase: "adopting" | "serving"
  /** Still to claim, in this order. */
  adopting: Set<ServiceKey>
  /** Still to be decided on, in this order. */
  converging: Set<ServiceKey>
  /** Their actor died in its turn; value: what the turn was for. They go on when it is back. */
  readonly absent: Map<ServiceKey, ServiceMessage["what"]>
  /** A pool did not serve them; they try again a little later. */
  readonly stalled: Set<ServiceKey>
  turn: Turn | undefined
  turns: number
  /** Decisions: how long Services wait for them, and how long they take. */
  readonly deciding: WorkMeter
  /** Compiling the configuration. */
  readonly configuring: WorkMeter
  /** What the cluster told of Services and configuration, and the decisions on it that left a Service waiting. */
  updates: number
  updateErrors: number
  /** The first pass over all Services is over. */
  ready: boolean
}

export const beginning = (
  config: AllocatorConfig,
  { world: { clock } }: { readonly world: Pick<World, "clock"> },
): AllocatorState => ({
  config,
  pools: new Map(),
  directory: { definitions: new Map(), refs: new Map(), exhausted: new Set() },
  poolsUp: true,
  poolStatusesDue: new Set(),
  services: new Map(),
  hopeful: new Set(),
  synced: false,
  snapshot: undefined,
  faults: [],
  reported: undefined,
  phase: "adopting",
  adopting: new Set(),
  converging: new Set(),
  absent: new Map(),
  stalled: new Set(),
  turn: undefined,
  turns: 0,
  deciding: workMeter(() => clock.monotonicMs()),
  configuring: workMeter(() => clock.monotonicMs()),
  updates: 0,
  updateErrors: 0,
  ready: false,
})

/** Those with more addresses first, then by name: if two claim one address, the outcome is always the same. */
export const inOrder = (
  services: Iterable<readonly [ServiceKey, Pick<ServiceEntry, "facts"> & { readonly last: Held | undefined }]>,
): ServiceKey[] =>
  Array.from(services, ([key, { facts, last }]) => ({
    key,
    count: last?.holding?.addresses.length ?? ingressOf(facts).length,
  }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    .map(({ key }) => key)

type Held = Pick<TurnOver, "holding">

/** It is to be decided on. */
export function becomesDue(state: AllocatorState, key: ServiceKey): void {
  state.converging.add(key)
  state.deciding.add(key)
}

export function firstOf<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item
  return undefined
}
