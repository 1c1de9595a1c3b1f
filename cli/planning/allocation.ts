import { isDeepStrictEqual } from "node:util"
import { AddressBook } from "../../actors/allocator/address-book.ts"
import { concernsUs } from "../../actors/allocator/allocator.ts"
import { firstOf, inOrder } from "../../actors/allocator/allocator-state.ts"
import { poolOf } from "../../actors/allocator/choose.ts"
import { incompatibility } from "../../actors/allocator/compatibility.ts"
import { decide, wakesOthers } from "../../actors/allocator/decide.ts"
import { wantFrom, withIntent } from "../../actors/allocator/intent.ts"
import type { AllocationVerdict } from "../../actors/allocator/outcome.ts"
import { heldBy } from "../../actors/allocator/service.ts"
import { compile, poolsAlone } from "../../config/compile.ts"
import type { ConfigurationFacts, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { Pool } from "../../config/snapshot.ts"

/** Somebody's turn: what was decided, and why. */
export interface Turn {
  readonly key: ServiceKey
  readonly verdict: AllocationVerdict
}

interface Entry {
  /** With the status, annotations and condition that were decided last. */
  facts: ServiceFacts
  last: AllocationVerdict | undefined
}

// Services that wake each other come to rest soon; if not, it is better to stop than to plan for ever.
const turnsPerService = 50

/**
 * The controller's allocator without actors: the same functions in the same order. Who holds addresses claims them before
 * anyone is given new ones; one Service decides at a time; what comes free wakes those who wait.
 */
export class Allocation {
  readonly #services = new Map<ServiceKey, Entry>()
  readonly #converging = new Set<ServiceKey>()
  readonly #loadBalancerClass: string
  readonly #namespace: string
  #pools: ReadonlyMap<string, Pool> | undefined
  #book = new AddressBook(new Map())

  constructor({ loadBalancerClass, namespace }: { readonly loadBalancerClass: string; readonly namespace: string }) {
    this.#loadBalancerClass = loadBalancerClass
    this.#namespace = namespace
  }

  /** As it is when a controller starts on these facts. Without a valid configuration nobody gets a turn. */
  start(services: Iterable<ServiceFacts>, configuration: ConfigurationFacts): readonly ConfigurationFault[] {
    for (const service of services) this.service(service)
    this.#converging.clear()
    return this.configure(configuration)
  }

  /** Pools that are not valid change nothing. */
  configure(configuration: ConfigurationFacts): readonly ConfigurationFault[] {
    const compiled = compile(poolsAlone(configuration), { namespace: this.#namespace })
    if (!compiled.ok) return compiled.error
    const { pools } = compiled.value
    if (this.#pools === undefined || !isDeepStrictEqual(this.#pools, pools)) this.#adopt(pools)
    return []
  }

  service(facts: ServiceFacts): void {
    const { key } = facts
    const entry = this.#services.get(key)
    const ours = (facts.loadBalancerClass ?? "") === this.#loadBalancerClass
    if (!ours || (entry === undefined && !concernsUs(facts))) {
      this.#services.delete(key)
      if (this.#book.release(key)) this.#wake()
      return
    }
    if (entry === undefined) this.#services.set(key, { facts, last: undefined })
    else entry.facts = facts
    this.#converging.add(key)
  }

  /** Everybody who should look at itself does, until nobody has to. */
  settle(): readonly Turn[] {
    const turns: Turn[] = []
    if (this.#pools === undefined) return turns
    let left = turnsPerService * (this.#services.size + 1)
    for (let key = firstOf(this.#converging); key !== undefined && left > 0; key = firstOf(this.#converging), left--) {
      this.#converging.delete(key)
      const entry = this.#services.get(key)
      if (entry === undefined) continue
      const before = this.#book.holding(key)
      const verdict = decide(entry.facts, this.#book)
      entry.last = verdict
      entry.facts = withOutcome(entry.facts, verdict)
      turns.push({ key, verdict })
      if (wakesOthers(before, this.#book.holding(key))) this.#wake()
    }
    return turns
  }

  get book(): AddressBook {
    return this.#book
  }

  /** Undefined: no configuration was valid. */
  get pools(): ReadonlyMap<string, Pool> | undefined {
    return this.#pools
  }

  keys(): Iterable<ServiceKey> {
    return this.#services.keys()
  }

  facts(key: ServiceKey): ServiceFacts | undefined {
    return this.#services.get(key)?.facts
  }

  /** Those who could not be given what they should have. */
  #wake(): void {
    for (const key of [...this.#services.keys()].sort())
      if (this.#services.get(key)?.last?.decision.hopeful) this.#converging.add(key)
  }

  /** Everybody claims what they hold, then everybody is decided on. */
  #adopt(pools: ReadonlyMap<string, Pool>): void {
    const before = this.#book
    const order = inOrder(
      [...this.#services].map(([key, { facts }]) => [key, { facts, last: { holding: before.holding(key) } }]),
    )
    this.#book = new AddressBook(pools)
    this.#pools = pools
    this.#converging.clear()
    for (const key of order) {
      this.#converging.add(key)
      const facts = this.#services.get(key)?.facts
      const wanted = before.holding(key) ?? (facts && heldBy(facts))
      const pool = wanted && poolOf(pools, wanted.addresses)
      if (facts === undefined || wanted === undefined || pool === undefined) continue
      if (incompatibility(pool, facts) !== undefined) continue
      this.#book.ask({ kind: "assign", pool: pool.name, claim: wanted.claim, addresses: wanted.addresses })
    }
  }
}

/** The facts as they are once the decision is written. */
function withOutcome(facts: ServiceFacts, { decision }: AllocationVerdict): ServiceFacts {
  const want = decision.changed ? wantFrom(facts, facts, decision, false) : undefined
  return want === undefined ? facts : withIntent(facts, { want })
}
