import type { Member, Members } from "../../cluster/messages.ts"
import type { WitnessReport } from "../../cluster/witness/messages.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import type { WorkCounts } from "../../config/work-meter.ts"
import type { ServiceKey } from "../../config/facts.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { ApiMessage } from "../api.ts"
import type { BfdReport, BfdSessionReport } from "../bfd/messages.ts"
import type { BgpReport, DesiredPeer, SessionReport } from "../session/messages.ts"
import type { DrainStatus, Prepared } from "./drain-messages.ts"
import type { Layer2Command, Layer2Happened, Layer2Report, Layer2WireReport } from "./layer2/messages.ts"
import type { OnSplit } from "./left.ts"
import type { ServiceVerdict } from "./service-decision.ts"
import type { NodeFault } from "./surroundings.ts"
import type { Protocol } from "./transition.ts"
import type { Withdrawal } from "./withdrawal.ts"

/** What the announcer hears from others. */
export type AnnouncerCommand =
  | ApiMessage
  /** The API actor is no more; the next one tells everything again. */
  | { readonly kind: "api-gone" }
  | Members
  | Layer2Report
  | Layer2Happened
  | BgpReport
  | BfdReport
  | WitnessReport
  /** A new incarnation, which knows nothing. */
  | { readonly kind: "thread-started"; readonly thread: "gossip" | "layer2" | "bgp" | "bfd" | "witness" }
  /** What an announcer before this one had accepted: in force when what the API server has now is not valid. */
  | { readonly kind: "last-valid"; readonly snapshot: Snapshot }
  /** What an announcer before this one had told the threads: for those that start before this one knows better. */
  | ({ readonly kind: "last-told" } & LastTold)
  /** What `troupe drain` has asked for; told again to each new announcer. */
  | { readonly kind: "drain"; readonly drained: boolean }
  | { readonly kind: "drain-status"; readonly replyTo: ActorRef<DrainStatus> }
  /** The speaker is about to end: hand everything over. BGP is not told; its thread says good-bye itself. */
  | { readonly kind: "leave"; readonly replyTo: ActorRef<Prepared> }
  | { readonly kind: "status"; readonly replyTo: ActorRef<SpeakerStatus> }
  | { readonly kind: "metrics"; readonly replyTo: ActorRef<SpeakerMetrics> }

/** What a thread should do, as it was told last. Absent: it was told nothing yet. */
export interface LastTold {
  readonly table?: Omit<Extract<Layer2Command, { kind: "table" }>, "kind">
  readonly peers?: readonly DesiredPeer[]
}

/** What this speaker does and why, for people. Plain data; no secrets. */
export interface SpeakerStatus extends BgpThreadStatus {
  readonly node: string
  /** Everything that the API server had was told once. */
  readonly synced: boolean
  /** Why this node may not announce, as that it is drained. Absent: it may. */
  readonly fault?: NodeFault
  /** The last word on the connection to the API server. */
  readonly connection?: { readonly connected: boolean; readonly reason: string }
  readonly configuration: ConfigurationStatus
  readonly gossip: "off" | "unknown" | GossipStatus
  /** Of this node, as the layer 2 thread sees them. */
  readonly interfaces: readonly string[]
  /** Members that hear each other on the wire take over from one another before gossip knows. Absent: not looked at. */
  readonly liveness?: LivenessStatus
  /** Absent: no L2Advertisement asks for an election policy. */
  readonly policies?: PoliciesStatus
  /** Absent: there is none. */
  readonly witness?: WitnessStatus
  readonly sessions: readonly SessionReport[]
  /** Of the peers whose path is watched; peers that differ in their port alone share one. */
  readonly bfd: readonly BfdSessionReport[]
  /** In key order. */
  readonly services: readonly ServiceStatus[]
}

export interface PoliciesStatus {
  readonly state: "on" | "off"
  /** Why they are off. */
  readonly reason?: string
  /** What this node claims by the policy `sticky`, whether it finds room in gossip or not. */
  readonly claims: number
}

export interface WitnessStatus extends Omit<WitnessReport, "kind"> {
  readonly onSplit: OnSplit
  /** Not answered for, because of a newer claim. */
  readonly left: readonly string[]
}

export interface LivenessStatus {
  readonly state: "on" | "off"
  /** Why it is off. */
  readonly reason?: string
  readonly wire?: Layer2WireReport
}

/** What the BGP thread does beside its sessions: sockets for peers that connect to us, imported routes in the kernel. */
type BgpThreadStatus = Pick<BgpReport, "listeners" | "kernel">

interface ConfigurationStatus {
  readonly loaded: boolean
  /** The newest resources are not in force; `faults` says why. */
  readonly stale: boolean
  readonly faults: readonly string[]
}

interface GossipStatus {
  readonly members: readonly Member[]
  /** Names of those that elections count with. */
  readonly speakers: readonly string[]
  readonly settled: boolean
}

export interface ServiceStatus {
  readonly key: ServiceKey
  readonly ips: readonly string[]
  readonly pool?: string
  /** The rules that come before the protocols, in words. */
  readonly reasons: readonly string[]
  readonly bgp: ProtocolStatus
  readonly layer2: ProtocolStatus & {
    readonly interfaces?: "all" | readonly string[]
    readonly leader?: string
  }
  /** All of it as data. */
  readonly verdict: ServiceVerdict
}

interface ProtocolStatus {
  readonly announced: boolean
  readonly withheld?: Withdrawal
  readonly reasons: readonly string[]
}

/** The numbers behind the metrics; names and labels are given where they are exported. */
export interface SpeakerMetrics extends BgpThreadStatus {
  readonly node: string
  readonly announced: readonly { readonly service: ServiceKey; readonly protocol: Protocol; readonly ip: string }[]
  /** Why this node may not announce; absent: it may. */
  readonly fault?: NodeFault
  /** Addresses that another node leads now: `heard` to have taken them, or nobody was in time. */
  readonly handOvers: { readonly heard: number; readonly unheard: number }
  readonly layer2: Pick<Layer2Report, "requestsReceived" | "responsesSent" | "gratuitousSent" | "dropped" | "wire">
  readonly policies?: PoliciesStatus
  readonly witness?: WitnessStatus
  readonly sessions: readonly SessionReport[]
  readonly bfd: readonly BfdSessionReport[]
  /** Facts handled, one for each change of a Service, a node or the configuration. */
  readonly updates: number
  readonly updateErrors: number
  readonly configurationLoaded: boolean
  readonly configurationStale: boolean
  readonly deciding?: WorkCounts
  readonly configuring?: WorkCounts
}
