import type { ServiceCondition, ServiceFacts } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import { type Family, parseIp } from "../../protocols/ip.ts"
import { incompatibility, namesService } from "./compatibility.ts"
import { otherFamily } from "./families.ts"
import { type AllocationReason, describe, describeRefusal, familyName, type Refusal } from "./reasons.ts"
import { couldGrow, requestedAddresses, requestedPool } from "./request.ts"

/** Type of the condition on a Service that says by which rule it has its address, or why it has none. */
export const addressAssigned = "troupe.dev/AddressAssigned"

const messageLimit = 4096

type Rule = "RequestedAddresses" | "RequestedPool" | "PinnedPool" | "AutomaticPool" | "KeptAddress"

const ruleText: Readonly<Record<Rule, string>> = {
  RequestedAddresses: "the Service asks for it by address",
  RequestedPool: "the Service asks for this pool",
  PinnedPool: "the pool's serviceAllocation names this Service",
  AutomaticPool: "chosen among the pools for everybody",
  KeptAddress: "kept from before, today this pool would not be chosen",
}

/**
 * The rule by which a Service has addresses of this pool, told from the two alone: so the condition stays the same for as
 * long as they do, whoever looks, also after a restart.
 */
export function ruleOf(service: ServiceFacts, pool: Pool): Rule {
  const requested = requestedAddresses(service)
  if (requested.ok && requested.value.length > 0) return "RequestedAddresses"
  if (requestedPool(service) === pool.name) return "RequestedPool"
  if (!pool.autoAssign || incompatibility(pool, service) !== undefined) return "KeptAddress"
  if (namesService(pool, service)) return "PinnedPool"
  return pool.allocation === undefined ? "AutomaticPool" : "KeptAddress"
}

interface Concluded {
  readonly state: "assigned" | "waiting" | "not-wanted"
  readonly ingress: readonly string[]
  readonly pool?: string
}

/** Undefined for what is no LoadBalancer: it has none. */
export function conditionFor(
  service: ServiceFacts,
  pools: ReadonlyMap<string, Pool>,
  because: readonly AllocationReason[],
  { state, ingress, pool: name }: Concluded,
): ServiceCondition | undefined {
  if (state === "not-wanted") return undefined
  const pool = pools.get(name ?? "")
  const told =
    state === "assigned" && pool !== undefined
      ? assigned(service, pool, ingress)
      : unassigned(service, pools, because, ingress)
  return { ...told, message: shortened(told.message) }
}

/** Where there is none yet, having an address is not worth a write of its own: nothing moves when Troupe takes over. */
export function conditionDiffers(
  { conditions }: ServiceFacts,
  wanted: ServiceCondition | undefined,
  hopeful: boolean,
): boolean {
  const present = conditions?.[addressAssigned]
  if (present === undefined) return wanted !== undefined && (wanted.status !== "True" || hopeful)
  if (wanted === undefined) return true
  return (["status", "reason", "message"] as const).some((field) => present[field] !== wanted[field])
}

function assigned(service: ServiceFacts, pool: Pool, ingress: readonly string[]): ServiceCondition {
  const rule = ruleOf(service, pool)
  const [one] = ingress.flatMap((ip) => parseIp(ip) ?? [])
  const missing = couldGrow(service, ingress) && one !== undefined ? `; ${lackOf(pool, otherFamily(one))}` : ""
  return {
    status: "True",
    reason: rule,
    message: `${ingress.join(", ")} from pool ${pool.name}: ${ruleText[rule]}${missing}`,
  }
}

const lackOf = (pool: Pool | undefined, family: Family): string =>
  pool?.blocks.some((block) => block.family === family)
    ? `no free ${familyName[family]} address`
    : `no ${familyName[family]} range`

