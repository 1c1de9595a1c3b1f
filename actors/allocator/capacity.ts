import type { Pool } from "../../config/snapshot.ts"
import { boundsOf } from "../../protocols/ip-range.ts"
import type { Family } from "../../protocols/ip.ts"

const int64Max = (1n << 63n) - 1n

/** Some hosts and routers treat a last octet of 0 or 255 as a network or broadcast address, whatever the mask says. */
export const isBuggy = (number: bigint, family: Family): boolean => {
  const octet = number & 0xffn
  return family === "ipv4" && (octet === 0n || octet === 255n)
}

/** Addresses that the pool can give, by family. IPAddressPool's status holds an int64: larger pools stay at its maximum. */
export function capacityOf(pool: Pick<Pool, "blocks" | "avoidBuggyIPs">): Record<Family, bigint> {
  const sum = { ipv4: 0n, ipv6: 0n }
  for (const block of pool.blocks) {
    const { first, last } = boundsOf(block)
    let size = last - first + 1n
    if (pool.avoidBuggyIPs && block.family === "ipv4") size -= buggyWithin(first, last)
    sum[block.family] += size
  }
  return { ipv4: sum.ipv4, ipv6: sum.ipv6 > int64Max ? int64Max : sum.ipv6 }
}

function buggyWithin(first: bigint, last: bigint): bigint {
  if (last - first >= 255n) return 2n * ((last - first + 1n) >> 8n)
  const ends = new Set([first, last])
  return BigInt([...ends].filter((end) => isBuggy(end, "ipv4")).length)
}
