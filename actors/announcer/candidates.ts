import type { EndpointFacts, ServiceFacts } from "../../config/facts.ts"
import type { L2Advertisement } from "../../config/snapshot.ts"
import type { Ip } from "../../protocols/ip.ts"
import { isLocal, nodesOf, servable } from "./endpoints.ts"
import { describeSubnetFault, type Policies, type SubnetFault, subnetFault } from "./policies.ts"
import { describeNodeFault, isOurOwn, type NodeFault, nodeFault, type Surroundings } from "./surroundings.ts"

/** Why a node is no candidate. */
export type Dropped =
  | NodeFault
  | "not-a-member"
  | "not-covered"
  | "no-local-endpoint"
  | "unaware-of-drain"
  | SubnetFault

/** What the candidates of one Service depend on. */
export interface Question {
  readonly ips: readonly Ip[]
  /** Those that select the Service, whether they cover this node or not: so that all speakers ask the same. */
  readonly advertisements: readonly L2Advertisement[]
  /** Nodes with an endpoint that can serve, where no other will do. */
  readonly local: ReadonlySet<string> | undefined
  readonly policies: Policies | undefined
  readonly surroundings: Surroundings
}

export const localNodes = (
  service: ServiceFacts,
  endpoints: EndpointFacts | undefined,
): ReadonlySet<string> | undefined => (isLocal(service) ? nodesOf(servable(endpoints)) : undefined)

/** Every node that is looked at, in name order: those that may be candidates, and those that a reader would ask about. */
export function considered(surroundings: Surroundings, speakers: ReadonlySet<string> | "off"): readonly string[] {
  const names = new Set(surroundings.nodes.keys())
  if (speakers !== "off") for (const name of speakers) names.add(name)
  if (speakers !== "off") names.add(surroundings.nodeName)
  return [...names].sort()
}

/** Undefined: it is a candidate. */
export function whyDropped(
  node: string,
  question: Question,
  speakers: ReadonlySet<string> | "off",
): Dropped | undefined {
  // This node is always a member of its own ring, even before it has heard of itself.
  if (speakers !== "off" && !speakers.has(node) && node !== question.surroundings.nodeName) return "not-a-member"
  return whyUnfit(node, question)
}

/** Undefined: it is a candidate if it is alive. */
export function whyUnfit(node: string, question: Question): Dropped | undefined {
  const { ips, advertisements, policies, surroundings } = question
  const fault = nodeFault(surroundings, node)
  const rules = whyNever(node, question)
  if (rules !== undefined) return rules
  const outside = advertisements
    .filter(({ nodes }) => nodes.has(node))
    .map((advertisement) => subnetFault(advertisement, node, ips, policies))
  return outside.includes(undefined) ? fault : outside[0]
}

/**
 * By what the API server says to all speakers alike, MetalLB's included. A drained node is first of all one that could:
 * what those would say comes first.
 */
export function whyNever(
  node: string,
  { advertisements, local, surroundings }: Question,
): "not-covered" | "no-local-endpoint" | NodeFault | undefined {
  const fault = nodeFault(surroundings, node)
  if (fault !== undefined && !isOurOwn(fault)) return fault
  if (!advertisements.some(({ nodes }) => nodes.has(node))) return "not-covered"
  return local !== undefined && !local.has(node) ? "no-local-endpoint" : undefined
}

/** An advertisement's preferences count only for the nodes that it covers. */
export function scoreOf(node: string, advertisements: readonly L2Advertisement[]): number {
  return advertisements.reduce((sum, { nodes, scores }) => (nodes.has(node) ? sum + (scores.get(node) ?? 0) : sum), 0)
}

export function describeDropped(why: Dropped): string {
  if (typeof why === "object") return describeSubnetFault(why)
  switch (why) {
    case "not-a-member":
      return "its speaker is not a living member of the gossip ring"
    case "not-covered":
      return "no L2Advertisement that selects the Service covers it"
    case "no-local-endpoint":
      return "externalTrafficPolicy is Local and no endpoint that can serve runs there"
    case "unaware-of-drain":
      return "its speaker knows of no draining and takes the drained node for the leader"
    case "network-unavailable":
    case "exclude-label":
    case "out-of-service":
    case "drain-taint":
    case "drain-command":
    case "leaving":
      return describeNodeFault(why)
  }
}
