import type { Actor, Context, Exit } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { Cancel, NetworkInterface } from "../../supervision/world.ts"
import { attend, listeningFor } from "./attend.ts"
import { noCounters, sum } from "./counters.ts"
import { withHops } from "./hops.ts"
import {
  bfdKey,
  type BfdCommand,
  type BfdCounters,
  type BfdReport,
  type BfdSessionReport,
  type DesiredBfdSession,
} from "./messages.ts"
import { Receiver } from "./receiver.ts"
import { bfdSessionActor, type SessionMessage, type SessionNews } from "./session.ts"
import { unstarted } from "./session-report.ts"
import { mostSessions } from "./settings.ts"

/** The commands, and what its children, its timers and the kernel tell it. */
export type BfdMessage =
  | BfdCommand
  | SessionNews
  | { readonly kind: "session-started"; readonly key: string }
  | { readonly kind: "session-exited"; readonly key: string; readonly exit: Exit }
  | { readonly kind: "links-changed" }
  | { readonly kind: "tick" }
  | { readonly kind: "publish" }
  | { readonly kind: "subscriber-gone"; readonly subscriber: ActorRef<BfdReport> }

interface Entry {
  readonly ref: ActorRef<SessionMessage>
  readonly desired: DesiredBfdSession
  readonly slot: number
  readonly discriminator: number
  /** Started and not known to have exited: it can hear. */
  readonly alive: boolean
  /** Told to say goodbye; stopped once it has. */
  readonly closing: boolean
  readonly report: BfdSessionReport
  /** Of its former lives. */
  readonly carried: BfdCounters
}

export interface BfdState {
  readonly receiver: Receiver
  /** Undefined: they cannot be listed. */
  readonly links: readonly NetworkInterface[] | undefined
  readonly stopWatching: Cancel | undefined
  readonly sessions: ReadonlyMap<string, Entry>
  readonly refused: number
  readonly subscribers: readonly ActorRef<BfdReport>[]
  /** Something to tell that is not urgent. */
  readonly stale: boolean
  /** Something to tell as soon as the news that wait already have been read. */
  readonly publishing: boolean
  readonly droppedTold: number
  /** Set once: from then on nothing is wanted any more. */
  readonly shutdown?: readonly ActorRef<{ readonly kind: "shut-down" }>[]
}
type Self = Context<BfdMessage>

/** Counters are told this often; a socket that could not be opened is tried again. */
const tickMs = 1000
/** A subscriber more than this replaces the oldest one. */
const mostSubscribers = 8

/**
 * Root of the BFD thread: one child for each session. It owns the sockets that all share and knows what is wanted, and
 * tells it again to a child that had to be restarted.
 */
export const bfdActor: Actor<unknown, BfdState, BfdMessage> = {
  kind: "bfd",
  supervision: {
    strategy: "one_for_one",
    // A session that cannot be kept alive must not take the others with it: it is retried for ever, ever later.
    intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 60_000 },
    backoff: { minMs: 20, maxMs: 10_000, jitter: 0.2 },
  },
  start(_config, context) {
    const { world, log } = context
    context.timers.every("tick", tickMs, { kind: "tick" })
    const watch = world.packets.watchInterfaces(() => context.send(context.self, { kind: "links-changed" }))
    if (!watch.ok) log.error("couldn't watch interfaces", { op: "watchInterfaces", error: watch.error.message })
    const receiver = new Receiver(world, log, (to, heard) => context.send(to, heard))
    return {
      receiver,
      links: linksNow(receiver, context),
      stopWatching: watch.ok ? watch.value : undefined,
      sessions: new Map(),
      refused: 0,
      subscribers: [],
      stale: false,
      publishing: false,
      droppedTold: 0,
    }
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "sessions":
        return state.shutdown === undefined ? want(state, message.sessions, context) : state
      case "subscribe":
        return subscribe(state, message.subscriber, context)
      case "shutdown":
        return shutDown(state, message.replyTo, context)
      case "session":
        return told(state, message, context)
      case "closed":
        return closed(state, message.key, context)
      case "session-started":
        return started(state, message.key, context)
      case "session-exited":
        return exited(state, message.key, message.exit, context)
      case "links-changed":
        return { ...state, links: linksNow(state.receiver, context) }
      case "tick":
        return tick(state, context)
      case "publish":
        return publish(state, context)
      case "subscriber-gone":
        return { ...state, subscribers: state.subscribers.filter((one) => !sameRef(one, message.subscriber)) }
      default:
        return message satisfies never
    }
  },
  stop(state) {
    state.stopWatching?.()
    state.receiver.close()
  },
}

