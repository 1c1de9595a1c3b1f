import type { ServiceKey } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import { boundsOf } from "../../protocols/ip-range.ts"
import { type Family, familyOf, type Ip, ipFromNumber, ipToNumber } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import { capacityOf, isBuggy } from "./capacity.ts"
import { FreeSpace } from "./free-space.ts"
import type { Refusal } from "./reasons.ts"
import { StickyMap } from "./sticky-map.ts"

/** What a Service brings to an address: who it is, and on what terms it would share. */
export interface Claim {
  readonly key: ServiceKey
  /** `TCP/80` */
  readonly ports: readonly string[]
  /** Two Services share an address only under the same non-empty key. */
  readonly sharing: string
  /** The pods behind it, when traffic must stay on the node; sharers must have the same. */
  readonly backend: string
}

/** What a Service holds in one pool. */
export interface Holding {
  readonly claim: Claim
  readonly addresses: readonly Ip[]
}

/** Distinct addresses: a shared one counts once. */
export interface PoolCounters {
  readonly assigned: Readonly<Record<Family, bigint>>
  readonly available: Readonly<Record<Family, bigint>>
}

interface Used {
  sharing: string
  backend: string
  claims: readonly Claim[]
}

interface Block {
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
  readonly space: FreeSpace
}

/** One pool's part of the book: who holds which of its addresses. Plain data inside, no I/O. */
export class PoolBook {
  readonly pool: Pool
  readonly #capacity: Readonly<Record<Family, bigint>>
  readonly #blocks: readonly Block[]
  readonly #used = new StickyMap<Ip, Used>()
  readonly #holdings = new StickyMap<ServiceKey, Holding>()
  /** Addresses by the terms they are shared on. */
  readonly #shared = new StickyMap<string, Set<Ip>>()
  readonly #assigned = { ipv4: 0n, ipv6: 0n }

