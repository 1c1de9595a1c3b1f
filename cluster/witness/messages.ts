import type { ActorRef } from "../../supervision/reference.ts"

/**
 * What is behind the witness: a store that all speakers reach by another way than the one they announce on. It counts an
 * epoch for each address, which grows with each new claim, and keeps the claims of all nodes beside each other for as long
 * as they are renewed. All times are the store's.
 */
export interface WitnessStore {
  /** For people; without a password. */
  readonly where: string
  /** One answer for each question, in their order. Rejects when the store does not answer, or says what it cannot. */
  exchange(by: Claimant, questions: readonly WitnessQuestion[]): Promise<readonly WitnessAnswer[]>
  /** Ends the connection; nothing waits for it. */
  close(): void
}

export interface Claimant {
  readonly node: string
  /** By which it announces. */
  readonly macs: readonly string[]
  /** A claim that is not renewed for so long is none any more. */
  readonly ttlMs: number
}

export interface WitnessQuestion {
  readonly ip: string
  /** claim: announced here; `epoch` is the one it was claimed with before. watch: announced elsewhere. */
  readonly what:
    | { readonly kind: "claim"; readonly epoch?: number }
    | { readonly kind: "watch" }
    | { readonly kind: "release" }
}

export interface WitnessAnswer {
  /** After a claim. */
  readonly own?: WitnessClaim
  /** The living claims of other nodes, a few at most. */
  readonly others: readonly WitnessClaim[]
}

export interface WitnessClaim {
  readonly node: string
  readonly macs: readonly string[]
  readonly epoch: number
  readonly sinceMs: number
  readonly renewedMs: number
}

/** What the witness actor hears. */
export type WitnessCommand =
  /** Always everything: what this node answers for, and what it has left to another because of the witness. */
  | {
      readonly kind: "announced"
      readonly macs: readonly string[]
      readonly claim: readonly string[]
      readonly watch: readonly string[]
    }
  /** Replaces the one before. */
  | { readonly kind: "subscribe"; readonly subscriber: ActorRef<WitnessReport> }

/** At once, and whenever it has changed. */
export interface WitnessReport {
  readonly kind: "witness-report"
  readonly where: string
  /** Undefined: not known yet. */
  readonly up: boolean | undefined
  /** Addresses claimed here. */
  readonly claims: number
  /** Beyond the limit, and so not claimed. */
  readonly unclaimed: number
  /** Addresses that another node announces as well, and has for a while; or has, where this node watches. */
  readonly conflicts: readonly WitnessConflict[]
  readonly counts: WitnessCounts
}

export interface WitnessConflict {
  readonly ip: string
  readonly node: string
  readonly macs: readonly string[]
  readonly epoch: number
  /** Absent where this node watches. */
  readonly ownEpoch?: number
}

export interface WitnessCounts {
  /** Exchanges without an answer, or with none that makes sense. */
  readonly failures: number
  /** Times that two nodes were seen to announce one address. */
  readonly splits: number
}
