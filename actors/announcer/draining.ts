import type { ServiceKey } from "../../config/facts.ts"
import type { Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { introduceOurselves } from "./claiming.ts"
import { surroundingsChanged } from "./deciding.ts"
import type { Prepared } from "./drain-messages.ts"
import { successorIn } from "./layer2-decision.ts"
import type { AnnouncerState, Message } from "./state.ts"
import type { Surroundings } from "./surroundings.ts"
import { flush } from "./telling.ts"

/** Told by the speaker, which outlives us: also what it was before. */
export function drain(state: AnnouncerState, drained: boolean, context: Context<Message>): void {
  const { draining } = state
  if (draining.drained === drained) return
  draining.drained = drained
  context.log.info(drained ? "draining: this node hands over its addresses" : "no longer drained", {
    event: drained ? "drain" : "undrain",
    node: state.config.nodeName,
  })
  decideAll(state, context)
}

export function leave(state: AnnouncerState, replyTo: ActorRef<Prepared>, context: Context<Message>): void {
  state.draining.leaving = true
  state.draining.replyTo = replyTo
  decideAll(state, context)
}

function decideAll(state: AnnouncerState, context: Context<Message>): void {
  const { draining, records, synced } = state
  surroundingsChanged(state, context)
  const isDecided = synced && state.surroundings !== undefined
  draining.waitingFor = new Set(isDecided ? [...records].flatMap(([key, { starts }]) => (starts > 0 ? [key] : [])) : [])
  goOn(state, context)
}

/** A Service was decided, or is none of ours any more. */
export function drainDecided(
  state: AnnouncerState,
  key: ServiceKey,
  on: Surroundings,
  context: Context<Message>,
): void {
  const { draining, config } = state
  const isNew =
    (on.leaving === true) === draining.leaving && (on.drained?.has(config.nodeName) === true) === draining.drained
  if (isNew && draining.waitingFor?.delete(key) === true) goOn(state, context)
}

function goOn(state: AnnouncerState, context: Context<Message>): void {
  const { draining, records, config } = state
  if (draining.waitingFor === undefined || draining.waitingFor.size > 0) return
  draining.waitingFor = undefined
  flush(state, context)
  draining.marked = draining.drained
  introduceOurselves(state, context)
  if (draining.replyTo === undefined) return
  let followed = 0
  const alone: ServiceKey[] = []
  const handedOver = new Set(state.table?.wire?.former?.map(({ ip }) => ip))
  for (const [key, { decided }] of records) {
    const { decision } = decided?.verdict ?? {}
    if (decision?.kind !== "considered" || decision.layer2.decision.kind !== "withhold") continue
    if (decision.layer2.decision.reason !== "speakerStopping") continue
    if (successorIn(decision.layer2, config.nodeName) === undefined) alone.push(key)
    else if (decision.ips.some((ip) => handedOver.has(ip))) followed++
  }
  context.send(draining.replyTo, { kind: "prepared", followed, alone: alone.sort() })
  draining.replyTo = undefined
}
