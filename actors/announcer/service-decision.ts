import type { EndpointFacts, ServiceFacts } from "../../config/facts.ts"
import type { Pool, Snapshot } from "../../config/snapshot.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import { prefixContains } from "../../protocols/prefix.ts"
import type { Verdict } from "../verdict.ts"
import { type BgpDecision, type BgpReason, decideBgp } from "./bgp-decision.ts"
import { decideLayer2, type Layer2Decision } from "./layer2-decision.ts"
import type { Layer2Reason } from "./layer2-reasons.ts"
import type { Surroundings } from "./surroundings.ts"
import type { Withdrawal } from "./withdrawal.ts"

export type ServiceDecision =
  | {
      readonly kind: "considered"
      readonly pool: string
      /** In the order of the Service's status. */
      readonly ips: readonly Ip[]
      readonly bgp: Verdict<BgpDecision, BgpReason>
      readonly layer2: Verdict<Layer2Decision, Layer2Reason>
    }
  /** Announced by no protocol. */
  | { readonly kind: "stopped"; readonly reason: Withdrawal }
  /** Another load balancer's. */
  | { readonly kind: "ignored" }

export type ServiceReason =
  | { readonly rule: "deleted" }
  | { readonly rule: "other-class"; readonly theirs?: string; readonly ours?: string }
  | { readonly rule: "not-load-balancer"; readonly type: string }
  | { readonly rule: "no-address" }
  | { readonly rule: "invalid-address"; readonly text: string }
  | { readonly rule: "address-not-allowed"; readonly ips: readonly Ip[] }
  | { readonly rule: "pool"; readonly pool: string; readonly ips: readonly Ip[] }

export type ServiceVerdict = Verdict<ServiceDecision, ServiceReason>

/** Everything about one Service on this node. A deletion is never filtered by class. */
export function decideService(
  service: ServiceFacts | undefined,
  endpoints: EndpointFacts | undefined,
  surroundings: Surroundings,
): ServiceVerdict {
  if (service === undefined) return stopped("serviceDeleted", { rule: "deleted" })
  if (!isOurs(service, surroundings.loadBalancerClass)) {
    return { decision: { kind: "ignored" }, because: [otherClass(service, surroundings.loadBalancerClass)] }
  }
  if (service.type !== "LoadBalancer") {
    return stopped("notLoadBalancer", { rule: "not-load-balancer", type: service.type })
  }
  const ips: Ip[] = []
  for (const { ip: text } of service.ingress) {
    const ip = parseIp(text)
    if (ip === undefined) return stopped("invalidIP", { rule: "invalid-address", text })
    ips.push(ip)
  }
  const [first, ...others] = ips
  if (first === undefined) return stopped("noIPAllocated", { rule: "no-address" })
  const pool = poolOf(ips, surroundings.snapshot)
  if (pool === undefined) return stopped("ipNotAllowed", { rule: "address-not-allowed", ips })
  return {
    decision: {
      kind: "considered",
      pool: pool.name,
      ips,
      bgp: decideBgp(service, ips, pool, endpoints, surroundings),
      layer2: decideLayer2(service, [first, ...others], pool.l2Advertisements, endpoints, surroundings),
    },
    because: [{ rule: "pool", pool: pool.name, ips }],
  }
}

/** Of a Service that is ours and has some, all good and in one pool. */
export function serviceAddresses(
  service: ServiceFacts,
  { snapshot, loadBalancerClass }: Surroundings,
): { readonly ips: readonly [Ip, ...Ip[]]; readonly pool: Pool } | undefined {
  if (service.type !== "LoadBalancer" || !isOurs(service, loadBalancerClass)) return undefined
  const [first, ...others] = service.ingress.map(({ ip }) => parseIp(ip))
  if (first === undefined || !others.every((ip) => ip !== undefined)) return undefined
  const pool = poolOf([first, ...others], snapshot)
  return pool && { ips: [first, ...others], pool }
}

/** Without a class on either side, or with the same one on both. */
export const isOurs = (service: ServiceFacts, ours: string | undefined): boolean => service.loadBalancerClass === ours

/** The one pool that contains every address: a pair of families spread over two pools has none. */
export function poolOf(ips: readonly Ip[], snapshot: Snapshot): Pool | undefined {
  return snapshot.pools
    .values()
    .find(({ blocks }) => ips.every((ip) => blocks.some((block) => prefixContains(block, ip))))
}

function stopped(reason: Withdrawal, because: ServiceReason): ServiceVerdict {
  return { decision: { kind: "stopped", reason }, because: [because] }
}

function otherClass({ loadBalancerClass: theirs }: ServiceFacts, ours: string | undefined): ServiceReason {
  return {
    rule: "other-class",
    ...(theirs === undefined ? {} : { theirs }),
    ...(ours === undefined ? {} : { ours }),
  }
}

export function describeService(reason: ServiceReason): string {
  switch (reason.rule) {
    case "deleted":
      return "the Service does not exist"
    case "other-class":
      return `its load-balancer class is ${reason.theirs ?? "unset"}, ours is ${reason.ours ?? "unset"}`
    case "not-load-balancer":
      return `its type is ${reason.type}, not LoadBalancer`
    case "no-address":
      return "no address is allocated"
    case "invalid-address":
      return `'${reason.text}' in its status is not an IP address`
    case "address-not-allowed":
      return `no single pool contains ${reason.ips.join(", ")}`
    case "pool":
      return `${reason.ips.join(", ")} from pool ${reason.pool}`
  }
}
