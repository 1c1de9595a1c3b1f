import { Fleet } from "./fleet.ts"
import { bounds, Invariants, type Observed, type Violation } from "./invariants.ts"
import { settledMs, type Story, type Timed } from "./story.ts"

export interface Outcome {
  readonly story: Story
  readonly violation: Violation | undefined
  readonly observed: Observed
  /** Until everything was as it should be, after the last fault. */
  readonly healedMs: number
  readonly virtualMs: number
  readonly steps: number
  /** What the speakers said of it themselves. */
  readonly said: readonly string[]
}

interface Act {
  readonly atMs: number
  readonly fault: Timed
  readonly part: "begin" | "end"
}

/** Plays the story and looks at it all the while, up to the first thing that must not be. */
export async function play(story: Story): Promise<Outcome> {
  const fleet = new Fleet(story)
  const invariants = new Invariants(fleet)
  const { sim } = fleet.it
  const everyMs = story.hosts > 12 ? 20 : 10
  invariants.recorded(story.faults)
  const ended = async (healedMs: number, violation: Violation | undefined): Promise<Outcome> => ({
    story,
    violation,
    observed: invariants.observed,
    healedMs,
    virtualMs: sim.nowMs(),
    steps: sim.trace.length,
    said: fleet.it.lines.map(
      ({ atMs, host, fields }) => `${(atMs / 1000).toFixed(3)} ${host} ${JSON.stringify(fields)}`,
    ),
  })
  /** Lets time go by, and looks. */
  const until = async (endMs: number): Promise<Violation | undefined> => {
    while (sim.nowMs() < endMs) {
      await sim.runFor(Math.min(everyMs, endMs - sim.nowMs()))
      const violation = invariants.look()
      if (violation !== undefined) return violation
    }
    return undefined
  }
  try {
    for (const { atMs, fault, part } of acts(story)) {
      const violation = await until(atMs)
      if (violation !== undefined) return await ended(0, violation)
      if (part === "begin") await fleet.begin(fault)
      else fleet.end(fault)
    }
    const fromMs = Math.max(sim.nowMs(), settledMs)
    let violation = await until(fromMs)
    while (violation === undefined && !invariants.healed() && sim.nowMs() - fromMs < bounds.healedMs)
      violation = await until(sim.nowMs() + 250)
    const healedMs = sim.nowMs() - fromMs
    if (violation === undefined && !invariants.healed()) violation = invariants.notHealed()
    violation ??= await until(sim.nowMs() + 2000)
    return await ended(healedMs, violation)
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return ended(0, { invariant: "crashed", atMs: sim.nowMs(), text })
  }
}

function acts({ faults }: Story): readonly Act[] {
  const all = faults.flatMap((fault): Act[] => [
    { atMs: fault.atMs, fault, part: "begin" },
    { atMs: fault.atMs + fault.forMs, fault, part: "end" },
  ])
  return all.sort((a, b) => a.atMs - b.atMs)
}