/** Sessions are bound to interfaces by name, packets tell the index. */
function linksNow(receiver: Receiver, { world, log }: Self): readonly NetworkInterface[] | undefined {
  const links = world.packets.interfaces()
  if (links.ok) {
    receiver.interfaces = new Map(links.value.map(({ index, name }) => [index, name]))
    return links.value
  }
  log.error("couldn't list interfaces", { op: "getInterfaces", error: links.error.message })
  return undefined
}

function want(state: BfdState, desired: readonly DesiredBfdSession[], context: Self): BfdState {
  const byKey = new Map(desired.map((session) => [bfdKey(session), session]))
  let next: BfdState = { ...state, refused: 0 }
  for (const key of state.sessions.keys()) if (!byKey.has(key)) next = close(next, key, context)
  const sessions = new Map(next.sessions)
  let refused = 0
  for (const [key, asked] of byKey) {
    const known = sessions.get(key)
    const session = hopsFor(known, asked, state)
    if (known?.alive === true) context.send(known.ref, { kind: "desired", desired: session })
    const entry = known ?? spawn(sessions, key, session, context)
    if (entry === undefined) refused++
    else sessions.set(key, { ...entry, desired: session, closing: false })
  }
  if (refused > 0 && refused !== state.refused) {
    context.log.error("too many BFD sessions", { op: "setSessions", limit: mostSessions, refused })
  }
  return publishSoon(attended({ ...next, sessions, refused }), context)
}

/** A session that is Up keeps to what it is: silence, not a change of addresses, tells that the path is gone. */
const hopsFor = (known: Entry | undefined, asked: DesiredBfdSession, { links }: BfdState): DesiredBfdSession =>
  known?.report.state === "up" ? { ...asked, multihop: known.desired.multihop } : withHops(asked, links)

/** Those that are not Up follow the links: a peer may have come onto one of them, or gone. */
function followLinks(state: BfdState, context: Self): BfdState {
  const sessions = new Map(state.sessions)
  for (const [key, entry] of state.sessions) {
    const desired = hopsFor(entry, entry.desired, state)
    if (desired.multihop === entry.desired.multihop) continue
    sessions.set(key, { ...entry, desired })
    if (entry.alive && !entry.closing) context.send(entry.ref, { kind: "desired", desired })
  }
  return { ...state, sessions }
}

function spawn(
  sessions: ReadonlyMap<string, Entry>,
  key: string,
  desired: DesiredBfdSession,
  context: Self,
): Entry | undefined {
  const slot = freeSlot(sessions)
  if (slot === undefined) return undefined
  const discriminator = freeDiscriminator(sessions, context)
  const ref = context.spawn({
    id: key.replaceAll("/", "_"),
    actor: bfdSessionActor,
    config: { key, parent: context.self, slot, discriminator },
    // More would be too old to say anything by the time it is read.
    mailbox: { capacity: 256, overflow: "drop-oldest" },
    started: () => ({ kind: "session-started", key }),
  })
  const report = unstarted(desired, context.world.clock.wallMs(), "starting")
  return { ref, desired, slot, discriminator, alive: false, closing: false, report, carried: noCounters }
}

function freeSlot(sessions: ReadonlyMap<string, Entry>): number | undefined {
  if (sessions.size >= mostSessions) return undefined
  const taken = new Set(Array.from(sessions.values(), ({ slot }) => slot))
  for (let slot = 0; slot < mostSessions; slot++) if (!taken.has(slot)) return slot
  return undefined
}

/** RFC 5880 §6.8.1: unique among ours, not 0, and better by chance. */
function freeDiscriminator(sessions: ReadonlyMap<string, Entry>, { world }: Self): number {
  const taken = new Set(Array.from(sessions.values(), ({ discriminator }) => discriminator))
  for (;;) {
    const discriminator = world.random.u32()
    if (discriminator !== 0 && !taken.has(discriminator)) return discriminator
  }
}

function attended(state: BfdState): BfdState {
  attend(state.receiver, state.sessions.values())
  return state
}

function close(state: BfdState, key: string, context: Self): BfdState {
  const entry = state.sessions.get(key)
  if (entry === undefined || entry.closing) return state
  const next: BfdState = { ...state, sessions: new Map(state.sessions).set(key, { ...entry, closing: true }) }
  // Between two lives it has no socket, so there is no way to say goodbye.
  if (!entry.alive) return closed(next, key, context)
  context.send(entry.ref, { kind: "close" })
  return next
}

/** It has said goodbye; unless it is wanted again meanwhile, it goes. */
function closed(state: BfdState, key: string, context: Self): BfdState {
  const entry = state.sessions.get(key)
  if (entry === undefined || !entry.closing) return state
  context.unwatch(entry.ref)
  context.stop(entry.ref)
  const sessions = new Map(state.sessions)
  sessions.delete(key)
  return answerIfDone(attended({ ...state, sessions, stale: true }), context)
}

