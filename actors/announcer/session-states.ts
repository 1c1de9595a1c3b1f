import { isDeepStrictEqual } from "node:util"
import type { DesiredSessionStates, SessionState } from "../../config/cluster-api.ts"
import type { Context } from "../../supervision/actor.ts"
import { bfdKey, type BfdSessionReport } from "../bfd/messages.ts"
import type { DesiredPeer, SessionReport } from "../session/messages.ts"
import type { WatchedPaths } from "./paths.ts"
import type { AnnouncerState, Message } from "./state.ts"

type Sessions = DesiredSessionStates["sessions"]

const bgpStatuses = {
  idle: "Idle",
  connect: "Connect",
  active: "Active",
  "open-sent": "OpenSent",
  "open-confirm": "OpenConfirm",
  established: "Established",
} as const satisfies Record<SessionReport["state"], SessionState["bgpStatus"]>

const bfdStatuses = {
  up: "up",
  down: "down",
  init: "init",
  "admin-down": "adminDown",
} as const satisfies Record<BfdSessionReport["state"], SessionState["bfdStatus"]>

/** A session that is wanted is there, whatever has been reported: a thread that starts again takes none away. */
export function sessionStates(
  peers: readonly DesiredPeer[],
  reports: readonly SessionReport[],
  watched: WatchedPaths | undefined,
  bfd: readonly BfdSessionReport[],
): Sessions {
  const byName = new Map(reports.map((report) => [report.name, report]))
  return new Map(
    peers.map(({ name, session: { address, vrf } }) => {
      const { state = "idle", sinceMs, lastError } = byName.get(name) ?? {}
      const path = watched?.get(name)
      const seen = path === undefined ? undefined : bfd.find(({ key }) => key === bfdKey(path))
      const status: SessionState = {
        peer: address,
        ...(vrf === undefined ? {} : { vrf }),
        bgpStatus: bgpStatuses[state],
        bfdStatus: path === undefined ? "N/A" : bfdStatuses[seen?.state ?? "down"],
        ...(state === "established" && sinceMs !== undefined ? { establishedSinceMs: sinceMs } : {}),
        ...(lastError === undefined ? {} : { lastError }),
      }
      return [name, status] as const
    }),
  )
}

/** A session that came up or was lost is told soon; its tries to connect, which come and go, are told now and then. */
const soonMs = 1_000
const laterMs = 10_000

/** Something about sessions has changed. Nothing is said before the BGP thread was told which there are. */
export function sessionStatesSoon(state: AnnouncerState, context: Context<Message>): void {
  const states = statesOf(state)
  const { told, dueInMs } = state.sessionStates
  if (states === undefined || isDeepStrictEqual(states, told)) return
  const inMs = told !== undefined && isDeepStrictEqual(gist(states), gist(told)) ? laterMs : soonMs
  if (dueInMs !== undefined && dueInMs <= inMs) return
  state.sessionStates = { ...state.sessionStates, dueInMs: inMs }
  context.timers.set("session-states", inMs, { kind: "session-states" })
}

const statesOf = ({ peers, sessions, watched, bfd }: AnnouncerState): Sessions | undefined =>
  peers && sessionStates(peers, sessions, watched, bfd?.sessions ?? [])

/** What somebody may be waiting for. */
const gist = (sessions: Sessions): unknown =>
  [...sessions].map(([name, { bgpStatus, bfdStatus }]) => [name, bgpStatus === "Established", bfdStatus])

export function tellSessionStates(state: AnnouncerState): void {
  const sessions = statesOf(state)
  state.sessionStates = { told: sessions }
  const { api, nodeName } = state.config
  if (sessions !== undefined) api.desiredSessionStates({ nodeName, sessions })
}
