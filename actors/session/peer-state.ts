import type { Notification } from "../../protocols/bgp/notification.ts"
import type { Rejected } from "../../protocols/bgp/rib-in.ts"
import type { Event, Session, Timer } from "../../protocols/bgp/session.ts"
import type { Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { TcpTarget } from "../../supervision/world.ts"
import type { Announcing } from "./announcing.ts"
import type { Connection } from "./connection.ts"
import type { Counters } from "./counters.ts"
import type { Importing } from "./importing.ts"
import type { Incoming } from "./incoming.ts"
import type { PeerImports } from "./kernel-plan.ts"
import type { DesiredPeer, LastNotification, PathReport, RouteGroup, RoutesReport, SessionReport } from "./messages.ts"
import type { Opens } from "./report.ts"
import type { Rival, RivalMessage } from "./rival.ts"
import type { RetryWaits } from "./settings.ts"

export interface PeerConfig {
  readonly name: string
  readonly parent: ActorRef<PeerNews>
  readonly retry: RetryWaits
  /** How long routes that a drained node withdraws are the last choice first. */
  readonly drainMs: number
}

/** What a peer tells its parent. */
export type PeerNews =
  | { readonly kind: "session"; readonly report: SessionReport }
  /** After `close`: nothing is open any more. */
  | { readonly kind: "closed"; readonly name: string }
  /** What is taken from it, all of it; absent: nothing. */
  | { readonly kind: "imports"; readonly name: string; readonly imports?: PeerImports }

export type PeerCommand =
  /** What should be, all of it. Also after `close`: then the peer is wanted again. */
  | { readonly kind: "desired"; readonly peer: DesiredPeer }
  /** `drainMs`: an established peer is asked to find other ways, and gets that long for it (RFC 8326). */
  | { readonly kind: "close"; readonly notification: Notification; readonly drainMs: number }
  /** What BFD says. */
  | { readonly kind: "path"; readonly path: PathReport }
  | { readonly kind: "routes"; readonly replyTo: ActorRef<RoutesReport> }

export type PeerMessage =
  | PeerCommand
  | RivalMessage
  /** The peer has connected to us. */
  | { readonly kind: "incoming"; readonly incoming: Incoming }
  /** Whether it can. */
  | { readonly kind: "listening"; readonly error?: string }
  | { readonly kind: "timer"; readonly timer: Timer }
  | { readonly kind: "heard"; readonly connection: number; readonly events: readonly Event[] }
  | { readonly kind: "gone"; readonly connection: number }
  | { readonly kind: "drained"; readonly connection: number }
  /** More routes may be written. */
  | { readonly kind: "pump" }
  /** The peer has had its time. */
  | { readonly kind: "drained-out"; readonly notification: Notification }
  | { readonly kind: "last-choice-over" }
  /** What was taken from the peer has changed. */
  | { readonly kind: "tell-imports" }
  /** There may be room again for what was left out. */
  | { readonly kind: "ask-again" }

export interface PeerState {
  readonly config: PeerConfig
  readonly desired?: DesiredPeer
  readonly target?: TcpTarget
  readonly path?: PathReport
  /** Absent: nothing wanted yet, or settings that cannot work. */
  readonly session?: Session
  /** The one that counts, of those in `open`. */
  readonly connection?: number
  /** The peer has opened it. */
  readonly byPeer?: boolean
  /** A second connection, until it is clear which one stays. */
  readonly rival?: Rival
  /** Also those that only wait for our last words to leave. */
  readonly open: ReadonlyMap<number, Connection>
  readonly connections: number
  readonly announcing?: Announcing
  readonly importing?: Importing
  /** Changed in place: announcements that were not taken, in all of its sessions. */
  readonly rejected: Rejected
  /** No longer wanted, and the last choice for a moment. */
  readonly lastChoice?: readonly RouteGroup[]
  readonly closing: boolean
  readonly sinceMs: number
  readonly lastError?: string
  /** Why the peer cannot connect to us. */
  readonly listenError?: string
  /** The last NOTIFICATION either way since the session was up: the cause behind refused connections that follow. */
  readonly cause?: string
  readonly updatesSent: number
  /** Changed in place. */
  readonly counters: Counters
  readonly ups: number
  readonly downs: number
  readonly opens: Opens
  readonly lastNotification?: LastNotification
  readonly reported?: SessionReport
}

export type PeerContext = Context<PeerMessage>

export const connectionOf = (state: PeerState): Connection | undefined =>
  state.connection === undefined ? undefined : state.open.get(state.connection)
