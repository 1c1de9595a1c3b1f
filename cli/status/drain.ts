import type { DrainedService, DrainStatus } from "../../actors/announcer/drain-messages.ts"
import { describeNodeFault } from "../../actors/announcer/surroundings.ts"
import { table } from "./table.ts"

/** How a drain stands: one line about the node, one for each Service and protocol, and what peers still have. */
export function describeDrain({ node, fault, services, routes, done }: DrainStatus): string {
  const state = fault === undefined ? "announces" : done ? "announces nothing" : "hands over"
  const why = fault === undefined ? "it is not drained" : describeNodeFault(fault)
  const rows = services.map((one) => [`  ${one.service}`, one.protocol, one.ips.join(", "), describe(one)])
  const left = Object.entries(routes).map(([peer, count]) => `  peer ${peer} still has ${count} prefixes from here`)
  return [`${node} ${state}: ${why}`, ...(rows.length === 0 ? [] : [table(rows)]), ...left].join("\n")
}

function describe({ state, to, alone }: DrainedService): string {
  switch (state) {
    case "announced":
      return alone ? "announced here; nobody else could" : `announced here; ${to ?? "others"} would go on`
    case "handing-over":
      return `answered for until ${to ?? "another node"} is heard`
    case "gone":
      return to === undefined ? "other nodes announce it" : `moved to ${to}`
    case "stays":
      return "still announced here: who would be next knows of no draining"
    case "nobody":
      return "announced by nobody"
  }
}
