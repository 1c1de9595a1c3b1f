// Troupe as a process of its own that announces: the BGP actor in its thread, below a parent that hands it the whole set.
// Driven by JSON lines, answers with one whenever the report has changed.
import { createInterface } from "node:readline"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { startSpeaker } from "../../test/session/system.ts"
import { prefixes } from "./prefixes.ts"

export interface SenderCommand {
  /** Absent: no peer at all. */
  readonly peer?: Pick<DesiredPeer["session"], "address" | "port" | "myASN" | "peerASN">
  readonly routes: number
}

export interface SenderReport {
  readonly state: string
  readonly sent: number
}

const speaker = startSpeaker({ thread: true })
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { peer, routes } = JSON.parse(line) as SenderCommand
    if (peer === undefined) return speaker.want()
    const group = { localPref: 0, communities: ["65000:1"], prefixes: prefixes(routes) }
    speaker.want({ name: "router", session: { ...peer, holdSeconds: 90 }, routes: routes === 0 ? [] : [group] })
  })
  .on("close", () => process.exit(0))

let last = ""
setInterval(() => {
  const session = speaker.session("router")
  const line = JSON.stringify({
    state: session?.state ?? "idle",
    sent: session?.prefixesSent ?? 0,
  } satisfies SenderReport)
  if (line !== last) process.stdout.write(`${line}\n`)
  last = line
}, 20)
