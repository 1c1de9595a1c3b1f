import { collide } from "../../protocols/bgp/collision.ts"
import { ceaseSubcode } from "../../protocols/bgp/iana.ts"
import { cease } from "../../protocols/bgp/notification.ts"
import { type Effect, type Event, rearm, type Session } from "../../protocols/bgp/session.ts"
import { type Connection, takeConnection } from "./connection.ts"
import type { Incoming } from "./incoming.ts"
import { advanceAlone, handlersFor, optionsOf, perform, withConnection } from "./peer-effects.ts"
import { connectionOf, type PeerContext, type PeerState } from "./peer-state.ts"
import { capabilitiesIn } from "./report.ts"
import { advanceRival, forgetTimers, newRival, type Rival } from "./rival.ts"

/** One event of the session that counts; where there is a second one, the two are compared after it. */
export const advance = (state: PeerState, event: Event, context: PeerContext): PeerState =>
  settle(advanceAlone(state, event, context), context)

/** What a listener has accepted: the session takes it if it waits for one; beside one that is under way it is a rival. */
export function receive(state: PeerState, incoming: Incoming, context: PeerContext): PeerState {
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
    return advance({ ...withConnection(state, id, connection), connection: id, byPeer: true }, opened, context)
  }
  const alone = rival === undefined ? state : dropRival(state, context)
  const next = { ...withConnection(alone, id, connection), rival: newRival(session.config, session.known, id) }
  return rivalHears(next, opened, context)
}

export function rivalHears(state: PeerState, event: Event, context: PeerContext): PeerState {
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