function unassigned(
  service: ServiceFacts,
  pools: ReadonlyMap<string, Pool>,
  because: readonly AllocationReason[],
  ingress: readonly string[],
): ServiceCondition {
  const last = because.at(-1)
  const keeps = ingress.length > 0 ? `keeps ${ingress.join(", ")} meanwhile; ` : ""
  if (last?.kind === "not-assigned") {
    const { refusal } = last
    const message = refusal.kind === "none-available" ? everyPool(service, pools, because) : refused(refusal)
    return { status: "False", reason: refusalReason[refusal.kind], message }
  }
  if (last?.kind === "request-invalid")
    return { status: "False", reason: refusalReason[last.fault.kind], message: keeps + describe(last) }
  if (last?.kind === "no-pools" || last?.kind === "no-cluster-ips" || last?.kind === "dual-stack-needs-two-cluster-ips")
    return { status: "False", reason: unservable[last.kind], message: describe(last) }
  // Nothing could be judged, so nothing was touched.
  return { status: "Unknown", reason: "UnknownFamily", message: keeps + (last === undefined ? "" : describe(last)) }
}

const unservable = {
  "no-pools": "NoPools",
  "no-cluster-ips": "NoClusterIPs",
  "dual-stack-needs-two-cluster-ips": "TooFewClusterIPs",
} as const

const refusalReason: Readonly<Record<Refusal["kind"], string>> = {
  "not-in-a-pool": "AddressNotInPool",
  "pool-incompatible": "PoolIncompatible",
  "sharing-conflict": "SharingConflict",
  "port-taken": "PortTaken",
  "pool-exhausted": "PoolExhausted",
  "pool-unknown": "UnknownPool",
  "none-available": "NoAddressAvailable",
  "request-family": "InvalidRequest",
  "request-pool": "InvalidRequest",
  "requested-twice": "InvalidRequest",
  "annotation-unreadable": "InvalidRequest",
  "spec-ip-unreadable": "InvalidRequest",
  "addresses-unreadable": "InvalidAddresses",
  "addresses-same-family": "InvalidAddresses",
  "addresses-count": "InvalidAddresses",
}

function refused(refusal: Refusal): string {
  const text = describeRefusal(refusal)
  if (refusal.kind === "port-taken") return `${text} by ${refusal.holder}`
  if (refusal.kind !== "pool-incompatible") return text
  const whom = refusal.because === "namespace" ? "of this namespace" : "with these labels"
  return `${text}: it is not for Services ${whom}`
}

/** Why not, for each pool; pools with the same reason together. */
function everyPool(
  service: ServiceFacts,
  pools: ReadonlyMap<string, Pool>,
  because: readonly AllocationReason[],
): string {
  const whyNot = new Map<string, string>()
  const lacking = new Map<string, Set<string>>()
  for (const reason of because) {
    if (reason.kind !== "pool-passed-over") continue
    const { pool: name, because: why } = reason
    if (why === "auto-assign-off") whyNot.set(name, "autoAssign is false")
    else if (why.kind === "pool-incompatible")
      whyNot.set(name, why.because === "namespace" ? `not for namespace ${service.namespace}` : "not for its labels")
    else if (why.kind === "pool-exhausted") {
      const families = lacking.get(name) ?? new Set<string>()
      lacking.set(name, families)
      for (const family of why.wanted) if (!why.free.includes(family)) families.add(lackOf(pools.get(name), family))
    } else whyNot.set(name, describeRefusal(why))
  }
  for (const [name, families] of lacking) whyNot.set(name, [...families].sort().join(" and "))
  const together = new Map<string, string[]>()
  for (const name of pools.keys()) {
    const text = whyNot.get(name) ?? "its serviceAllocation names nobody"
    together.set(text, [...(together.get(text) ?? []), name])
  }
  const lines = [...together].map(([text, names]) => `${names.join(", ")}: ${text}`)
  return `no pool can serve it. ${lines.join("; ")}`
}

const shortened = (text: string): string => (text.length > messageLimit ? `${text.slice(0, messageLimit - 1)}…` : text)
