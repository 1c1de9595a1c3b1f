import {
  type Effect,
  type Event,
  newSession,
  type Session,
  type SessionConfig,
  step,
} from "../../protocols/bgp/session.ts"
import type { Context } from "../../supervision/actor.ts"
import type { Connection } from "./connection.ts"

/**
 * A second session with the same peer, over a connection that the peer has opened while the first one is under way. It lives
 * until RFC 4271 §6.8 decides which of them stays (`protocols/bgp/collision.ts`).
 */
export interface Rival {
  readonly session: Session
  /** Its number among the peer's connections. */
  readonly connection: number
}

export type RivalTimer = "hold" | "keepalive"

const names: Readonly<Record<RivalTimer, string>> = { hold: "rival-hold", keepalive: "rival-keepalive" }

/** What its actor hears of it beside the events of the connection. */
export interface RivalMessage {
  readonly kind: "rival-timer"
  readonly timer: RivalTimer
}

/** Waiting for the connection; the first event brings it. */
export const newRival = (config: SessionConfig, known: boolean, connection: number): Rival => ({
  session: { ...newSession({ ...config, passive: true }), started: true, known, state: "active" },
  connection,
})

/** Undefined: its connection is over, and so is it. */
export function advanceRival(
  { session: before, connection: number }: Rival,
  event: Event,
  connection: Connection | undefined,
  context: Context<RivalMessage>,
): Rival | undefined {
  const [session, effects] = step(before, event, context.world.random.u32())
  let over = false
  for (const effect of effects) over = perform(effect, connection, context) || over
  return over ? undefined : { session, connection: number }
}

/** True: it is over. There is no next try, and no route is said before it is the only one. */
function perform(effect: Effect, connection: Connection | undefined, context: Context<RivalMessage>): boolean {
  switch (effect.kind) {
    case "send":
      connection?.send(effect.message)
      return false
    case "close":
      connection?.finish()
      return true
    case "set-timer": {
      const { timer, afterMs } = effect
      if (timer === "hold" || timer === "keepalive") {
        context.timers.set(names[timer], afterMs, { kind: "rival-timer", timer })
      }
      return false
    }
    case "cancel-timers":
      forgetTimers(context)
      return false
    case "connect":
    case "refresh":
    case "state-changed":
      return false
  }
}

export function forgetTimers({ timers }: Context<RivalMessage>): void {
  for (const name of Object.values(names)) timers.cancel(name)
}
