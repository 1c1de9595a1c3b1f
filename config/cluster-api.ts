import type {
  ConfigurationFacts,
  EndpointFacts,
  NodeFacts,
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
}

export interface Watched {
  readonly services?: boolean
  readonly endpoints?: boolean
  /** Pools, advertisements, peers, communities of our namespace, with nodes and namespaces. */
  readonly configuration?: boolean
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
}
