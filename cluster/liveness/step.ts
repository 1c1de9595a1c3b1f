import { desire } from "./desire.ts"
import { heard } from "./heard.ts"
import type { Effect, Event, State } from "./state.ts"
import { beginTurn, type EventOf, peerOf, setPeer, type Turn } from "./turn.ts"
import { tick } from "./watch.ts"

/**
 * Pure: the same state, event and time give the same next state and effects. What is decided from silence is decided in
 * a tick alone, since only a tick can tell whether we slept. `dueMs` of the state says when the next one is due.
 */
export function step(state: State, event: Event, nowMs: number): [State, readonly Effect[]] {
  const turn = beginTurn(state, nowMs)
  switch (event.kind) {
    case "desired":
      desire(turn, event.desired, event.adopt)
      soon(turn)
      break
    case "heard":
      heard(turn, event)
      if (turn.effects.length > 0 || turn.draft.dueMs === Number.POSITIVE_INFINITY) soon(turn)
      break
    case "connected":
      connected(turn, event)
      break
    case "verified":
      verified(turn, event)
      break
    case "tick":
      tick(turn)
      break
    default:
      return event satisfies never
  }
  return [turn.draft, turn.effects]
}

/** There is something to do; a tick that is late already stays late. */
function soon({ draft, nowMs }: Turn): void {
  draft.dueMs = Math.min(draft.dueMs, nowMs)
}

function connected(turn: Turn, { name, outcome }: EventOf<"connected">): void {
  if (!turn.draft.members.has(name)) return
  if (outcome === "accepts") setPeer(turn, name, { portWorks: true })
  const { doubt } = peerOf(turn, name)
  if (doubt?.port.pending !== true) return
  setPeer(turn, name, { doubt: { ...doubt, port: { ...doubt.port, pending: false, outcome } } })
  soon(turn)
}

function verified(turn: Turn, { name, outcome }: EventOf<"verified">): void {
  const { doubt } = peerOf(turn, name)
  if (doubt?.gossip.pending !== true) return
  setPeer(turn, name, { doubt: { ...doubt, gossip: { ...doubt.gossip, pending: false, outcome } } })
  soon(turn)
}
