import { describeLiveness } from "../../../cluster/liveness/judge.ts"
import type { Happening } from "../../../cluster/liveness/state.ts"
import type { Log } from "../../../supervision/actor.ts"

/** For people who read the log of this node. `where`: the interface, and its MAC. */
export function logHappening(happening: Happening, where: Readonly<Record<string, string>>, log: Log): void {
  switch (happening.what) {
    case "taken-over": {
      const { ip, from, cause, because } = happening
      const fields = { event: "takeOver", ip, from, cause, because: because.map(describeLiveness), ...where }
      return log.warn("leader is silent, taking over its address", fields)
    }
    case "yielded":
      return log.info("address goes to a member that comes before this node", {
        event: "yield",
        ip: happening.ip,
        to: happening.to,
        mac: happening.mac,
        ...where,
      })
    case "contested": {
      const { ip, by, mac, defended } = happening
      return log.warn("another member claims an address of this node", {
        event: "contest",
        ip,
        by,
        mac,
        defended,
        ...where,
      })
    }
    case "brain-split": {
      const { ip, node, mac } = happening
      return log.error("brain split: gossip calls a member dead that has an address on the wire", {
        event: "brainSplit",
        ip,
        node,
        mac,
        ...where,
      })
    }
    case "conflict": {
      const { ip, mac, answer } = happening
      return log.error("address conflict: a stranger claims an address of this node", {
        event: "conflict",
        ip,
        mac,
        answer,
        ...where,
      })
    }
    case "handed-over": {
      const { ip, to, mac, afterMs } = happening
      const fields = { event: "handOver", ip, to, mac, afterMs: Math.round(afterMs), ...where }
      if (mac === undefined) return log.warn("no other node was heard to take the address over", fields)
      return log.info("another node has taken the address over", fields)
    }
    case "paused":
      return log.debug("this thread was late, no member is in doubt any more", { lateMs: happening.lateMs, ...where })
    default:
      return happening satisfies never
  }
}
