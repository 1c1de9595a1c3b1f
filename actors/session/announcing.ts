import { endOfRib } from "../../protocols/bgp/update.ts"
import { difference, type OutUpdate, outUpdates, type Refusal, type RouteContext } from "../../protocols/bgp/rib-out.ts"
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
  readonly endOfRibDue: boolean
  readonly refused: readonly Refusal[]
}

export interface Pumped {
  readonly announcing: Announcing
  readonly updatesSent: number
  /** The rest wants another turn. */
  readonly again: boolean
}

/** UPDATEs in one turn, about 250 KB: beyond that other sessions of the thread have theirs. */
const updatesPerTurn = 64

export const beginAnnouncing = (context: RouteContext, endOfRibDue: boolean): Announcing => ({
  context,
  sent: new Map(),
  pending: undefined,
  blocked: false,
  endOfRibDue,
  refused: [],
})

/** A new desired set. What was planned and not yet sent is planned anew, from what the peer really has. */
export function aim(announcing: Announcing, routes: readonly RouteGroup[]): Announcing {
  const { context, sent } = announcing
  const diff = difference(routes, sent, context)
  return { ...announcing, pending: outUpdates(diff, context), refused: diff.refused }
}

/** Writes what is pending until it is done, the system takes no more, or the turn is over. */
export function pump(announcing: Announcing, connection: Connection): Pumped {
  const { pending, sent } = announcing
  if (pending === undefined || announcing.blocked) return { announcing, updatesSent: 0, again: false }
  let updatesSent = 0
  while (updatesSent < updatesPerTurn) {
    const next = pending.next()
    if (next.done === true) {
      if (announcing.endOfRibDue) connection.send(endOfRib)
      const done: Announcing = { ...announcing, pending: undefined, endOfRibDue: false }
      return { announcing: done, updatesSent: updatesSent + (announcing.endOfRibDue ? 1 : 0), again: false }
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
