import type { Outcome } from "./play.ts"
import { describeFault } from "./story.ts"

const linesKept = 40
const widest = 240

/** A failure for people: what broke, what happened before, what the speakers said, and how to see it again. */
export function told({ story, violation, said }: Outcome): string {
  const { seed, hosts, addresses, loss, plainHosts, policy, faults } = story
  const plain = plainHosts.length === 0 ? "" : `, like MetalLB's: ${plainHosts.join(", ")}`
  const atSeconds = (violation?.atMs ?? 0) / 1000
  const near = said.filter((line) => Number(line.split(" ", 1)[0]) >= atSeconds - 10).slice(-linesKept)
  return [
    `seed ${seed}: ${violation?.invariant ?? "nothing"} broke at ${atSeconds.toFixed(2)} s: ${violation?.text ?? ""}`,
    `  ${hosts} speakers, ${addresses.join(", ")}, ${(loss * 100).toFixed(1)} % lost${plain}${policy ? `, ${policy}` : ""}`,
    ...faults.map((fault) => `  ${describeFault(fault)}`),
    ...near.map((line) => `    ${line.slice(0, widest)}`),
    `again: node bin/with-node.mjs test/simulated/nightly.ts --story '${JSON.stringify(story)}'`,
  ].join("\n")
}

/** `p50 / p95 / max` of how long something took, in whole milliseconds. */
export function spread(times: readonly number[]): string {
  if (times.length === 0) return "never"
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return `${sorted.length} times, ${at(0.5)} / ${at(0.95)} / ${at(1)} ms`
}
