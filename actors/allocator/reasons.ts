import type { ServiceKey } from "../../config/facts.ts"
import { quote, quoteList } from "../../config/go-text.ts"
import type { Family, Ip } from "../../protocols/ip.ts"

/** Why an address was not given: one case per rule. `describeRefusal` has MetalLB's text for each. */
export type Refusal =
  | { readonly kind: "not-in-a-pool"; readonly addresses: readonly Ip[] }
  | { readonly kind: "pool-incompatible"; readonly pool: string; readonly because: "namespace" | "labels" }
  | { readonly kind: "sharing-conflict"; readonly address: Ip; readonly others: readonly ServiceKey[] }
  | { readonly kind: "port-taken"; readonly address: Ip; readonly port: string; readonly holder: ServiceKey }
  /** `free`: the families that the pool could still serve. */
  | {
      readonly kind: "pool-exhausted"
      readonly pool: string
      readonly wanted: readonly Family[]
      readonly free: readonly Family[]
    }
  | { readonly kind: "pool-unknown"; readonly pool: string }
  | { readonly kind: "none-available" }
  | { readonly kind: "request-family"; readonly addresses: readonly Ip[] }
  | { readonly kind: "request-pool"; readonly addresses: readonly Ip[]; readonly pool: string }
  | RequestFault
  | FamilyFault

/** What is wrong with what the Service asks for. */
export type RequestFault =
  | { readonly kind: "requested-twice" }
  | { readonly kind: "annotation-unreadable"; readonly text: string }
  | { readonly kind: "spec-ip-unreadable"; readonly text: string }
  | FamilyFault

/** Why a list of addresses is neither single-stack nor dual-stack. */
export type FamilyFault = {
  readonly kind: "addresses-unreadable" | "addresses-same-family" | "addresses-count"
  readonly addresses: readonly string[]
}

/** One step of a decision. Together they tell the whole of it, in order. */
export type AllocationReason =
  | { readonly kind: "not-a-load-balancer"; readonly type: string }
  | { readonly kind: "no-pools" }
  | { readonly kind: "no-cluster-ips" }
  | { readonly kind: "dual-stack-needs-two-cluster-ips"; readonly clusterIPs: readonly string[] }
  | { readonly kind: "current-family-unknown"; readonly fault: FamilyFault }
  | { readonly kind: "service-family-unknown"; readonly fault: FamilyFault }
  | { readonly kind: "family-changed"; readonly current: readonly string[]; readonly wanted: StackFamily }
  | { readonly kind: "kept"; readonly addresses: readonly Ip[]; readonly pool: string }
  | { readonly kind: "not-kept"; readonly addresses: readonly Ip[]; readonly refusal: Refusal }
  | { readonly kind: "other-pool-requested"; readonly pool: string; readonly current: string }
  | { readonly kind: "other-addresses-requested"; readonly addresses: readonly Ip[]; readonly current: readonly Ip[] }
  | { readonly kind: "request-invalid"; readonly fault: RequestFault }
  | { readonly kind: "pool-passed-over"; readonly pool: string; readonly because: "auto-assign-off" | Refusal }
  | { readonly kind: "assigned"; readonly addresses: readonly Ip[]; readonly pool: string; readonly how: How }
  | { readonly kind: "family-not-added"; readonly refusal: Refusal }
  | { readonly kind: "not-assigned"; readonly refusal: Refusal }

export type StackFamily = Family | "dual"
/** In order of precedence; `pinned`: the pool's serviceAllocation names this Service. */
export type How = "requested-addresses" | "requested-pool" | "pinned" | "automatic" | "added-family"

export const familyName: Readonly<Record<StackFamily, string>> = { ipv4: "IPv4", ipv6: "IPv6", dual: "dual" }

