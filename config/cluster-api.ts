import type {
  ConfigurationFacts,
  EndpointFacts,
  NodeFacts,
  ServiceCondition,
  ServiceFacts,
  ServiceKey,
  SpeakerPodFacts,
} from "./facts.ts"

/**
 * The cluster as the actors see it. `kubernetes/` implements it over a real API server, tests in memory. Watches are
 * level-triggered: a callback says what *is*, may come late or twice, and after a reconnect comes for every difference.
 */
export interface ClusterApi {
  /** Calls back until stopped. `synced` is called once, when everything that exists was told. */
  watch(wanted: Watched, on: ClusterHandlers): { stop(): void }
  /** One write of status and annotations together, against `resourceVersion`. */
  writeServiceStatus(write: ServiceStatusWrite): Promise<WriteOutcome>
  /** Recorded on the Service; repeated ones are counted in one Event object. Never fails: losses are counted. */
  recordEvent(event: ServiceEvent): void
  /**
   * Wishes, not commands: the newest one for its object holds until `forgetWishes`. It is written when the object
   * differs, again when somebody changes or deletes the object, and retried for as long as the server refuses.
   */
  writePoolStatus(status: PoolStatus): void
  reportConfiguration(report: ConfigurationReport): void
  /** Always the whole set: what is not in it is taken away. Before the first call nothing is touched. */
  desiredServiceStatuses(desired: DesiredServiceStatuses): void
  /** Always the whole set, as above. */
  desiredSessionStates(desired: DesiredSessionStates): void
  /** The newest set counts. A Service that is not in it keeps the condition that it has. */
  desiredServiceConditions(desired: DesiredServiceConditions): void
  /** Somebody else leads now: requests under way are dropped, and nothing is written until it is wished for again. */
  forgetWishes(): void
}

export interface Watched {
  readonly services?: boolean
  readonly endpoints?: boolean
  /** Pools, advertisements, peers, communities, BFD profiles of our namespace, with nodes and namespaces. */
  readonly configuration?: boolean
  /** With `configuration`: the passwords of peers too. Only for who needs them. */
  readonly passwordSecrets?: boolean
  readonly nodes?: boolean
  /** Pods of our namespace with these labels: the speakers. */
  readonly speakerPods?: { readonly labelSelector: string }
}

export interface ClusterHandlers {
  service?(key: ServiceKey, service: ServiceFacts | undefined): void
  endpoints?(key: ServiceKey, endpoints: EndpointFacts): void
  node?(name: string, node: NodeFacts | undefined): void
  /** Always the whole set. */
  configuration?(facts: ConfigurationFacts): void
  /** Always the whole set. */
  speakerPods?(pods: readonly SpeakerPodFacts[]): void
  synced(): void
  /** The connection to the API server went or came back, with the reason in words. Known state stays in force meanwhile. */
  connection?(connected: boolean, reason: string): void
}

export interface ServiceStatusWrite {
  readonly key: ServiceKey
  readonly uid: string
  readonly resourceVersion: string
  /** The addresses for `status.loadBalancer.ingress`, in order; empty clears it. */
  readonly ingress: readonly string[]
  /** Annotations to set (text) or remove (undefined). */
  readonly annotations: Readonly<Record<string, string | undefined>>
  /** Entries of `status.conditions` to set, or to remove (undefined), by type. Those of others stay. */
  readonly conditions?: Readonly<Record<string, ServiceCondition | undefined>>
}

export type WriteOutcome =
  | { readonly kind: "written"; readonly resourceVersion: string }
  /** Somebody wrote first: read again, decide again. */
  | { readonly kind: "conflict" }
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly message: string; readonly retryAfterMs?: number }

export interface ServiceEvent {
  readonly key: ServiceKey
  readonly uid: string
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
  /** Source component: `metallb-controller` or `metallb-speaker`. */
  readonly component: string
  /** A node: of many alike at once, those past the first hundred are told together in one Event of that Node. */
  readonly gatherOn?: string
}

/** For the status of an IPAddressPool; each fits int64. */
export interface PoolStatus {
  /** Of the pool. */
  readonly name: string
  readonly assignedIPv4: bigint
  readonly assignedIPv6: bigint
  readonly availableIPv4: bigint
  readonly availableIPv6: bigint
}

/** What a component says of the configuration, for its ConfigurationState. */
export interface ConfigurationReport {
  readonly component: "controller" | "speaker"
  /** Of the speaker. */
  readonly nodeName?: string
  readonly condition: ConfigurationCondition
}

export type ConfigurationCondition =
  | { readonly status: "True"; readonly reason: "Reconciled"; readonly message: "" }
  /** `message` begins with `configuration error: ` for the first reason. */
  | { readonly status: "False"; readonly reason: "ConfigurationError" | "UnknownError"; readonly message: string }

/** What this node announces: one ServiceL2Status or ServiceBGPStatus for each Service. */
export interface DesiredServiceStatuses {
  readonly kind: "layer2" | "bgp"
  readonly nodeName: string
  /** Layer 2: the interfaces, none for all of them. BGP: the names of the BGPPeers; none counts as not announced. */
  readonly services: ReadonlyMap<ServiceKey, readonly string[]>
}

/** One entry of `status.conditions` in some Services; those of other types stay. */
export interface DesiredServiceConditions {
  readonly type: string
  readonly services: ReadonlyMap<ServiceKey, { readonly uid: string; readonly condition: ServiceCondition }>
}

/** How the BGP sessions of this node stand: one BGPSessionState for each BGPPeer. */
export interface DesiredSessionStates {
  readonly nodeName: string
  /** By the name of the BGPPeer. */
  readonly sessions: ReadonlyMap<string, SessionState>
}

/** As the object's status has it. */
export interface SessionState {
  /** Address, or the name of an interface. */
  readonly peer: string
  readonly vrf?: string
  readonly bgpStatus: "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established"
  readonly bfdStatus: "up" | "down" | "init" | "adminDown" | "N/A"
  /** Unix milliseconds; while it is established. */
  readonly establishedSinceMs?: number
  readonly lastError?: string
}
