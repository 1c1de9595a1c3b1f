import { isDeepStrictEqual } from "node:util"
import type { Peer } from "../../config/snapshot.ts"
import type { Context } from "../../supervision/actor.ts"
import { bfdKey, type BfdReport, type DesiredBfdSession } from "../bfd/messages.ts"
import type { Paths, SessionReport } from "../session/messages.ts"
import { selectsAny } from "./selects.ts"
import type { AnnouncerState, Message } from "./state.ts"

/** The BFD session of each peer that has one, by the peer's name. */
export type WatchedPaths = ReadonlyMap<string, DesiredBfdSession>

/** By the peer's name: the link-local address that its BGP session has found on the link, if it has no other. */
export type FoundRouters = ReadonlyMap<string, string>

/**
 * Of the peers of this node those whose path is to be watched. That of an unnumbered one from when BGP knows who is there.
 * An internal peer may be anywhere, as in FRR; an external one is on the link unless it says otherwise.
 */
export function watchedPaths(
  peers: readonly Peer[],
  labels: Readonly<Record<string, string>>,
  found: FoundRouters,
): WatchedPaths {
  const watched = new Map<string, DesiredBfdSession>()
  for (const { name, address = found.get(name), bfd, nodeSelectors, ...peer } of peers) {
    if (bfd === undefined || address === undefined || !selectsAny(nodeSelectors, labels)) continue
    const { sourceAddress, interface: device, vrf, multihop = false } = peer
    watched.set(name, {
      peer: address,
      ...(sourceAddress === undefined ? {} : { local: sourceAddress }),
      ...(device === undefined ? {} : { interface: device }),
      ...(vrf === undefined ? {} : { vrf }),
      multihop,
      ...(isInternal(peer) && !multihop && device === undefined ? { multihopOffLink: true as const } : {}),
      profile: bfd,
    })
  }
  return watched
}

const isInternal = ({ myASN, localASN = myASN, peerASN }: Pick<Peer, "myASN" | "localASN" | "peerASN">): boolean =>
  peerASN === "internal" || peerASN === localASN

/** What BGP's report adds to what was found. A session that is lost does not unmake it: BFD is to say when it is back. */
export function foundRouters(known: FoundRouters, sessions: readonly SessionReport[]): FoundRouters {
  const news = sessions.flatMap(({ name, transport: { interface: device, remote } }) =>
    device !== undefined && remote.address !== device && known.get(name) !== remote.address
      ? [[name, remote.address] as const]
      : [],
  )
  return news.length === 0 ? known : new Map([...known, ...news])
}

/** Peers that differ in their port alone share a path; the first one's profile counts. */
function sessionsOf(watched: WatchedPaths): readonly DesiredBfdSession[] {
  const byKey = new Map<string, DesiredBfdSession>()
  for (const session of watched.values()) if (!byKey.has(bfdKey(session))) byKey.set(bfdKey(session), session)
  return [...byKey.values()]
}

/** What BGP needs to know of it. A peer whose session has not been reported yet is not there. */
function pathsOf(watched: WatchedPaths, report: BfdReport | undefined): Paths {
  const byKey = new Map(report?.sessions.map((session) => [session.key, session]))
  const paths = [...watched].flatMap(([name, desired]) => {
    const session = byKey.get(bfdKey(desired))
    if (session === undefined) return []
    return [[name, { losses: session.counters.pathLosses, up: session.state === "up" }] as const]
  })
  return Object.fromEntries(paths)
}

export function tellWatched(state: AnnouncerState, watched: WatchedPaths, context: Context<Message>): void {
  if (isDeepStrictEqual(watched, state.watched)) return
  state.watched = watched
  if (state.config.bfd !== undefined)
    context.send(state.config.bfd, { kind: "sessions", sessions: sessionsOf(watched) })
  tellPaths(state, context)
}

export function bfdStarted({ config: { bfd }, watched }: AnnouncerState, context: Context<Message>): void {
  if (bfd === undefined) return
  context.send(bfd, { kind: "subscribe", subscriber: context.self })
  if (watched !== undefined) context.send(bfd, { kind: "sessions", sessions: sessionsOf(watched) })
}

export function bfdReported(state: AnnouncerState, report: BfdReport, context: Context<Message>): void {
  state.bfd = report
  tellPaths(state, context)
}

function tellPaths(state: AnnouncerState, context: Context<Message>): void {
  const paths = pathsOf(state.watched ?? new Map(), state.bfd)
  if (isDeepStrictEqual(paths, state.paths)) return
  state.paths = paths
  context.send(state.config.bgp, { kind: "paths", paths })
}
