import { isDeepStrictEqual } from "node:util"
import { type Notification, cease } from "../../protocols/bgp/notification.ts"
import { ceaseSubcode } from "../../protocols/bgp/iana.ts"
import { collide } from "../../protocols/bgp/collision.ts"
import {
  type Effect,
  type Event,
  newSession,
  rearm,
  type Session,
  step,
  type Timer,
} from "../../protocols/bgp/session.ts"
import { describeWhy, type Why } from "../../protocols/bgp/why.ts"
import type { Family } from "../../protocols/ip.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { TcpTarget } from "../../supervision/world.ts"
import { aim, type Announcing, beginAnnouncing, pump, refresh } from "./announcing.ts"
import { type Connection, type ConnectionHandlers, openConnection, takeConnection } from "./connection.ts"
import { type Counters, newCounters } from "./counters.ts"
import type { Incoming } from "./incoming.ts"
import { logChange, logRefused, logUnsent } from "./log.ts"
import type { DesiredPeer, LastNotification, PathReport, RoutesReport, SessionReport, RouteGroup } from "./messages.ts"
import { offerFor } from "./offer.ts"
import { eventsOfPath } from "./path.ts"
import { capabilitiesIn, notificationIn, type Opens, reportOf } from "./report.ts"
import { routesReport } from "./routes-report.ts"
import { advanceRival, forgetTimers, newRival, type Rival, type RivalMessage } from "./rival.ts"
import { contextFor, lastChoice, leaving } from "./routes.ts"
import { planOf, type RetryWaits, sameSettings } from "./settings.ts"

/*
 *           desired, close                       events of the session
 *   parent ───────────────► peer ◄──────────────────────────────────── connection ◄──► TCP
 *          ◄───────────────      ───────────────────────────────────►
 *           session, closed                      messages
 */

export interface PeerConfig {
  readonly name: string
  readonly parent: ActorRef<PeerNews>
  readonly retry: RetryWaits
  /** How long routes that a drained node withdraws are the last choice first. */
  readonly drainMs: number
}

/** What a peer tells its parent. */
export type PeerNews =
  | { readonly kind: "session"; readonly report: SessionReport }
  /** After `close`: nothing is open any more. */
  | { readonly kind: "closed"; readonly name: string }

export type PeerCommand =
  /** What should be, all of it. Also after `close`: then the peer is wanted again. */
  | { readonly kind: "desired"; readonly peer: DesiredPeer }
  /** `drainMs`: an established peer is asked to find other ways, and gets that long for it (RFC 8326). */
  | { readonly kind: "close"; readonly notification: Notification; readonly drainMs: number }
  /** What BFD says. */
  | { readonly kind: "path"; readonly path: PathReport }
  | { readonly kind: "routes"; readonly replyTo: ActorRef<RoutesReport> }

export type PeerMessage =
  | PeerCommand
  | RivalMessage
  /** The peer has connected to us. */
  | { readonly kind: "incoming"; readonly incoming: Incoming }
  /** Whether it can. */
  | { readonly kind: "listening"; readonly error?: string }
  | { readonly kind: "timer"; readonly timer: Timer }
  | { readonly kind: "heard"; readonly connection: number; readonly events: readonly Event[] }
  | { readonly kind: "gone"; readonly connection: number }
  | { readonly kind: "drained"; readonly connection: number }
  /** More routes may be written. */
  | { readonly kind: "pump" }
  /** The peer has had its time. */
  | { readonly kind: "drained-out"; readonly notification: Notification }
  | { readonly kind: "last-choice-over" }

interface PeerState {
  readonly config: PeerConfig
  readonly desired?: DesiredPeer
  readonly target?: TcpTarget
  readonly path?: PathReport
  /** Absent: nothing wanted yet, or settings that cannot work. */
  readonly session?: Session
  /** The one that counts, of those in `open`. */
  readonly connection?: number
  /** The peer has opened it. */
  readonly byPeer?: boolean
  /** A second connection, until it is clear which one stays. */
  readonly rival?: Rival
  /** Also those that only wait for our last words to leave. */
  readonly open: ReadonlyMap<number, Connection>
  readonly connections: number
  readonly announcing?: Announcing
  /** No longer wanted, and the last choice for a moment. */
  readonly lastChoice?: readonly RouteGroup[]
  readonly closing: boolean
  readonly sinceMs: number
  readonly lastError?: string
  /** Why the peer cannot connect to us. */
  readonly listenError?: string
  /** The last NOTIFICATION either way since the session was up: the cause behind refused connections that follow. */
  readonly cause?: string
  readonly updatesSent: number
  /** Changed in place. */
  readonly counters: Counters
  readonly ups: number
  readonly downs: number
  readonly opens: Opens
  readonly lastNotification?: LastNotification
  readonly reported?: SessionReport
}

