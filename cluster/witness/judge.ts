import type { WitnessAnswer, WitnessClaim } from "./messages.ts"

/**
 * Two claims of one address are no split yet: who hands over goes on until the other is heard, and who died leaves a
 * claim that nobody renews. Both have to have been renewed so long after both were made.
 */
const splitAfterMs = 3000

/** Who else announces the address, the highest epoch first. Undefined: nobody, or not for long. */
export function rivalOf({ own, others }: WitnessAnswer): WitnessClaim | undefined {
  const rivals = own === undefined ? others : others.filter((other) => overlapMs(own, other) >= splitAfterMs)
  return [...rivals].sort((a, b) => (comesBefore(a, b) ? -1 : 1))[0]
}

const overlapMs = (a: WitnessClaim, b: WitnessClaim): number =>
  Math.min(a.renewedMs, b.renewedMs) - Math.max(a.sinceMs, b.sinceMs)

/** The newer claim, and of two with one epoch (from a store that has forgotten) the first by name: for both the same. */
export const comesBefore = (
  a: Pick<WitnessClaim, "epoch" | "node">,
  b: Pick<WitnessClaim, "epoch" | "node">,
): boolean => (a.epoch === b.epoch ? a.node < b.node : a.epoch > b.epoch)
