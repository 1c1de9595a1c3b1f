import type { EndpointFacts, ServiceFacts } from "../../config/facts.ts"
import type { BGPAdvertisement, Pool } from "../../config/snapshot.ts"
import { familyOf, type Ip } from "../../protocols/ip.ts"
import { prefixAround } from "../../protocols/prefix.ts"
import type { Verdict } from "../verdict.ts"
import { isLocal, nodesOf, servable } from "./endpoints.ts"
import { selectsAny } from "./selects.ts"
import { describeNodeFault, type NodeFault, nodeFault, type Surroundings, withdrawalFor } from "./surroundings.ts"
import type { Withdrawal } from "./withdrawal.ts"

/** One address through one advertisement. */
export interface AdvertisedRoute {
  /** Canonical CIDR text. */
  readonly prefix: string
  readonly localPref: number
  /** Sorted, as an advertisement has them. */
  readonly communities: readonly string[]
  readonly med?: number
  readonly prepend?: number
  /** Names of the BGPPeers it goes to; empty: every peer. */
  readonly peers: readonly string[]
}

export type BgpDecision =
  | { readonly kind: "announce"; readonly routes: readonly AdvertisedRoute[] }
  | { readonly kind: "withhold"; readonly reason: Withdrawal }

export type BgpReason =
  | { readonly rule: "no-advertisement-covers-node" }
  | { readonly rule: "no-advertisement-selects-service"; readonly advertisements: readonly string[] }
  | { readonly rule: "conflicting-local-pref"; readonly between: readonly [LocalPref, LocalPref] }
  | {
      readonly rule: "conflicting-attribute"
      readonly attribute: Attribute
      readonly between: readonly [Stated, Stated]
    }
  | { readonly rule: "node-fault"; readonly fault: NodeFault }
  | { readonly rule: "no-local-endpoints" }
  | { readonly rule: "no-endpoints" }
  | { readonly rule: "advertised"; readonly advertisement: string; readonly prefixes: readonly string[] }

interface LocalPref {
  readonly advertisement: string
  readonly localPref: number
}

/** What an advertisement may leave to others of the same prefix. */
type Attribute = "MED" | "AS path prepend"

interface Stated {
  readonly advertisement: string
  readonly value: number
}

/**
 * Whether this node advertises the Service over BGP, and which routes. There is no election: every node that passes
 * announces, whatever its sessions are doing. The order of the rules decides which reason is given.
 */
export function decideBgp(
  service: ServiceFacts,
  ips: readonly Ip[],
  pool: Pool,
  endpoints: EndpointFacts | undefined,
  surroundings: Surroundings,
): Verdict<BgpDecision, BgpReason> {
  const me = surroundings.nodeName
  const covering = pool.bgpAdvertisements.filter(({ nodes }) => nodes.has(me))
  if (covering.length === 0) return withhold("notOwner", { rule: "no-advertisement-covers-node" })

  const advertisements = covering.filter(({ serviceSelectors }) => selectsAny(serviceSelectors, service.labels))
  if (advertisements.length === 0) {
    return withhold("noMatchingAdvertisement", {
      rule: "no-advertisement-selects-service",
      advertisements: covering.map(({ name }) => name),
    })
  }
  const meeting = pairs(advertisements).filter((pair) => meet(...pair, pool))
  const between = localPrefConflict(meeting)
  if (between !== undefined) return withhold("conflictingAdvertisements", { rule: "conflicting-local-pref", between })
  const stated = attributeConflict(meeting)
  if (stated !== undefined) return withhold("conflictingAdvertisements", { rule: "conflicting-attribute", ...stated })

  const fault = nodeFault(surroundings, me)
  if (fault !== undefined) return withhold(withdrawalFor[fault], { rule: "node-fault", fault })

  // An endpoint without an address has nothing to send traffic to; layer 2 does not ask.
  const serving = servable(endpoints).filter(({ addresses }) => addresses.length > 0)
  if (isLocal(service) && !nodesOf(serving).has(me)) {
    return withhold("noLocalEndpoints", { rule: "no-local-endpoints" })
  }
  if (serving.length === 0) return withhold("noEndpoints", { rule: "no-endpoints" })

  const perAdvertisement = advertisements.map((advertisement) => ({
    advertisement,
    routes: ips.map((ip) => routeOf(ip, advertisement)),
  }))
  return {
    decision: { kind: "announce", routes: perAdvertisement.flatMap(({ routes }) => routes) },
    because: perAdvertisement.map(({ advertisement, routes }) => ({
      rule: "advertised",
      advertisement: advertisement.name,
      prefixes: routes.map(({ prefix }) => prefix),
    })),
  }
}

