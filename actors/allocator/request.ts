import type { ServiceFacts } from "../../config/facts.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import { prefersBoth, stackFamilyOf } from "./families.ts"
import type { Claim } from "./pool-book.ts"
import type { RequestFault } from "./reasons.ts"

/** Which pool the address came from: ours to write. */
export const poolAnnotation = "metallb.io/ip-allocated-from-pool"
export const deprecatedPrefix = "metallb.universe.tf"

/** The new name wins when it is there, even empty. */
const annotation = ({ annotations }: ServiceFacts, name: string): string =>
  annotations[`metallb.io/${name}`] ?? annotations[`${deprecatedPrefix}/${name}`] ?? ""

/** The pool that the Service asks for; empty for none. */
export const requestedPool = (service: ServiceFacts): string => annotation(service, "address-pool")

/** The addresses that the Service asks for, in its order; empty for none. */
export function requestedAddresses(service: ServiceFacts): Result<readonly Ip[], RequestFault> {
  const text = annotation(service, "loadBalancerIPs")
  const inSpec = service.loadBalancerIP ?? ""
  if (text !== "" && inSpec !== "") return err({ kind: "requested-twice" })
  if (text === "") {
    const ip = parseIp(inSpec)
    if (ip !== undefined) return ok([ip])
    return inSpec === "" ? ok([]) : err({ kind: "spec-ip-unreadable", text: inSpec })
  }
  const addresses: Ip[] = []
  for (const part of text.split(",")) {
    const ip = parseIp(part.trim())
    if (ip === undefined) return err({ kind: "annotation-unreadable", text })
    addresses.push(ip)
  }
  const family = stackFamilyOf(addresses)
  return family.ok ? ok(addresses) : family
}

/**
 * A Service with one address that could have a second. MetalLB forgets two questions here. Without two cluster IPs it gives
 * the second address and takes it back for ever. When the Service asks for the one by address, it gives the second, finds
 * at the next look that these are not what is asked for, and takes both.
 */
export function couldGrow(service: ServiceFacts, addresses: readonly string[]): boolean {
  if (addresses.length !== 1 || service.clusterIPs.length !== 2 || !prefersBoth(service)) return false
  const requested = requestedAddresses(service)
  return requested.ok && requested.value.length === 0
}

/**
 * A Service with two addresses that asks for one of them, as who has one already may. MetalLB takes both: it refuses the
 * request of a dual-stack Service for one address, and has let go of what it had by then.
 */
export const asksForOneOf = (service: ServiceFacts, requested: readonly Ip[], current: readonly Ip[]): boolean =>
  prefersBoth(service) &&
  current.length === 2 &&
  requested.length === 1 &&
  requested.every((ip) => current.includes(ip))

export function claimOf(service: ServiceFacts): Claim {
  const selector = Object.entries(service.selector).sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    key: service.key,
    ports: service.ports.map(({ protocol, port }) => `${protocol}/${port}`),
    sharing: annotation(service, "allow-shared-ip"),
    // Traffic that stays on the node must find the same pods for every Service on the address.
    backend: service.externalTrafficPolicy === "Local" ? selector.map(([k, v]) => `${k}=${v}`).join(",") : "",
  }
}
