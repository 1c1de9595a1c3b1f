import { ceaseSubcode } from "../../protocols/bgp/iana.ts"
import { cease, type Notification } from "../../protocols/bgp/notification.ts"
import type { Actor, Context, Exit } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { type Advertisers, tendAdvertisers } from "./advertiser.ts"
import type { BgpCommand, BgpReport, DesiredPeer, KernelReport, Paths, SessionReport } from "./messages.ts"
import { type KernelNews, kernelRoutesActor, type KernelRoutesMessage } from "./kernel-routes.ts"
import type { PeerImports } from "./kernel-plan.ts"
import type { ListenerNews } from "./listener.ts"
import { type Listeners, tendListeners } from "./listeners.ts"
import { noRoutes } from "./routes-report.ts"
import { peerActor } from "./peer.ts"
import type { PeerMessage, PeerNews } from "./peer-state.ts"
import { defaultRetry, type RetryWaits } from "./settings.ts"

export interface BgpConfig {
  /** Waits between tries to connect; absent: MetalLB's. */
  readonly retry?: RetryWaits
  /** At shutdown or drained: how long peers have to find other ways before our routes go (RFC 8326). Absent: 300 ms. */
  readonly drainMs?: number
}

type Message =
  | BgpCommand
  | PeerNews
  | ListenerNews
  | KernelNews
  | { readonly kind: "kernel-started" }
  | { readonly kind: "listener-started"; readonly id: string }
  | { readonly kind: "peer-started"; readonly name: string }
  | { readonly kind: "peer-exited"; readonly name: string; readonly exit: Exit }
  | { readonly kind: "report-due" }
  | { readonly kind: "subscriber-gone"; readonly subscriber: ActorRef<BgpReport> }

interface PeerEntry {
  readonly ref: ActorRef<PeerMessage>
  readonly desired: DesiredPeer
  /** Started and not known to have exited: it can hear. */
  readonly alive: boolean
  /** Told to say goodbye; stopped once it has. */
  readonly closing: boolean
  readonly report?: SessionReport
  /** What is taken from it; none once its session is over. */
  readonly imports?: PeerImports
  /** Why its former life ended, until it has other troubles to tell of. */
  readonly fault?: string
}

interface BgpState {
  readonly retry: RetryWaits
  readonly drainMs: number
  readonly peers: ReadonlyMap<string, PeerEntry>
  readonly listeners: Listeners
  readonly advertisers: Advertisers
  /** Absent: this thread has nothing to do with the kernel's routing. */
  readonly kernel?: { readonly ref: ActorRef<KernelRoutesMessage>; readonly report?: KernelReport }
  readonly paths: Paths
  readonly subscribers: readonly ActorRef<BgpReport>[]
  readonly lastReportMs: number
  /** Set once: from then on nothing is wanted any more. */
  readonly shutdown?: readonly ActorRef<{ readonly kind: "shut-down" }>[]
}

type BgpContext = Context<Message>

const reportEveryMs = 100
/** A subscriber more than this replaces the oldest one. */
const subscriberLimit = 8
/** A router takes a few milliseconds for it; a Pod has two seconds for all. */
const defaultDrainMs = 300
const shutdownText = "speaker is shutting down"

/**
 * Root of the BGP thread: one child for each peer. It knows what is wanted and tells it again to a child that had to be
 * restarted; all else is the child's affair.
 */
export const bgpActor: Actor<BgpConfig, BgpState, Message> = {
  kind: "bgp",
  supervision: {
    strategy: "one_for_one",
    // A peer that cannot be kept alive must not take the others' sessions with it: it is retried for ever, ever later.
    intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 60_000 },
    backoff: { minMs: 20, maxMs: 10_000, jitter: 0.2 },
  },
  start: (config, context) => ({
    ...(context.world.routing === undefined ? {} : { kernel: { ref: spawnKernel(context) } }),
    retry: config.retry ?? defaultRetry,
    drainMs: config.drainMs ?? defaultDrainMs,
    peers: new Map(),
    listeners: new Map(),
    advertisers: new Map(),
    paths: {},
    subscribers: [],
    lastReportMs: Number.NEGATIVE_INFINITY,
  }),
  receive(state, message, context) {
    switch (message.kind) {
      case "peers":
        return state.shutdown === undefined ? want(state, message.peers, context) : state
      case "paths":
        for (const [name, { ref, alive }] of state.peers) if (alive) tellPath(message.paths, name, ref, context)
        return { ...state, paths: message.paths }
      case "routes": {
        const entry = state.peers.get(message.name)
        if (entry?.alive === true) context.send(entry.ref, { kind: "routes", replyTo: message.replyTo })
        else context.send(message.replyTo, noRoutes)
        return state
      }
      case "subscribe":
        return subscribe(state, message.subscriber, context)
      case "shutdown":
        return shutDown(state, message.replyTo, context)
      case "session":
        return heard(state, message.report, context)
      case "closed":
        return closed(state, message.name, context)
      case "imports":
        return imported(state, message.name, message.imports, context)
      case "kernel-started":
        return tellKernel(state, context)
      case "kernel": {
        const { kernel } = state
        if (kernel === undefined) return state
        return reportSoon({ ...state, kernel: { ...kernel, report: message.report } }, context)
      }
      case "listener": {
        const entry = state.listeners.get(message.id)
        if (entry === undefined) return state
        const listeners = new Map(state.listeners).set(message.id, { ...entry, report: message.report })
        return reportSoon({ ...state, listeners }, context)
      }
      case "listener-started": {
        const entry = state.listeners.get(message.id)
        if (entry !== undefined) context.send(entry.ref, { kind: "admit", admissions: entry.admissions })
        return state
      }
      case "peer-started":
        return started(state, message.name, context)
      case "peer-exited":
        return exited(state, message.name, message.exit, context)
      case "report-due":
        return publish(state, context)
      case "subscriber-gone":
        return { ...state, subscribers: state.subscribers.filter((one) => !sameRef(one, message.subscriber)) }
    }
  },
}

