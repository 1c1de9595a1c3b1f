import type { GossipCommand, Member } from "../../cluster/messages.ts"
import type { SpeakerMark } from "../../cluster/speaker-mark.ts"
import type { WitnessCommand, WitnessReport } from "../../cluster/witness/messages.ts"
import type {
  ClusterApi,
  ConfigurationCondition,
  DesiredServiceStatuses,
  DesiredSessionStates,
} from "../../config/cluster-api.ts"
import type { ConfigurationFacts, EndpointFacts, NodeFacts, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import { type WorkMeter, workMeter } from "../../config/work-meter.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { World } from "../../supervision/world.ts"
import type { ApiMessage } from "../api.ts"
import type { BfdCommand, BfdReport } from "../bfd/messages.ts"
import type { BgpCommand, BgpReport, DesiredPeer, Paths, SessionReport } from "../session/messages.ts"
import type { Claiming } from "./claims.ts"
import { desiredPeers } from "./desired.ts"
import { type Draining, drainingOf, notDraining } from "./drained.ts"
import { electionOf, nothingSpread, type Spreading } from "./electing.ts"
import type { Layer2Command, Layer2Report } from "./layer2/messages.ts"
import type { AnnouncerCommand, LastTold } from "./messages.ts"
import { type Membership, nothingHeard } from "./membership.ts"
import { type FoundRouters, type WatchedPaths, watchedPaths } from "./paths.ts"
import type { Decided, Evaluate } from "./service.ts"
import { isOurs } from "./service-decision.ts"
import { type Splitting, splittingSince } from "./splitting.ts"
import { livenessOf, type Table, tableOf } from "./wire.ts"
import { isHandedOver, nodeFault, type Surroundings } from "./surroundings.ts"
import type { WitnessLink } from "./left.ts"
import type { Announcement } from "./transition.ts"

export interface AnnouncerConfig {
  readonly nodeName: string
  readonly api: Pick<
    ClusterApi,
    | "recordEvent"
    | "reportConfiguration"
    | "desiredServiceStatuses"
    | "desiredSessionStates"
    | "desiredServiceConditions"
  >
  /** Absent: no gossip, every node of the cluster may lead. */
  readonly gossip?: ActorRef<GossipCommand>
  readonly layer2: ActorRef<Layer2Command>
  readonly bgp: ActorRef<BgpCommand>
  /** Absent: no path is watched, whatever peers ask for. */
  readonly bfd?: ActorRef<BfdCommand>
  /** Keeps each accepted configuration and what the threads were told, and gives it to the next incarnation. */
  readonly keeper: ActorRef<
    { readonly kind: "accepted"; readonly snapshot: Snapshot } | ({ readonly kind: "told" } & LastTold)
  >
  readonly loadBalancerClass?: string
  readonly ignoreExcludeLoadBalancer?: boolean
  /** Absent: there is none. */
  readonly witness?: WitnessLink
  /** Absent: nobody listens on the wire to what others claim. */
  readonly wire?: { readonly liveness: boolean; readonly strangers: "defend" | "cease" }
  /** How long gossip that has just begun may take to hear of the other speakers. */
  readonly settleMs: number
}

/** All that the announcer hears. */
export type Message = AnnouncerCommand | Decided | Own
type Own =
  | { readonly kind: "service-started"; readonly key: ServiceKey }
  | { readonly kind: "evaluate-due" }
  | { readonly kind: "flush" }
  | { readonly kind: "report" }
  | { readonly kind: "session-states" }
  | { readonly kind: "settle" }
  | { readonly kind: "claims-due" }
  | { readonly kind: "leave-due" }
  | { readonly kind: "splits-due" }

export interface ServiceRecord {
  service: ServiceFacts | undefined
  readonly actor: ActorRef<Evaluate>
  /** Incarnations of its actor so far. */
  starts: number
  /** The newest decision; kept while the actor restarts. */
  decided: Decided | undefined
}

/** Changed in place: there may be ten thousand Services. A new incarnation begins with a new one. */
export interface AnnouncerState {
  readonly config: AnnouncerConfig
  /** One for each Service that is ours to announce, or was until now. */
  readonly records: Map<ServiceKey, ServiceRecord>
  readonly endpoints: Map<ServiceKey, EndpointFacts>
  /** Whose endpoints the present API actor has told: those of the others are gone once it has told everything. */
  endpointsTold: Set<ServiceKey>
  nodes: ReadonlyMap<string, NodeFacts>
  /** Undefined: not told yet. */
  speakerAddresses: readonly string[] | undefined
  membership: Membership
  /** Everybody that was a member for once, as last heard of, while there is a node of that name. */
  acquaintances: ReadonlyMap<string, Member>
  facts: ConfigurationFacts | undefined
  snapshot: Snapshot | undefined
  stale: boolean
  faults: readonly string[]
  /** The Service for whose sake the newest configuration is held back. */
  refusedFor: ServiceKey | undefined
  synced: boolean
  connection: Omit<ApiMessage & { kind: "connection" }, "kind"> | undefined
  /** Undefined: there is no configuration, so nothing can be decided. */
  surroundings: Surroundings | undefined
  /** Services to decide anew in the next `evaluate-due`; undefined: none is on its way. */
  due: "all" | Set<ServiceKey> | undefined
  /**
   * Services without a decision so far. While there is one, no thread is told anything: a table without it would take
   * away what the thread still answers for from the announcer before this one.
   */
  readonly undecided: Set<ServiceKey>
  /** Something that the threads' desired state is made of has changed since they were told. */
  unflushed: boolean
  flushing: boolean
  /** What the threads were told last. Undefined: nothing yet. */
  table: Table | undefined
  peers: readonly DesiredPeer[] | undefined
  /** What an announcer before this one had told them. */
  before: LastTold
  /** Threads that have started when there was nothing to tell. */
  readonly waiting: Set<"layer2" | "bgp">
  watched: WatchedPaths | undefined
  found: FoundRouters
  paths: Paths
  /** The API is about to be told of what has changed. */
  reporting: boolean
  /** What the API was told last: which Services are announced here, and what became of the configuration. */
  statuses: { readonly [Kind in DesiredServiceStatuses["kind"]]?: DesiredServiceStatuses["services"] }
  /** What the API was told of BGP sessions, and how soon it is to be told again. */
  sessionStates: { readonly told?: DesiredSessionStates["sessions"] | undefined; readonly dueInMs?: number }
  reported: ConfigurationCondition | undefined
  layer2: Layer2Report | undefined
  /** Addresses taken from a silent leader, by when, until the report names them. */
  readonly taken: Map<Ip, number>
  /** Addresses left to one that comes before this node: likewise. */
  readonly yielded: Map<Ip, number>
  /** What the witness has found, and was told last. */
  witness: WitnessReport | undefined
  witnessTold: WitnessCommand | undefined
  /** Addresses that this node leads for, and leaves to another because of the witness. */
  left: ReadonlySet<string>
  /** Since when gossip reaches those who announce the same, by address and node. */
  reachedSince: ReadonlyMap<string, number>
  readonly splitting: Splitting
  /** Members with which gossip was last asked to exchange tables, and when. */
  readonly compared: Map<string, number>
  /** What was said of this node in gossip last. */
  mark: SpeakerMark | undefined
  /** What is kept by the policy `sticky`. Undefined: not known yet. */
  claiming: Claiming | undefined
  spreading: Spreading
  readonly draining: Draining
  handOvers: { readonly heard: number; readonly unheard: number }
  sessions: readonly SessionReport[]
  bgp: Omit<BgpReport, "kind" | "sessions">
  bfd: BfdReport | undefined
  updates: number
  updateErrors: number
  /** How long Services wait for their decisions, and how long those take. */
  readonly deciding: WorkMeter
  /** Compiling the configuration. */
  readonly configuring: WorkMeter
}

export const beginning = (
  config: AnnouncerConfig,
  { world: { clock } }: { readonly world: Pick<World, "clock"> },
): AnnouncerState => ({
  config,
  records: new Map(),
  endpoints: new Map(),
  endpointsTold: new Set(),
  nodes: new Map(),
  speakerAddresses: undefined,
  membership: nothingHeard,
  acquaintances: new Map(),
  facts: undefined,
  snapshot: undefined,
  stale: false,
  faults: [],
  refusedFor: undefined,
  synced: false,
  connection: undefined,
  surroundings: undefined,
  due: undefined,
  undecided: new Set(),
  unflushed: false,
  flushing: false,
  table: undefined,
  peers: undefined,
  before: {},
  waiting: new Set(),
  watched: undefined,
  found: new Map(),
  paths: {},
  statuses: {},
  reporting: false,
  sessionStates: {},
  reported: undefined,
  layer2: undefined,
  taken: new Map(),
  yielded: new Map(),
  witness: undefined,
  witnessTold: undefined,
  left: new Set(),
  reachedSince: new Map(),
  splitting: splittingSince(clock.monotonicMs()),
  compared: new Map(),
  mark: undefined,
  claiming: undefined,
  spreading: nothingSpread,
  draining: notDraining(),
  handOvers: { heard: 0, unheard: 0 },
  sessions: [],
  bgp: {},
  bfd: undefined,
  updates: 0,
  updateErrors: 0,
  deciding: workMeter(() => clock.monotonicMs()),
  configuring: workMeter(() => clock.monotonicMs()),
})

/** Whether the Service gets an actor. One that it has stays until nothing is announced any more. */
export const isWanted = (service: ServiceFacts | undefined, { loadBalancerClass }: AnnouncerConfig): boolean =>
  service !== undefined && service.type === "LoadBalancer" && isOurs(service, loadBalancerClass)

export function surroundingsOf({ config, snapshot, ...state }: AnnouncerState): Surroundings | undefined {
  if (snapshot === undefined) return undefined
  const election = electionOf({ config, snapshot, ...state })
  return {
    nodeName: config.nodeName,
    snapshot,
    nodes: state.nodes,
    speakers: config.gossip === undefined ? "off" : state.membership.speakers,
    ...(state.layer2 === undefined ? {} : { interfaces: new Set(state.layer2.interfaces) }),
    ...(config.loadBalancerClass === undefined ? {} : { loadBalancerClass: config.loadBalancerClass }),
    ignoreExcludeLoadBalancer: config.ignoreExcludeLoadBalancer ?? false,
    ...(livenessOf({ config, ...state }) === "on" ? { standings: true } : {}),
    ...(election === undefined ? {} : { election }),
    ...drainingOf({ config, ...state }),
  }
}

export function announcementsOf(state: AnnouncerState): ReadonlyMap<ServiceKey, Announcement> {
  const announcements: [ServiceKey, Announcement][] = []
  for (const [key, { decided }] of state.records) {
    if (decided?.announcement !== undefined) announcements.push([key, decided.announcement])
  }
  return new Map(announcements.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Undefined: not to be told yet. The first table also waits until everything was decided knowing who is alive. */
export function wantedTable(state: AnnouncerState): Table | undefined {
  const { synced, surroundings, undecided, table, records } = state
  if (!synced || surroundings === undefined || undecided.size > 0) return undefined
  const known = ({ decided }: ServiceRecord) => decided?.on.surroundings.speakers !== "unknown"
  if (table === undefined && !(surroundings.speakers !== "unknown" && records.values().every(known))) return undefined
  return tableOf(state, announcementsOf(state))
}

export function wantedPeers(state: AnnouncerState): readonly DesiredPeer[] | undefined {
  const { synced, surroundings, undecided, nodes, config, draining, peers } = state
  if (!synced || surroundings === undefined || undecided.size > 0) return undefined
  // The good-bye of the BGP thread is for what the peers have.
  if (draining.leaving) return peers
  const name = config.nodeName
  const labels = nodes.get(name)?.labels ?? {}
  const wanted = desiredPeers(surroundings.snapshot.peers, { name, labels }, announcementsOf(state))
  const fault = nodeFault(surroundings, name)
  return fault === undefined || !isHandedOver(fault) ? wanted : wanted.map((peer) => ({ ...peer, drained: true }))
}

/** As soon as there are peers to be told; no Service has a part in it. */
export function wantedPaths(state: AnnouncerState): WatchedPaths | undefined {
  const { synced, surroundings, nodes, config, found } = state
  if (!synced || surroundings === undefined) return undefined
  return watchedPaths(surroundings.snapshot.peers, nodes.get(config.nodeName)?.labels ?? {}, found)
}
