import { refreshSubtype } from "../../protocols/bgp/iana.ts"
import { afiSafiOf } from "../../protocols/bgp/family.ts"
import {
  difference,
  type OutUpdate,
  outUpdates,
  type Refusal,
  type RouteContext,
  type Whole,
} from "../../protocols/bgp/rib-out.ts"
import { saidAgain } from "../../protocols/bgp/rib-view.ts"
import { endOfRib } from "../../protocols/bgp/update.ts"
import type { Family } from "../../protocols/ip.ts"
import type { Connection } from "./connection.ts"
import type { RouteGroup } from "./messages.ts"

/** What the peer has from us and what is on its way. Lives as long as the session is established. */
export interface Announcing {
  readonly context: RouteContext
  /** Owned by the actor and changed in place: a copy of ten thousand entries for each UPDATE would be the larger part of the work. */
  readonly sent: Map<string, string>
  readonly pending: Iterator<OutUpdate> | undefined
  /** The system takes no more until it says that it has drained. */
  readonly blocked: boolean
  /** Families whose set is to end with a marker once all is sent. */
  readonly endOfRibDue: readonly Family[]
  /** The same for those that the peer asked for again: End of Route Refresh (RFC 7313). */
  readonly refreshEndDue: readonly Family[]
  readonly refused: readonly Refusal[]
  readonly wanted: number
  /** What `pending` comes to; and, once it has all been sent, what the peer has. */
  readonly aimed?: Whole
  readonly whole?: Whole
}

export interface Pumped {
  readonly announcing: Announcing
  readonly updatesSent: number
  /** The rest wants another turn. */
  readonly again: boolean
}

/** UPDATEs in one turn, about 250 KB: beyond that other sessions of the thread have theirs. */
const updatesPerTurn = 64

export const beginAnnouncing = (context: RouteContext, endOfRibDue: readonly Family[]): Announcing => ({
  context,
  sent: new Map(),
  pending: undefined,
  blocked: false,
  endOfRibDue,
  refreshEndDue: [],
  refused: [],
  wanted: 0,
})

/** A new desired set. What was planned and not yet sent is planned anew, from what the peer really has. */
export function aim(announcing: Announcing, routes: readonly RouteGroup[]): Announcing {
  const { whole: before, aimed: _, ...rest } = announcing
  const { context, sent } = rest
  const diff = difference(routes, sent, context, before)
  const { refused, wanted, whole } = diff
  const aimed = whole === undefined ? {} : { aimed: whole }
  return { ...rest, ...aimed, pending: outUpdates(diff, context), refused, wanted }
}

/**
 * RFC 2918 §4: what was sent to the peer counts no more, except that it is withdrawn where it is not wanted any longer.
 * RFC 7313 §4.1: with the enhanced kind a peer knows from the marks around the set what else it may forget.
 */
export function refresh(announcing: Announcing, family: Family, enhanced: boolean, connection: Connection): Announcing {
  const { sent, refreshEndDue } = announcing
  for (const prefix of sent.keys()) if (prefix.includes(":") === (family === "ipv6")) sent.set(prefix, saidAgain)
  const { whole: _, ...rest } = announcing
  if (!enhanced) return rest
  connection.send({ kind: "route-refresh", ...afiSafiOf[family], subtype: refreshSubtype.begin })
  return { ...rest, refreshEndDue: [...new Set([...refreshEndDue, family])] }
}

/** Writes what is pending until it is done, the system takes no more, or the turn is over. */
export function pump(announcing: Announcing, connection: Connection): Pumped {
  const { pending, sent, endOfRibDue, refreshEndDue } = announcing
  if (pending === undefined || announcing.blocked) return { announcing, updatesSent: 0, again: false }
  let updatesSent = 0
  while (updatesSent < updatesPerTurn) {
    const next = pending.next()
    if (next.done === true) {
      for (const family of endOfRibDue) connection.send(endOfRib(family))
      for (const family of refreshEndDue) {
        connection.send({ kind: "route-refresh", ...afiSafiOf[family], subtype: refreshSubtype.end })
      }
      const whole = announcing.aimed === undefined ? {} : { whole: announcing.aimed }
      const done: Announcing = { ...announcing, ...whole, pending: undefined, endOfRibDue: [], refreshEndDue: [] }
      return { announcing: done, updatesSent: updatesSent + endOfRibDue.length, again: false }
    }
    const taken = connection.write(next.value.bytes)
    updatesSent++
    for (const { text } of next.value.prefixes) {
      if (next.value.key === undefined) sent.delete(text)
      else sent.set(text, next.value.key)
    }
    if (!taken) return { announcing: { ...announcing, blocked: true }, updatesSent, again: false }
  }
  return { announcing, updatesSent, again: true }
}
