import type { ServiceFacts, ServiceKey } from "../../config/facts.ts"
import { parseIp } from "../../protocols/ip.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { BookRequest, PoolAnswer } from "./address-book.ts"
import { incompatibility } from "./compatibility.ts"
import { converge, wakesOthers } from "./decide.ts"
import { answerOf } from "./exhausted.ts"
import { stackFamilyOf } from "./families.ts"
import { logLinesOf } from "./log-lines.ts"
import { type Intent, ingressOf, isOutstanding, isStale, wantFrom, withIntent } from "./intent.ts"
import type {
  AllocatorInternal,
  PoolDirectory,
  PoolMessage,
  PoolReply,
  ServiceMessage,
  TurnOver,
  WriterMessage,
} from "./messages.ts"
import type { AllocationVerdict } from "./outcome.ts"
import type { Holding } from "./pool-book.ts"
import { poolOf } from "./pool-index.ts"
import { claimOf } from "./request.ts"

/** Pools answer from memory; this long means that something is broken. */
const askMs = 10_000

export interface ServiceConfig {
  readonly key: ServiceKey
  readonly allocator: ActorRef<AllocatorInternal>
  readonly writer: ActorRef<WriterMessage>
}

interface ServiceState extends ServiceConfig {
  /** What its pool has granted. */
  readonly holding: (Holding & { readonly pool: string }) | undefined
  /** False after a start or an unanswered request: some pool may hold something for us that we do not know of. */
  readonly certain: boolean
  /** The writer may have something of ours. */
  readonly outstanding: boolean
}

type Self = Context<ServiceMessage>

/** One Service of type LoadBalancer: asks the pools for its addresses and says what its status should be. */
export const serviceActor: Actor<ServiceConfig, ServiceState, ServiceMessage> = {
  kind: "service",
  start(config, context) {
    context.send(config.allocator, { kind: "service-up", key: config.key })
    return { ...config, holding: undefined, certain: false, outstanding: true }
  },
  async receive(before, turn, context) {
    const state = turn.first ? { ...before, certain: true } : before
    const intent = state.outstanding ? await outstandingIntent(state, turn.service, context) : undefined
    const seen = { facts: turn.service, intent, effective: intent ? withIntent(turn.service, intent) : turn.service }
    const now = turn.what === "adopt" ? adopt : decideAnew
    const [next, over] = await now(state, seen, turn.pools, context)
    context.send(turn.replyTo, over)
    return next
  },
}

/** What is written or about to be, when the facts do not show it yet. */
async function outstandingIntent(state: ServiceState, facts: ServiceFacts, context: Self): Promise<Intent | undefined> {
  const { key, writer } = state
  const asked = await context.ask<WriterMessage, Intent | undefined>(
    writer,
    (replyTo) => ({ kind: "intent", key, replyTo }),
    askMs,
  )
  // Without the writer nobody knows what the status will be. Start again: by then it is back, or all of us are gone.
  if (!asked.ok) throw new Error("the writer does not answer")
  const intent = asked.value
  if (intent === undefined || isOutstanding(intent, facts)) return intent
  context.send(writer, { kind: "settled", key })
  return undefined
}

interface Seen {
  readonly facts: ServiceFacts
  readonly intent: Intent | undefined
  /** The facts as they will be when the intent is visible. */
  readonly effective: ServiceFacts
}
type Turned = readonly [ServiceState, TurnOver]

const over = (kind: TurnOver["kind"], state: ServiceState, verdict?: AllocationVerdict, freed = false): TurnOver => ({
  kind,
  holding: state.holding,
  certain: state.certain,
  freed,
  verdict,
})

/** Claims what we hold, on the terms we hold it; after a start, what the status says. */
async function adopt(state: ServiceState, seen: Seen, pools: PoolDirectory, context: Self): Promise<Turned> {
  const wanted = state.holding ?? heldBy(seen.effective)
  const pool = wanted && poolOf(pools.definitions, wanted.addresses)
  if (wanted === undefined || pool === undefined || incompatibility(pool, seen.effective) !== undefined) {
    // Nothing that could be kept: what becomes of it is decided when all others have claimed theirs.
    const certain = state.certain && state.holding === undefined
    const next = { ...state, holding: undefined, certain }
    return [next, over("done", next)]
  }
  const { claim, addresses } = wanted
  const asked = await context.ask<PoolMessage, PoolReply>(
    refOf(pools, pool.name),
    (replyTo) => ({ kind: "adopt", claim, addresses, replyTo }),
    askMs,
  )
  const granted = asked.ok && asked.value.kind === "answer" && asked.value.answer.ok
  const next: ServiceState = granted
    ? { ...state, holding: { pool: pool.name, claim, addresses } }
    : { ...state, holding: undefined, certain: false }
  return [next, over(asked.ok ? "done" : "retry", next)]
}

