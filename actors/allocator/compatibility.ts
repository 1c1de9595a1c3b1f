import type { ServiceFacts } from "../../config/facts.ts"
import { matchesAny } from "../../config/selector.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { AllocationReason, Refusal } from "./reasons.ts"

type Pools = ReadonlyMap<string, Pool>
type Asking = Pick<ServiceFacts, "namespace" | "labels">

/**
 * Undefined when the pool may serve this Service. An allocation without namespaces and selectors (its namespace
 * selectors matched nothing) stops nobody who names the pool; it is only never chosen.
 */
export function incompatibility({ name, allocation }: Pool, service: Asking): Refusal | undefined {
  if (allocation === undefined) return undefined
  const { namespaces, serviceSelectors } = allocation
  if (namespaces.size > 0 && !namespaces.has(service.namespace))
    return { kind: "pool-incompatible", pool: name, because: "namespace" }
  if (serviceSelectors.length > 0 && !matchesAny(serviceSelectors, service.labels))
    return { kind: "pool-incompatible", pool: name, because: "labels" }
  return undefined
}

export interface Tiers {
  /** Pools that name this Service, by priority, then by name. */
  readonly pinned: readonly Pool[]
  /** Pools for everybody, by name. */
  readonly open: readonly Pool[]
  readonly passedOver: readonly AllocationReason[]
}

/** In which order pools are tried when the Service asks for nothing. */
export function tiersFor(service: Asking, pools: Pools): Tiers {
  const passedOver: AllocationReason[] = []
  const usable = [...pools.values()].filter((pool) => {
    const because = pool.autoAssign ? incompatibility(pool, service) : "auto-assign-off"
    if (because !== undefined) passedOver.push({ kind: "pool-passed-over", pool: pool.name, because })
    return because === undefined
  })
  return {
    pinned: usable
      .filter((pool) => namesService(pool, service))
      .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1)),
    open: usable.filter(({ allocation }) => allocation === undefined),
    passedOver,
  }
}

/** Of a compatible pool: whether it is for this Service before all others. */
export const namesService = ({ allocation }: Pool, { namespace }: Pick<Asking, "namespace">): boolean =>
  allocation !== undefined && (allocation.namespaces.has(namespace) || allocation.serviceSelectors.length > 0)

/** Lower positive numbers first; 0, unset and negative ones last. */
function rank({ allocation }: Pool): number {
  const priority = allocation?.priority ?? 0
  return priority > 0 ? priority : Number.MAX_SAFE_INTEGER
}