export function describeRefusal(refusal: Refusal): string {
  switch (refusal.kind) {
    case "not-in-a-pool":
      return `${quoteList(refusal.addresses)} is not allowed in config`
    case "pool-incompatible":
      return `pool ${refusal.pool} not compatible for ip assignment`
    case "sharing-conflict":
      return `can't change sharing key for ${quote(refusal.address)}, address also in use by ${refusal.others.join(",")}`
    case "port-taken":
      return `port ${refusal.port} is already in use on ${quote(refusal.address)}`
    case "pool-exhausted":
      return describeExhausted(refusal.pool, refusal.wanted, refusal.free)
    case "pool-unknown":
      return `unknown pool ${quote(refusal.pool)}`
    case "none-available":
      return "no available IPs"
    case "request-family":
      return `requested loadBalancer IP(s) ${quoteList(refusal.addresses)} does not match the ipFamily of the service`
    case "request-pool":
      return `requested loadBalancer IP(s) ${quoteList(refusal.addresses)} is not compatible with requested address pool ${refusal.pool}`
    case "requested-twice":
      return "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"
    case "annotation-unreadable":
      return `invalid metallb.io/loadBalancerIPs: ${quote(refusal.text)}`
    case "spec-ip-unreadable":
      return `invalid spec.loadBalancerIP ${quote(refusal.text)}`
    case "addresses-unreadable":
      return `IPFamilyForAddresses: Invalid address ${quoteList(refusal.addresses)}`
    case "addresses-same-family":
      return `IPFamilyForAddresses: same address family ${quoteList(refusal.addresses)}`
    case "addresses-count":
      return `IPFamilyForAddresses: invalid ips length ${refusal.addresses.length} ${quoteList(refusal.addresses)}`
    default:
      return unreachable(refusal)
  }
}

/** With nothing free at all the family does not matter; otherwise the text says which family is lacking. */
function describeExhausted(pool: string, wanted: readonly Family[], free: readonly Family[]): string {
  if (free.length === 0) return `no available IPs in pool ${pool}`
  const [only] = wanted
  const family = wanted.length === 1 && only !== undefined ? familyName[only] : "dual"
  return `no available IPs in pool ${pool} for ${family} IPFamily`
}

export function describe(reason: AllocationReason): string {
  switch (reason.kind) {
    case "not-a-load-balancer":
      return `type is ${reason.type}, not LoadBalancer`
    case "no-pools":
      return "there are no address pools"
    case "no-cluster-ips":
      return "No ClusterIPs"
    case "dual-stack-needs-two-cluster-ips":
      return `Service requires dual stack but not enough clusterips [${reason.clusterIPs.join(" ")}]`
    case "current-family-unknown":
    case "service-family-unknown":
    case "request-invalid":
      return describeRefusal(reason.fault)
    case "family-changed":
      return `${quoteList(reason.current)} no longer fit: the Service is ${familyName[reason.wanted]}`
    case "kept":
      return `keeps ${quoteList(reason.addresses)} from pool ${reason.pool}`
    case "not-kept":
      return `cannot keep ${quoteList(reason.addresses)}: ${describeRefusal(reason.refusal)}`
    case "other-pool-requested":
      return `asks for pool ${reason.pool}, holds an address from pool ${reason.current}`
    case "other-addresses-requested":
      return `asks for ${quoteList(reason.addresses)}, holds ${quoteList(reason.current)}`
    case "pool-passed-over":
      return reason.because === "auto-assign-off"
        ? `pool ${reason.pool} has autoAssign false`
        : describeRefusal(reason.because)
    case "assigned":
      return `Assigned IP ${quoteList(reason.addresses)} from pool ${reason.pool} (${reason.how})`
    case "family-not-added":
      return `cannot assign additional IP in PreferDualStack: ${describeRefusal(reason.refusal)}`
    case "not-assigned":
      return describeRefusal(reason.refusal)
    default:
      return unreachable(reason)
  }
}

function unreachable(value: never): never {
  throw new Error(`not a case: ${JSON.stringify(value)}`)
}
