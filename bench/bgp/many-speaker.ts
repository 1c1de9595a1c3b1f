// Troupe with many peers, a process of its own, driven by JSON lines: the BGP actor in its thread, and a main thread that
// can be kept busy.
import { createInterface } from "node:readline"
import { startSpeaker } from "../../test/session/system.ts"
import { prefixes } from "./prefixes.ts"

export type ManyCommand =
  | { readonly kind: "peers"; readonly addresses: readonly string[]; readonly port: number; readonly routes: number }
  | { readonly kind: "block"; readonly ms: number }

export interface ManyReport {
  readonly established: number
  /** Sessions lost so far. */
  readonly downs: number
  /** Peers that have all of so many routes, which were ordered last. */
  readonly complete: number
  readonly routes: number
}

const speaker = startSpeaker({ thread: true })
let wanted = 0
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line) as ManyCommand
    if (command.kind === "block") {
      const endMs = performance.now() + command.ms
      while (performance.now() < endMs);
      return
    }
    const { addresses, port, routes } = command
    wanted = routes
    const group = { localPref: 0, communities: ["65000:1"], prefixes: prefixes(routes) }
    speaker.want(
      ...addresses.map((address, i) => ({
        name: `peer-${i}`,
        session: { myASN: 64512, peerASN: 64513, address, port, holdSeconds: 3 },
        routes: routes === 0 ? [] : [group],
      })),
    )
  })
  .on("close", () => process.exit(0))

let last = ""
setInterval(() => {
  const sessions = speaker.reports.at(-1)?.sessions ?? []
  // Only the last one is looked at; the others would count as memory.
  speaker.reports.splice(0, speaker.reports.length - 1)
  const report: ManyReport = {
    established: sessions.filter(({ state }) => state === "established").length,
    downs: sessions.reduce((sum, { downs }) => sum + downs, 0),
    complete: sessions.filter(({ prefixesSent }) => prefixesSent === wanted).length,
    routes: wanted,
  }
  const line = JSON.stringify(report)
  if (line !== last) process.stdout.write(`${line}\n`)
  last = line
}, 50)
