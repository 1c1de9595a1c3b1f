// A speaker in a network namespace of its own, driven by JSON lines: what is wanted, or "shutdown". Each report is a line.
import { createInterface } from "node:readline"
import { importProtocol } from "../../actors/session/kernel-plan.ts"
import type { DesiredPeer } from "../../actors/session/messages.ts"
import { routingPort } from "../../io/routing.ts"
import { network } from "./network.ts"
import { startSpeaker, until } from "./system.ts"

const speaker = startSpeaker({ parts: { network, routing: routingPort(importProtocol) } })
const tell = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
let told = 0
let logged = 0
setInterval(() => {
  for (; told < speaker.reports.length; told++) tell({ report: speaker.reports[told] })
  for (; logged < speaker.lines.length; logged++) tell({ log: speaker.lines[logged] })
}, 20)

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line) as { want: DesiredPeer[] } | { kill: string } | "shutdown"
  if (command === "shutdown") {
    void speaker
      .shutDown()
      .then(() => speaker.system.stop())
      .then(() => process.exit(0))
  } else if ("kill" in command) {
    void until("killed", () => speaker.system.kill(command.kill))
  } else speaker.want(...command.want)
})
