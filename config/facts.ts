import type { Ip } from "../protocols/ip.ts"
import type { SecretText } from "./secret-text.ts"

/** What the cluster says, in our words. `kubernetes/` makes these from API objects; past it nobody knows an API type. */

/** `namespace/name`. */
export type ServiceKey = string

export interface ServiceFacts {
  readonly key: ServiceKey
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly type: string
  readonly loadBalancerClass?: string
  readonly loadBalancerIP?: string
  readonly clusterIPs: readonly string[]
  readonly ipFamilies: readonly string[]
  readonly ipFamilyPolicy: string
  readonly externalTrafficPolicy: string
  readonly selector: Readonly<Record<string, string>>
  readonly ports: readonly { readonly protocol: string; readonly port: number }[]
  /** `status.loadBalancer.ingress` in order; `ip` is empty for a hostname-only entry. Text as found, not yet checked. */
  readonly ingress: readonly { readonly ip: string }[]
  /** `status.conditions` by type, whoever wrote them. Absent: none. */
  readonly conditions?: Readonly<Record<string, ServiceCondition>>
}

export interface ServiceCondition {
  readonly status: "True" | "False" | "Unknown"
  /** One CamelCase word. */
  readonly reason: string
  readonly message: string
}

export interface Endpoint {
  readonly addresses: readonly string[]
  readonly nodeName?: string
  /** Absent counts as true. */
  readonly ready?: boolean
  readonly serving?: boolean
}

/** All EndpointSlices of one Service together. */
export interface EndpointFacts {
  readonly key: ServiceKey
  readonly endpoints: readonly Endpoint[]
}

export interface NodeFacts {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Condition NetworkUnavailable is True. */
  readonly networkUnavailable: boolean
  readonly internalIPs: readonly Ip[]
  /** `spec.taints`, sorted by key and effect. Absent: none. */
  readonly taints?: readonly Taint[]
}

export interface Taint {
  readonly key: string
  /** Empty: none was given. */
  readonly value: string
  /** `NoSchedule`, `PreferNoSchedule` or `NoExecute`. */
  readonly effect: string
}

export interface NamespaceFacts {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** A speaker Pod, found by `--ml-labels`. */
export interface SpeakerPodFacts {
  readonly name: string
  readonly podIP: string
}

/** The custom resources as read: name and spec, unchecked beyond the CRD schema. */
export interface ResourceFacts<Spec = Readonly<Record<string, unknown>>> {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Those of our own, `troupe.dev/…`. Absent: none. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec: Spec
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

export interface IPAddressPoolSpec {
  readonly addresses: readonly string[]
  readonly autoAssign?: boolean
  readonly avoidBuggyIPs?: boolean
  readonly serviceAllocation?: {
    readonly priority?: number
    readonly namespaces?: readonly string[]
    readonly namespaceSelectors?: readonly LabelSelector[]
    readonly serviceSelectors?: readonly LabelSelector[]
  }
}

export interface L2AdvertisementSpec {
  readonly ipAddressPools?: readonly string[]
  readonly ipAddressPoolSelectors?: readonly LabelSelector[]
  readonly nodeSelectors?: readonly LabelSelector[]
  readonly interfaces?: readonly string[]
  readonly serviceSelectors?: readonly LabelSelector[]
  readonly preferredNodeSelectors?: readonly { readonly weight: number; readonly preference: LabelSelector }[]
}

export interface BGPAdvertisementSpec {
  readonly aggregationLength?: number
  readonly aggregationLengthV6?: number
  readonly localPref?: number
  readonly communities?: readonly string[]
  readonly ipAddressPools?: readonly string[]
  readonly ipAddressPoolSelectors?: readonly LabelSelector[]
  readonly nodeSelectors?: readonly LabelSelector[]
  readonly peers?: readonly string[]
  readonly serviceSelectors?: readonly LabelSelector[]
}

/** v1beta2. Durations are Go duration text. */
export interface BGPPeerSpec {
  readonly myASN: number
  readonly peerASN?: number
  readonly localASN?: number
  readonly dynamicASN?: string
  readonly peerAddress?: string
  readonly interface?: string
  readonly sourceAddress?: string
  readonly peerPort?: number
  readonly holdTime?: string
  readonly keepaliveTime?: string
  readonly connectTime?: string
  readonly routerID?: string
  readonly nodeSelectors?: readonly LabelSelector[]
  readonly password?: string
  readonly passwordSecret?: { readonly name?: string; readonly namespace?: string }
  readonly bfdProfile?: string
  readonly enableGracefulRestart?: boolean
  readonly ebgpMultiHop?: boolean
  readonly vrf?: string
  readonly disableMP?: boolean
  readonly dualStackAddressFamily?: boolean
}

export interface CommunitySpec {
  readonly communities?: readonly { readonly name?: string; readonly value?: string }[]
}

/** Intervals in milliseconds. What is absent is the protocol's default. */
export interface BFDProfileSpec {
  readonly receiveInterval?: number
  readonly transmitInterval?: number
  readonly detectMultiplier?: number
  readonly echoInterval?: number
  readonly echoMode?: boolean
  readonly passiveMode?: boolean
  readonly minimumTtl?: number
}

/** A Secret of our namespace. Its content is read only where `type` is `kubernetes.io/basic-auth`. */
export interface SecretFacts {
  readonly name: string
  readonly type: string
  /** Key `password`; absent when there is no such key, or it is empty or no text. */
  readonly password?: SecretText
}

/** Everything the configuration compiler reads. Lists in any order: the compiler sorts by name. */
export interface ConfigurationFacts {
  readonly pools: readonly ResourceFacts<IPAddressPoolSpec>[]
  readonly l2Advertisements: readonly ResourceFacts<L2AdvertisementSpec>[]
  readonly bgpAdvertisements: readonly ResourceFacts<BGPAdvertisementSpec>[]
  readonly peers: readonly ResourceFacts<BGPPeerSpec>[]
  readonly communities: readonly ResourceFacts<CommunitySpec>[]
  readonly bfdProfiles?: readonly ResourceFacts<BFDProfileSpec>[]
  /** All Secrets of our namespace. Absent: they were not asked for. */
  readonly passwordSecrets?: readonly SecretFacts[]
  readonly nodes: readonly NodeFacts[]
  readonly namespaces: readonly NamespaceFacts[]
}
