import { type Effect, type Event, step } from "../../protocols/bgp/session.ts"
import { describeWhy, type Why } from "../../protocols/bgp/why.ts"
import type { Family } from "../../protocols/ip.ts"
import { aim, beginAnnouncing, pump, refresh } from "./announcing.ts"
import { type Connection, type ConnectionHandlers, openConnection } from "./connection.ts"
import { beginImporting, tooManyPrefixes } from "./importing.ts"
import { endImports, hear } from "./peer-imports.ts"
import { logChange, logRefused, logUnsent } from "./log.ts"
import { connectionOf, type PeerContext, type PeerState } from "./peer-state.ts"
import { capabilitiesIn, notificationIn } from "./report.ts"
import { contextFor } from "./routes.ts"

/** One event of the session, and what the machine wants done about it. */
export function advanceAlone(state: PeerState, event: Event, context: PeerContext): PeerState {
  if (state.session === undefined) return state
  const [session, effects] = step(state.session, event, context.world.random.u32())
  const opens = event.kind === "open" ? { ...state.opens, received: capabilitiesIn(event.open) } : state.opens
  const next = effects.reduce<PeerState>((so, effect) => perform(so, effect, context), { ...state, session, opens })
  const surplus = event.kind === "update" && event.update !== undefined ? hear(next, event.update, context) : undefined
  return surplus === undefined ? next : endFor(surplus, next, context)
}

/** The peer announces more than is taken, and its session is to end for it. */
function endFor(family: Family, state: PeerState, context: PeerContext): PeerState {
  const maximum = state.importing?.settings.maximum ?? 0
  const ended = advanceAlone(state, { kind: "stop", notification: tooManyPrefixes(family, maximum) }, context)
  const lastError = `the peer announces more than the ${maximum} routes to be imported; the session stays down until its settings change`
  return { ...ended, lastError }
}

export function perform(state: PeerState, effect: Effect, context: PeerContext): PeerState {
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

function connect(state: PeerState, context: PeerContext): PeerState {
  if (state.target === undefined) return state
  const id = state.connections + 1
  const connection = openConnection(context.world, state.target, optionsOf(state), handlersFor(id, context))
  return { ...withConnection(state, id, connection), connection: id, byPeer: false }
}

export const optionsOf = ({ counters, desired }: PeerState) => ({
  counters,
  keepUpdates: desired?.session.import !== undefined,
})

export const handlersFor = (id: number, context: PeerContext): ConnectionHandlers => ({
  events: (events) => context.send(context.self, { kind: "heard", connection: id, events }),
  drained: () => context.send(context.self, { kind: "drained", connection: id }),
  gone: () => context.send(context.self, { kind: "gone", connection: id }),
})

export const withConnection = (state: PeerState, id: number, connection: Connection): PeerState => ({
  ...state,
  connections: id,
  open: new Map(state.open).set(id, connection),
})

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
  return endImports(rest, context)
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
  const importing = beginImporting(desired.session, local, negotiated, state.rejected)
  return announce({ ...sound, announcing, ...(importing === undefined ? {} : { importing }) }, context)
}

function sayAgain(state: PeerState, family: Family, context: PeerContext): PeerState {
  const { announcing, session } = state
  const connection = connectionOf(state)
  if (announcing === undefined || connection === undefined) return state
  const enhanced = session?.negotiated?.routeRefresh === "enhanced"
  return announce({ ...state, announcing: refresh(announcing, family, enhanced, connection) }, context)
}

/** The change goes out in this turn. */
export function announce(state: PeerState, context: PeerContext): PeerState {
  const { announcing, desired } = state
  if (announcing === undefined || desired === undefined) return state
  const aimed = aim(announcing, [...desired.routes, ...(state.lastChoice ?? [])])
  logRefused(context.log, desired, announcing.refused, aimed.refused)
  return write({ ...state, announcing: aimed }, context)
}

export function write(state: PeerState, context: PeerContext): PeerState {
  const connection = connectionOf(state)
  if (state.announcing === undefined || connection === undefined) return state
  const { announcing, updatesSent, again } = pump(state.announcing, connection)
  if (again) context.timers.set("pump", 0, { kind: "pump" })
  return { ...state, announcing, updatesSent: state.updatesSent + updatesSent }
}
