import type { Turn } from "./turn.ts"

/** A node whose probes fail, or that others doubt, may itself be the slow one: it gives others more time. */
export function changeScore(turn: Turn, delta: number): void {
  const most = turn.draft.settings.awarenessMaxMultiplier - 1
  turn.draft.score = Math.min(most, Math.max(0, turn.draft.score + delta))
}
