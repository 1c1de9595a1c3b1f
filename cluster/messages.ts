import type { ActorRef } from "../supervision/reference.ts"

/** What the gossip actor hears. */
export type GossipCommand =
  /** Addresses (`192.0.2.1` or `192.0.2.1:7946`) of which those that are no member yet are joined; repeated until they are. */
  | { readonly kind: "peers"; readonly addresses: readonly string[] }
  /** Who is told the members: at once, and on each change. Replaces the one before. */
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<Members> }
  /** Says good-bye, so that the others need not suspect; answers when it has gone out or after a second. */
  | { readonly kind: "leave"; readonly replyTo: ActorRef<{ readonly kind: "left" }> }

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
}