function want(state: BgpState, desired: readonly DesiredPeer[], context: BgpContext): BgpState {
  const peers = new Map(state.peers)
  for (const peer of desired) {
    const known = peers.get(peer.name)
    if (known?.alive === true) context.send(known.ref, { kind: "desired", peer })
    const ref = known?.ref ?? spawnPeer(state, peer.name, context)
    peers.set(peer.name, { alive: false, ...known, ref, desired: peer, closing: false })
  }
  const names = new Set(desired.map(({ name }) => name))
  let next: BgpState = { ...state, peers }
  for (const name of peers.keys()) {
    if (!names.has(name)) next = close(next, name, cease(ceaseSubcode.peerDeconfigured), context)
  }
  return reportSoon(tellKernel(listen(next, desired, context), context), context)
}

/** No Kubernetes name has a colon. */
const spawnKernel = (context: BgpContext): ActorRef<KernelRoutesMessage> =>
  context.spawn({
    id: "kernel:routes",
    actor: kernelRoutesActor,
    config: { parent: context.self },
    started: () => ({ kind: "kernel-started" }),
  })

function imported(state: BgpState, name: string, imports: PeerImports | undefined, context: BgpContext): BgpState {
  const entry = state.peers.get(name)
  if (entry === undefined || (entry.imports === undefined && imports === undefined)) return state
  const { imports: _, ...rest } = entry
  const peers = new Map(state.peers).set(name, { ...rest, ...(imports === undefined ? {} : { imports }) })
  return tellKernel({ ...state, peers }, context)
}

/** What was imported, and what it is for: the service addresses that those peers have from us. */
function tellKernel(state: BgpState, context: BgpContext): BgpState {
  if (state.kernel === undefined) return state
  const wanted = [...state.peers.values()].filter(({ closing }) => !closing)
  const imports = wanted.flatMap((entry) => (entry.imports === undefined ? [] : [entry.imports]))
  const announced = wanted.flatMap(({ desired: { session, routes } }) => {
    if (session.import === undefined) return []
    const { table, sources = [] } = session.import
    return [{ table, sources, prefixes: routes.flatMap(({ prefixes }) => prefixes) }]
  })
  context.send(state.kernel.ref, { kind: "desired", imports, announced })
  return state
}

const listen = (state: BgpState, desired: readonly DesiredPeer[], context: BgpContext): BgpState => {
  const refOf = (name: string): ActorRef<PeerMessage> | undefined => state.peers.get(name)?.ref
  const started = (id: string): Message => ({ kind: "listener-started", id })
  return {
    ...state,
    listeners: tendListeners(state.listeners, desired, refOf, context, started),
    advertisers: tendAdvertisers(state.advertisers, desired, context),
  }
}

function tellPath(paths: Paths, name: string, ref: ActorRef<PeerMessage>, context: BgpContext): void {
  const path = paths[name]
  if (path !== undefined) context.send(ref, { kind: "path", path })
}

const spawnPeer = (state: BgpState, name: string, context: BgpContext): ActorRef<PeerMessage> =>
  context.spawn({
    id: name,
    actor: peerActor,
    config: { name, parent: context.self, retry: state.retry, drainMs: state.drainMs },
    started: () => ({ kind: "peer-started", name }),
  })

function close(state: BgpState, name: string, notification: Notification, context: BgpContext, drainMs = 0): BgpState {
  const entry = state.peers.get(name)
  if (entry === undefined || entry.closing) return state
  const next: BgpState = { ...state, peers: new Map(state.peers).set(name, { ...entry, closing: true }) }
  // Between two lives it has no connection, so there is nobody to say goodbye to.
  if (!entry.alive) return closed(next, name, context)
  context.send(entry.ref, { kind: "close", notification, drainMs })
  return next
}

