import { isDeepStrictEqual } from "node:util"
import { compile, poolsAlone } from "../../config/compile.ts"
import type { ConfigurationFacts } from "../../config/facts.ts"
import type { Pool } from "../../config/snapshot.ts"
import type { Context } from "../../supervision/actor.ts"
import type { AllocatorState } from "./allocator-state.ts"
import type { AllocatorInternal, AllocatorMessage } from "./messages.ts"
import { poolActor } from "./pool.ts"
import { beginPass } from "./turns.ts"

type Self = Context<AllocatorMessage | AllocatorInternal>

/** A valid configuration replaces the one in force; an invalid one is reported and changes nothing. */
export function configure(state: AllocatorState, facts: ConfigurationFacts, context: Self): void {
  // Faults in advertisements and peers are the speakers' concern: they do not keep anyone from getting an address.
  const compiled = compile(poolsAlone(facts), { namespace: state.config.namespace })
  if (!compiled.ok) {
    const { error: faults } = compiled
    state.faults = faults
    const texts = faults.map(({ object, text }) => `${object.kind} ${object.name}: ${text}`)
    context.log.error("failed to parse the configuration", { op: "setConfig", error: faults[0]?.text, faults: texts })
    return
  }
  state.faults = []
  const { pools } = compiled.value
  if (state.snapshot !== undefined && isDeepStrictEqual(state.snapshot, pools)) return
  state.snapshot = pools
  context.log.info("configuration loaded", { op: "setConfig", pools: [...pools.keys()] })
  change(state, pools, context)
  beginPass(state)
}

/**
 * A pool whose definition changed starts anew, as after a crash: what is held comes back by claims. The others go on:
 * blocks never overlap, so nobody can come with a claim that they do not know.
 */
function change(state: AllocatorState, wanted: ReadonlyMap<string, Pool>, context: Self): void {
  for (const [name, { pool, ref }] of state.pools) {
    if (isDeepStrictEqual(wanted.get(name), pool)) continue
    context.stop(ref)
    state.pools.delete(name)
  }
  for (const [name, pool] of wanted) {
    if (state.pools.has(name)) continue
    const config = { pool, allocator: context.self }
    const ref = context.spawn({ id: `pools/${name}`, actor: poolActor, config, mailbox })
    state.pools.set(name, { pool, ref, incarnation: undefined, counters: undefined })
  }
}

const mailbox = { capacity: 100_000, overflow: "drop-newest" } as const
