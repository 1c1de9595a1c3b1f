import { type Outcome, play } from "./play.ts"
import type { Story, Timed } from "./story.ts"

/** Plays so often at most. */
const mostPlays = 60
const leastMs = 400

/** Leaves out whatever can be left out, and halves what can be shorter, as long as the same invariant breaks. */
export async function shrink(outcome: Outcome, said: (text: string) => void = () => undefined): Promise<Outcome> {
  let smallest = outcome
  let plays = 0
  const breaks = async (story: Story): Promise<boolean> => {
    if (++plays > mostPlays) return false
    const tried = await play(story)
    if (tried.violation?.invariant !== outcome.violation?.invariant) return false
    smallest = tried
    said(`${smallest.story.faults.length} faults, ${story.hosts} hosts after ${plays} plays`)
    return true
  }
  /** True: something could be left out, so more may be. */
  const pass = async (): Promise<boolean> => {
    let found = false
    for (const fault of [...smallest.story.faults].reverse())
      found = (await breaks(without(smallest.story, fault))) || found
    for (const fault of smallest.story.faults)
      if (fault.forMs > leastMs) found = (await breaks(shorter(smallest.story, fault))) || found
    for (const address of smallest.story.addresses) {
      const addresses = smallest.story.addresses.filter((each) => each !== address)
      if (addresses.length > 0) found = (await breaks({ ...smallest.story, addresses })) || found
    }
    if (smallest.story.loss > 0) found = (await breaks({ ...smallest.story, loss: 0 })) || found
    return found
  }
  while (await pass());
  return smallest
}

const without = (story: Story, fault: Timed): Story => ({
  ...story,
  faults: story.faults.filter((each) => each !== fault),
})

const shorter = (story: Story, fault: Timed): Story => ({
  ...story,
  faults: story.faults.map((each) => (each === fault ? { ...fault, forMs: Math.round(fault.forMs / 2) } : each)),
})
