// Assign and release, per second, in pools of several sizes at several degrees of fullness.
import { type Claim, PoolBook } from "../actors/allocator/pool-book.ts"
import type { Pool } from "../config/snapshot.ts"
import { parsePrefix } from "../protocols/prefix.ts"

/** A pool is filled with at most so many Services: more do not fit into a cluster. */
const mostServices = 500_000
const measureMs = 300

function poolOf(cidr: string): Pool {
  const block = parsePrefix(cidr)
  if (block === undefined) throw new Error(`not a CIDR: ${cidr}`)
  const nothing = { l2Advertisements: [], bgpAdvertisements: [] }
  return { name: cidr, blocks: [block], autoAssign: true, avoidBuggyIPs: false, ...nothing }
}

const claim = (key: string): Claim => ({ key, ports: ["TCP/80"], sharing: "", backend: "" })

function measure(cidr: string, percent: number): { held: number; perSecond: number } {
  const pool = poolOf(cidr)
  const book = new PoolBook(pool)
  const family = pool.blocks[0]?.family ?? "ipv4"
  const size = book.counters().available[family]
  const wanted = (size * BigInt(percent)) / 100n
  const held = Number(wanted < BigInt(mostServices) ? wanted : BigInt(mostServices))
  for (let i = 0; i < held; i++) book.take(claim(`held/${i}`), [family])
  // A new one comes and goes, and one of those present goes and comes.
  const startMs = performance.now()
  let rounds = 0
  for (; performance.now() - startMs < measureMs; rounds += 2) {
    book.take(claim(`new/${rounds}`), [family])
    book.release(`new/${rounds}`)
    const present = `held/${(rounds * 7919) % Math.max(held, 1)}`
    book.release(present)
    book.take(claim(present), [family])
    if (held === 0) book.release(present)
  }
  return { held, perSecond: (rounds * 1000) / (performance.now() - startMs) }
}

console.log("pool            full      Services held   assign + release per second")
for (const cidr of ["10.0.0.0/24", "10.0.0.0/16", "10.0.0.0/8", "fc00::/64"])
  for (const percent of [0, 50, 99]) {
    const { held, perSecond } = measure(cidr, percent)
    const row = [cidr.padEnd(16), `${percent} %`.padEnd(10), String(held).padEnd(16), Math.round(perSecond)]
    console.log(row.join(""))
  }
