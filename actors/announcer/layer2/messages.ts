import type { Happening, LivenessCounts, Member } from "../../../cluster/liveness/state.ts"
import type { MarkSubnets } from "../../../cluster/speaker-mark.ts"
import type { Verify } from "../../../cluster/messages.ts"
import type { ActorRef } from "../../../supervision/reference.ts"

/** What the layer 2 thread hears. */
export type Layer2Command =
  /** Everything that this node answers for, always the whole table. An address that was not in the one before is announced. */
  | { readonly kind: "table"; readonly entries: readonly Layer2Entry[]; readonly wire?: Layer2Wire }
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<Layer2Report> }
  /** Who is told what happens on the wire. Replaces the one before. */
  | { readonly kind: "tell-happenings"; readonly to: ActorRef<Layer2Happened> }
  /** This node says good-bye: what it answers for stays as it is, and nobody is contradicted any more. */
  | { readonly kind: "leaving" }
  /** Answered when of all that the newest table took away nothing is answered for any more. */
  | { readonly kind: "tell-when-handed-over"; readonly replyTo: ActorRef<HandedOver> }

export interface HandedOver {
  readonly kind: "handed-over"
}

export interface Layer2Entry {
  readonly ip: string
  readonly interfaces: "all" | readonly string[]
  /** Members that would come before this node if they were alive: whoever of them is heard on the wire keeps the address. */
  readonly before?: readonly string[]
  /** Members that would come before it if nothing had been said in gossip, which may not have reached one of the two. */
  readonly rivals?: readonly string[]
}

/** What is needed to hear on the wire who is there. Absent: claims of others are not listened to. */
export interface Layer2Wire {
  /** This node's name. */
  readonly self: string
  /** Off: the claims of strangers are noticed, and that is all. */
  readonly liveness: boolean
  /** RFC 5227 §2.4: (c) defend for ever, or (b) give up at the second conflict. */
  readonly strangers: "defend" | "cease"
  readonly members: readonly Member[]
  /** What others answer for, and this node would if they fell silent. */
  readonly standby: readonly Layer2Standby[]
  /** Of these the thread before answered for some when it ended, in the place of others. Absent: none. */
  readonly taken?: readonly string[]
  /** What another leads now, and this node, no candidate any more, answers for until that one is heard. */
  readonly former?: readonly Layer2Former[]
  /** Absent: there is no gossip, and nobody is listened to but for the sake of `former`. */
  readonly gossip?: ActorRef<Verify>
}

export interface Layer2Former {
  readonly ip: string
  readonly interfaces: "all" | readonly string[]
}

export interface Layer2Standby {
  readonly ip: string
  readonly interfaces: "all" | readonly string[]
  /** Who comes before this node in the election, the leader first, alive or not. */
  readonly before: readonly string[]
}

/** After each change and at most once a second: the totals since the thread began. */
export interface Layer2Report {
  readonly kind: "layer2-report"
  /** Names of the interfaces that are there, whether they can answer or not. */
  readonly interfaces: readonly string[]
  /** Of those that can answer now. */
  readonly macs?: readonly string[]
  /** Likewise; a node without any says so. */
  readonly subnets?: MarkSubnets
  readonly requestsReceived: Readonly<Record<string, number>>
  readonly responsesSent: Readonly<Record<string, number>>
  readonly gratuitousSent: Readonly<Record<string, number>>
  /** Frames that no honest host would have sent, by what was wrong with them. Absent: none. */
  readonly dropped?: Readonly<Record<string, number>>
  readonly wire?: Layer2WireReport
}

export interface Layer2WireReport {
  readonly counts: LivenessCounts
  /** Answered for without leading, because the leader fell silent. */
  readonly taken: readonly string[]
  /** Not answered for though gossip says this node leads, because one that comes before it is heard. */
  readonly yielded: readonly string[]
  /** Answered for though another leads, until that one is heard. Absent: none. */
  readonly lingering?: readonly string[]
}

/** Something on the wire that people should know of, as it happens. */
export interface Layer2Happened {
  readonly kind: "layer2-happened"
  readonly interface: string
  /** Our own, on that interface. */
  readonly mac: string
  readonly happening: Happening
}
