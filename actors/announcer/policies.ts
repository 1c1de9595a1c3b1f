import type { SpeakerMark } from "../../cluster/speaker-mark.ts"
import { addressTag, interfaceTag } from "../../cluster/speaker-mark.ts"
import type { ElectionPolicy } from "../../config/election-policy.ts"
import type { L2Advertisement } from "../../config/snapshot.ts"
import type { Ip } from "../../protocols/ip.ts"
import { type Prefix, parsePrefix, prefixContains } from "../../protocols/prefix.ts"
import type { Precedence } from "./election.ts"
import type { Spread } from "./spread.ts"

/** What election policies are decided from: the same for every speaker, once gossip has brought it to all. */
export type ElectionFacts =
  | {
      readonly kind: "on"
      readonly subnets: ReadonlyMap<string, NodeSubnets>
      /** Epochs by node, by `addressTag`. */
      readonly claims: ReadonlyMap<number, ReadonlyMap<string, number>>
      readonly spread: Spread
    }
  /** Some speaker would not go by them, or they cannot be known: MetalLB's order holds. */
  | { readonly kind: "off"; readonly why: string }

export interface NodeSubnets {
  /** It has more than it could say. */
  readonly more: boolean
  readonly list: readonly { readonly interface: number; readonly prefix: Prefix }[]
}

export type PolicyReason =
  | { readonly rule: "policies-off"; readonly policies: readonly ElectionPolicy[]; readonly why: string }
  /** Whoever decides here does not hear the speakers. */
  | { readonly rule: "policies-unknown"; readonly policies: readonly ElectionPolicy[] }
  /** Of several advertisements that select the Service, these do not ask for it. */
  | {
      readonly rule: "policy-not-shared"
      readonly policy: ElectionPolicy
      readonly advertisements: readonly string[]
    }
  | { readonly rule: "kept"; readonly ip: Ip; readonly node: string; readonly epoch: number }
  | { readonly rule: "spread"; readonly ip: Ip; readonly node: string; readonly has: number; readonly of: number }

/** Why a node is no candidate by `subnet-aware`. */
export type SubnetFault =
  | { readonly kind: "not-in-subnet"; readonly ip: Ip; readonly interfaces: "all" | readonly string[] }
  | { readonly kind: "subnets-unknown" }

/** What holds for one Service. */
export interface Policies {
  readonly sticky: boolean
  readonly spread: boolean
  readonly facts: ElectionFacts & { readonly kind: "on" }
}

/**
 * sticky and spread are about the order of all candidates, so all advertisements that select the Service have to ask for
 * them. Undefined: MetalLB's election.
 */
export function policiesFor(
  advertisements: readonly L2Advertisement[],
  facts: ElectionFacts | undefined,
): { readonly policies: Policies | undefined; readonly because: readonly PolicyReason[] } {
  const named = [...new Set(advertisements.flatMap(({ election }) => election ?? []))].sort()
  if (named.length === 0) return { policies: undefined, because: [] }
  if (facts === undefined) return { policies: undefined, because: [{ rule: "policies-unknown", policies: named }] }
  if (facts.kind === "off") {
    return { policies: undefined, because: [{ rule: "policies-off", policies: named, why: facts.why }] }
  }
  const because: PolicyReason[] = []
  const shared = (policy: ElectionPolicy): boolean => {
    if (!named.includes(policy)) return false
    const without = advertisements.filter(({ election }) => election?.includes(policy) !== true)
    if (without.length === 0) return true
    because.push({ rule: "policy-not-shared", policy, advertisements: without.map(({ name }) => name) })
    return false
  }
  return { policies: { sticky: shared("sticky"), spread: shared("spread"), facts }, because }
}

export function precedenceFor(ip: Ip, policies: Policies | undefined): Precedence {
  if (policies === undefined) return {}
  const { facts } = policies
  const claims = policies.sticky ? facts.claims.get(addressTag(ip)) : undefined
  const spread = policies.spread ? facts.spread.orders.get(ip) : undefined
  return { ...(claims && { claims }), ...(spread && { spread }) }
}

