import { isDeepStrictEqual } from "node:util"
import type { ServiceKey } from "../../config/facts.ts"
import type { Context } from "../../supervision/actor.ts"
import { spreadAnew } from "./electing.ts"
import type { ElectionFacts } from "./policies.ts"
import { type Decided, successorOf } from "./service.ts"
import { type AnnouncerState, isWanted, type Message, surroundingsOf } from "./state.ts"
import { flushSoon } from "./telling.ts"

/** What every decision is made from has changed: all Services, and what the threads are told besides them. */
export function surroundingsChanged(state: AnnouncerState, context: Context<Message>): void {
  const before = state.surroundings?.election
  state.surroundings = surroundingsOf(state)
  logElection(before, state.surroundings?.election, context)
  becomesDue(state, undefined, context)
}

function logElection(
  before: ElectionFacts | undefined,
  now: ElectionFacts | undefined,
  { log }: Context<Message>,
): void {
  if (now === undefined || (before?.kind === now.kind && (now.kind === "on" || isDeepStrictEqual(before, now)))) return
  if (now.kind === "on") return log.info("election policies are in force", { event: "electionPolicies" })
  log.warn("election policies are off, MetalLB's hash decides", { event: "electionPolicies", reason: now.why })
}

/** One Service, or all of them. */
export function becomesDue(state: AnnouncerState, key: ServiceKey | undefined, context: Context<Message>): void {
  if (key === undefined) state.unflushed = true
  if (!state.synced || state.surroundings === undefined) return
  if (state.due === undefined) context.send(context.self, { kind: "evaluate-due" })
  if (key === undefined || state.due === "all") state.due = "all"
  else {
    state.due = (state.due ?? new Set()).add(key)
    if (state.records.has(key)) state.deciding.add(key)
  }
}

export function evaluateDue(state: AnnouncerState, context: Context<Message>): void {
  if (spreadAnew(state)) state.due = "all"
  const keys = state.due === "all" ? state.records.keys() : (state.due ?? [])
  let asked = 0
  for (const key of keys) if (evaluate(state, key, context)) asked++
  state.due = undefined
  // Otherwise the first decision flushes, behind all others that are already on their way.
  if (asked === 0) flushSoon(state, context)
}

/** An actor that has not started yet is asked when it has. */
function evaluate(state: AnnouncerState, key: ServiceKey, context: Context<Message>): boolean {
  const record = state.records.get(key)
  const { surroundings } = state
  if (record === undefined || record.starts === 0 || !state.synced || surroundings === undefined) return false
  state.deciding.begin(key)
  context.send(record.actor, {
    kind: "evaluate",
    service: record.service,
    endpoints: state.endpoints.get(key),
    surroundings,
    announcement: record.decided?.announcement,
  })
  return true
}

/** An actor that has died so often without a decision does not hold up the others any longer. */
const startsWaitedFor = 3

export function serviceStarted(state: AnnouncerState, key: ServiceKey, context: Context<Message>): void {
  const record = state.records.get(key)
  if (record === undefined) return
  record.starts++
  // Not at once: where addresses are spread, they have to be laid out with this one first.
  becomesDue(state, key, context)
  if (record.starts > startsWaitedFor && state.undecided.delete(key)) flushSoon(state, context)
}

/** The threads are told more of a Service than what is announced: who else may have it. */
function tellsOther(before: Decided | undefined, now: Decided, nodeName: string): boolean {
  // The same announcement is the same object.
  if (before === undefined || now.announcement !== before.announcement) return true
  return (
    !isDeepStrictEqual(now.standing, before.standing) || successorOf(now, nodeName) !== successorOf(before, nodeName)
  )
}

export function decided(state: AnnouncerState, message: Decided, context: Context<Message>): void {
  const { key, announcement, on } = message
  state.deciding.end(key, "success")
  const record = state.records.get(key)
  if (record === undefined) return
  if (tellsOther(record.decided, message, state.config.nodeName)) state.unflushed = true
  record.decided = message
  state.undecided.delete(key)
  const { config } = state
  if (announcement === undefined && !isWanted(on.service, config) && !isWanted(record.service, config)) {
    state.records.delete(key)
    state.deciding.drop(key)
    context.stop(record.actor)
  }
  flushSoon(state, context)
}
