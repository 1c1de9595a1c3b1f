import { comesBefore } from "../../cluster/witness/judge.ts"
import type { WitnessCommand, WitnessConflict } from "../../cluster/witness/messages.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { Announcement } from "./transition.ts"

/**
 * What is done when the witness shows that another node announces an address of this one. report: people are told.
 * settle: when gossip has reached that node all the while, so that no wire is cut, whoever has the older claim leaves it to
 * the newer; cut off from each other, each goes on serving its side. fence: the older claim gives way in every case.
 */
export type OnSplit = "report" | "settle" | "fence"
export const onSplitChoices: readonly OnSplit[] = ["report", "settle", "fence"]

export interface WitnessLink {
  readonly ref: ActorRef<WitnessCommand>
  readonly onSplit: OnSplit
}

interface LeavingBy {
  readonly self: string
  readonly onSplit: OnSplit
  /** For how long gossip has reached that node since the conflict was seen first. Undefined: it does not. */
  readonly reachedMs: (conflict: WitnessConflict) => number | undefined
}

/** A cut looks like this until gossip has called the other one dead, which takes longer the more nodes there are. */
export const settleAfterMs = 20_000

/** What this node leaves to another because of the witness, although it leads. */
export function leftByWitness(
  before: ReadonlySet<string>,
  conflicts: readonly WitnessConflict[],
  { self, onSplit, reachedMs }: LeavingBy,
): ReadonlySet<string> {
  const left = conflicts.filter((conflict) => {
    const reached = reachedMs(conflict)
    if (onSplit === "report" || (onSplit === "settle" && reached === undefined)) return false
    const { ownEpoch } = conflict
    if (ownEpoch === undefined) return before.has(conflict.ip)
    const isLong = onSplit === "fence" || (reached ?? 0) >= settleAfterMs
    return isLong && comesBefore(conflict, { node: self, epoch: ownEpoch })
  })
  return new Set(left.map(({ ip }) => ip).sort())
}

/** The announcements without what is left to others. */
export function withoutLeft<Key>(
  announcements: ReadonlyMap<Key, Announcement>,
  left: ReadonlySet<string>,
): ReadonlyMap<Key, Announcement> {
  if (left.size === 0) return announcements
  return new Map(
    [...announcements].map(([key, { ips, ...announcement }]) => [
      key,
      { ...announcement, ips: ips.filter((ip) => !left.has(ip)) },
    ]),
  )
}
