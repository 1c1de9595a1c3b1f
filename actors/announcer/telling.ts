import { isDeepStrictEqual } from "node:util"
import type { Context } from "../../supervision/actor.ts"
import { noteHandOvers } from "./drained.ts"
import { unsettled } from "./membership.ts"
import type { LastTold } from "./messages.ts"
import { bfdStarted, tellWatched } from "./paths.ts"
import { logPeerChange, peerChanges } from "./peer-changes.ts"
import { reportSoon } from "./reporting.ts"
import { sessionStatesSoon } from "./session-states.ts"
import { claimWhatIsHeld, introduceOurselves } from "./claiming.ts"
import { type Table, takenIn } from "./wire.ts"
import { listenToWitness, tellWitness } from "./witnessing.ts"
import {
  type AnnouncerConfig,
  type AnnouncerState,
  type Message,
  wantedPaths,
  wantedPeers,
  wantedTable,
} from "./state.ts"

/** Behind whatever is in the mailbox already. */
export function flushSoon(state: AnnouncerState, context: Context<Message>): void {
  if (state.flushing || !state.unflushed || state.undecided.size > 0) return
  state.flushing = true
  context.send(context.self, { kind: "flush" })
}

export function flush(state: AnnouncerState, context: Context<Message>): void {
  state.flushing = false
  if (state.undecided.size > 0) return
  const table = wantedTable(state)
  if (table !== undefined && !isDeepStrictEqual(table, state.table)) {
    noteHandOvers(state, table, context.world.clock.monotonicMs())
    state.table = table
    context.send(state.config.layer2, { kind: "table", ...table })
    context.send(state.config.keeper, { kind: "told", table })
  }
  const peers = wantedPeers(state)
  state.unflushed = table === undefined || peers === undefined
  if (peers !== undefined && !isDeepStrictEqual(peers, state.peers)) {
    const configured = new Set(state.facts?.peers.map(({ name }) => name))
    for (const change of peerChanges(state.peers ?? [], peers, configured)) logPeerChange(context.log, change)
    state.peers = peers
    context.send(state.config.bgp, { kind: "peers", peers })
    context.send(state.config.keeper, { kind: "told", peers })
  }
  claimWhatIsHeld(state, context)
  tellWitness(state, context)
  const watched = wantedPaths(state)
  if (watched !== undefined) tellWatched(state, watched, context)
  sessionStatesSoon(state, context)
  reportSoon(state, context)
}

export function listenToLayer2({ layer2, wire }: AnnouncerConfig, context: Context<Message>): void {
  context.send(layer2, { kind: "subscribe", subscriber: context.self })
  if (wire !== undefined) context.send(layer2, { kind: "tell-happenings", to: context.self })
}

/**
 * A thread that has started is told what should be; before this announcer knows that, what another one before it had told.
 * So an announcer and a thread that both die while the API server is away lose nothing.
 */
function tellAgain(state: AnnouncerState, thread: "layer2" | "bgp", context: Context<Message>): void {
  const { table = state.before.table, peers = state.before.peers, config } = state
  state.waiting.delete(thread)
  if (thread === "layer2" && table !== undefined)
    context.send(config.layer2, { kind: "table", ...withTaken(table, takenIn(state)) })
  else if (thread === "bgp" && peers !== undefined) context.send(config.bgp, { kind: "peers", peers })
  else state.waiting.add(thread)
}

/** What it has taken it does not know any more, and gossip may not know yet that it leads. */
function withTaken({ entries, wire }: Table, taken: ReadonlySet<string>): Table {
  const still = wire?.standby.flatMap(({ ip }) => (taken.has(ip) ? [ip] : [])) ?? []
  return { entries, ...(wire && { wire: { ...wire, ...(still.length > 0 && { taken: still }) } }) }
}

export function lastTold(state: AnnouncerState, before: LastTold, context: Context<Message>): void {
  state.before = before
  // A copy: who still waits is put back.
  const waiting = [...state.waiting]
  for (const thread of waiting) tellAgain(state, thread, context)
}

export function threadStarted(
  state: AnnouncerState,
  thread: "gossip" | "layer2" | "bgp" | "bfd" | "witness",
  context: Context<Message>,
): void {
  const { gossip, bgp } = state.config
  switch (thread) {
    case "gossip":
      if (gossip === undefined) return
      state.membership = unsettled(state.membership)
      state.mark = undefined
      context.send(gossip, { kind: "subscribe", subscriber: context.self })
      introduceOurselves(state, context)
      if (state.speakerAddresses !== undefined) {
        context.send(gossip, { kind: "peers", addresses: state.speakerAddresses })
      }
      return
    case "layer2":
      listenToLayer2(state.config, context)
      return tellAgain(state, "layer2", context)
    case "bgp":
      context.send(bgp, { kind: "subscribe", subscriber: context.self })
      tellAgain(state, "bgp", context)
      if (Object.keys(state.paths).length > 0) context.send(bgp, { kind: "paths", paths: state.paths })
      return
    case "bfd":
      return bfdStarted(state, context)
    case "witness":
      return listenToWitness(state, context)
  }
}
