import type { Ip } from "../../protocols/ip.ts"
import type { AdvertisedRoute } from "./bgp-decision.ts"
import type { ServiceDecision } from "./service-decision.ts"
import type { Withdrawal } from "./withdrawal.ts"

/** What this node announces for one Service: at least one of the two protocols. */
export interface Announcement {
  readonly pool: string
  readonly ips: readonly Ip[]
  readonly bgp?: { readonly routes: readonly AdvertisedRoute[] }
  readonly layer2?: Layer2Announcement
}

interface Layer2Announcement {
  readonly interfaces: "all" | readonly string[]
  /** This node leads, but none of the selected interfaces is here: announced in name, and nothing is answered. */
  readonly interfacesMissing: boolean
}

export type Protocol = "bgp" | "layer2"

/** What people are told of a change. */
export type Step =
  | {
      readonly kind: "announced"
      readonly protocol: Protocol
      readonly announcement: Announcement
    }
  | { readonly kind: "interfaces-missing"; readonly ips: readonly Ip[]; readonly interfaces: readonly string[] }
  /** By the last protocol: as long as one still announces, nobody is told. */
  | { readonly kind: "withdrawn"; readonly announcement: Announcement; readonly reason: Withdrawal }

interface Moved {
  /** The same object when it is the same announcement. */
  readonly after: Announcement | undefined
  readonly steps: readonly Step[]
}

/**
 * From what was announced to what the decision wants, BGP before layer 2. What did not change makes no step: MetalLB tells of
 * an announcement on each pass, this tells of its beginning and of its changes.
 */
export function move(before: Announcement | undefined, decision: ServiceDecision): Moved {
  switch (decision.kind) {
    case "ignored":
      return { after: undefined, steps: [] }
    case "stopped":
      return { after: undefined, steps: before === undefined ? [] : [withdrawn(before, decision.reason)] }
    case "considered":
      return consider(before, decision)
  }
}

const withdrawn = (announcement: Announcement, reason: Withdrawal): Step => ({
  kind: "withdrawn",
  announcement,
  reason,
})

function consider(before: Announcement | undefined, decision: ServiceDecision & { kind: "considered" }): Moved {
  const { pool, ips, bgp, layer2 } = decision
  const steps: Step[] = []
  let held = before
  if (held !== undefined && !sameAddresses(held.ips, ips)) {
    steps.push(withdrawn(held, "loadBalancerIPChanged"))
    held = undefined
  }

  if (bgp.decision.kind === "announce") {
    const next = { pool, ips, ...only("layer2", held), bgp: { routes: bgp.decision.routes } }
    if (!same(held?.bgp, next.bgp)) steps.push({ kind: "announced", protocol: "bgp", announcement: next })
    held = next
  } else held = drop("bgp", held, bgp.decision.reason, steps)

  if (layer2.decision.kind === "announce") {
    const { interfaces, interfacesMissing } = layer2.decision
    const next = { pool, ips, ...only("bgp", held), layer2: { interfaces, interfacesMissing } }
    if (!same(held?.layer2, next.layer2)) {
      steps.push({ kind: "announced", protocol: "layer2", announcement: next })
      if (interfacesMissing && interfaces !== "all") steps.push({ kind: "interfaces-missing", ips, interfaces })
    }
    held = next
  } else if (layer2.decision.kind === "withhold") held = drop("layer2", held, layer2.decision.reason, steps)

  return { after: same(before, held) ? before : held, steps }
}

function only(protocol: Protocol, held: Announcement | undefined): Pick<Announcement, Protocol> {
  const kept = held?.[protocol]
  return kept === undefined ? {} : { [protocol]: kept }
}

function drop(
  protocol: Protocol,
  held: Announcement | undefined,
  reason: Withdrawal,
  steps: Step[],
): Announcement | undefined {
  if (held?.[protocol] === undefined) return held
  const other = only(protocol === "bgp" ? "layer2" : "bgp", held)
  if (Object.keys(other).length > 0) return { pool: held.pool, ips: held.ips, ...other }
  steps.push(withdrawn(held, reason))
  return undefined
}

/** Their order does not matter, their number does. */
const sameAddresses = (a: readonly Ip[], b: readonly Ip[]): boolean => same([...a].sort(), [...b].sort())

/** Both are made by the same code, so that equal values have equal text. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
