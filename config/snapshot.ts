import type { Ip } from "../protocols/ip.ts"
import type { Prefix } from "../protocols/prefix.ts"
import type { LabelSelector } from "./facts.ts"

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
}

export interface BGPAdvertisement {
  readonly name: string
  readonly nodes: ReadonlySet<string>
  readonly aggregationLength: number
  readonly aggregationLengthV6: number
  readonly localPref: number
  /** Sorted; classic communities as `65000:1`, large ones as `65000:1:2`. */
  readonly communities: readonly string[]
  /** BGPPeer names; empty means every peer. */
  readonly peers: readonly string[]
  readonly serviceSelectors: readonly LabelSelector[]
}

export interface Peer {
  readonly name: string
  readonly myASN: number
  readonly peerASN: number
  readonly address: Ip
  readonly port: number
  readonly sourceAddress?: Ip
  readonly holdSeconds: number
  readonly routerId?: Ip
  /** Empty: every node. */
  readonly nodeSelectors: readonly LabelSelector[]
  readonly password?: string
}
