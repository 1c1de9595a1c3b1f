import { afiSafiOf } from "../../protocols/bgp/family.ts"
import { refreshSubtype } from "../../protocols/bgp/iana.ts"
import { learn } from "../../protocols/bgp/rib-in.ts"
import type { ReceivedUpdate } from "../../protocols/bgp/update.ts"
import type { Family } from "../../protocols/ip.ts"
import { importsOf } from "./importing.ts"
import { logSurplus } from "./log.ts"
import { connectionOf, type PeerContext, type PeerState } from "./peer-state.ts"

/** UPDATEs come in bursts; what they come to is told once. */
const gatherMs = 20
/** A peer that withdraws and announces by turns is not asked for its whole table each time. */
const askAgainMs = 2_000

/** Takes what is to be taken. The family of a route too many, where the session is to end for it. */
export function hear(state: PeerState, update: ReceivedUpdate, context: PeerContext): Family | undefined {
  const { importing, desired } = state
  if (importing === undefined || desired === undefined) return undefined
  const { rib, policy, settings, telling } = importing
  const before = rib.surplus
  const { changed, exceeded } = learn(rib, update, policy, importing.context)
  if (changed && !telling.due) {
    telling.due = true
    context.timers.set("tell-imports", gatherMs, { kind: "tell-imports" })
  }
  if (exceeded === undefined) return undefined
  if (!before) logSurplus(context.log, desired, settings.maximum)
  return settings.beyondMaximum === "shutdown" ? exceeded : undefined
}

export function tellImports(state: PeerState, context: PeerContext): PeerState {
  const { importing, desired, session, config } = state
  if (desired === undefined || importing === undefined) return state
  importing.telling.due = false
  const imports = importsOf(config.name, desired.session, importing, session?.negotiated)
  context.send(config.parent, { kind: "imports", name: config.name, ...(imports === undefined ? {} : { imports }) })
  const room = importing.rib.surplus && importing.rib.routes.size < importing.settings.maximum
  if (room) context.timers.set("ask-again", askAgainMs, { kind: "ask-again" })
  return state
}

/** RFC 2918: what was left out may fit now. */
export function askAgain(state: PeerState): PeerState {
  const { importing, session } = state
  const connection = connectionOf(state)
  if (importing === undefined || connection === undefined || session?.negotiated?.routeRefresh === "no") return state
  importing.rib.surplus = false
  for (const family of session?.negotiated?.families ?? []) {
    connection.send({ kind: "route-refresh", ...afiSafiOf[family], subtype: refreshSubtype.request })
  }
  return state
}

/** The session is over, and with it every way that the peer has shown. */
export function endImports(state: PeerState, context: PeerContext): PeerState {
  const { importing, ...rest } = state
  if (importing === undefined) return state
  for (const timer of ["tell-imports", "ask-again"] as const) context.timers.cancel(timer)
  context.send(state.config.parent, { kind: "imports", name: state.config.name })
  return rest
}
