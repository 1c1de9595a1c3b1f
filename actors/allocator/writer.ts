import type { ClusterApi, WriteOutcome } from "../../config/cluster-api.ts"
import type { ServiceFacts, ServiceKey } from "../../config/facts.ts"
import { type WorkMeter, workMeter } from "../../config/work-meter.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import { type Intent, ingressOf } from "./intent.ts"
import type { Want, WriterMessage } from "./messages.ts"

/** Writes on their way at once, over all Services. */
const maxInFlight = 16
const backoffMs = { min: 200, max: 30_000 }
/** Of one Service: statuses that the facts may still show. */
const rememberedIngresses = 4

export interface WriterConfig {
  readonly api: ClusterApi
}

type Message =
  | WriterMessage
  | { readonly kind: "outcome"; readonly key: ServiceKey; readonly outcome: WriteOutcome }
  | { readonly kind: "retry"; readonly key: ServiceKey }

/** One Service's status on its way. */
interface Entry extends Intent {
  readonly service: ServiceFacts
  /** What to write against: the facts' version, or that of our own write since. */
  readonly resourceVersion: string
  /** delayed: it did not get through. It is tried again after a while, or at once on younger facts. */
  readonly phase: "ready" | "in-flight" | "delayed" | "written"
  /** Decided while a write was in flight; the newest only. */
  readonly next?: { readonly service: ServiceFacts; readonly want: Want }
  /** Nothing is wanted any more once the write in flight has come back. */
  readonly settled: boolean
  readonly failures: number
}

interface WriterState {
  readonly api: ClusterApi
  readonly entries: Map<ServiceKey, Entry>
  /** Keys to write, in order. */
  readonly ready: Set<ServiceKey>
  readonly inFlight: Map<ServiceKey, Promise<void>>
  readonly writing: WorkMeter
}

/**
 * Brings decided status to the API server without holding anyone up: per Service one write at a time, the newest
 * decision wins. It remembers what is decided and not visible yet, for Services that start anew meanwhile.
 */
export const writerActor: Actor<WriterConfig, WriterState, Message> = {
  kind: "writer",
  start: ({ api }, { world }) => ({
    api,
    entries: new Map(),
    ready: new Set(),
    inFlight: new Map(),
    writing: workMeter(() => world.clock.monotonicMs()),
  }),
  receive(state, message, context) {
    const { entries } = state
    switch (message.kind) {
      case "desire":
        desire(state, message.service, message.want)
        break
      case "settled": {
        const entry = entries.get(message.key)
        if (entry?.phase === "in-flight") entries.set(message.key, { ...withoutNext(entry), settled: true })
        else forget(state, message.key, context)
        break
      }
      case "intent":
        context.send(message.replyTo, newestIntent(entries.get(message.key)))
        break
      case "event":
        state.api.recordEvent(message.event)
        break
      case "pool-status":
        state.api.writePoolStatus(message.status)
        break
      case "configuration-report":
        state.api.reportConfiguration({ component: "controller", condition: message.condition })
        break
      case "metrics":
        context.send(message.replyTo, { writing: state.writing.read(), workers: maxInFlight })
        break
      case "outcome":
        state.inFlight.delete(message.key)
        state.writing.end(message.key, didWell(message.outcome) ? "success" : "error")
        cameBack(state, message.key, message.outcome, context)
        break
      case "retry": {
        const entry = entries.get(message.key)
        if (entry?.phase === "delayed") makeReady(state, message.key, entry)
        break
      }
      default:
        return message satisfies never
    }
    writeMore(state, context)
    return state
  },
  /** Whoever comes after must find the cluster as these writes leave it. */
  async stop({ inFlight }) {
    await Promise.allSettled(inFlight.values())
  },
}

function desire(state: WriterState, service: ServiceFacts, want: Want): void {
  const { entries } = state
  const entry = entries.get(service.key)
  if (entry === undefined || entry.uid !== service.uid) {
    if (entry?.phase === "in-flight") entries.set(service.key, { ...entry, next: { service, want } })
    else makeReady(state, service.key, fresh(service, want))
    return
  }
  const current = { ...entry, settled: false }
  const stale = entry.basedOn.includes(service.resourceVersion)
  if (stale && sameWant(entry.next?.want ?? entry.want, want)) entries.set(service.key, current)
  else if (entry.phase === "in-flight") entries.set(service.key, { ...current, next: { service, want } })
  // Against the same facts it would fare no better.
  else if (stale && entry.phase === "delayed") entries.set(service.key, { ...current, service, want })
  else makeReady(state, service.key, replaced(current, service, want))
}

const fresh = (service: ServiceFacts, want: Want): Entry => ({
  uid: service.uid,
  service,
  want,
  resourceVersion: service.resourceVersion,
  basedOn: [service.resourceVersion],
  baseIngresses: [ingressOf(service)],
  written: false,
  phase: "ready",
  settled: false,
  failures: 0,
})