/** What the status says it holds, as far as it can be read. */
export function heldBy(service: ServiceFacts): Holding | undefined {
  const ingress = ingressOf(service)
  if (service.type !== "LoadBalancer" || !stackFamilyOf(ingress).ok) return undefined
  return { claim: claimOf(service), addresses: ingress.flatMap((ip) => parseIp(ip) ?? []) }
}

/** Runs the decision, asking the pools as it goes, and acts on what it says. */
async function decideAnew(state: ServiceState, seen: Seen, pools: PoolDirectory, context: Self): Promise<Turned> {
  const deciding = converge(seen.effective, pools.definitions)
  let now = state
  let step = deciding.next()
  while (step.done !== true) {
    const known = knownAnswer(state, step.value, pools)
    const asked = known ? { state: now, answer: known } : await answer(now, step.value, pools, context)
    if (asked === undefined) {
      now = { ...now, certain: false }
      return [now, over("retry", now, undefined, mayHaveFreed(state, now))]
    }
    now = asked.state
    step = deciding.next(asked.answer)
  }
  const outstanding = act(now, seen, step.value, context)
  return [{ ...now, outstanding }, over("done", now, step.value, mayHaveFreed(state, now))]
}

/** What it held when its turn began may be free by now: of that pool the others' experience tells nothing. */
const knownAnswer = ({ certain, holding }: ServiceState, request: BookRequest, { exhausted }: PoolDirectory) =>
  request.kind !== "release" && certain && request.pool !== holding?.pool ? answerOf(exhausted, request) : undefined

/** Who did not know what it held may have let go of anything. */
const mayHaveFreed = (before: ServiceState, now: ServiceState): boolean =>
  !before.certain || wakesOthers(before.holding, now.holding)

/** Undefined: the pool is not there, or does not serve yet. */
async function answer(
  state: ServiceState,
  request: BookRequest,
  pools: PoolDirectory,
  context: Self,
): Promise<{ readonly state: ServiceState; readonly answer: PoolAnswer } | undefined> {
  if (request.kind === "release")
    return { state: letGo(state, undefined, pools, context), answer: { ok: true, value: [] } }
  const asked = await context.ask<PoolMessage, PoolReply>(
    refOf(pools, request.pool),
    (replyTo) => ({ kind: "request", request, replyTo }),
    askMs,
  )
  if (!asked.ok || asked.value.kind === "not-serving") return undefined
  const { answer } = asked.value
  if (!answer.ok) return { state, answer }
  const { pool, claim } = request
  return { state: { ...letGo(state, pool, pools, context), holding: { pool, claim, addresses: answer.value } }, answer }
}

/** Gives back whatever pools other than `except` hold for us. */
function letGo(state: ServiceState, except: string | undefined, pools: PoolDirectory, context: Self): ServiceState {
  const { key, holding, certain } = state
  for (const [name, ref] of pools.refs)
    if (name !== except && (!certain || name === holding?.pool)) context.send(ref, { kind: "release", key })
  return { ...state, holding: undefined, certain: true }
}

/** True when a write is outstanding. */
function act(state: ServiceState, seen: Seen, { decision, because }: AllocationVerdict, context: Self): boolean {
  const { key, writer } = state
  const { facts, intent, effective } = seen
  // Who looks again and finds nothing new says nothing.
  for (const { level, message, fields } of decision.changed ? logLinesOf(because, decision.events) : [])
    context.log[level](message, { service: key, ...fields })
  if (decision.changed && decision.ingress.length === 0 && ingressOf(effective).length > 0) {
    const message = "removed loadbalancer from service, services will be reprocessed"
    context.log.info(message, { event: "serviceUpdated", service: key })
  }
  for (const event of decision.changed ? decision.events : []) {
    const whole = { key, uid: facts.uid, component: "metallb-controller", ...event }
    context.send(writer, { kind: "event", event: whole })
  }
  const want = wantFrom(facts, effective, decision, isStale(intent, facts))
  if (want !== undefined) context.send(writer, { kind: "desire", service: facts, want })
  else if (intent !== undefined) context.send(writer, { kind: "settled", key })
  return want !== undefined
}

function refOf({ refs }: PoolDirectory, name: string) {
  const found = refs.get(name)
  if (found === undefined) throw new Error(`a decision asked for pool ${name}, which is not there`)
  return found
}
