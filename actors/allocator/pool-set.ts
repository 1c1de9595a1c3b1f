import { isDeepStrictEqual } from "node:util"
import type { ConfigurationCondition } from "../../config/cluster-api.ts"
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
    const message = `configuration error: ${faults.map(({ text }) => text).join("\n")}`
    report(state, { status: "False", reason: "ConfigurationError", message }, context)
    context.log.error("failed to parse the configuration", { op: "setConfig", error: faults[0]?.text, faults: texts })
    return
  }
  state.faults = []
  report(state, { status: "True", reason: "Reconciled", message: "" }, context)
  const { pools } = compiled.value
  if (state.snapshot !== undefined && isDeepStrictEqual(state.snapshot, pools)) {
    const message = "configuration did not change, ignoring"
    return context.log.debug(message, { event: message })
  }
  state.snapshot = pools
  context.log.info("config reloaded", { event: "config reloaded", op: "setConfig", pools: [...pools.keys()] })
  beginPass(state, change(state, pools, context))
}

/** Once for as long as it is so. */
function report(state: AllocatorState, condition: ConfigurationCondition, context: Self): void {
  if (isDeepStrictEqual(state.reported, condition)) return
  state.reported = condition
  context.send(state.config.writer, { kind: "configuration-report", condition })
}

/**
 * A pool whose definition changed starts anew, as after a crash: what is held comes back by claims. The others go on:
 * blocks never overlap, so nobody can come with a claim that they do not know. Gives the names of those that changed, came or went.
 */
function change(state: AllocatorState, wanted: ReadonlyMap<string, Pool>, context: Self): ReadonlySet<string> {
  const changed = new Set<string>()
  for (const [name, { pool, ref }] of state.pools) {
    if (isDeepStrictEqual(wanted.get(name), pool)) continue
    context.stop(ref)
    state.pools.delete(name)
    state.poolStatusesDue.delete(name)
    changed.add(name)
  }
  for (const [name, pool] of wanted) {
    if (state.pools.has(name)) continue
    const config = { pool, allocator: context.self }
    const ref = context.spawn({ id: `pools/${name}`, actor: poolActor, config, mailbox })
    state.pools.set(name, { pool, ref, incarnation: undefined, counters: undefined })
    changed.add(name)
  }
  const refs = new Map([...state.pools].map(([name, { ref }]) => [name, ref]))
  state.directory = { definitions: wanted, refs, exhausted: new Set() }
  state.poolsUp = allUp(state)
  return changed
}

export const allUp = ({ pools }: AllocatorState): boolean =>
  pools.values().every(({ incarnation }) => incarnation !== undefined)

const mailbox = { capacity: 100_000, overflow: "drop-newest" } as const
