import type { Answering, LivenessCounts } from "../../../cluster/liveness/state.ts"
import type { Answers } from "../../../protocols/ethernet/answers.ts"
import type { Ip } from "../../../protocols/ip.ts"

/** Where the wire knows better than gossip: the table of one interface with that laid over it. */
export function withWire(answers: Answers, { taken, yielded, lingering = none }: Answering): Answers {
  if (taken.size === 0 && yielded.size === 0 && lingering.size === 0) return answers
  const merged = new Map<Ip, "here" | "elsewhere">(answers)
  for (const ip of taken) merged.set(ip, "here")
  for (const ip of lingering) merged.set(ip, "here")
  for (const ip of yielded) merged.delete(ip)
  return merged
}

export const nothingDiffers: Answering = { taken: new Set(), yielded: new Set() }

const none: ReadonlySet<Ip> = new Set()

export const sameAnswering = (a: Answering, b: Answering): boolean =>
  same(a.taken, b.taken) && same(a.yielded, b.yielded) && same(a.lingering ?? none, b.lingering ?? none)
const same = (a: ReadonlySet<Ip>, b: ReadonlySet<Ip>): boolean => a.size === b.size && a.isSubsetOf(b)

export const noLivenessCounts: LivenessCounts = {
  takeovers: {},
  yields: 0,
  contests: 0,
  conflicts: 0,
  splits: 0,
  remembered: 0,
  pauses: 0,
  probesSent: 0,
  probesMissed: 0,
}

const plain = [
  "yields",
  "contests",
  "conflicts",
  "splits",
  "remembered",
  "pauses",
  "probesSent",
  "probesMissed",
] as const
const causes = ["process-dead", "node-gone", "link-withdrawn", "speaker-hung", "let-go"] as const

function combined(a: LivenessCounts, b: LivenessCounts, how: (a: number, b: number) => number): LivenessCounts {
  const takeovers: Record<string, number> = {}
  for (const cause of causes) {
    const value = how(a.takeovers[cause] ?? 0, b.takeovers[cause] ?? 0)
    if (value !== 0) takeovers[cause] = value
  }
  const counts = { ...a, takeovers }
  for (const key of plain) counts[key] = how(a[key], b[key])
  return counts
}

export const plus = (a: LivenessCounts, b: LivenessCounts): LivenessCounts => combined(a, b, (x, y) => x + y)
export const minus = (a: LivenessCounts, b: LivenessCounts): LivenessCounts => combined(a, b, (x, y) => x - y)

/** More than the probes that go out all the time. */
export const isNews = (since: LivenessCounts): boolean =>
  Object.keys(since.takeovers).length > 0 ||
  since.yields + since.contests + since.conflicts + since.splits + since.pauses > 0
