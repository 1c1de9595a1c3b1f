import type { Cause } from "../../cluster/liveness/judge.ts"
import { gossipSplit } from "./brain-split.ts"
import type { Layer2Happened } from "./layer2/messages.ts"
import { describeNodeFault, type NodeFault } from "./surroundings.ts"

export interface Told {
  readonly ip: string
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

/**
 * What happened on the wire as an Event of the Service. Undefined: the log says it. `fault`: why this node may not
 * announce.
 */
export function describeHappening(
  { interface: name, mac: own, happening }: Layer2Happened,
  node: string,
  fault?: NodeFault,
): Told | undefined {
  switch (happening.what) {
    case "taken-over": {
      const { ip, from, cause } = happening
      const message = `node "${node}" answers for ${ip} on ${name} in place of "${from}": ${causes[cause]}`
      return { ip, type: "Normal", reason: "takenOver", message }
    }
    case "brain-split": {
      const { ip, node: other, mac } = happening
      const message = gossipSplit(node, { ip, node: other, mac, interface: name, ownMac: own })
      return { ip, type: "Warning", reason: "brainSplit", message }
    }
    case "conflict": {
      const { ip, mac } = happening
      const message = `${ip} is claimed on ${name} by ${mac}, which belongs to no speaker; node "${node}" has it with MAC ${own}`
      return { ip, type: "Warning", reason: "addressConflict", message }
    }
    case "handed-over": {
      // Moves that nobody asked for are told by who takes over, and a rolling update is not worth an Event each time.
      if (fault === undefined || fault === "leaving") return undefined
      const { ip, to, mac } = happening
      const drained = `node "${node}" has handed over ${ip} on ${name} (${describeNodeFault(fault)})`
      if (mac !== undefined)
        return { ip, type: "Normal", reason: "handedOver", message: `${drained} to ${to ? `"${to}"` : mac}` }
      return { ip, type: "Warning", reason: "handedOver", message: `${drained}, and nobody was heard to take it` }
    }
    case "yielded":
    case "contested":
    case "paused":
      return undefined
    default:
      return happening satisfies never
  }
}

const causes: Readonly<Record<Cause, string>> = {
  "process-dead": "its speaker has died",
  "node-gone": "its node is gone from the network",
  "link-withdrawn": "it says itself that its link is down",
  "speaker-hung": "its speaker does not move",
  "let-go": "it does not answer for the address any more",
}
