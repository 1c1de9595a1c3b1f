import type { ServiceKey } from "../../config/facts.ts"
import type { WorkResult } from "../../config/work-meter.ts"
import type { Context } from "../../supervision/actor.ts"
import { type AllocatorState, becomesDue, firstOf, inOrder } from "./allocator-state.ts"
import { forgetExhausted, learnExhausted } from "./exhausted.ts"
import type { AllocatorInternal, AllocatorMessage, ServiceMessage, TurnOver } from "./messages.ts"
import type { AllocationVerdict } from "./outcome.ts"

/*
 * One Service looks at itself at a time. That makes the outcome independent of chance, and it lets every Service claim
 * what it holds before any is given something new: after a start, after a change of pools, and after a pool has died.
 */

type Self = Context<AllocatorMessage | AllocatorInternal>

const turnMs = 60_000
const retryMs = 100

/**
 * All whom these pools concern claim what they hold, then they are decided on. Whoever has what it wants from another
 * pool is left alone: pools do not overlap, so nothing of this can reach it.
 */
export function beginPass(state: AllocatorState, changed: ReadonlySet<string> | "everything"): void {
  const concerned = state.services.entries().filter(([key, { last }]) => {
    if (changed === "everything" || state.adopting.has(key) || state.turn?.key === key) return true
    return state.absent.has(key) || state.stalled.has(key) || !isSettled(last, changed)
  })
  const keys = inOrder(concerned)
  forgetExhausted(state)
  state.phase = "adopting"
  state.adopting = new Set(keys)
  state.converging = new Set([...keys, ...state.converging])
  for (const key of keys) state.deciding.add(key)
  state.absent.clear()
  state.stalled.clear()
}

function isSettled(last: TurnOver | undefined, changed: ReadonlySet<string>): boolean {
  const decision = last?.verdict?.decision
  if (last?.kind !== "done" || !last.certain || decision === undefined) return false
  if (decision.state === "not-wanted") return true
  return (
    decision.state === "assigned" && !decision.hopeful && last.holding !== undefined && !changed.has(last.holding.pool)
  )
}

export function nextTurn(state: AllocatorState, context: Self): void {
  const { turn, synced, snapshot, pools, poolsUp } = state
  if (turn !== undefined || !synced || snapshot === undefined || !poolsUp) return
  if (state.phase === "adopting") {
    const key = firstOf(state.adopting)
    if (key !== undefined) return give(state, key, "adopt", context)
    if ([...state.absent.values()].includes("adopt")) return // what they hold is not known yet
    state.phase = "serving"
    for (const { incarnation } of pools.values()) if (incarnation) context.send(incarnation, { kind: "serve" })
  }
  const key = firstOf(state.converging)
  if (key !== undefined) return give(state, key, "converge", context)
  if (state.absent.size + state.stalled.size > 0 || state.ready) return
  state.ready = true
  context.log.info("all services have been looked at", { services: state.services.size })
}

function give(state: AllocatorState, key: ServiceKey, what: ServiceMessage["what"], context: Self): void {
  const queue = what === "adopt" ? state.adopting : state.converging
  queue.delete(key)
  const entry = state.services.get(key)
  if (entry === undefined) {
    state.deciding.drop(key)
    return nextTurn(state, context)
  }
  if (what === "converge") state.deciding.begin(key)
  state.turn = { key, what, mayHaveChanged: false }
  state.turns++
  const { directory: pools } = state
  const first = !entry.begun
  entry.begun = true
  const asked = context.ask<ServiceMessage, TurnOver>(
    entry.ref,
    (replyTo) => ({ kind: "turn", what, service: entry.facts, pools, first, replyTo }),
    turnMs,
  )
  void asked.then((answer) => {
    const outcome = answer.ok ? answer.value : undefined
    const timedOut = !answer.ok && answer.error.kind === "timeout"
    context.send(context.self, { kind: "turn-over", key, outcome, timedOut })
  })
}

/** What the turn has come to. */
export function turnOver(
  state: AllocatorState,
  { key, outcome, timedOut }: Extract<AllocatorInternal, { kind: "turn-over" }>,
  context: Self,
): void {
  const { what, mayHaveChanged } = state.turn ?? { what: "converge", mayHaveChanged: true }
  state.turn = undefined
  if (what === "converge") state.deciding.end(key, resultOf(outcome))
  const entry = state.services.get(key)
  if (entry === undefined) return
  if (outcome === undefined) {
    // It may have been granted something before it died, and it may have let go of something.
    forgetExhausted(state)
    if (entry.last !== undefined) entry.last = { ...entry.last, certain: false }
    if (!timedOut) state.absent.set(key, what)
    else if (what === "adopt") state.adopting.add(key)
    else becomesDue(state, key)
    return
  }
  if (what === "converge" && outcome.kind === "done") {
    if (entry.told && outcome.verdict?.decision.state === "waiting") state.updateErrors++
    entry.told = false
  }
  entry.last = { ...outcome, verdict: inShort(outcome.verdict) ?? entry.last?.verdict }
  if (entry.last.verdict?.decision.hopeful) {
    state.hopeful.add(key)
    if (mayHaveChanged) becomesDue(state, key) // it was not among those who were woken
  } else state.hopeful.delete(key)
  // A pool that was not there for a claim brings a new pass when it is.
  if (what === "converge" && outcome.kind === "retry") {
    state.stalled.add(key)
    context.timers.set("retry", retryMs, { kind: "retry" })
  }
  learnExhausted(state, outcome.verdict?.because ?? [], mayHaveChanged)
  if (outcome.freed) cameFree(state)
}

/** Without what every pool said: a thousand pools and ten thousand Services would be a gigabyte of it. */
function inShort(verdict: AllocationVerdict | undefined): AllocationVerdict | undefined {
  return verdict && { ...verdict, because: verdict.because.filter(({ kind }) => kind !== "pool-passed-over") }
}

/** In this pool, or it is not known where. Those who could not be given what they should have look again. */
export function cameFree(state: AllocatorState, pool?: string): void {
  forgetExhausted(state, pool)
  for (const key of [...state.hopeful].sort()) becomesDue(state, key)
}

/** Its actor is there again. */
export function goOn(state: AllocatorState, key: ServiceKey): void {
  const what = state.absent.get(key)
  state.absent.delete(key)
  if (what === "adopt") state.adopting.add(key)
  if (what === "converge") becomesDue(state, key)
}

/** Its actor died, or a pool did not serve it: it is tried again. */
function resultOf(outcome: TurnOver | undefined): WorkResult {
  if (outcome === undefined) return "error"
  return outcome.kind === "retry" ? "requeue_after" : "success"
}
