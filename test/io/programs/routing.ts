// The routing port of this network namespace, driven by JSON lines. Each is answered by one.
import { createInterface } from "node:readline"
import { type RoutingChange, routingPort } from "../../../io/routing.ts"

export type RoutingCommand =
  | { readonly kind: "ours" }
  | { readonly kind: "apply"; readonly changes: readonly RoutingChange[] }
  | { readonly kind: "reach"; readonly address: string; readonly device?: string }

const port = routingPort(179)
let asked = 0

function perform(command: RoutingCommand): unknown {
  switch (command.kind) {
    case "ours":
      return port.ours()
    case "apply":
      return port.apply(command.changes)
    case "reach":
      return port.reach(command.address, command.device)
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const answer = perform(JSON.parse(line) as RoutingCommand)
  process.stdout.write(`${JSON.stringify({ id: ++asked, answer })}\n`)
})
