import { quote, quoteList } from "../../config/go-text.ts"
import { type Ip, parseIp } from "../../protocols/ip.ts"
import { type Asking, assign } from "./choose.ts"
import { prefersBoth, sameAddresses, stackFamilyOf } from "./families.ts"
import { type Conclusion, type Course, note, presentAddresses, warn } from "./outcome.ts"
import { poolOf } from "./pool-index.ts"
import { describeRefusal, type FamilyFault, type StackFamily } from "./reasons.ts"
import { asksForOneOf, couldGrow, requestedAddresses, requestedPool } from "./request.ts"

export type Kept =
  | { readonly kind: "holds"; readonly addresses: readonly Ip[]; readonly pool: string }
  /** It has no address, or none that it may keep: it holds none now and needs new ones. */
  | { readonly kind: "needs" }
  | { readonly kind: "settled"; readonly conclusion: Conclusion }

/** What the Service has already, and whether it may and wants to keep it. */
export function* keep(course: Course): Asking<Kept> {
  const { service, claim, pools, because } = course
  const present = presentAddresses(service)
  if (present.length === 0) return { kind: "needs" }
  const wanted = stackFamilyOf(service.clusterIPs)
  const current = fitting(course, present, wanted.ok ? wanted.value : undefined)
  if (!wanted.ok) {
    familyUnknown(course, wanted.error)
    return settled({ state: "waiting", ingress: present, hopeful: false })
  }
  if (current === undefined) return { kind: "needs" }

  const pool = yield* readopt(course, current)
  const requested = requestedAddresses(service)
  const wantedPool = requestedPool(service)
  const movesPool = pool !== undefined && wantedPool !== "" && wantedPool !== pool
  if (movesPool) because.push({ kind: "other-pool-requested", pool: wantedPool, current: pool })
  const stays = pool !== undefined && !movesPool
  if (!requested.ok) {
    because.push({ kind: "request-invalid", fault: requested.error })
    warn(course, "LoadBalancerFailed", `invalid requested loadbalancer IPs: ${describeRefusal(requested.error)}`)
    if (stays) return settled({ state: "waiting", ingress: current, pool, hopeful: false })
    yield { kind: "release", key: service.key }
    return settled({ state: "waiting", ingress: [], hopeful: false })
  }
  if (!stays) return { kind: "needs" }
  if (requested.value.length > 0 && !sameAddresses(requested.value, current)) {
    because.push({ kind: "other-addresses-requested", addresses: requested.value, current })
    if (!asksForOneOf(service, requested.value, current)) return { kind: "needs" }
    const kept = yield* assign(service, claim, pools, requested.value)
    if (!kept.ok) return { kind: "needs" }
    because.push({ kind: "assigned", addresses: requested.value, pool, how: "requested-addresses" })
    note(course, "IPAllocated", `Assigned IP ${quoteList(requested.value)}`)
    return settled({ state: "assigned", ingress: requested.value, pool, hopeful: false })
  }
  because.push({ kind: "kept", addresses: current, pool })
  if (couldGrow(service, current)) return { kind: "holds", addresses: current, pool }
  return settled({ state: "assigned", ingress: current, pool, hopeful: false })
}

/** Claims what the status says: after a restart this is how the book fills again. The pool, when it may keep them. */
function* readopt(course: Course, addresses: readonly Ip[]): Asking<string | undefined> {
  const { service, claim, pools, because } = course
  const kept = yield* assign(service, claim, pools, addresses)
  if (kept.ok) return poolOf(pools, addresses)?.name
  because.push({ kind: "not-kept", addresses, refusal: kept.error })
  const text = `current IP for ${quote(service.key)} not allowed by config, will attempt for new IP assignment`
  note(course, "ClearAssignment", `${text}: ${describeRefusal(kept.error)}`)
  return undefined
}

const settled = (conclusion: Conclusion): Kept => ({ kind: "settled", conclusion })

/** The present addresses when their family is still the one wanted. */
function fitting(
  course: Course,
  present: readonly string[],
  wanted: StackFamily | undefined,
): readonly Ip[] | undefined {
  const { service, because } = course
  const family = stackFamilyOf(present)
  if (!family.ok) {
    because.push({ kind: "current-family-unknown", fault: family.error })
    const text = describeRefusal(family.error)
    warn(course, "nolbIPsIPFamily", `Failed to retrieve LBIPs IPFamily for ${quote(service.key)}: ${text}`)
  }
  if (wanted === undefined) return undefined
  if (family.ok && (family.value === wanted || (wanted === "dual" && prefersBoth(service))))
    return present.flatMap((text) => parseIp(text) ?? [])
  because.push({ kind: "family-changed", current: present, wanted })
  return undefined
}

function familyUnknown(course: Course, fault: FamilyFault): void {
  course.because.push({ kind: "service-family-unknown", fault })
  const of = `${quote(course.service.key)} ${course.service.clusterIPs[0] ?? ""}`
  warn(course, "noclusterIPsIPFamily", `Failed to retrieve ClusterIPs IPFamily for ${of}: ${describeRefusal(fault)}`)
}
