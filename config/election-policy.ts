import type { Complain } from "./fault.ts"
import { quote } from "./go-text.ts"

/** Annotation of an L2Advertisement; several policies with commas between them. */
export const electionPolicyAnnotation = "troupe.dev/election-policy"

const electionPolicies = ["spread", "sticky", "subnet-aware"] as const
/**
 * How the leader of an address is chosen, where MetalLB has its hash alone. sticky: who announces it keeps it while it is
 * a candidate. spread: addresses evenly over the nodes. subnet-aware: only nodes with an interface in the subnet of the
 * address are candidates.
 */
export type ElectionPolicy = (typeof electionPolicies)[number]

/** In name order, each once. Undefined: not asked for. */
export function readElectionPolicy(
  annotations: Readonly<Record<string, string>>,
  complain: Complain,
): readonly ElectionPolicy[] | undefined {
  const text = annotations[electionPolicyAnnotation]
  if (text === undefined) return undefined
  const named = text.split(",").map((part) => part.trim())
  const policies = electionPolicies.filter((policy) => named.includes(policy))
  if (named.every((name) => electionPolicies.some((policy) => policy === name))) return policies
  const rule = `must be ${electionPolicies.join(", ")}, or several of them with commas between`
  complain("metadata.annotations", `invalid ${electionPolicyAnnotation} ${quote(text)}: ${rule}`)
  return undefined
}