/** Each incarnation is told what should be, the first included. */
function started(state: BfdState, key: string, context: Self): BfdState {
  const entry = state.sessions.get(key)
  if (entry === undefined) return state
  context.watch(entry.ref, (exit) => ({ kind: "session-exited", key, exit }))
  context.send(entry.ref, { kind: "desired", desired: entry.desired })
  if (entry.closing) context.send(entry.ref, { kind: "close" })
  return { ...state, sessions: new Map(state.sessions).set(key, { ...entry, alive: true }) }
}

/** The peer will notice; so must who subscribed, now. */
function exited(state: BfdState, key: string, exit: Exit, context: Self): BfdState {
  const entry = state.sessions.get(key)
  if (entry === undefined) return state
  if (entry.closing) return closed(state, key, context)
  const { counters, state: was, lastDown } = entry.report
  const nowMs = context.world.clock.wallMs()
  const fault = `session was restarted after a fault: ${exit.error ?? exit.reason}`
  const carried = was === "up" ? sum(counters, { ...noCounters, sessionDownEvents: 1 }) : counters
  const down = was === "up" ? { lastDown: { atMs: nowMs, diagnostic: fault } } : { ...(lastDown && { lastDown }) }
  const report = { ...unstarted(entry.desired, nowMs, fault), ...down, counters: carried }
  const sessions = new Map(state.sessions).set(key, { ...entry, alive: false, report, carried })
  return publishSoon({ ...state, sessions }, context)
}

function told(state: BfdState, news: Extract<SessionNews, { kind: "session" }>, context: Self): BfdState {
  const entry = state.sessions.get(news.key)
  if (entry === undefined) return state
  const { report, carried } = entry
  const { lastDown = report.lastDown, ...rest } = news.report
  const whole = { ...rest, ...(lastDown && { lastDown }), counters: sum(carried, rest.counters) }
  const sessions = new Map(state.sessions).set(news.key, { ...entry, report: whole })
  return news.urgent ? publishSoon({ ...state, sessions }, context) : { ...state, sessions, stale: true }
}

function shutDown(state: BfdState, replyTo: ActorRef<{ readonly kind: "shut-down" }>, context: Self): BfdState {
  let next: BfdState = { ...state, shutdown: [...(state.shutdown ?? []), replyTo] }
  for (const key of state.sessions.keys()) next = close(next, key, context)
  return answerIfDone(next, context)
}

function answerIfDone(state: BfdState, context: Self): BfdState {
  if (state.shutdown === undefined || state.sessions.size > 0) return state
  for (const replyTo of state.shutdown) context.send(replyTo, { kind: "shut-down" })
  return { ...state, shutdown: [] }
}

function subscribe(state: BfdState, subscriber: ActorRef<BfdReport>, context: Self): BfdState {
  const others = state.subscribers.filter((one) => !sameRef(one, subscriber))
  context.watch(subscriber, () => ({ kind: "subscriber-gone", subscriber }))
  context.sendUrgent(subscriber, reportOf(state))
  return { ...state, subscribers: [...others, subscriber].slice(-mostSubscribers) }
}

const sameRef = (a: ActorRef<never>, b: ActorRef<never>): boolean => a.path === b.path && a.uid === b.uid

function tick(state: BfdState, context: Self): BfdState {
  const next = attended(followLinks(state, context))
  return state.stale || state.receiver.droppedTotal !== state.droppedTold ? publish(next, context) : next
}

/** Many sessions that change at the same time make one report, not one each. */
function publishSoon(state: BfdState, context: Self): BfdState {
  if (!state.publishing) context.send(context.self, { kind: "publish" })
  return { ...state, publishing: true }
}

/** Always in the urgent lane, so that reports keep their order. */
function publish(state: BfdState, context: Self): BfdState {
  const report = reportOf(state)
  for (const subscriber of state.subscribers) context.sendUrgent(subscriber, report)
  return { ...state, stale: false, publishing: false, droppedTold: state.receiver.droppedTotal }
}

function reportOf({ sessions, receiver, refused }: BfdState): BfdReport {
  const reports: BfdSessionReport[] = []
  for (const { report, closing, desired } of sessions.values()) {
    const deaf = report.state === "down" ? receiver.fault(listeningFor(desired)) : undefined
    if (!closing) reports.push(deaf === undefined ? report : { ...report, diagnostic: deaf })
  }
  return { kind: "bfd-report", sessions: reports, dropped: { ...receiver.dropped }, refused }
}