type PeerContext = Context<PeerMessage>

export const peerActor: Actor<PeerConfig, PeerState, PeerMessage> = {
  kind: "bgp-session",
  start: (config, context) => ({
    config,
    open: new Map(),
    connections: 0,
    closing: false,
    sinceMs: context.world.clock.wallMs(),
    updatesSent: 0,
    counters: newCounters(),
    ups: 0,
    downs: 0,
    opens: {},
  }),
  receive: (state, message, context) => report(handle(state, message, context), context),
  /** A session that ends without `close` is to come back: the peer only sees the connection go. */
  stop(state) {
    for (const connection of state.open.values()) connection.destroy()
  },
}

function handle(state: PeerState, message: PeerMessage, context: PeerContext): PeerState {
  switch (message.kind) {
    case "desired":
      return desire(state, message.peer, context)
    case "close":
      return close({ ...state, closing: true }, message.notification, message.drainMs, context)
    case "path":
      return eventsOfPath(state.path, message.path, state.session).reduce<PeerState>(
        (next, event) => advance(next, event, context),
        { ...state, path: message.path },
      )
    case "routes":
      context.send(message.replyTo, routesReport(state.desired, state.announcing))
      return state
    case "drained-out":
      return state.closing ? closedIfDone(stopSession(state, message.notification, context), context) : state
    case "last-choice-over": {
      const { lastChoice: _, ...rest } = state
      return announce(rest, context)
    }
    case "incoming":
      return settle(receive(state, message.incoming, context), context)
    case "listening":
      return heardOfListener(state, message.error)
    case "rival-timer":
      return rivalHears(state, { kind: `${message.timer}-timer` }, context)
    case "timer":
      return advance(state, { kind: `${message.timer}-timer` }, context)
    case "heard":
      return message.events.reduce(
        // An event may end the connection; what came after it in the same bytes is void.
        (next, event) =>
          next.connection === message.connection
            ? advance(next, event, context)
            : next.rival?.connection === message.connection
              ? rivalHears(next, event, context)
              : next,
        state,
      )
    case "gone": {
      const open = new Map(state.open)
      open.delete(message.connection)
      return closedIfDone({ ...state, open }, context)
    }
    case "drained":
      if (state.announcing === undefined || state.connection !== message.connection) return state
      return write({ ...state, announcing: { ...state.announcing, blocked: false } }, context)
    case "pump":
      return write(state, context)
  }
}

function desire(state: PeerState, peer: DesiredPeer, context: PeerContext): PeerState {
  context.timers.cancel("drain")
  const before = state.closing ? undefined : state.desired
  const next: PeerState = { ...state, desired: peer, closing: false }
  if (before !== undefined && sameSettings(before.session, peer.session))
    return announce(withLastChoice(next, before, context), context)
  const plan = planOf(peer.session, state.config.retry, context.world.network)
  const {
    session,
    target: _target,
    ...stopped
  } = stopSession(next, cease(ceaseSubcode.otherConfigurationChange), context)
  if (!plan.ok) return { ...stopped, lastError: plan.error }
  const fresh: PeerState = {
    ...stopped,
    session: {
      ...newSession({ ...plan.value.session, offer: offerFor(peer.session) }),
      known: session?.known ?? false,
    },
    target: plan.value.target,
  }
  return advance(fresh, { kind: "start" }, context)
}

/** As below, while the session stays. Told again meanwhile, what is on its way out does not get more time. */
function withLastChoice(state: PeerState, before: DesiredPeer, context: PeerContext): PeerState {
  const { lastChoice: known, ...rest } = state
  const { desired, announcing, config } = state
  const gone =
    desired?.drained === true && announcing !== undefined && config.drainMs > 0
      ? leaving([...before.routes, ...(known ?? [])], desired.routes)
      : []
  if (gone.length === 0) {
    context.timers.cancel("last-choice")
    return rest
  }
  if (known === undefined) context.timers.set("last-choice", config.drainMs, { kind: "last-choice-over" })
  return { ...rest, lastChoice: gone }
}

/** RFC 8326 §4: first make the routes the worst there are, so that the peer takes others while ours still work. */
function close(state: PeerState, notification: Notification, drainMs: number, context: PeerContext): PeerState {
  const { announcing, desired } = state
  if (drainMs === 0 || desired === undefined || announcing === undefined || announcing.sent.size === 0) {
    return closedIfDone(stopSession(state, notification, context), context)
  }
  context.timers.set("drain", drainMs, { kind: "drained-out", notification })
  return announce({ ...state, desired: { ...desired, routes: desired.routes.map(lastChoice) } }, context)
}

const stopSession = (state: PeerState, notification: Notification, context: PeerContext): PeerState =>
  advance(state, { kind: "stop", notification }, context)

