import type { ServiceFacts } from "../../config/facts.ts"
import { quote, quoteList } from "../../config/go-text.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { AddressBook } from "./address-book.ts"
import { type Asking, choose } from "./choose.ts"
import { otherFamily } from "./families.ts"
import { type Kept, keep } from "./keep.ts"
import { type AllocationVerdict, begin, type Conclusion, conclude, type Course, note, warn } from "./outcome.ts"
import type { Holding } from "./pool-book.ts"
import { type AllocationReason, describeRefusal, type Refusal } from "./reasons.ts"
import { couldGrow } from "./request.ts"

/** The decision against a book at hand; the book holds what was decided afterwards. */
export function decide(service: ServiceFacts, book: Pick<AddressBook, "pools" | "ask">): AllocationVerdict {
  const deciding = converge(service, book.pools)
  let step = deciding.next()
  while (step.done !== true) step = deciding.next(book.ask(step.value))
  return step.value
}

/**
 * One Service against the pools, in the order of MetalLB's controller. It keeps what it has while that is allowed, and
 * asks the pools for what is missing. No I/O: whoever runs it answers the requests.
 */
export function* converge(service: ServiceFacts, pools: ReadonlyMap<string, Pool>): Asking<AllocationVerdict> {
  const course = begin(service, pools)
  const unservable = unservableBecause(service, pools)
  if (unservable !== undefined) {
    course.because.push(unservable)
    if (unservable.kind === "dual-stack-needs-two-cluster-ips") {
      const text = `Service requires dual stack but not enough clusterips [${unservable.clusterIPs.join(" ")}]`
      warn(course, "not enough clusterips", text)
    }
    yield { kind: "release", key: service.key }
    const state = unservable.kind === "not-a-load-balancer" ? "not-wanted" : "waiting"
    return conclude(course, { state, ingress: [], hopeful: false })
  }
  const kept = yield* keep(course)
  if (kept.kind === "settled") return conclude(course, kept.conclusion)
  if (kept.kind === "holds") return conclude(course, yield* grow(course, kept))
  yield { kind: "release", key: service.key }
  return conclude(course, yield* allocate(course))
}

type Unservable = Extract<
  AllocationReason,
  { kind: "not-a-load-balancer" | "no-pools" | "no-cluster-ips" | "dual-stack-needs-two-cluster-ips" }
>

/** Why this Service can have no address at all, whatever the pools hold. */
function unservableBecause(service: ServiceFacts, pools: ReadonlyMap<string, Pool>): Unservable | undefined {
  const { type, clusterIPs, ipFamilyPolicy } = service
  if (type !== "LoadBalancer") return { kind: "not-a-load-balancer", type }
  if (pools.size === 0) return { kind: "no-pools" }
  if (clusterIPs.length === 0) return { kind: "no-cluster-ips" }
  if (ipFamilyPolicy === "RequireDualStack" && clusterIPs.length < 2)
    return { kind: "dual-stack-needs-two-cluster-ips", clusterIPs }
  return undefined
}

function* allocate(course: Course): Asking<Conclusion> {
  const { service, claim, pools, because } = course
  const chosen = yield* choose(service, claim, pools, because)
  if (!chosen.ok) {
    because.push({ kind: "not-assigned", refusal: chosen.error })
    const text = `Failed to allocate IP for ${quote(service.key)}: ${describeRefusal(chosen.error)}`
    warn(course, "AllocationFailed", text)
    return { state: "waiting", ingress: [], hopeful: mayPass(chosen.error) }
  }
  const { addresses, pool } = chosen.value
  because.push({ kind: "assigned", ...chosen.value })
  note(course, "IPAllocated", `Assigned IP ${quoteList(addresses)}`)
  return { state: "assigned", ingress: addresses, pool, hopeful: couldGrow(service, addresses) }
}

/** A second address from the same pool, behind the one it has. */
function* grow(course: Course, { addresses, pool }: Extract<Kept, { kind: "holds" }>): Asking<Conclusion> {
  const { claim, because } = course
  const families = addresses.map(otherFamily)
  const grown = yield { kind: "take", pool, claim, families, keep: addresses }
  if (!grown.ok) {
    because.push({ kind: "family-not-added", refusal: grown.error })
    const text = `cannot assign additional IP in PreferDualStack: ${describeRefusal(grown.error)}`
    note(course, "AdditionalAssignFailed", text)
    return { state: "assigned", ingress: addresses, pool, hopeful: true }
  }
  because.push({ kind: "assigned", addresses: grown.value, pool, how: "added-family" })
  note(course, "IPAllocated", `Assigned additional IP ${quote(grown.value.at(-1) ?? "")}`)
  return { state: "assigned", ingress: grown.value, pool, hopeful: false }
}

/** Refusals that end when somebody else lets go. */
const mayPass = ({ kind }: Refusal): boolean =>
  kind === "sharing-conflict" || kind === "port-taken" || kind === "pool-exhausted" || kind === "none-available"

/** Whether something came free that others may wait for: an address, a port on it, or its terms. */
export function wakesOthers(before: Holding | undefined, after: Holding | undefined): boolean {
  if (before === undefined) return false
  if (after === undefined) return true
  const gone = (was: readonly string[], is: readonly string[]) => was.some((text) => !is.includes(text))
  return (
    gone(before.addresses, after.addresses) ||
    gone(before.claim.ports, after.claim.ports) ||
    before.claim.sharing !== after.claim.sharing ||
    before.claim.backend !== after.claim.backend
  )
}
