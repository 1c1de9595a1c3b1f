import type { ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import { type AllocatorConfig, type AllocatorState, becomesDue, beginning } from "./allocator-state.ts"
import { addressAssigned } from "./condition.ts"
import type { AllocatorInternal, AllocatorMessage } from "./messages.ts"
import { inUse, metricsOf, statusOf } from "./metrics.ts"
import { allUp, configure } from "./pool-set.ts"
import { poolAnnotation } from "./request.ts"
import { serviceActor } from "./service.ts"
import { beginPass, cameFree, goOn, nextTurn, turnOver } from "./turns.ts"

type Message = AllocatorMessage | AllocatorInternal

/** A pool's status follows its counters this much later: a burst of assignments is one write. */
const statusEveryMs = 1_000
type Self = Context<Message>

/** Hears the cluster's facts, keeps one actor per pool and per Service, and says whose turn it is. */
export const allocatorActor: Actor<AllocatorConfig, AllocatorState, Message> = {
  kind: "allocator",
  supervision: {
    strategy: "one_for_one",
    // One supervisor for thousands of Services: a few of them in trouble must not take the others down.
    intensity: { restarts: 1_000, withinMs: 60_000 },
    backoff: { minMs: 20, maxMs: 10_000, jitter: 0.2 },
  },
  start: beginning,
  receive(state, message, context) {
    hear(state, message, context)
    nextTurn(state, context)
    return state
  },
}

function hear(state: AllocatorState, message: Message, context: Self): void {
  switch (message.kind) {
    case "service":
      state.updates++
      return serviceIs(state, message.key, message.service, context)
    case "configuration":
      state.updates++
      state.configuring.begin(message.kind)
      configure(state, message.facts, context)
      return state.configuring.end(message.kind, "success")
    case "synced":
      for (const key of state.services.keys()) if (!message.services.has(key)) leave(state, key, context)
      if (!state.synced) beginPass(state, "everything")
      state.synced = true
      return
    case "connection": {
      const { connected, reason } = message
      if (connected) context.log.info("connected to the API server", { reason })
      else context.log.warn("API server not reachable, everything stays as it is", { reason })
      return
    }
    case "pool-up": {
      const pool = state.pools.get(message.pool)
      if (pool === undefined) return
      const again = pool.incarnation !== undefined
      pool.incarnation = message.incarnation
      state.poolsUp = allUp(state)
      // When it starts for the first time, the pass that it came with has not begun to claim yet.
      return again ? beginPass(state, new Set([message.pool])) : undefined
    }
    case "pool-counters": {
      const pool = state.pools.get(message.pool)
      if (pool === undefined) return
      // Whatever the cause: an address that came free may be what somebody waits for.
      if (pool.counters && inUse(message.counters) < inUse(pool.counters)) cameFree(state, message.pool)
      pool.counters = message.counters
      if (state.poolStatusesDue.size === 0)
        context.timers.set("pool-statuses", statusEveryMs, { kind: "pool-statuses-due" })
      state.poolStatusesDue.add(message.pool)
      return
    }
    case "service-up":
      return goOn(state, message.key)
    case "turn-over":
      turnOver(state, message, context)
      return afterTurn(state, message.key, context)
    case "retry":
      for (const key of state.stalled) becomesDue(state, key)
      return state.stalled.clear()
    case "pool-statuses-due":
      return writePoolStatuses(state, context)
    case "metrics":
      return context.send(message.replyTo, metricsOf(state))
    case "explain": {
      const entry = state.services.get(message.key)
      const last = entry?.last
      const { holding, verdict } = last ?? { holding: undefined, verdict: undefined }
      return context.send(message.replyTo, entry && { service: entry.facts, holding, verdict })
    }
    case "endpoints":
    case "node":
    case "speaker-pods":
      return // not watched here
    default:
      return message satisfies never
  }
}

/** Not while claims come in: what is counted then is not all that is held. */
function writePoolStatuses(state: AllocatorState, context: Self): void {
  if (state.phase === "adopting" || !state.poolsUp) {
    context.timers.set("pool-statuses", statusEveryMs, { kind: "pool-statuses-due" })
    return
  }
  for (const name of state.poolStatusesDue) {
    const counters = state.pools.get(name)?.counters
    if (counters) context.send(state.config.writer, { kind: "pool-status", status: statusOf(name, counters) })
  }
  state.poolStatusesDue.clear()
}

function serviceIs(state: AllocatorState, key: ServiceKey, service: ServiceFacts | undefined, context: Self): void {
  const entry = state.services.get(key)
  const ours = service !== undefined && (service.loadBalancerClass ?? "") === state.config.loadBalancerClass
  if (!ours) return entry && leave(state, key, context)
  if (entry !== undefined) {
    entry.facts = service
    entry.leaving = false
    entry.told = true
  } else {
    if (!concernsUs(service)) return
    const config = { key, allocator: context.self, writer: state.config.writer }
    const ref = context.spawn({ id: `services/${key}`, actor: serviceActor, config })
    state.services.set(key, { facts: service, ref, last: undefined, begun: false, told: true, leaving: false })
  }
  becomesDue(state, key)
}

/** A LoadBalancer, or something that was one and still says so. */
export const concernsUs = ({ type, ingress, annotations, conditions }: ServiceFacts): boolean =>
  type === "LoadBalancer" ||
  ingress.length > 0 ||
  annotations[poolAnnotation] !== undefined ||
  conditions?.[addressAssigned] !== undefined

/** Deleted, or of another class now. While it has the turn it may still be given something: then it goes afterwards. */
function leave(state: AllocatorState, key: ServiceKey, context: Self): void {
  const entry = state.services.get(key)
  if (entry === undefined) return
  if (state.turn?.key === key) entry.leaving = true
  else remove(state, key, context)
}

function afterTurn(state: AllocatorState, key: ServiceKey, context: Self): void {
  const entry = state.services.get(key)
  const decision = entry?.last?.verdict?.decision
  const idle = decision?.state === "not-wanted" && !decision.changed && !state.converging.has(key)
  if (entry?.leaving || (entry && idle && !concernsUs(entry.facts))) remove(state, key, context)
}

function remove(state: AllocatorState, key: ServiceKey, context: Self): void {
  const entry = state.services.get(key)
  if (entry === undefined) return
  context.stop(entry.ref)
  state.services.delete(key)
  const { adopting, converging, absent, stalled, hopeful } = state
  for (const keys of [adopting, converging, absent, stalled, hopeful]) keys.delete(key)
  state.deciding.drop(key)
  const { holding, certain = !entry.begun } = entry.last ?? {}
  for (const [name, { ref }] of state.pools)
    if (!certain || name === holding?.pool) context.send(ref, { kind: "release", key })
  context.send(state.config.writer, { kind: "settled", key })
  context.log.info("service deleted", { event: "serviceDeleted", service: key })
  if (!certain || holding !== undefined) cameFree(state, certain ? holding?.pool : undefined)
}
