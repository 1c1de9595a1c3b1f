import { familyOf, type Ip, ipFromNumber, ipToNumber } from "./ip.ts"
import { bitsOf, type Prefix, prefixAround } from "./prefix.ts"

/**
 * The fewest CIDR blocks that cover `start` to `end`, both included, in ascending order. Undefined when the range is
 * backwards or mixes families.
 */
export function prefixesOfRange(start: Ip, end: Ip): Prefix[] | undefined {
  const family = familyOf(start)
  if (familyOf(end) !== family) return undefined
  const last = ipToNumber(end)
  let next = ipToNumber(start)
  if (next > last) return undefined
  const bits = bitsOf(family)
  const blocks: Prefix[] = []
  while (next <= last) {
    let hostBits = 0n
    // Grow the block while it stays aligned and within the range.
    while (hostBits < BigInt(bits) && ((next >> hostBits) & 1n) === 0n && next + (2n << hostBits) - 1n <= last)
      hostBits++
    blocks.push(prefixAround(ipFromNumber(next, family), bits - Number(hostBits)))
    next += 1n << hostBits
  }
  return blocks
}

/** First and last address as numbers. */
export function boundsOf(prefix: Prefix): { readonly first: bigint; readonly last: bigint } {
  const first = ipToNumber(prefix.address)
  return { first, last: first + (1n << BigInt(bitsOf(prefix.family) - prefix.length)) - 1n }
}
