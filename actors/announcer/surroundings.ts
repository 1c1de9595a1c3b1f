import type { NodeFacts } from "../../config/facts.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import type { ElectionFacts } from "./policies.ts"
import type { Withdrawal } from "./withdrawal.ts"

/** What every decision on this node is made from, besides the Service itself. Immutable; replaced as a whole. */
export interface Surroundings {
  /** This node. */
  readonly nodeName: string
  readonly snapshot: Snapshot
  readonly nodes: ReadonlyMap<string, NodeFacts>
  /**
   * Nodes whose speaker is alive or suspect. `off`: no gossip here, every node of the cluster counts. `unknown`: gossip
   * has not said yet, so nobody may be elected.
   */
  readonly speakers: ReadonlySet<string> | "off" | "unknown"
  /** Interfaces of this node; absent while the layer 2 thread has not named them. */
  readonly interfaces?: ReadonlySet<string>
  readonly loadBalancerClass?: string
  readonly ignoreExcludeLoadBalancer: boolean
  /** Nodes that hand over what they announce and take nothing, by their own word in gossip or our own. Absent: none. */
  readonly drained?: ReadonlySet<string>
  /** Of the living speakers those that know of no draining, as MetalLB's. Absent: none. */
  readonly unaware?: ReadonlySet<string>
  /** This node's speaker is about to end. */
  readonly leaving?: boolean
  /** Members hear each other on the wire, so it matters where this node stands when it does not lead. */
  readonly standings?: boolean
  /** Absent: no advertisement asks for an election policy, or nothing is known of what they need. */
  readonly election?: ElectionFacts
}

/** Kubernetes' well-known label: its presence counts, whatever its value, `false` and empty included. */
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

/** Of Kubernetes: the node is known to be down, whatever the taint's value and effect. */
const outOfServiceTaint = "node.kubernetes.io/out-of-service"
/** Ours: the node is to be emptied of service addresses, whatever the taint's value and effect. */
export const drainTaint = "troupe.dev/drain"

export type NodeFault =
  | "network-unavailable"
  | "exclude-label"
  | "out-of-service"
  | "drain-taint"
  | "drain-command"
  | "leaving"

/** Why a node may not announce at all. A node that the API server has not shown us has no fault of its own. */
export function nodeFault(surroundings: Surroundings, node: string): NodeFault | undefined {
  const facts = surroundings.nodes.get(node)
  if (facts?.networkUnavailable === true) return "network-unavailable"
  if (!surroundings.ignoreExcludeLoadBalancer && facts !== undefined && Object.hasOwn(facts.labels, excludeLabel))
    return "exclude-label"
  if (isTainted(facts, outOfServiceTaint)) return "out-of-service"
  if (surroundings.leaving === true && node === surroundings.nodeName) return "leaving"
  if (isTainted(facts, drainTaint)) return "drain-taint"
  if (surroundings.drained?.has(node) === true) return "drain-command"
  return undefined
}

const isTainted = (facts: NodeFacts | undefined, taint: string): boolean =>
  facts?.taints?.some(({ key }) => key === taint) === true

/** By a taint that MetalLB does not know of. */
export const isEmptied = (facts: NodeFacts): boolean =>
  isTainted(facts, outOfServiceTaint) || isTainted(facts, drainTaint)

/** MetalLB does not know of these: its speakers count such a node as a candidate for as long as it is a member. */
export const isOurOwn = (fault: NodeFault): boolean => fault !== "network-unavailable" && fault !== "exclude-label"

/** The node works and goes on until another has taken over. */
export const isHandedOver = (fault: NodeFault): boolean => fault !== "network-unavailable" && fault !== "out-of-service"

export const withdrawalFor: Readonly<Record<NodeFault, Withdrawal>> = {
  "network-unavailable": "nodeNetworkUnavailable",
  "exclude-label": "nodeLabeledExcludeBalancers",
  "out-of-service": "nodeOutOfService",
  "drain-taint": "nodeDrained",
  "drain-command": "nodeDrained",
  leaving: "speakerStopping",
}

export function describeNodeFault(fault: NodeFault): string {
  switch (fault) {
    case "network-unavailable":
      return "its condition NetworkUnavailable is True"
    case "exclude-label":
      return `it carries the label ${excludeLabel}`
    case "out-of-service":
      return `it carries the taint ${outOfServiceTaint}: it is known to be down`
    case "drain-taint":
      return `it is drained: it carries the taint ${drainTaint}`
    case "drain-command":
      return "it is drained: `troupe drain` was run there"
    case "leaving":
      return "its speaker is stopping"
  }
}