/** Facts no younger than our own last write: then write against that one, the facts are on their way. */
function replaced(entry: Entry, service: ServiceFacts, want: Want): Entry {
  if (!entry.basedOn.includes(service.resourceVersion)) return fresh(service, want)
  const { next: _next, ...rest } = entry
  const basedOn = [...new Set([...entry.basedOn, entry.resourceVersion])]
  const baseIngresses = withAttempted(entry)
  return { ...rest, service, want, basedOn, baseIngresses, written: false, phase: "ready", settled: false }
}

/** What waits behind a write in flight is what the Service will have, not what is being written. */
function newestIntent(entry: Entry | undefined): Intent | undefined {
  if (entry?.next === undefined) return entry
  const { service, want } = entry.next
  if (service.uid !== entry.uid) return fresh(service, want)
  const basedOn = [...new Set([...entry.basedOn, service.resourceVersion])]
  return { uid: entry.uid, want, written: false, basedOn, baseIngresses: withAttempted(entry) }
}

/** A write may have got through, whatever we heard of it. */
const withAttempted = ({ baseIngresses, want }: Entry) => [...baseIngresses, want.ingress].slice(-rememberedIngresses)

const sameWant = (a: Want, b: Want) =>
  a.ingress.join() === b.ingress.join() &&
  [a.annotations, a.conditions].every((part, i) => {
    const other = [b.annotations, b.conditions][i] ?? {}
    return JSON.stringify(Object.entries(part)) === JSON.stringify(Object.entries(other))
  })

function makeReady(state: WriterState, key: ServiceKey, entry: Entry): void {
  state.entries.set(key, { ...entry, phase: "ready" })
  state.ready.add(key)
  state.writing.add(key)
}

function forget(state: WriterState, key: ServiceKey, context: Context<Message>): void {
  state.entries.delete(key)
  state.ready.delete(key)
  state.writing.drop(key)
  context.timers.cancel(`retry ${key}`)
}

function writeMore(state: WriterState, context: Context<Message>): void {
  for (const key of state.ready) {
    if (state.inFlight.size >= maxInFlight) return
    state.ready.delete(key)
    const entry = state.entries.get(key)
    if (entry === undefined) continue
    state.writing.begin(key)
    state.entries.set(key, { ...entry, phase: "in-flight" })
    state.inFlight.set(key, write(state.api, key, entry, context))
  }
}

async function write(api: ClusterApi, key: ServiceKey, entry: Entry, context: Context<Message>): Promise<void> {
  const { uid, resourceVersion, want } = entry
  const outcome = await api
    .writeServiceStatus({ key, uid, resourceVersion, ...want })
    .catch((error: unknown): WriteOutcome => ({ kind: "failed", message: String(error) }))
  context.send(context.self, { kind: "outcome", key, outcome })
}

function cameBack(state: WriterState, key: ServiceKey, outcome: WriteOutcome, context: Context<Message>): void {
  const entry = state.entries.get(key)
  if (entry === undefined) return
  const { next } = entry
  const log = { service: key, ingress: entry.want.ingress }
  if (outcome.kind === "written") context.log.info("updated service object", { event: "serviceUpdated", ...log })
  else if (outcome.kind === "failed")
    context.log.error("failed to update service", { op: "updateServiceStatus", ...log, error: outcome.message })
  else context.log.debug("service changed meanwhile", { op: "updateServiceStatus", ...log, outcome: outcome.kind })

  if (outcome.kind === "gone" && next === undefined) return forget(state, key, context)
  if (entry.settled && next === undefined) return forget(state, key, context)
  const after: Entry =
    outcome.kind === "written"
      ? { ...entry, phase: "written", written: true, resourceVersion: outcome.resourceVersion, failures: 0 }
      : { ...entry, phase: "delayed", failures: entry.failures + 1 }
  if (next === undefined) state.entries.set(key, after)
  else {
    const sameObject = next.service.uid === entry.uid
    const follows = sameObject ? replaced(after, next.service, next.want) : fresh(next.service, next.want)
    if (outcome.kind === "written" || !follows.basedOn.includes(entry.resourceVersion))
      return makeReady(state, key, follows)
    state.entries.set(key, { ...follows, phase: "delayed" })
  }
  if (outcome.kind === "written") return
  const delayMs = jittered(Math.min(backoffMs.max, backoffMs.min * 2 ** entry.failures), context)
  const leastMs = outcome.kind === "failed" ? (outcome.retryAfterMs ?? 0) : 0
  context.timers.set(`retry ${key}`, Math.max(leastMs, delayMs), { kind: "retry", key })
}

/** A Service that is gone needs no status. */
const didWell = ({ kind }: WriteOutcome) => kind === "written" || kind === "gone"

/** Plus or minus a fifth. */
const jittered = (ms: number, context: Context<Message>) => ms * (0.8 + (0.4 * context.world.random.u32()) / 2 ** 32)

function withoutNext({ next: _next, ...entry }: Entry): Entry {
  return entry
}
