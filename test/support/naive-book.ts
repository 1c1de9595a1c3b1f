import type { AddressBook, BookRequest, PoolAnswer } from "../../actors/allocator/address-book.ts"
import type { Claim } from "../../actors/allocator/pool-book.ts"
import type { Pool } from "../../config/snapshot.ts"
import { boundsOf } from "../../protocols/ip-range.ts"
import { type Family, familyOf, type Ip, ipFromNumber } from "../../protocols/ip.ts"

interface Entry {
  readonly pool: string
  readonly claim: Claim
  readonly addresses: readonly Ip[]
}

/** The address book written the slow, obvious way: a list of who holds what, and a walk over every address. */
export class NaiveBook implements Pick<AddressBook, "pools" | "ask"> {
  pools: ReadonlyMap<string, Pool>
  entries: readonly Entry[] = []
  constructor(pools: ReadonlyMap<string, Pool>) {
    this.pools = pools
  }

  ask(request: BookRequest): PoolAnswer {
    if (request.kind === "release") {
      this.#forget(request.key)
      return { ok: true, value: [] }
    }
    const { pool: name, claim } = request
    const refused: PoolAnswer = { ok: false, error: { kind: "none-available" } }
    const pool = this.pools.get(name)
    if (pool === undefined) return refused
    const addresses =
      request.kind === "assign"
        ? request.addresses
        : [...request.keep, ...request.families.flatMap((family) => this.#first(pool, claim, family))]
    const enough = request.kind === "assign" || addresses.length === request.keep.length + request.families.length
    if (!enough || !addresses.every((ip) => this.usable(pool, ip) && this.may(claim, ip))) return refused
    this.#forget(claim.key)
    this.entries = [...this.entries, { pool: name, claim, addresses }]
    return { ok: true, value: addresses }
  }

  reconfigure(pools: ReadonlyMap<string, Pool>): void {
    this.pools = pools
    this.entries = this.entries.flatMap((entry) => {
      const pool = [...pools.values()].find((p) => entry.addresses.every((ip) => this.usable(p, ip)))
      return pool ? [{ ...entry, pool: pool.name }] : []
    })
  }

  usable(pool: Pool, ip: Ip): boolean {
    return this.#walk(pool, familyOf(ip)).includes(ip)
  }

  may(claim: Claim, ip: Ip): boolean {
    const others = this.entries.filter((e) => e.claim.key !== claim.key && e.addresses.includes(ip))
    return others.every(
      ({ claim: other }) =>
        claim.sharing !== "" &&
        other.sharing === claim.sharing &&
        other.backend === claim.backend &&
        !other.ports.some((port) => claim.ports.includes(port)),
    )
  }

  #first(pool: Pool, claim: Claim, family: Family): Ip[] {
    return this.#walk(pool, family)
      .filter((ip) => this.may(claim, ip))
      .slice(0, 1)
  }

  #walk(pool: Pool, family: Family): Ip[] {
    const all: Ip[] = []
    for (const block of pool.blocks) {
      if (block.family !== family) continue
      const { first, last } = boundsOf(block)
      for (let n = first; n <= last; n++) all.push(ipFromNumber(n, family))
    }
    return all.filter((ip) => !pool.avoidBuggyIPs || !/\.(0|255)$/.test(ip))
  }

  #forget(key: string): void {
    this.entries = this.entries.filter(({ claim }) => claim.key !== key)
  }
}
