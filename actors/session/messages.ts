import type { ActorRef } from "../../supervision/reference.ts"

/** What the BGP thread hears. */
export type BgpCommand =
  /** All peers with all their routes, always the whole set. A peer that is not in it is closed. */
  | { readonly kind: "peers"; readonly peers: readonly DesiredPeer[] }
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<BgpReport> }
  /** Orderly end: NOTIFICATION Cease/Administrative Shutdown to each peer, then the answer. */
  | { readonly kind: "shutdown"; readonly replyTo: ActorRef<{ readonly kind: "shut-down" }> }

export interface DesiredPeer {
  /** Name of the BGPPeer object. */
  readonly name: string
  readonly session: SessionSettings
  readonly routes: readonly Route[]
}

/** A change of any of these restarts the session. */
export interface SessionSettings {
  readonly myASN: number
  readonly peerASN: number
  readonly address: string
  readonly port: number
  readonly sourceAddress?: string
  readonly holdSeconds: number
  /** Dotted quad; absent: the local address of the connection. */
  readonly routerId?: string
  /** Reaches no log and no error. */
  readonly password?: string
}

export interface Route {
  /** Canonical CIDR text. */
  readonly prefix: string
  readonly localPref: number
  /** Sorted, `65000:1`. */
  readonly communities: readonly string[]
}

/** All sessions, after each change and at most every 100 ms. */
export interface BgpReport {
  readonly kind: "bgp-report"
  readonly sessions: readonly SessionReport[]
}

export interface SessionReport {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly state: "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established"
  /** Unix milliseconds of the last change of `state`. */
  readonly sinceMs: number
  /** Why it is not established, or why it last went down, in words. */
  readonly lastError?: string
  readonly prefixesWanted: number
  readonly prefixesSent: number
  readonly updatesSent: number
}
