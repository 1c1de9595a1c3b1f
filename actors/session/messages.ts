import type { Rejection } from "../../protocols/bgp/rib-in.ts"
import type { Family } from "../../protocols/ip.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { TcpAuthentication } from "../../supervision/world.ts"

/** What the BGP thread hears. */
export type BgpCommand =
  /** All peers with all their routes, always the whole set. A peer that is not in it is closed. */
  | { readonly kind: "peers"; readonly peers: readonly DesiredPeer[] }
  /** How the paths stand that BFD watches, by peer, always all of them. A peer without BFD is not in it. */
  | { readonly kind: "paths"; readonly paths: Paths }
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<BgpReport> }
  /** What one peer has from us. Answered by whoever knows: an unknown peer has nothing. */
  | { readonly kind: "routes"; readonly name: string; readonly replyTo: ActorRef<RoutesReport> }
  /** Orderly end: NOTIFICATION Cease/Administrative Shutdown to each peer, then the answer. */
  | { readonly kind: "shutdown"; readonly replyTo: ActorRef<{ readonly kind: "shut-down" }> }

export interface DesiredPeer {
  /** Name of the BGPPeer object. */
  readonly name: string
  readonly session: SessionSettings
  /** What the peer should have from us. A prefix in several groups: communities united, all else from the first. */
  readonly routes: readonly RouteGroup[]
  /**
   * This node is drained: what is no longer among the routes is made the last choice first (RFC 8326), and withdrawn a
   * moment later. Absent: at once.
   */
  readonly drained?: true
}

export type Paths = Readonly<Record<string, PathReport>>

export interface PathReport {
  /** How often the path was lost so far. More than before: the session goes down. The first and a smaller one are noted. */
  readonly losses: number
  /** The path was found good: who waits to connect need not wait longer. */
  readonly up: boolean
}

/** A change of any of these restarts the session. */
export interface SessionSettings {
  /** The AS number that this peer is shown. */
  readonly myASN: number
  /** `internal`: the same as ours. `external`: any other. */
  readonly peerASN: number | "internal" | "external"
  /** For an unnumbered peer the name of its `interface`: who is there, the network tells. */
  readonly address: string
  readonly port: number
  readonly sourceAddress?: string
  /** Through this interface of the host only. Needed where the address is link-local. */
  readonly interface?: string
  /** The VRF of the host in which the session runs: the name of its device. */
  readonly vrf?: string
  readonly holdSeconds: number
  /** Absent, or more than a third of the hold time: a third of it. */
  readonly keepaliveSeconds?: number
  /** Between tries to connect. Absent: at once, then ever longer. */
  readonly connectSeconds?: number
  /** Dotted quad; absent: the local address of the connection, or an IPv4 address beside it. */
  readonly routerId?: string
  /** Dotted quad, where there is none of all these. */
  readonly fallbackRouterId?: string
  /** Reaches no log and no error. */
  readonly password?: string
  /** Whose routes the peer gets. Absent: those of the family of its address; IPv6 for an interface. */
  readonly families?: readonly Family[]
  /** RFC 4724: the peer keeps our routes for so long while we restart, at most 4095 s. Absent: it does not. */
  readonly gracefulRestart?: { readonly seconds: number }
  /** How many hops away the peer may be at most: what comes from farther is not heard (GTSM, RFC 5082). */
  readonly ttlSecurityHops?: number
  /** TCP-AO (RFC 5925), in place of a password. */
  readonly authentication?: TcpAuthentication
  /** Never connects: waits for the peer to do so, on `listenPort`. */
  readonly passive?: true
  /** The peer may connect to us on this port. Absent: nobody listens. */
  readonly listenPort?: number
  /** Routes are taken from the peer into a table of the kernel. */
  readonly import?: ImportSettings
}

export interface ImportSettings {
  /** Text of `parsePrefixRange`; what is in none of them is not taken. */
  readonly prefixes: readonly string[]
  /** Routes of all families together. */
  readonly maximum: number
  /** What follows one too many: it is left out, or the session ends as well. */
  readonly beyondMaximum: "warn" | "shutdown"
  /** Of the kernel; peers with the same one share it. */
  readonly table: number
  /**
   * Canonical prefixes beside those that the peer has from us: what comes from there looks into the table where the main
   * one has only its default route.
   */
  readonly sources?: readonly string[]
}

/** Routes that differ in their prefix only. Ten thousand prefixes in one group cross a thread in a tenth of the time. */
export interface RouteGroup {
  readonly localPref: number
  /** Sorted, `65000:1`. */
  readonly communities: readonly string[]
  /** MULTI_EXIT_DISC (RFC 4271 §5.1.4); absent: none. */
  readonly med?: number
  /** How often our AS number stands in the AS path beyond once; means nothing to an internal peer. */
  readonly prepend?: number
  /** Canonical CIDR text. */
  readonly prefixes: readonly string[]
}

/** All sessions, after each change and at most every 100 ms. */
export interface BgpReport {
  readonly kind: "bgp-report"
  readonly sessions: readonly SessionReport[]
  /** Absent: nobody listens. */
  readonly listeners?: readonly ListenerReport[]
  /** Absent: this thread has nothing to do with the kernel's routing. */
  readonly kernel?: KernelReport
}

