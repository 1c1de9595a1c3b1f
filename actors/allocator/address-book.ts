import type { ServiceKey } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { Family, Ip } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import { type Claim, type Holding, PoolBook, type PoolCounters } from "./pool-book.ts"
import { poolOf } from "./pool-index.ts"
import type { Refusal } from "./reasons.ts"
import { StickyMap } from "./sticky-map.ts"

/** What a decision asks. In the live system the pools' actors answer, elsewhere a book. */
export type BookRequest = PoolRequest | { readonly kind: "release"; readonly key: ServiceKey }

export type PoolRequest =
  /** Exactly these addresses. */
  | { readonly kind: "assign"; readonly pool: string; readonly claim: Claim; readonly addresses: readonly Ip[] }
  /** The lowest free address of each family, beside those to keep; all or none. */
  | {
      readonly kind: "take"
      readonly pool: string
      readonly claim: Claim
      readonly families: readonly Family[]
      readonly keep: readonly Ip[]
    }

/** The addresses that the Service holds now, in order; nothing it held before is left. */
export type PoolAnswer = Result<readonly Ip[], Refusal>

export function answerFrom(book: PoolBook, request: PoolRequest): PoolAnswer {
  return request.kind === "assign"
    ? book.assign(request.claim, request.addresses)
    : book.take(request.claim, request.families, request.keep)
}

/** Who holds what, over all pools. A Service holds addresses of one pool at most. */
export class AddressBook {
  #books: ReadonlyMap<string, PoolBook>
  #pools: ReadonlyMap<string, Pool>
  /** In which pool a Service holds something: there may be a thousand pools. */
  #poolOf = new StickyMap<ServiceKey, string>()

  constructor(pools: ReadonlyMap<string, Pool>) {
    this.#books = booksOf(pools)
    this.#pools = new Map(pools)
  }

  get pools(): ReadonlyMap<string, Pool> {
    return this.#pools
  }

  ask(request: BookRequest): PoolAnswer {
    if (request.kind === "release") {
      this.release(request.key)
      return ok([])
    }
    const book = this.#books.get(request.pool)
    if (book === undefined) return err({ kind: "pool-unknown", pool: request.pool })
    const answer = answerFrom(book, request)
    if (answer.ok) this.#holds(request.claim.key, request.pool)
    return answer
  }

  /** False when it held nothing. */
  release(key: ServiceKey): boolean {
    const pool = this.#poolOf.get(key)
    this.#poolOf.delete(key)
    return pool !== undefined && (this.#books.get(pool)?.release(key) ?? false)
  }

  holding(key: ServiceKey): (Holding & { readonly pool: string }) | undefined {
    const pool = this.#poolOf.get(key)
    const holding = pool === undefined ? undefined : this.#books.get(pool)?.holdings.get(key)
    return pool === undefined || holding === undefined ? undefined : { pool, ...holding }
  }

  /** Everyone stays whose addresses lie in one pool still, whatever its name; the others hold nothing any more. */
  reconfigure(pools: ReadonlyMap<string, Pool>): void {
    const before = [...this.#books.values()].flatMap((book) => [...book.holdings.values()])
    this.#books = booksOf(pools)
    this.#pools = new Map(pools)
    this.#poolOf = new StickyMap()
    for (const { claim, addresses } of before) {
      const pool = poolOf(this.#pools, addresses)
      if (pool !== undefined) this.ask({ kind: "assign", pool: pool.name, claim, addresses })
    }
  }

  counters(): ReadonlyMap<string, PoolCounters> {
    return new Map([...this.#books].map(([name, book]) => [name, book.counters()]))
  }

  #holds(key: ServiceKey, pool: string): void {
    const before = this.#poolOf.get(key)
    if (before !== undefined && before !== pool) this.#books.get(before)?.release(key)
    this.#poolOf.set(key, pool)
  }
}

const booksOf = (pools: ReadonlyMap<string, Pool>) =>
  new Map([...pools].map(([name, pool]) => [name, new PoolBook(pool)]))
