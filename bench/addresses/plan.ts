import { rank } from "../../actors/announcer/election.ts"
import type { Ip } from "../../protocols/ip.ts"
import { ip } from "../../test/announcer/facts.ts"

/** For benchmarks (RFC 2544). */
export const network = "198.18.0.0/15"

/** So many addresses that the first of three nodes leads, and the second leads next. */
export function addressesLedBy(first: string, second: string, count: number): readonly Ip[] {
  const found: Ip[] = []
  for (let i = 1; found.length < count; i++) {
    const address = ip(`198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`)
    const order = rank(["node-1", "node-2", "node-3"], address, () => 0)
    if (order[0]?.node === first && order[1]?.node === second) found.push(address)
  }
  return found
}