/** What was taken from one peer. */
export interface ImportReport {
  readonly accepted: number
  readonly maximum: number
  /** There were more: some are left out. */
  readonly surplus: boolean
  /** Announcements that were not taken, by reason; within one life of the session's actor. */
  readonly rejected: Readonly<Record<Rejection, number>>
}

/** Imported routes and the rules that lead to them, as the kernel has them. */
export interface KernelReport {
  readonly routes: number
  readonly rules: number
  /** Routes whose next hop this host cannot reach. */
  readonly unreachable: number
  /** Changes that the kernel has refused and that are still wanted. */
  readonly failed: number
  readonly error?: string
}

/** One listening socket for peers that connect to us. */
export interface ListenerReport {
  readonly address: string
  readonly port: number
  readonly vrf?: string
  /** How many may connect. */
  readonly peers: number
  /** Connections handed to a peer's session, and those of nobody that is known; within one life of the listener's actor. */
  readonly accepted: number
  readonly refused: number
  /** Why it does not listen. */
  readonly error?: string
}

export interface SessionReport {
  readonly name: string
  readonly address: string
  readonly port: number
  /** As configured. */
  readonly myASN: number
  readonly peerASN: SessionSettings["peerASN"]
  readonly state: "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established"
  /** Unix milliseconds of the last change of `state`. */
  readonly sinceMs: number
  /** Why it is not established, or why it last went down, in words. */
  readonly lastError?: string
  readonly prefixesWanted: number
  readonly prefixesSent: number
  readonly updatesSent: number
  /** Within one life of the session's actor, over all its connections. */
  readonly messages: { readonly sent: MessageCounts; readonly received: MessageCounts }
  /** How often the session came up, and was lost again, within one life of its actor. */
  readonly ups: number
  readonly downs: number
  /** What the OPENs of the present or the last connection offered, ours and the peer's. */
  readonly offered?: readonly CapabilityReport[]
  readonly received?: readonly CapabilityReport[]
  /** What both sides agreed on; while the session is established. */
  readonly agreed?: Agreed
  readonly transport: TransportReport
  /** Only where routes are taken from the peer. */
  readonly imported?: ImportReport
  /** The last NOTIFICATION either way, also that of a session that is up again. */
  readonly lastNotification?: LastNotification
}

export interface MessageCounts {
  readonly opens: number
  readonly updates: number
  readonly notifications: number
  readonly keepalives: number
  readonly routeRefreshes: number
  /** Of any type. */
  readonly total: number
}

/** One capability of an OPEN: its code, and what it says in words. */
export interface CapabilityReport {
  readonly code: number
  readonly text: string
}

/** How the peer is reached. Holds no key. */
export interface TransportReport {
  /** Of the present connection; absent while there is none. */
  readonly local?: Endpoint
  /** Of an unnumbered peer the address that the present connection goes to; without one, the name of the interface. */
  readonly remote: Endpoint
  /** TCP MD5 (RFC 2385) or TCP-AO (RFC 5925). */
  readonly authentication: "none" | "md5" | "ao"
  /** TTL security: how many hops away the peer may be (RFC 5082). */
  readonly ttlSecurityHops?: number
  readonly interface?: string
  readonly vrf?: string
}

interface Endpoint {
  readonly address: string
  readonly port: number
}

/** All routes of one session, by what they say. */
export interface RoutesReport {
  readonly kind: "routes-report"
  /** By which address each family is reached; while the session is established. */
  readonly nextHops: Partial<Readonly<Record<Family, string>>>
  readonly groups: readonly SentGroup[]
  /** Not said to this peer, and why. */
  readonly refused: readonly { readonly prefix: string; readonly because: string }[]
}

export interface SentGroup extends Omit<RouteGroup, "prefixes"> {
  /** What the peer has. */
  readonly sent: readonly string[]
  /** What is still to be sent. */
  readonly waiting: readonly string[]
}

export interface Agreed {
  readonly peerASN: number
  /** Dotted quad. */
  readonly peerRouterId: string
  /** 0: neither hold timer nor keepalives. */
  readonly holdSeconds: number
  /** Between KEEPALIVEs, before the jitter; 0: none. */
  readonly keepaliveSeconds: number
  readonly families: readonly Family[]
  readonly fourOctetAs: boolean
  readonly extendedMessage: boolean
  /** IPv4 routes may have an IPv6 next hop. */
  readonly extendedNextHop: boolean
  readonly routeRefresh: "no" | "plain" | "enhanced"
  readonly gracefulRestart: boolean
  /** How long the peer may keep our routes, and whether over NOTIFICATIONs too (RFC 8538). */
  readonly restart?: { readonly seconds: number; readonly notifications: boolean }
}

export interface LastNotification {
  readonly direction: "sent" | "received"
  /** RFC 4271 §4.5. */
  readonly code: number
  readonly subcode: number
  /** `Cease/Administrative Shutdown ("maintenance")` */
  readonly text: string
  /** Unix milliseconds. */
  readonly atMs: number
}
