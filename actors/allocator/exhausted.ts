import type { AllocatorState } from "./allocator-state.ts"
import type { PoolAnswer, PoolRequest } from "./address-book.ts"
import type { AllocationReason } from "./reasons.ts"

/*
 * Where nothing is left, nobody who would not share need ask again before something comes free there: pools only become
 * fuller meanwhile. Of a thousand pools that are mostly full, a decision then asks the few that may have something.
 */

type State = Pick<AllocatorState, "directory" | "turn">

/** What the turn that is over was told. Not when something came free in its course: it may have been told before. */
export function learnExhausted(state: State, because: readonly AllocationReason[], mayHaveChanged: boolean): void {
  if (mayHaveChanged) return
  const { exhausted } = state.directory
  const found = because.flatMap((reason) => {
    if (reason.kind !== "pool-passed-over" || reason.because === "auto-assign-off") return []
    const { pool, because: refusal } = reason
    return refusal.kind === "pool-exhausted" && refusal.free.length === 0 && !exhausted.has(pool) ? [pool] : []
  })
  if (found.length > 0) state.directory = { ...state.directory, exhausted: new Set([...exhausted, ...found]) }
}

/** Something came free in this pool, or it is not known where. */
export function forgetExhausted(state: State, pool?: string): void {
  if (state.turn !== undefined) state.turn.mayHaveChanged = true
  const { exhausted } = state.directory
  if (exhausted.size === 0 || (pool !== undefined && !exhausted.has(pool))) return
  const left = pool === undefined ? [] : [...exhausted].filter((name) => name !== pool)
  state.directory = { ...state.directory, exhausted: new Set(left) }
}

/** The pool's own answer, without asking it; undefined when only the pool knows. */
export function answerOf(exhausted: ReadonlySet<string>, request: PoolRequest): PoolAnswer | undefined {
  if (request.kind !== "take" || request.claim.sharing !== "" || !exhausted.has(request.pool)) return undefined
  return { ok: false, error: { kind: "pool-exhausted", pool: request.pool, wanted: request.families, free: [] } }
}
