import type { NodeFacts } from "../../config/facts.ts"
import type { Snapshot } from "../../config/snapshot.ts"

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
  /** Members hear each other on the wire, so it matters where this node stands when it does not lead. */
  readonly standings?: boolean
}

/** Kubernetes' well-known label: its presence counts, whatever its value, `false` and empty included. */
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

export type NodeFault = "network-unavailable" | "exclude-label"

/** Why a node may not announce at all. A node that the API server has not shown us has no fault. */
export function nodeFault(surroundings: Surroundings, node: string): NodeFault | undefined {
  const facts = surroundings.nodes.get(node)
  if (facts === undefined) return undefined
  if (facts.networkUnavailable) return "network-unavailable"
  if (!surroundings.ignoreExcludeLoadBalancer && Object.hasOwn(facts.labels, excludeLabel)) return "exclude-label"
  return undefined
}

export const describeNodeFault = (fault: NodeFault): string =>
  fault === "network-unavailable" ? "its condition NetworkUnavailable is True" : `it carries the label ${excludeLabel}`
