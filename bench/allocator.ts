// Assign and release, per second, at several degrees of fullness: `node bin/with-node.mjs bench/allocator.ts [--rounds 5]`.
//
//   one pool      the pool's book alone: a new Service comes and goes; or one of those present, picked at random, goes and
//                 comes, which with many of them is mostly waiting for memory. Of large pools as many addresses are held as
//                 Services fit into a cluster.
//   1,000 pools   the whole decision against a book of all pools, and the release. A Service names its pool, or takes
//                 what comes: every pool full to so many percent, or so many percent of the pools full and the rest empty.
//   live          the same as the latter, with an actor for each pool and Service and a cluster in memory, status written.
//
// Medians of the rounds, in CPU time of the one thread that does it all: others on the machine disturb it less.
import { AddressBook } from "../actors/allocator/address-book.ts"
import { decide } from "../actors/allocator/decide.ts"
import { type Claim, PoolBook } from "../actors/allocator/pool-book.ts"
import type { Pool } from "../config/snapshot.ts"
import { run } from "../test/allocator/running.ts"
import { poolsOf } from "../test/support/pools.ts"
import { holding, service } from "../test/support/service.ts"
import { until } from "../test/supervision/help.ts"
import { machine, median, printTable } from "./bgp/statistics.ts"
import { refuse, takeOptions } from "./support/arguments.ts"

const { rounds } = takeOptions({ rounds: 5 })
if (rounds < 1) refuse("--rounds: at least 1")
const percents = [0, 50, 99]
const roundMs = 200
/** More do not fit into a cluster. */
const mostServices = 500_000
const poolCount = 1_000

const claim = (key: string): Claim => ({ key, ports: ["TCP/80"], sharing: "", backend: "" })

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** After one round to warm up. */
function perSecond(operate: (i: number) => void): number {
  const results: number[] = []
  for (let i = 0, round = 0; round <= rounds; round++) {
    const first = i
    const startMs = cpuMs()
    while (cpuMs() - startMs < roundMs) for (const end = i + 100; i < end; i++) operate(i)
    if (round > 0) results.push(((i - first) * 1000) / (cpuMs() - startMs))
  }
  return median(results)
}

interface OnePool {
  readonly held: number
  readonly aNewOne: number
  readonly aPresentOne: number | undefined
}

function onePool(cidr: string, percent: number): OnePool {
  const [pool] = poolsOf({ p: [cidr] }).values()
  if (pool === undefined) throw new Error(`no pool of ${cidr}`)
  const book = new PoolBook(pool)
  const family = pool.blocks[0]?.family ?? "ipv4"
  const wanted = (book.counters().available[family] * BigInt(percent)) / 100n
  const held = Number(wanted < BigInt(mostServices) ? wanted : BigInt(mostServices))
  for (let i = 0; i < held; i++) book.take(claim(`held/${i}`), [family])
  const aNewOne = perSecond((i) => {
    book.take(claim(`new/${i}`), [family])
    book.release(`new/${i}`)
  })
  if (held === 0) return { held, aNewOne, aPresentOne: undefined }
  const aPresentOne = perSecond((i) => {
    const key = `held/${(i * 7919) % held}`
    book.release(key)
    book.take(claim(key), [family])
  })
  return { held, aNewOne, aPresentOne }
}

const poolName = (i: number): string => `p${String(i).padStart(4, "0")}`
const manyPools = (blockOf: (i: number) => string): Record<string, readonly string[]> =>
  Object.fromEntries(Array.from({ length: poolCount }, (_, i) => [poolName(i), [blockOf(i)]]))

/** The book of 1,000 pools with 256 addresses each. */
function bookOf(pools: ReadonlyMap<string, Pool>, heldIn: (i: number) => number): AddressBook {
  const book = new AddressBook(pools)
  for (let i = 0; i < poolCount; i++)
    for (let k = heldIn(i); k > 0; k--)
      book.ask({ kind: "take", pool: poolName(i), claim: claim(`held/${i}-${k}`), families: ["ipv4"], keep: [] })
  return book
}

function oneDecision(book: AddressBook, annotations: Readonly<Record<string, string>>): number {
  return perSecond((i) => {
    const facts = service(`new/${i}`, { annotations })
    const { decision } = decide(facts, book)
    if (decision.state !== "assigned") throw new Error(decision.condition?.message)
    book.release(facts.key)
  })
}

/** From Services to their written statuses, for each. */
async function live(percent: number): Promise<number> {
  const full = (poolCount * percent) / 100
  const services = 200
  const pools = manyPools((i) => (i < full ? `10.${i >> 8}.${i & 255}.0/30` : `11.${i >> 4}.${(i & 15) * 16}.0/20`))
  const { api, addresses, metrics, system } = run(pools, {
    before: (cluster) => {
      for (let i = 0; i < full; i++)
        for (let k = 0; k < 4; k++) {
          const annotations = { "metallb.io/ip-allocated-from-pool": poolName(i) }
          cluster.putService(service(`held/${i}-${k}`, { ...holding(`10.${i >> 8}.${i & 255}.${k}`), annotations }))
        }
    },
  })
  api.onService = () => undefined // a check of the tests that looks at all Services
  await until(async () => (await metrics()).ready, 300_000)
  const each: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const keys = Array.from({ length: services }, (_, i) => `new/${round}-${i}`)
    const startMs = cpuMs()
    for (const key of keys) api.putService(service(key))
    await until(() => keys.every((key) => addresses(key) !== ""), 300_000)
    if (round > 0) each.push((cpuMs() - startMs) / services)
  }
  await system.stop()
  return median(each)
}

const number = (value: number): string => Math.round(value).toLocaleString("en")
console.log(`one pool: assign + release per second, ${rounds} rounds; ${machine()}`)
const rows: string[][] = []
for (const cidr of ["10.0.0.0/24", "10.0.0.0/16", "10.0.0.0/8", "fc00::/64"])
  for (const percent of percents) {
    const { held, aNewOne, aPresentOne } = onePool(cidr, percent)
    const present = aPresentOne === undefined ? "–" : number(aPresentOne)
    rows.push([cidr, `${percent} %`, number(held), number(aNewOne), present])
  }
printTable(["pool", "full", "held", "a new one", "one of those present"], rows)

console.log(`\n${number(poolCount)} pools: decision + release per second; live: CPU ms for a Service; ${machine()}`)
const pools = poolsOf(manyPools((i) => `10.${i >> 8}.${i & 255}.0/24`))
const head = ["full", "names its pool", "any, each pool so full", "any, so many pools full", "live, so many pools full"]
const table: string[][] = []
for (const percent of percents) {
  const each = bookOf(pools, () => Math.floor((256 * percent) / 100))
  const some = bookOf(pools, (i) => (i < (poolCount * percent) / 100 ? 256 : 0))
  table.push([
    `${percent} %`,
    number(oneDecision(some, { "metallb.io/address-pool": poolName(poolCount - 5) })),
    number(oneDecision(each, {})),
    number(oneDecision(some, {})),
    (await live(percent)).toFixed(2),
  ])
}
printTable(head, table)
