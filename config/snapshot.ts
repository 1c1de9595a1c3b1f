import type { Ip } from "../protocols/ip.ts"
import type { Prefix } from "../protocols/prefix.ts"
import type { ElectionPolicy } from "./election-policy.ts"
import type { BFDProfileSpec, LabelSelector } from "./facts.ts"
import type { SecretText } from "./secret-text.ts"

/** One configuration that passed every check. Immutable; replaced as a whole. */
export interface Snapshot {
  /** By name, in name order. */
  readonly pools: ReadonlyMap<string, Pool>
  /** In name order. */
  readonly peers: readonly Peer[]
}

export interface Pool {
  readonly name: string
  /** In declaration order; a range contributes its blocks in ascending order. */
  readonly blocks: readonly Prefix[]
  readonly autoAssign: boolean
  readonly avoidBuggyIPs: boolean
  /** Absent: open to every Service. */
  readonly allocation?: PoolAllocation
  /** In name order. */
  readonly l2Advertisements: readonly L2Advertisement[]
  readonly bgpAdvertisements: readonly BGPAdvertisement[]
}

export interface PoolAllocation {
  readonly priority: number
  /** Resolved: `namespaces` and those that `namespaceSelectors` matched. */
  readonly namespaces: ReadonlySet<string>
  readonly serviceSelectors: readonly LabelSelector[]
}

export interface L2Advertisement {
  readonly name: string
  /** Names of the nodes that may announce. */
  readonly nodes: ReadonlySet<string>
  readonly interfaces: "all" | readonly string[]
  readonly serviceSelectors: readonly LabelSelector[]
  /** Preference score by node; absent means 0. */
  readonly scores: ReadonlyMap<string, number>
  /** Absent: MetalLB's election. */
  readonly election?: readonly ElectionPolicy[]
}

export interface BGPAdvertisement {
  readonly name: string
  readonly nodes: ReadonlySet<string>
  readonly aggregationLength: number
  readonly aggregationLengthV6: number
  readonly localPref: number
  /** Sorted; classic communities as `65000:1`, large ones as `65000:1:2`. */
  readonly communities: readonly string[]
  /** MULTI_EXIT_DISC. Absent: it has no opinion, another advertisement of the same prefix may have one. */
  readonly med?: number
  /** How often our AS number stands in the AS path beyond once. Absent as above. */
  readonly prepend?: number
  /** BGPPeer names; empty means every peer. */
  readonly peers: readonly string[]
  readonly serviceSelectors: readonly LabelSelector[]
}

export interface Peer {
  readonly name: string
  readonly myASN: number
  /** `internal`: the same as ours. `external`: any other. */
  readonly peerASN: number | "internal" | "external"
  /** What the peer is shown instead of `myASN`. */
  readonly localASN?: number
  /** Absent: the router on the link of `interface`. */
  readonly address?: Ip
  /** Of the host; an unnumbered peer has it instead of an address. */
  readonly interface?: string
  readonly port: number
  readonly sourceAddress?: Ip
  /** VRF of the host in which the session runs. */
  readonly vrf?: string
  readonly holdSeconds: number
  /** Whole seconds, at least 1. Absent: a third of the hold time. */
  readonly keepaliveSeconds?: number
  /** Between tries to connect. Absent: at once, then ever longer. */
  readonly connectSeconds?: number
  readonly routerId?: Ip
  /** Empty: every node. */
  readonly nodeSelectors: readonly LabelSelector[]
  /** As written in the peer, or from its Secret. */
  readonly password?: string | SecretText
  /** Its password or key is in a Secret, and Secrets were not asked for: nobody may connect for it. */
  readonly passwordUnread?: true
  /** TCP-AO (RFC 5925). */
  readonly authentication?: PeerAuthentication
  /** It connects to us, on `listenPort`; we do not. */
  readonly passive?: true
  /** It may connect to us on this port. */
  readonly listenPort?: number
  /** Routes are taken from it. */
  readonly import?: PeerImport
  /** RFC 5082: the peer is at most so many hops away. */
  readonly ttlSecurityHops?: number
  /** IPv4 and IPv6 routes over the one session, whatever the family of its address. */
  readonly bothFamilies?: true
  /** RFC 4724. */
  readonly gracefulRestart?: true
  /** May be several hops away. */
  readonly multihop?: true
  /** What the peer's BFD profile says: its path is watched (RFC 5882). */
  readonly bfd?: BFDProfileSpec
}

/** One master key tuple (RFC 5925 §3.1). */
export interface PeerAuthentication {
  readonly key: SecretText
  readonly algorithm: "hmac-sha-1-96" | "aes-128-cmac-96"
  /** KeyIDs, 0 … 255. */
  readonly sendId: number
  readonly receiveId: number
}

export interface PeerImport {
  /** Checked text of `parsePrefixRange`; what is in none of them is not taken. */
  readonly prefixes: readonly string[]
  /** Routes of all families together. */
  readonly maximum: number
  /** What follows one too many: it is left out, or the session ends as well. */
  readonly beyondMaximum: "warn" | "shutdown"
  /** Of the kernel. */
  readonly table: number
  /** Prefixes whose packets take the table's ways as well, where the main table has only its default route. */
  readonly sources?: readonly string[]
}
