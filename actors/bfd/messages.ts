import { type Ip, parseIp } from "../../protocols/ip.ts"
import type { State } from "../../protocols/bfd/packet.ts"
import type { ActorRef } from "../../supervision/reference.ts"

/** What the BFD thread hears. */
export type BfdCommand =
  /** All sessions, always the whole set. One that is not in it says AdminDown to its peer and ends. */
  | { readonly kind: "sessions"; readonly sessions: readonly DesiredBfdSession[] }
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<BfdReport> }
  /** Orderly end: AdminDown to each peer for as long as it may take to be heard, then the answer. */
  | { readonly kind: "shutdown"; readonly replyTo: ActorRef<{ readonly kind: "shut-down" }> }

/** What tells one session from another. */
export interface BfdSessionId {
  readonly peer: string
  /** Absent: the kernel's choice. */
  readonly local?: string
  /** Needed for link-local peers; not for multihop. */
  readonly interface?: string
  /** Absent: the default one. The name of its device, which holds the session's sockets. */
  readonly vrf?: string
  readonly multihop: boolean
  /** Several hops only where none of our links has the peer. The thread finds out; in reports `multihop` is what it found. */
  readonly multihopOffLink?: true
}

export interface DesiredBfdSession extends BfdSessionId {
  readonly profile: BfdProfile
}

/** As the resource BFDProfile has it; absent means FRR's default. A change is agreed with the peer, nothing restarts. */
export interface BfdProfile {
  /** Milliseconds, 10 … 60000; 300. */
  readonly receiveInterval?: number
  /** Milliseconds, 10 … 60000; 300. */
  readonly transmitInterval?: number
  /** 2 … 255; 3. */
  readonly detectMultiplier?: number
  readonly echoMode?: boolean
  /** Milliseconds, 10 … 60000; 50. */
  readonly echoInterval?: number
  readonly passiveMode?: boolean
  /** Multihop only, 1 … 254; 254. */
  readonly minimumTtl?: number
}

/** The same text for the same session, as report and subscriber both make it. */
export function bfdKey({ peer, local, interface: device, vrf, multihop, multihopOffLink }: BfdSessionId): string {
  const zone = device === undefined ? "" : `%${device}`
  const from = local === undefined ? "" : ` from ${canonical(local)}`
  const within = vrf === undefined ? "" : ` vrf ${vrf}`
  return `${canonical(peer)}${zone}${from}${within}${multihop && multihopOffLink !== true ? " multihop" : ""}`
}

const canonical = (text: string): Ip | string => parseIp(text) ?? text

/** All sessions. At once after a change of state or of what the peer asks for; counters at most once a second. */
export interface BfdReport {
  readonly kind: "bfd-report"
  readonly sessions: readonly BfdSessionReport[]
  /** Packets to BFD's ports that no session got, by reason. */
  readonly dropped: Readonly<Partial<Record<string, number>>>
  /** Sessions that are wanted beyond the limit of one thread. */
  readonly refused: number
}

export interface BfdSessionReport extends BfdSessionId {
  readonly key: string
  readonly state: State
  /** Unix milliseconds of the last change of `state`. */
  readonly sinceMs: number
  /** Why it is as it is, in words. */
  readonly diagnostic: string
  /** The last time it was Up and then was not. */
  readonly lastDown?: { readonly atMs: number; readonly diagnostic: string }
  readonly localDiscriminator: number
  /** As the peer's last packet says; absent: it has been silent for a detection time, or always. */
  readonly remote?: RemoteReport
  /** In use, before the jitter. */
  readonly transmitIntervalMs: number
  /** How long the peer may be silent; absent without `remote`. */
  readonly detectionTimeMs?: number
  readonly echo: "off" | "waiting" | "active"
  readonly counters: BfdCounters
}

export interface RemoteReport {
  readonly discriminator: number
  /** `admin-down`: ended on purpose, which says nothing about the path (RFC 5882 §4.2). */
  readonly state: State
  readonly diagnostic: string
  readonly detectMultiplier: number
  /** Milliseconds. */
  readonly transmitInterval: number
  readonly receiveInterval: number
  readonly echoInterval: number
}

/** Since the session was first wanted; they outlive a restart of its actor. */
export interface BfdCounters {
  readonly controlPacketInput: number
  readonly controlPacketOutput: number
  readonly echoPacketInput: number
  readonly echoPacketOutput: number
  readonly sessionUpEvents: number
  /** From Up, for whatever reason. */
  readonly sessionDownEvents: number
  /**
   * From Up because the path is in doubt: silence, lost echoes, or the peer said Down. Not: AdminDown of either side, a
   * restart of ours. Whoever acts on a loss acts when this has grown, so none can hide between two reports.
   */
  readonly pathLosses: number
  /** Reports that changes of this session caused. */
  readonly notifications: number
  readonly sendErrors: number
}
