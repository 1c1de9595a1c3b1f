import type { ServiceEvent } from "../../config/cluster-api.ts"
import type { Time } from "./time.ts"

/** What many Services have in common, for the Node that they have it from. */
export interface NodeEvent extends Pick<ServiceEvent, "type" | "reason" | "message" | "component"> {
  readonly node: string
}

/** Many Services move at once when a node dies or is drained: an Event for each would be a flood, of use to nobody. */
export interface Gathering {
  /** True: it is to be told by itself. False: it will be told together with others, a second later. */
  alone(event: ServiceEvent): boolean
  stop(): void
}

interface Kind {
  tokens: number
  refilledMs: number
  /** Since the last summary: how many, and the first of them. */
  count: number
  first: ServiceEvent | undefined
  cancel: (() => void) | undefined
}

/** By themselves at once, and how soon one more. */
const burst = 100
const refillMs = 100
const gatherMs = 1000
const mostKinds = 64

/** By component, node, type and reason. */
export function gathering(time: Time, tell: (event: NodeEvent) => void): Gathering {
  const kinds = new Map<string, Kind>()

  function kindOf({ component, gatherOn, type, reason }: ServiceEvent): Kind {
    const identity = [component, gatherOn, type, reason].join("\0")
    const known = kinds.get(identity)
    if (known !== undefined) return known
    const fresh: Kind = {
      tokens: burst,
      refilledMs: time.monotonicMs(),
      count: 0,
      first: undefined,
      cancel: undefined,
    }
    const [oldest] = kinds.keys()
    if (kinds.size >= mostKinds && oldest !== undefined) {
      kinds.get(oldest)?.cancel?.()
      kinds.delete(oldest)
    }
    kinds.set(identity, fresh)
    return fresh
  }

  function take(kind: Kind): boolean {
    const gained = Math.floor((time.monotonicMs() - kind.refilledMs) / refillMs)
    kind.tokens = Math.min(burst, kind.tokens + gained)
    kind.refilledMs += gained * refillMs
    if (kind.tokens === 0) return false
    kind.tokens--
    return true
  }

  function summarise(kind: Kind): void {
    const { count, first } = kind
    kind.count = 0
    kind.first = undefined
    kind.cancel = undefined
    if (first?.gatherOn === undefined) return
    const { type, reason, component, key, message, gatherOn: node } = first
    const others = count === 1 ? "1 more Service" : `${count} more Services`
    tell({ node, type, reason, component, message: `${others} without an Event of their own, as ${key}: ${message}` })
  }

  return {
    alone(event) {
      if (event.gatherOn === undefined) return true
      const kind = kindOf(event)
      if (take(kind)) return true
      kind.count++
      kind.first ??= event
      kind.cancel ??= time.after(gatherMs, () => summarise(kind))
      return false
    },
    stop() {
      for (const { cancel } of kinds.values()) cancel?.()
    },
  }
}