/** Each incarnation is told what should be, the first included. */
function started(state: BgpState, name: string, context: BgpContext): BgpState {
  const entry = state.peers.get(name)
  if (entry === undefined) return state
  context.watch(entry.ref, (exit) => ({ kind: "peer-exited", name, exit }))
  context.send(entry.ref, { kind: "desired", peer: entry.desired })
  tellPath(state.paths, name, entry.ref, context)
  return { ...state, peers: new Map(state.peers).set(name, { ...entry, alive: true }) }
}

function exited(state: BgpState, name: string, exit: Exit, context: BgpContext): BgpState {
  const entry = state.peers.get(name)
  if (entry === undefined) return state
  if (entry.closing) return closed(state, name, context)
  const fault = `session was restarted after a fault: ${exit.error ?? exit.reason}`
  const { imports: _imports, ...known } = entry
  const peers = new Map(state.peers).set(name, { ...known, alive: false, fault })
  const next = tellKernel({ ...state, peers }, context)
  if (entry.report === undefined) return next
  const { lastError: _, agreed: _agreed, ...report } = entry.report
  const { local: _local, ...transport } = report.transport
  const sinceMs = context.world.clock.wallMs()
  return heard(next, { ...report, state: "idle", sinceMs, prefixesSent: 0, transport }, context)
}

/** It has said goodbye; unless it is wanted again meanwhile, it goes. */
function closed(state: BgpState, name: string, context: BgpContext): BgpState {
  const entry = state.peers.get(name)
  if (entry === undefined || !entry.closing) return state
  context.unwatch(entry.ref)
  context.stop(entry.ref)
  const peers = new Map(state.peers)
  peers.delete(name)
  return reportSoon(answerIfDone(tellKernel({ ...state, peers }, context), context), context)
}

function shutDown(state: BgpState, replyTo: ActorRef<{ readonly kind: "shut-down" }>, context: BgpContext): BgpState {
  const goodbye = cease(ceaseSubcode.administrativeShutdown, shutdownText)
  let next = listen({ ...state, shutdown: [...(state.shutdown ?? []), replyTo] }, [], context)
  for (const name of state.peers.keys()) next = close(next, name, goodbye, context, state.drainMs)
  return answerIfDone(next, context)
}

function answerIfDone(state: BgpState, context: BgpContext): BgpState {
  if (state.shutdown === undefined || state.peers.size > 0) return state
  for (const replyTo of state.shutdown) context.send(replyTo, { kind: "shut-down" })
  return { ...state, shutdown: [] }
}

function subscribe(state: BgpState, subscriber: ActorRef<BgpReport>, context: BgpContext): BgpState {
  const others = state.subscribers.filter((one) => !sameRef(one, subscriber))
  context.watch(subscriber, () => ({ kind: "subscriber-gone", subscriber }))
  context.send(subscriber, reportOf(state))
  return { ...state, subscribers: [...others, subscriber].slice(-subscriberLimit) }
}

const sameRef = (a: ActorRef<never>, b: ActorRef<never>): boolean => a.path === b.path && a.uid === b.uid

function heard(state: BgpState, told: SessionReport, context: BgpContext): BgpState {
  const entry = state.peers.get(told.name)
  if (entry === undefined) return state
  const { fault, ...known } = entry
  const kept = told.lastError === undefined && fault !== undefined ? { fault } : {}
  const report: SessionReport = kept.fault === undefined ? told : { ...told, lastError: kept.fault }
  return reportSoon({ ...state, peers: new Map(state.peers).set(told.name, { ...known, ...kept, report }) }, context)
}

/** At once, if the last report is long enough ago. */
function reportSoon(state: BgpState, context: BgpContext): BgpState {
  const waitMs = state.lastReportMs + reportEveryMs - context.world.clock.monotonicMs()
  if (waitMs <= 0) return publish(state, context)
  context.timers.set("report", waitMs, { kind: "report-due" })
  return state
}

function publish(state: BgpState, context: BgpContext): BgpState {
  const report = reportOf(state)
  for (const subscriber of state.subscribers) context.send(subscriber, report)
  return { ...state, lastReportMs: context.world.clock.monotonicMs() }
}

/** A peer is listed once it has said something of itself, and no longer than it is wanted. */
function reportOf(state: BgpState): BgpReport {
  const sessions: SessionReport[] = []
  for (const { report, closing } of state.peers.values()) if (report !== undefined && !closing) sessions.push(report)
  const listeners = [...state.listeners.values()].flatMap(({ report }) => (report === undefined ? [] : [report]))
  return {
    kind: "bgp-report",
    sessions,
    ...(listeners.length === 0 ? {} : { listeners }),
    ...(state.kernel?.report === undefined ? {} : { kernel: state.kernel.report }),
  }
}
