import { isDeepStrictEqual } from "node:util"
import { ceaseSubcode } from "../../protocols/bgp/iana.ts"
import { cease, type Notification } from "../../protocols/bgp/notification.ts"
import { nothingRejected } from "../../protocols/bgp/rib-in.ts"
import { newSession } from "../../protocols/bgp/session.ts"
import type { Actor } from "../../supervision/actor.ts"
import { newCounters } from "./counters.ts"
import type { DesiredPeer } from "./messages.ts"
import { offerFor } from "./offer.ts"
import { eventsOfPath } from "./path.ts"
import { announce, write } from "./peer-effects.ts"
import { askAgain, tellImports } from "./peer-imports.ts"
import { connectionOf, type PeerConfig, type PeerContext, type PeerMessage, type PeerState } from "./peer-state.ts"
import { reportOf } from "./report.ts"
import { routesReport } from "./routes-report.ts"
import { lastChoice, leaving } from "./routes.ts"
import { planOf, sameSettings } from "./settings.ts"
import { advance, receive, rivalHears } from "./two-connections.ts"

/*
 *           desired, close                       events of the session
 *   parent ───────────────► peer ◄──────────────────────────────────── connection ◄──► TCP
 *          ◄───────────────      ───────────────────────────────────►
 *           session, closed                      messages
 */

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
    rejected: nothingRejected(),
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
    case "tell-imports":
      return tellImports(state, context)
    case "ask-again":
      return askAgain(state)
    case "incoming":
      return receive(state, message.incoming, context)
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

/** Of a session that waits for its peer; what is wrong with one that is up is not its business. */
function heardOfListener(state: PeerState, error: string | undefined): PeerState {
  if (error !== undefined) return { ...state, listenError: error }
  const { listenError: _, ...rest } = state
  return rest
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