function withhold(reason: Withdrawal, because: BgpReason): Verdict<BgpDecision, BgpReason> {
  return { decision: { kind: "withhold", reason }, because: [because] }
}

function routeOf(ip: Ip, advertisement: BGPAdvertisement): AdvertisedRoute {
  const { aggregationLength, aggregationLengthV6, localPref, communities, med, prepend, peers } = advertisement
  const length = familyOf(ip) === "ipv4" ? aggregationLength : aggregationLengthV6
  return {
    prefix: prefixAround(ip, length).text,
    localPref,
    communities,
    ...(med !== undefined && { med }),
    ...(prepend !== undefined && { prepend }),
    peers,
  }
}

type Pair = readonly [BGPAdvertisement, BGPAdvertisement]

const pairs = (advertisements: readonly BGPAdvertisement[]): Pair[] =>
  advertisements.flatMap((a, i) => advertisements.slice(i + 1).map((b): Pair => [a, b]))

/** Both can give one prefix to the same peer. That both cover this node is given: they share a node. */
function meet(a: BGPAdvertisement, b: BGPAdvertisement, pool: Pool): boolean {
  const families = new Set(pool.blocks.map(({ family }) => family))
  const differs = {
    ipv4: a.aggregationLength !== b.aggregationLength,
    ipv6: a.aggregationLengthV6 !== b.aggregationLengthV6,
  }
  if ([...families].every((family) => differs[family])) return false
  return a.peers.length === 0 || b.peers.length === 0 || a.peers.some((peer) => b.peers.includes(peer))
}

/**
 * The first two that would give one prefix two local preferences at one peer. The configuration refuses those that always
 * collide; this finds the ones that meet only on a Service that both select.
 */
function localPrefConflict(meeting: readonly Pair[]): readonly [LocalPref, LocalPref] | undefined {
  const found = meeting.find(([a, b]) => a.localPref !== b.localPref)
  if (found === undefined) return undefined
  const [a, b] = found
  return [
    { advertisement: a.name, localPref: a.localPref },
    { advertisement: b.name, localPref: b.localPref },
  ]
}

/** The same for what is said by annotation. One that says nothing of it contradicts nobody. */
function attributeConflict(
  meeting: readonly Pair[],
): { readonly attribute: Attribute; readonly between: readonly [Stated, Stated] } | undefined {
  const attributes: readonly (readonly [Attribute, (one: BGPAdvertisement) => number | undefined])[] = [
    ["MED", ({ med }) => med],
    ["AS path prepend", ({ prepend }) => prepend],
  ]
  for (const [attribute, valueOf] of attributes)
    for (const [a, b] of meeting) {
      const [left, right] = [valueOf(a), valueOf(b)]
      if (left === undefined || right === undefined || left === right) continue
      const between = [
        { advertisement: a.name, value: left },
        { advertisement: b.name, value: right },
      ] as const
      return { attribute, between }
    }
  return undefined
}

export function describeBgp(reason: BgpReason): string {
  switch (reason.rule) {
    case "no-advertisement-covers-node":
      return "no BGPAdvertisement of the pool covers this node"
    case "no-advertisement-selects-service":
      return `no BGPAdvertisement of ${reason.advertisements.join(", ")} selects the Service`
    case "conflicting-local-pref": {
      const [a, b] = reason.between
      return `advertisements '${a.advertisement}' and '${b.advertisement}' have conflicting LOCAL_PREF (${a.localPref} vs ${b.localPref})`
    }
    case "conflicting-attribute": {
      const [a, b] = reason.between
      return `advertisements '${a.advertisement}' and '${b.advertisement}' have conflicting ${reason.attribute} (${a.value} vs ${b.value})`
    }
    case "node-fault":
      return `this node may not announce: ${describeNodeFault(reason.fault)}`
    case "no-local-endpoints":
      return "externalTrafficPolicy is Local and no endpoint that can serve runs on this node"
    case "no-endpoints":
      return "no endpoint of the Service can serve"
    case "advertised":
      return `${reason.prefixes.join(", ")} through ${reason.advertisement}`
  }
}