  constructor(pool: Pool) {
    this.pool = pool
    this.#capacity = capacityOf(pool)
    this.#blocks = pool.blocks.map((block) => {
      const { first, last } = boundsOf(block)
      const usable = (number: bigint) => !(pool.avoidBuggyIPs && isBuggy(number, block.family))
      return { family: block.family, first, last, space: new FreeSpace(first, last, usable) }
    })
  }

  get holdings(): Pick<StickyMap<ServiceKey, Holding>, "get" | "values"> {
    return this.#holdings
  }

  counters(): PoolCounters {
    const { ipv4, ipv6 } = this.#assigned
    return {
      assigned: { ipv4, ipv6 },
      available: { ipv4: this.#capacity.ipv4 - ipv4, ipv6: this.#capacity.ipv6 - ipv6 },
    }
  }

  /** Exactly these addresses, in place of whatever the Service held here. A refusal changes nothing. */
  assign(claim: Claim, addresses: readonly Ip[]): Result<readonly Ip[], Refusal> {
    if (!addresses.every((address) => this.#has(address))) return err({ kind: "not-in-a-pool", addresses })
    for (const address of addresses) {
      const refusal = this.#objection(claim, address)
      if (refusal !== undefined) return err(refusal)
    }
    this.release(claim.key)
    this.#record(claim, addresses)
    return ok(addresses)
  }

  /** The lowest address of each family that the Service may use, first block first; all of them or none. `keep` stays. */
  take(claim: Claim, families: readonly Family[], keep: readonly Ip[] = []): Result<readonly Ip[], Refusal> {
    const before = this.#holdings.get(claim.key)
    if (before !== undefined) this.release(claim.key) // what it holds itself is free to it
    const found = families.flatMap((family) => this.#lowest(claim, family) ?? [])
    if (found.length === families.length) {
      const granted = this.assign(claim, [...keep, ...found])
      if (granted.ok || before === undefined) return granted
      this.#record(before.claim, before.addresses)
      return granted
    }
    const free = (["ipv4", "ipv6"] as const).filter((family) => this.#lowest(claim, family) !== undefined)
    if (before !== undefined) this.#record(before.claim, before.addresses)
    return err({ kind: "pool-exhausted", pool: this.pool.name, wanted: families, free })
  }

  /** False when it held nothing. */
  release(key: ServiceKey): boolean {
    const holding = this.#holdings.get(key)
    if (holding === undefined) return false
    this.#holdings.delete(key)
    for (const address of holding.addresses) this.#vacate(key, address)
    return true
  }

  #record(claim: Claim, addresses: readonly Ip[]): void {
    this.#holdings.set(claim.key, { claim, addresses })
    for (const address of addresses) {
      const used = this.#used.get(address) ?? this.#occupy(address)
      this.#reindex(address, used, claim)
      used.claims = [...used.claims, claim]
    }
  }

  #occupy(address: Ip): Used {
    const used: Used = { sharing: "", backend: "", claims: [] }
    this.#used.set(address, used)
    this.#assigned[familyOf(address)]++
    const number = ipToNumber(address)
    this.#blockOf(address, number)?.space.take(number)
    return used
  }

  #vacate(key: ServiceKey, address: Ip): void {
    const used = this.#used.get(address)
    if (used === undefined) return
    used.claims = used.claims.filter((claim) => claim.key !== key)
    if (used.claims.length > 0) return
    this.#reindex(address, used, { sharing: "", backend: "" })
    this.#used.delete(address)
    this.#assigned[familyOf(address)]--
    const number = ipToNumber(address)
    this.#blockOf(address, number)?.space.free(number)
  }

  /** The terms of an address are those of the latest assignment on it. */
  #reindex(address: Ip, used: Used, { sharing, backend }: Pick<Claim, "sharing" | "backend">): void {
    if (used.sharing !== "") {
      const terms = termsKey(used)
      const among = this.#shared.get(terms)
      among?.delete(address)
      if (among?.size === 0) this.#shared.delete(terms)
    }
    used.sharing = sharing
    used.backend = backend
    if (sharing === "") return
    const terms = termsKey(used)
    const among = this.#shared.get(terms)
    if (among === undefined) this.#shared.set(terms, new Set([address]))
    else among.add(address)
  }

  #objection(claim: Claim, address: Ip): Refusal | undefined {
    const used = this.#used.get(address)
    if (used === undefined) return undefined
    const others = used.claims.filter(({ key }) => key !== claim.key)
    if (others.length === 0) return undefined // alone on it: it may change its own terms
    if (used.sharing === "" || used.sharing !== claim.sharing || used.backend !== claim.backend)
      return { kind: "sharing-conflict", address, others: others.map(({ key }) => key).sort() }
    for (const port of claim.ports) {
      const holder = others.find(({ ports }) => ports.includes(port))
      if (holder !== undefined) return { kind: "port-taken", address, port, holder: holder.key }
    }
    return undefined
  }

  #lowest(claim: Claim, family: Family): Ip | undefined {
    const sharable = claim.sharing === "" ? undefined : this.#shared.get(termsKey(claim))
    for (const block of this.#blocks) {
      if (block.family !== family) continue
      let lowest = block.space.lowest()
      for (const address of sharable ?? []) {
        if (familyOf(address) !== family) continue
        const number = ipToNumber(address)
        if (number < block.first || number > block.last || (lowest !== undefined && number > lowest)) continue
        if (this.#objection(claim, address) === undefined) lowest = number
      }
      if (lowest !== undefined) return ipFromNumber(lowest, family)
    }
    return undefined
  }

  #has(address: Ip): boolean {
    const number = ipToNumber(address)
    if (this.pool.avoidBuggyIPs && isBuggy(number, familyOf(address))) return false
    return this.#blockOf(address, number) !== undefined
  }

  #blockOf(address: Ip, number: bigint): Block | undefined {
    const family = familyOf(address)
    return this.#blocks.find((b) => b.family === family && b.first <= number && number <= b.last)
  }
}

const termsKey = ({ sharing, backend }: Pick<Claim, "sharing" | "backend">): string =>
  JSON.stringify([sharing, backend])
