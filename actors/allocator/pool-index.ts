import type { Pool } from "../../config/snapshot.ts"
import { boundsOf } from "../../protocols/ip-range.ts"
import { type Family, familyOf, type Ip, ipToNumber } from "../../protocols/ip.ts"
import { isBuggy } from "./capacity.ts"

type Pools = ReadonlyMap<string, Pool>

interface Range {
  readonly first: bigint
  readonly last: bigint
  readonly pool: Pool
}

/** By the set of pools that they belong to: sets are replaced, never changed. */
const indexes = new WeakMap<Pools, Readonly<Record<Family, readonly Range[]>>>()

/** The one pool that may give all these addresses. Blocks never overlap, so no other can have even one of them. */
export function poolOf(pools: Pools, addresses: readonly Ip[]): Pool | undefined {
  const [first, ...others] = addresses
  const owner = first && ownerOf(pools, first)
  return owner && others.every((address) => ownerOf(pools, address) === owner) ? owner : undefined
}

function ownerOf(pools: Pools, address: Ip): Pool | undefined {
  const family = familyOf(address)
  const ranges = indexOf(pools)[family]
  const number = ipToNumber(address)
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.first ?? 0n) <= number) low = middle + 1
    else high = middle
  }
  const range = ranges[low - 1]
  if (range === undefined || number > range.last) return undefined
  return range.pool.avoidBuggyIPs && isBuggy(number, family) ? undefined : range.pool
}

function indexOf(pools: Pools): Readonly<Record<Family, readonly Range[]>> {
  const known = indexes.get(pools)
  if (known !== undefined) return known
  const index: Record<Family, Range[]> = { ipv4: [], ipv6: [] }
  for (const pool of pools.values())
    for (const block of pool.blocks) index[block.family].push({ ...boundsOf(block), pool })
  for (const ranges of Object.values(index)) ranges.sort((a, b) => (a.first < b.first ? -1 : 1))
  indexes.set(pools, index)
  return index
}
