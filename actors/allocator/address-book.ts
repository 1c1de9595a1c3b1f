import type { ServiceKey } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { Family, Ip } from "../../protocols/ip.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import { type Claim, type Holding, PoolBook, type PoolCounters } from "./pool-book.ts"
import type { Refusal } from "./reasons.ts"

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
    if (answer.ok) for (const [name, other] of this.#books) if (name !== request.pool) other.release(request.claim.key)
    return answer
  }

  release(key: ServiceKey): boolean {
    return [...this.#books.values()].some((book) => book.release(key))
  }

  holding(key: ServiceKey): (Holding & { readonly pool: string }) | undefined {
    for (const [pool, book] of this.#books) {
      const holding = book.holdings.get(key)
      if (holding !== undefined) return { pool, ...holding }
    }
    return undefined
  }

  /** Everyone stays whose addresses lie in one pool still, whatever its name; the others hold nothing any more. */
  reconfigure(pools: ReadonlyMap<string, Pool>): void {
    const before = [...this.#books.values()].flatMap((book) => [...book.holdings.values()])
    const books = booksOf(pools)
    for (const { claim, addresses } of before) [...books.values()].some((book) => book.assign(claim, addresses).ok)
    this.#books = books
    this.#pools = new Map(pools)
  }

  counters(): ReadonlyMap<string, PoolCounters> {
    return new Map([...this.#books].map(([name, book]) => [name, book.counters()]))
  }
}

const booksOf = (pools: ReadonlyMap<string, Pool>) =>
  new Map([...pools].map(([name, pool]) => [name, new PoolBook(pool)]))
