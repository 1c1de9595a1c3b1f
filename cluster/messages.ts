import type { Ip } from "../protocols/ip.ts"
import type { ActorRef } from "../supervision/reference.ts"
import type { SpeakerMark } from "./speaker-mark.ts"

/** What the gossip actor hears. */
export type GossipCommand =
  /** Addresses (`192.0.2.1` or `192.0.2.1:7946`) of which those that are no member yet are joined; repeated until they are. */
  | { readonly kind: "peers"; readonly addresses: readonly string[] }
  /** Who is told the members: at once, and on each change. Replaces the one before. */
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<Members> }
  /** Says good-bye, so that the others need not suspect; answers when it has gone out or after a second. */
  | { readonly kind: "leave"; readonly replyTo: ActorRef<{ readonly kind: "left" }> }
  /** What we say of ourselves to the ring, from now on. */
  | { readonly kind: "mark"; readonly mark: SpeakerMark }
  /** Exchanges tables with that member now; whom gossip does not know as one is not asked. */
  | { readonly kind: "sync"; readonly name: string }
  | Verify
  | { readonly kind: "counters"; readonly replyTo: ActorRef<GossipCounters> }

/** Whether that member answers within the time, directly or through others. It changes nothing in the ring. */
export interface Verify {
  readonly kind: "verify"
  readonly name: string
  /** Where it is asked when gossip has forgotten it. Absent: whom gossip does not know is not asked. */
  readonly at?: { readonly address: Ip; readonly port: number }
  readonly timeoutMs: number
  readonly replyTo: ActorRef<Verified>
}
export interface Verified {
  readonly kind: "verified"
  readonly name: string
  /** `unknown`: there is no such member and nowhere to ask, or too much is asked already. */
  readonly outcome: "alive" | "silent" | "unknown"
}

/** Since the actor's start. */
export interface GossipCounters {
  readonly kind: "gossip-counters"
  readonly packetsReceived: number
  readonly packetsSent: number
  readonly streamsAccepted: number
  readonly streamsOpened: number
  /** What was heard and not taken, or went wrong, by its reason. */
  readonly faults: Readonly<Record<string, number>>
  /** 0 is healthy; above, our own probes fail or others doubt us. */
  readonly healthScore: number
}

/** Always the whole list, this node included. */
export interface Members {
  readonly kind: "members"
  readonly members: readonly Member[]
}

export interface Member {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly state: "alive" | "suspect" | "dead" | "left"
  /** Absent: not a speaker of ours, or one that takes no part in liveness on the wire. */
  readonly mark?: SpeakerMark
}
