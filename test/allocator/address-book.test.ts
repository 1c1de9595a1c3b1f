import test from "ava"
import fc from "fast-check"
import { AddressBook } from "../../actors/allocator/address-book.ts"
import { incompatibility } from "../../actors/allocator/compatibility.ts"
import { decide } from "../../actors/allocator/decide.ts"
import { prefersBoth, sameAddresses } from "../../actors/allocator/families.ts"
import { FreeSpace } from "../../actors/allocator/free-space.ts"
import { claimOf, requestedAddresses, requestedPool } from "../../actors/allocator/request.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import { parseIp } from "../../protocols/ip.ts"
import { arbitraryPools, arbitraryService, serviceKeys } from "../support/arbitrary-cluster.ts"
import { NaiveBook } from "../support/naive-book.ts"
import { poolsOf } from "../support/pools.ts"
import { asWritten, holding } from "../support/service.ts"

type Step =
  | { readonly kind: "service"; readonly service: ServiceFacts }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "pools"; readonly pools: Parameters<typeof poolsOf>[0] }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: arbitraryService.map((service): Step => ({ kind: "service", service })) },
    { weight: 1, arbitrary: fc.constantFrom(...serviceKeys).map((key): Step => ({ kind: "delete", key })) },
    { weight: 1, arbitrary: arbitraryPools.map((pools): Step => ({ kind: "pools", pools })) },
  ),
  { maxLength: 25 },
)

test("any sequence of changes: the book agrees with the naive one, nobody loses what it may keep, and one look is enough", (t) => {
  const run = (first: Parameters<typeof poolsOf>[0], sequence: readonly Step[]) => {
    const book = new AddressBook(poolsOf(first))
    const naive = new NaiveBook(poolsOf(first))
    const services = new Map<string, ServiceFacts>()
    const look = (facts: ServiceFacts) => {
      const present = facts.ingress.map(({ ip }) => ip)
      const mayKeep = keepable(facts, naive)
      const expected = decide(facts, naive).decision
      const { decision } = decide(facts, book)
      t.deepEqual(decision.ingress, expected.ingress)
      t.deepEqual(decision.annotations, expected.annotations)
      t.is(decision.state, expected.state)
      if (mayKeep) t.deepEqual(decision.ingress.slice(0, present.length), present)
      // Its own write makes it look again: that must be the end of it.
      const again = decide(asWritten(facts, decision), book).decision
      t.deepEqual(again.ingress, decision.ingress)
      t.false(again.changed)
      services.set(facts.key, { ...facts, ...holding(...decision.ingress) })
      noUnsharedDoubles(book)
    }
    for (const step of sequence) {
      if (step.kind === "service") {
        const present = services.get(step.service.key)?.ingress ?? []
        look({ ...step.service, ingress: present })
      } else if (step.kind === "delete") {
        services.delete(step.key)
        t.is(
          book.release(step.key),
          naive.entries.some(({ claim }) => claim.key === step.key),
        )
        naive.ask({ kind: "release", key: step.key })
      } else {
        book.reconfigure(poolsOf(step.pools))
        naive.reconfigure(poolsOf(step.pools))
        for (const facts of services.values()) look(facts)
      }
      const counted = [...book.counters().values()].reduce((n, c) => n + c.assigned.ipv4 + c.assigned.ipv6, 0n)
      t.is(counted, BigInt(new Set(naive.entries.flatMap(({ addresses }) => addresses)).size))
    }
  }
  const noUnsharedDoubles = (book: AddressBook) => {
    const held = serviceKeys.flatMap((key) => book.holding(key) ?? [])
    for (const a of held)
      for (const b of held) {
        if (a.claim.key >= b.claim.key || !a.addresses.some((ip) => b.addresses.includes(ip))) continue
        t.not(a.claim.sharing, "")
        t.is(a.claim.sharing, b.claim.sharing)
        t.is(a.claim.backend, b.claim.backend)
        t.false(a.claim.ports.some((port) => b.claim.ports.includes(port)))
      }
  }
  fc.assert(fc.property(arbitraryPools, steps, run), { numRuns: 400 })
})

const statuses = ["", "10.0.0.1", "10.0.0.3", "fc00::1", "fc00::3", "10.0.0.1 fc00::1", "fc00::1 10.0.0.3", "bad"]
const arbitraryStatus = fc.constantFrom(...statuses).map((text) => holding(...text.split(" ").filter(Boolean)))

test("whatever the status says: one look is enough, and a restart changes nothing", (t) => {
  const run = (specs: Parameters<typeof poolsOf>[0], others: readonly ServiceFacts[], one: ServiceFacts) => {
    const book = new AddressBook(poolsOf(specs))
    for (const other of others) if (other.key !== one.key) decide(other, book)
    const first = decide(one, book).decision
    const written = asWritten(one, first)
    for (const again of [decide(written, book).decision, decide(written, restarted(book, one.key)).decision]) {
      t.deepEqual(again.ingress, first.ingress)
      t.false(again.changed)
    }
  }
  /** The others have claimed theirs. */
  const restarted = (book: AddressBook, except: string) => {
    const next = new AddressBook(book.pools)
    for (const key of serviceKeys) {
      const held = key === except ? undefined : book.holding(key)
      if (held !== undefined) next.ask({ kind: "assign", ...held })
    }
    return next
  }
  const one = fc.tuple(arbitraryService, arbitraryStatus).map(([facts, status]) => ({ ...facts, ...status }))
  fc.assert(fc.property(arbitraryPools, fc.array(arbitraryService, { maxLength: 2 }), one, run), { numRuns: 5_000 })
})

/** The rules for keeping, said once more and differently: allowed by pool, terms, family and the Service's own wish. */
function keepable(facts: ServiceFacts, naive: NaiveBook): boolean {
  const addresses = facts.ingress.flatMap(({ ip }) => parseIp(ip) ?? [])
  const owner = [...naive.pools.values()].find((pool) => addresses.every((ip) => naive.usable(pool, ip)))
  const wish = requestedAddresses(facts)
  const wanted = facts.clusterIPs.length
  return (
    addresses.length > 0 &&
    facts.type === "LoadBalancer" &&
    owner !== undefined &&
    incompatibility(owner, facts) === undefined &&
    addresses.every((ip) => naive.may(claimOf(facts), ip)) &&
    (addresses.length === wanted || (wanted === 2 && prefersBoth(facts))) &&
    (wanted === 2 || addresses[0]?.includes(":") === facts.clusterIPs[0]?.includes(":")) &&
    ["", owner.name].includes(requestedPool(facts)) &&
    (!wish.ok || wish.value.length === 0 || sameAddresses(wish.value, addresses))
  )
}

test("free space: always the lowest, however addresses come and go", (t) => {
  const operation = fc.record({ number: fc.bigInt(10n, 30n), take: fc.boolean() })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const usable = (n: bigint) => n % 7n !== 0n
      const space = new FreeSpace(10n, 30n, usable)
      const taken = new Set<bigint>()
      for (const { number, take } of operations) {
        if (take) space.take(number)
        else space.free(number)
        if (take) taken.add(number)
        else taken.delete(number)
        let lowest: bigint | undefined
        for (let n = 30n; n >= 10n; n--) if (usable(n) && !taken.has(n)) lowest = n
        t.is(space.lowest(), lowest)
      }
    }),
  )
})