function closedIfDone(state: PeerState, context: PeerContext): PeerState {
  if (state.closing && state.open.size === 0) {
    context.send(state.config.parent, { kind: "closed", name: state.config.name })
  }
  return state
}

const advance = (state: PeerState, event: Event, context: PeerContext): PeerState =>
  settle(advanceAlone(state, event, context), context)

function advanceAlone(state: PeerState, event: Event, context: PeerContext): PeerState {
  if (state.session === undefined) return state
  const [session, effects] = step(state.session, event, context.world.random.u32())
  const opens = event.kind === "open" ? { ...state.opens, received: capabilitiesIn(event.open) } : state.opens
  return effects.reduce<PeerState>((next, effect) => perform(next, effect, context), { ...state, session, opens })
}

function perform(state: PeerState, effect: Effect, context: PeerContext): PeerState {
  switch (effect.kind) {
    case "connect":
      return connect(state, context)
    case "send":
      connectionOf(state)?.send(effect.message)
      return effect.message.kind === "open" ? { ...state, opens: { offered: capabilitiesIn(effect.message) } } : state
    case "close": {
      connectionOf(state)?.finish()
      const { connection: _, ...rest } = state
      return rest
    }
    case "set-timer":
      context.timers.set(effect.timer, effect.afterMs, { kind: "timer", timer: effect.timer })
      return state
    case "cancel-timers":
      for (const timer of ["retry", "hold", "keepalive", "stable"] as const) context.timers.cancel(timer)
      return state
    case "state-changed":
      return changed(state, effect, context)
    case "refresh":
      return sayAgain(state, effect.family, context)
  }
}

const connectionOf = (state: PeerState): Connection | undefined =>
  state.connection === undefined ? undefined : state.open.get(state.connection)

function connect(state: PeerState, context: PeerContext): PeerState {
  if (state.target === undefined) return state
  const id = state.connections + 1
  const connection = openConnection(context.world, state.target, optionsOf(state), handlersFor(id, context))
  return { ...withConnection(state, id, connection), connection: id, byPeer: false }
}

const optionsOf = ({ counters }: PeerState) => ({ counters, keepUpdates: false })

const handlersFor = (id: number, context: PeerContext): ConnectionHandlers => ({
  events: (events) => context.send(context.self, { kind: "heard", connection: id, events }),
  drained: () => context.send(context.self, { kind: "drained", connection: id }),
  gone: () => context.send(context.self, { kind: "gone", connection: id }),
})

const withConnection = (state: PeerState, id: number, connection: Connection): PeerState => ({
  ...state,
  connections: id,
  open: new Map(state.open).set(id, connection),
})

/** The session takes it if it waits for one; beside one that is under way it is a rival. */
function receive(state: PeerState, incoming: Incoming, context: PeerContext): PeerState {
  const { session, rival } = state
  if (session === undefined || state.closing || session.state === "idle") {
    incoming.refuse(cease(ceaseSubcode.connectionRejected))
    return state
  }
  // RFC 4271 §6.8: one that is established stays.
  if (session.state === "established") {
    incoming.refuse(cease(ceaseSubcode.collision))
    return state
  }
  const id = state.connections + 1
  const { connection, opened } = takeConnection(context.world, incoming, optionsOf(state), handlersFor(id, context))
  if (session.state === "active") {
    return advanceAlone({ ...withConnection(state, id, connection), connection: id, byPeer: true }, opened, context)
  }
  const alone = rival === undefined ? state : dropRival(state, context)
  const next = { ...withConnection(alone, id, connection), rival: newRival(session.config, session.known, id) }
  return rivalHears(next, opened, context)
}

function rivalHears(state: PeerState, event: Event, context: PeerContext): PeerState {
  const { rival: before, ...rest } = state
  if (before === undefined) return state
  const rival = advanceRival(before, event, state.open.get(before.connection), context)
  if (rival === undefined) return rest
  const opens = event.kind === "open" ? { ...state.opens, received: capabilitiesIn(event.open) } : state.opens
  return settle({ ...rest, rival, opens }, context)
}

function settle(state: PeerState, context: PeerContext): PeerState {
  const { session, rival, byPeer = false } = state
  if (rival === undefined || session === undefined) return state
  if (!session.started) return dropRival(state, context)
  switch (collide(session, rival.session, byPeer)) {
    case "both":
      return state
    case "first":
      return dropRival(state, context)
    case "second":
      return promote(state, rival, context)
  }
}

function dropRival(state: PeerState, context: PeerContext): PeerState {
  const { rival, ...rest } = state
  if (rival === undefined) return state
  forgetTimers(context)
  endOf(state.open.get(rival.connection))
  return rest
}

function endOf(connection: Connection | undefined): void {
  connection?.send(cease(ceaseSubcode.collision))
  connection?.finish()
}

