import type { ServiceFacts } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { Family, Ip } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { BookRequest, PoolAnswer } from "./address-book.ts"
import { incompatibility, tiersFor } from "./compatibility.ts"
import { stackFamilyOf } from "./families.ts"
import type { Claim } from "./pool-book.ts"
import { poolOf } from "./pool-index.ts"
import type { AllocationReason, How, Refusal, StackFamily } from "./reasons.ts"
import { requestedAddresses, requestedPool } from "./request.ts"

export { poolOf } from "./pool-index.ts"

type Pools = ReadonlyMap<string, Pool>
/** A decision in steps: it yields what it must know of the pools and goes on with the answer. */
export type Asking<T> = Generator<BookRequest, T, PoolAnswer>

export interface Assigned {
  readonly addresses: readonly Ip[]
  readonly pool: string
  readonly how: How
}

/** Addresses for a Service that has none: those it asks for, else from the pool it asks for, else from any. */
export function* choose(
  service: ServiceFacts,
  claim: Claim,
  pools: Pools,
  because: AllocationReason[],
): Asking<Result<Assigned, Refusal>> {
  const family = stackFamilyOf(service.clusterIPs)
  if (!family.ok) return family
  const requested = requestedAddresses(service)
  if (!requested.ok) return requested
  const pool = requestedPool(service)
  if (requested.value.length > 0) return yield* byAddress(service, claim, pools, family.value, requested.value, pool)
  const wanted = alternatives(family.value, service)
  return pool === ""
    ? yield* automatic(service, claim, pools, wanted, because)
    : yield* byPool(service, claim, pools, wanted, pool)
}

function* byAddress(
  service: ServiceFacts,
  claim: Claim,
  pools: Pools,
  family: StackFamily,
  addresses: readonly Ip[],
  requested: string,
): Asking<Result<Assigned, Refusal>> {
  const theirs = stackFamilyOf(addresses)
  if (!theirs.ok || theirs.value !== family) return err({ kind: "request-family", addresses })
  const pool = poolOf(pools, addresses)
  const allowed = yield* assign(service, claim, pools, addresses, (owner) =>
    requested !== "" && requested !== owner ? { kind: "request-pool", addresses, pool: requested } : undefined,
  )
  return allowed.ok ? ok({ addresses, pool: pool?.name ?? "", how: "requested-addresses" }) : allowed
}

/** These addresses from the one pool that has them all. */
export function* assign(
  service: ServiceFacts,
  claim: Claim,
  pools: Pools,
  addresses: readonly Ip[],
  objection: (owner: string) => Refusal | undefined = () => undefined,
): Asking<PoolAnswer> {
  const owner = poolOf(pools, addresses)
  if (owner === undefined) return err({ kind: "not-in-a-pool", addresses })
  const refusal = incompatibility(owner, service) ?? objection(owner.name)
  if (refusal !== undefined) return err(refusal)
  return yield { kind: "assign", pool: owner.name, claim, addresses }
}

/** The families to ask for, best first. IPv4 comes first in a dual answer, whatever `ipFamilies` says. */
function alternatives(
  family: StackFamily,
  { ipFamilyPolicy, ipFamilies }: ServiceFacts,
): readonly (readonly Family[])[] {
  if (family !== "dual") return [[family]]
  if (ipFamilyPolicy === "RequireDualStack") return [["ipv4", "ipv6"]]
  if (ipFamilyPolicy !== "PreferDualStack") return [] // Kubernetes lets no such Service pass
  const primary: Family = ipFamilies[0] === "IPv6" ? "ipv6" : "ipv4"
  return [["ipv4", "ipv6"], [primary], [primary === "ipv4" ? "ipv6" : "ipv4"]]
}

function* byPool(
  service: ServiceFacts,
  claim: Claim,
  pools: Pools,
  wanted: readonly (readonly Family[])[],
  name: string,
): Asking<Result<Assigned, Refusal>> {
  const pool = pools.get(name)
  if (pool === undefined) return err({ kind: "pool-unknown", pool: name })
  const refusal = incompatibility(pool, service)
  if (refusal !== undefined) return err(refusal)
  let first: Refusal | undefined
  // Here the order among single families is IPv4 first: there is one pool, and any family of it will do.
  for (const families of wanted.toSorted((a, b) => b.length - a.length || (a.includes("ipv4") ? -1 : 1))) {
    const answer = yield { kind: "take", pool: name, claim, families, keep: [] }
    if (answer.ok) return ok({ addresses: answer.value, pool: name, how: "requested-pool" })
    first ??= answer.error
  }
  return err(first ?? { kind: "pool-exhausted", pool: name, wanted: ["ipv4", "ipv6"], free: ["ipv4"] })
}

/**
 * Pinned pools first, then those open to all. Within a tier a pool that offers all families goes before one that offers
 * some of them, whatever its priority. Two pools are never combined.
 */
function* automatic(
  service: ServiceFacts,
  claim: Claim,
  pools: Pools,
  wanted: readonly (readonly Family[])[],
  because: AllocationReason[],
): Asking<Result<Assigned, Refusal>> {
  const tiers = tiersFor(service, pools)
  because.push(...tiers.passedOver)
  for (const [tier, how] of [
    [tiers.pinned, "pinned"],
    [tiers.open, "automatic"],
  ] as const)
    for (const families of wanted)
      for (const { name } of tier) {
        const answer = yield { kind: "take", pool: name, claim, families, keep: [] }
        if (answer.ok) return ok({ addresses: answer.value, pool: name, how })
        because.push({ kind: "pool-passed-over", pool: name, because: answer.error })
      }
  return err({ kind: "none-available" })
}
