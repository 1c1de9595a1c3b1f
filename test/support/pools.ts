import { compile } from "../../config/compile.ts"
import type { IPAddressPoolSpec } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import { nothing, poolNamed } from "./configuration.ts"

/** Addresses only, or a whole spec. */
export type PoolSpecs = Readonly<Record<string, readonly string[] | IPAddressPoolSpec>>

const isList = (spec: readonly string[] | IPAddressPoolSpec): spec is readonly string[] => Array.isArray(spec)

export const poolFactsOf = (specs: PoolSpecs) =>
  Object.entries(specs).map(([name, spec]) => poolNamed(name, isList(spec) ? { addresses: spec } : spec))

/** Pools by name, through the compiler. */
export function poolsOf(specs: PoolSpecs): ReadonlyMap<string, Pool> {
  const result = compile({ ...nothing, pools: poolFactsOf(specs) })
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join("; "))
  return result.value.pools
}
