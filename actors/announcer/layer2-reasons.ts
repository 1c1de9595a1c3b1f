import type { Ip } from "../../protocols/ip.ts"
import { describeDropped, type Dropped } from "./candidates.ts"
import type { Ranked } from "./election.ts"
import { describePolicy, type PolicyReason } from "./policies.ts"

/** Why a node answers for the addresses of a Service or not: one case for each rule that played a part. */
export type Layer2Reason =
  | { readonly rule: "no-endpoints" }
  | { readonly rule: "no-advertisement-selects-service" }
  | { readonly rule: "shared-ip-with-service-selector"; readonly advertisement: string }
  | { readonly rule: "no-advertisement-covers-node"; readonly advertisements: readonly string[] }
  | { readonly rule: "members-unknown" }
  | { readonly rule: "node-dropped"; readonly node: string; readonly why: Dropped }
  /** It is drained, and goes on: who would be next does not know that it should be. */
  | { readonly rule: "drain-waits"; readonly node: string; readonly for: readonly string[] }
  | { readonly rule: "no-candidates" }
  | { readonly rule: "election"; readonly ip: Ip; readonly candidates: readonly Ranked[] }
  | { readonly rule: "interfaces"; readonly interfaces: "all" | readonly string[] }
  | { readonly rule: "interfaces-missing"; readonly interfaces: readonly string[] }
  | PolicyReason

export function describeLayer2(reason: Layer2Reason): string {
  switch (reason.rule) {
    case "no-endpoints":
      return "no endpoint of the Service can serve"
    case "no-advertisement-selects-service":
      return "no L2Advertisement of the pool selects the Service"
    case "shared-ip-with-service-selector":
      return `allow-shared-ip is incompatible with serviceSelectors on L2 advertisements (${reason.advertisement})`
    case "no-advertisement-covers-node":
      return `no L2Advertisement of ${reason.advertisements.join(", ")} covers this node`
    case "members-unknown":
      return "which speakers are alive is not known yet"
    case "node-dropped":
      return `${reason.node} is no candidate: ${describeDropped(reason.why)}`
    case "drain-waits":
      return `${reason.node} is drained and goes on: ${reason.for.join(", ")} would be next and knows of no draining`
    case "no-candidates":
      return "no node is a candidate"
    case "election":
      return `candidates for ${reason.ip}, the leader first: ${reason.candidates.map(describeRanked).join(", ")}`
    case "interfaces":
      return reason.interfaces === "all" ? "on all interfaces" : `on the interfaces ${reason.interfaces.join(", ")}`
    case "interfaces-missing":
      return `none of the interfaces ${reason.interfaces.join(", ")} exists on this node`
    case "policies-off":
    case "policies-unknown":
    case "policy-not-shared":
    case "kept":
    case "spread":
      return describePolicy(reason)
  }
}

function describeRanked({ node, claim, place, score, digest }: Ranked): string {
  const claimed = claim === undefined ? "" : `claim ${claim}, `
  const placed = place === undefined ? "" : `place ${place + 1}, `
  return `${node} (${claimed}${placed}score ${score}, digest ${digest.slice(0, 16)})`
}