/** The second connection takes the place of the first, as if there had been no other. */
function promote(state: PeerState, rival: Rival, context: PeerContext): PeerState {
  const { session: before, rival: _, ...rest } = state
  if (before === undefined) return state
  const connecting = before.state === "connect"
  if (connecting) connectionOf(state)?.finish()
  else endOf(connectionOf(state))
  forgetTimers(context)
  const { config, failures } = before
  const session: Session = { ...rival.session, config, failures }
  const effects: readonly Effect[] = [
    { kind: "cancel-timers" },
    ...rearm(session, context.world.random.u32()),
    { kind: "state-changed", from: before.state, to: session.state },
  ]
  const next: PeerState = { ...rest, session, connection: rival.connection, byPeer: true }
  return effects.reduce<PeerState>((so, effect) => perform(so, effect, context), next)
}

/** Of a session that waits for its peer; what is wrong with one that is up is not its business. */
function heardOfListener(state: PeerState, error: string | undefined): PeerState {
  if (error !== undefined) return { ...state, listenError: error }
  const { listenError: _, ...rest } = state
  return rest
}

function changed(
  state: PeerState,
  effect: Extract<Effect, { kind: "state-changed" }>,
  context: PeerContext,
): PeerState {
  if (state.desired !== undefined) logChange(context.log, state.desired, effect)
  const sinceMs = context.world.clock.wallMs()
  const ups = state.ups + Number(effect.to === "established")
  const downs = state.downs + Number(effect.from === "established")
  const next = explained({ ...state, sinceMs, ups, downs, ...notificationIn(effect.why, sinceMs) }, effect.why)
  if (effect.to === "established") return establish(next, context)
  if (effect.from !== "established") return next
  if (state.desired !== undefined && state.announcing?.pending !== undefined) {
    logUnsent(context.log, state.desired, next.lastError ?? "session ended")
  }
  context.timers.cancel("pump")
  const { announcing: _, ...rest } = next
  return rest
}

/** After a NOTIFICATION many routers take no connection for a while; that must not hide why they do not. */
function explained(state: PeerState, why: Why | undefined): PeerState {
  if (why === undefined) return state
  const text = describeWhy(why)
  if (why.kind !== "connect-failed" && why.kind !== "connection-lost") return { ...state, lastError: text, cause: text }
  return { ...state, lastError: state.cause === undefined ? text : `${text}; before that: ${state.cause}` }
}

function establish(state: PeerState, context: PeerContext): PeerState {
  const { desired, session } = state
  const connection = connectionOf(state)
  const local = connection?.local
  const negotiated = session?.negotiated
  if (local === undefined || negotiated === undefined || desired === undefined) return state
  const { cause: _, ...sound } = state
  const routeContext = contextFor(
    desired.session,
    { local, interfaceAddresses: connection?.interfaceAddresses ?? [] },
    negotiated,
  )
  const announcing = beginAnnouncing(routeContext, negotiated.endOfRib ? negotiated.families : [])
  return announce({ ...sound, announcing }, context)
}

function sayAgain(state: PeerState, family: Family, context: PeerContext): PeerState {
  const { announcing, session } = state
  const connection = connectionOf(state)
  if (announcing === undefined || connection === undefined) return state
  const enhanced = session?.negotiated?.routeRefresh === "enhanced"
  return announce({ ...state, announcing: refresh(announcing, family, enhanced, connection) }, context)
}

/** The change goes out in this turn. */
function announce(state: PeerState, context: PeerContext): PeerState {
  const { announcing, desired } = state
  if (announcing === undefined || desired === undefined) return state
  const aimed = aim(announcing, [...desired.routes, ...(state.lastChoice ?? [])])
  logRefused(context.log, desired, announcing.refused, aimed.refused)
  return write({ ...state, announcing: aimed }, context)
}

function write(state: PeerState, context: PeerContext): PeerState {
  const connection = connectionOf(state)
  if (state.announcing === undefined || connection === undefined) return state
  const { announcing, updatesSent, again } = pump(state.announcing, connection)
  if (again) context.timers.set("pump", 0, { kind: "pump" })
  return { ...state, announcing, updatesSent: state.updatesSent + updatesSent }
}

/** Told when something in it has changed. */
function report(state: PeerState, context: PeerContext): PeerState {
  const { desired, reported, config } = state
  if (desired === undefined) return state
  const connection = connectionOf(state)
  const ends = { local: connection?.localEnd, remote: connection?.remoteEnd }
  const waiting = state.session?.state !== "established" && state.listenError !== undefined
  const trouble = waiting ? { lastError: state.listenError } : {}
  const next = reportOf({ ...state, ...trouble, desired, name: config.name, ...ends })
  if (isDeepStrictEqual(next, reported)) return state
  context.send(config.parent, { kind: "session", report: next })
  return { ...state, reported: next }
}