/** Which policy has put the leader where it is. */
export function policyReasons(
  ip: Ip,
  leader: { readonly node: string; readonly claim?: number; readonly place?: number } | undefined,
  policies: Policies | undefined,
): readonly PolicyReason[] {
  if (leader === undefined || policies === undefined) return []
  const { node, claim, place } = leader
  if (claim !== undefined) return [{ rule: "kept", ip, node, epoch: claim }]
  if (place === undefined) return []
  const { shares, orders } = policies.facts.spread
  return [{ rule: "spread", ip, node, has: shares.get(node) ?? 0, of: orders.size }]
}

/** Whether that advertisement lets that node announce the addresses. Undefined: it does. */
export function subnetFault(
  { election, interfaces }: L2Advertisement,
  node: string,
  ips: readonly Ip[],
  policies: Policies | undefined,
): SubnetFault | undefined {
  if (policies === undefined || election?.includes("subnet-aware") !== true) return undefined
  const subnets = policies.facts.subnets.get(node)
  if (subnets === undefined) return { kind: "subnets-unknown" }
  // Better a leader that may be outside than none.
  if (subnets.more) return undefined
  const tags = interfaces === "all" ? undefined : new Set(interfaces.map(interfaceTag))
  const outside = ips.find(
    (ip) => !subnets.list.some((subnet) => (tags?.has(subnet.interface) ?? true) && prefixContains(subnet.prefix, ip)),
  )
  return outside === undefined ? undefined : { kind: "not-in-subnet", ip: outside, interfaces }
}

/** From what members say of themselves. */
export function factsFrom(marks: ReadonlyMap<string, SpeakerMark>, spread: Spread): ElectionFacts {
  const claims = new Map<number, Map<string, number>>()
  const subnets = new Map<string, NodeSubnets>()
  for (const [node, mark] of marks) {
    for (const { address, epoch } of mark.claims ?? []) {
      const known = claims.get(address)
      if (known === undefined) claims.set(address, new Map([[node, epoch]]))
      else known.set(node, Math.max(epoch, known.get(node) ?? 0))
    }
    if (mark.subnets === undefined) continue
    const list = mark.subnets.list.flatMap(({ interface: tag, prefix: text }) => {
      const prefix = parsePrefix(text)
      return prefix === undefined ? [] : [{ interface: tag, prefix }]
    })
    subnets.set(node, { more: !mark.subnets.complete, list })
  }
  return { kind: "on", subnets, claims, spread }
}

const rules: readonly string[] = [
  "policies-off",
  "policies-unknown",
  "policy-not-shared",
  "kept",
  "spread",
] satisfies readonly PolicyReason["rule"][]
export const isPolicyReason = (reason: { readonly rule: string }): reason is PolicyReason => rules.includes(reason.rule)

export function describePolicy(reason: PolicyReason): string {
  switch (reason.rule) {
    case "policies-off":
      return `election policy ${reason.policies.join(", ")} is off: ${reason.why}`
    case "policies-unknown":
      return `election policy ${reason.policies.join(", ")} is left out here, since only the speakers know what it goes by: \`troupe status layer2\` has the leader`
    case "policy-not-shared":
      return `election policy ${reason.policy} does not count: ${reason.advertisements.join(", ")} also selects the Service and does not ask for it`
    case "kept":
      return `kept: sticky, ${reason.node} has claimed ${reason.ip} in epoch ${reason.epoch}`
    case "spread":
      return `spread: ${reason.node} has ${reason.has} of ${reason.of} addresses with this policy`
  }
}

export function describeSubnetFault(fault: SubnetFault): string {
  if (fault.kind === "subnets-unknown") return "its speaker has not said yet which subnets its interfaces are in"
  const { ip, interfaces } = fault
  const which = interfaces === "all" ? "no interface" : `none of the interfaces ${interfaces.join(", ")}`
  return `${which} has an address in the subnet of ${ip}`
}
