import { Complaint } from "../cli/complaint.ts"
import { setTimeout } from "node:timers/promises"

/** Asks until there is an answer, other than undefined and false; past the limit an error that says what was waited for. */
export async function until<T>(
  what: string,
  limitMs: number,
  ask: () => Promise<T | undefined | false>,
  everyMs = 50,
): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > end) throw new Complaint(`waited ${(limitMs / 1000).toFixed(0)} s in vain for ${what}`)
    await setTimeout(everyMs)
  }
}
