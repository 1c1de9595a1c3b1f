import { type EndpointFacts, type ServiceFacts } from "../../config/facts.ts"
import type { L2Advertisement } from "../../config/snapshot.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { Verdict } from "../verdict.ts"
import { type Ranked, rank } from "./election.ts"
import { isLocal, nodesOf, servable } from "./endpoints.ts"
import { selectsAny } from "./selects.ts"
import {
  describeNodeFault,
  isHandedOver,
  isOurOwn,
  type NodeFault,
  nodeFault,
  type Surroundings,
  withdrawalFor,
} from "./surroundings.ts"
import type { ServiceDecision } from "./service-decision.ts"
import type { Withdrawal } from "./withdrawal.ts"

export type Layer2Decision =
  | {
      readonly kind: "announce"
      readonly interfaces: "all" | readonly string[]
      /** None of the selected interfaces is on this node: it leads, and cannot answer. */
      readonly interfacesMissing: boolean
    }
  | { readonly kind: "withhold"; readonly reason: Withdrawal }
  /** Who is alive is not known yet: what was decided before stays. */
  | { readonly kind: "undecided" }

export type Layer2Reason =
  | { readonly rule: "no-endpoints" }
  | { readonly rule: "no-advertisement-selects-service" }
  | { readonly rule: "shared-ip-with-service-selector"; readonly advertisement: string }
  | { readonly rule: "no-advertisement-covers-node"; readonly advertisements: readonly string[] }
  | { readonly rule: "members-unknown" }
  | { readonly rule: "node-dropped"; readonly node: string; readonly why: Dropped }
  /** It is drained, and goes on: who would be next does not know that it should be. */
  | { readonly rule: "drain-waits"; readonly node: string; readonly for: readonly string[] }
  | { readonly rule: "no-candidates" }
  | { readonly rule: "election"; readonly ip: Ip; readonly candidates: readonly Ranked[] }
  | { readonly rule: "interfaces"; readonly interfaces: "all" | readonly string[] }
  | { readonly rule: "interfaces-missing"; readonly interfaces: readonly string[] }

/** Why a node is no candidate. */
type Dropped = NodeFault | "not-a-member" | "not-covered" | "no-local-endpoint" | "unaware-of-drain"

const sharingAnnotations = ["metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"]

/**
 * Whether this node answers for the Service's addresses. The order of the rules decides which reason is given. Every
 * advertisement that selects the Service enters the election, whether it covers this node or not: so that all speakers
 * compute the same candidates.
 */
export function decideLayer2(
  service: ServiceFacts,
  ips: readonly [Ip, ...Ip[]],
  poolAdvertisements: readonly L2Advertisement[],
  endpoints: EndpointFacts | undefined,
  surroundings: Surroundings,
): Verdict<Layer2Decision, Layer2Reason> {
  const me = surroundings.nodeName
  const serving = servable(endpoints)
  if (serving.length === 0) return withhold("notOwner", { rule: "no-endpoints" })

  const advertisements = poolAdvertisements.filter(({ serviceSelectors }) =>
    selectsAny(serviceSelectors, service.labels),
  )
  if (advertisements.length === 0) {
    return withhold("noMatchingAdvertisement", { rule: "no-advertisement-selects-service" })
  }
  const selective = advertisements.find(({ serviceSelectors }) => serviceSelectors.length > 0)
  if (selective !== undefined && sharingAnnotations.some((name) => Object.hasOwn(service.annotations, name))) {
    return withhold("sharedIPWithServiceSelector", {
      rule: "shared-ip-with-service-selector",
      advertisement: selective.name,
    })
  }
  const covering = advertisements.filter(({ nodes }) => nodes.has(me))
  if (covering.length === 0) {
    return withhold("noMatchingAdvertisement", {
      rule: "no-advertisement-covers-node",
      advertisements: advertisements.map(({ name }) => name),
    })
  }
  if (surroundings.speakers === "unknown") {
    return { decision: { kind: "undecided" }, because: [{ rule: "members-unknown" }] }
  }

  const local = isLocal(service) ? nodesOf(serving) : undefined
  // The first address stands for all of them: the other family of a pair follows it to the same node.
  const inOrder = (nodes: readonly string[]) => rank(nodes, ips[0], (node) => scoreOf(node, advertisements))
  const { speakers } = surroundings
  const judged = considered(surroundings, speakers).map(
    (node): Judged => ({ node, why: whyDropped(node, surroundings, speakers, advertisements, local) }),
  )
  const { candidates, because } = electorate(
    judged,
    surroundings.unaware ?? new Set(),
    (nodes) => inOrder(nodes)[0]?.node,
  )
  const own = nodeFault(surroundings, me)
  const withdrawal = own !== undefined && isOurOwn(own) ? withdrawalFor[own] : "notOwner"
  if (candidates.length === 0) return withhold(withdrawal, ...because, { rule: "no-candidates" })

  const ranked = inOrder(candidates)
  because.push({ rule: "election", ip: ips[0], candidates: ranked })
  if (ranked[0]?.node !== me) return withhold(withdrawal, ...because)

  const interfaces = interfacesOf(covering)
  because.push({ rule: "interfaces", interfaces })
  const interfacesMissing = interfaces !== "all" && noneExists(interfaces, surroundings.interfaces)
  if (interfacesMissing) because.push({ rule: "interfaces-missing", interfaces })
  return { decision: { kind: "announce", interfaces, interfacesMissing }, because }
}

interface Judged {
  readonly node: string
  readonly why: Dropped | undefined
}

/**
 * Among whom the election is held. A speaker that knows of no draining takes a drained node that comes first for the
 * leader, and never announces in its place: so whoever comes next and knows does. If nobody knows, the drained node goes
 * on, for without it the address would have no one.
 */
function electorate(
  judged: readonly Judged[],
  unaware: ReadonlySet<string>,
  firstOf: (nodes: readonly string[]) => string | undefined,
): { readonly candidates: readonly string[]; readonly because: Layer2Reason[] } {
  const fit = judged.flatMap(({ node, why }) => (why === undefined ? [node] : []))
  const dropped = (without?: string): Layer2Reason[] =>
    judged.flatMap(({ node, why }) =>
      why === undefined || node === without ? [] : [{ rule: "node-dropped", node, why } as const],
    )
  const drained = new Map(judged.flatMap(({ node, why }) => (isUnknownToSome(why) ? [[node, why]] : [])))
  const lost = fit.filter((node) => unaware.has(node))
  const first = lost.length === 0 || drained.size === 0 ? undefined : firstOf([...fit, ...drained.keys()])
  const fault = first === undefined ? undefined : drained.get(first)
  if (first === undefined || fault === undefined) return { candidates: fit, because: dropped() }
  if (lost.length === fit.length && isHandedOver(fault)) {
    return { candidates: [first], because: [...dropped(first), { rule: "drain-waits", node: first, for: lost }] }
  }
  const passed = lost.map((node): Layer2Reason => ({ rule: "node-dropped", node, why: "unaware-of-drain" }))
  return { candidates: fit.filter((node) => !unaware.has(node)), because: [...dropped(), ...passed] }
}

/** Who leaves says so to all: to MetalLB's speakers it is no member any more. */
const isUnknownToSome = (why: Dropped | undefined): why is NodeFault =>
  why === "drain-taint" || why === "drain-command" || why === "out-of-service"

/** Where this node stands in the election, if everybody were alive. */
export interface Standing {
  readonly ips: readonly Ip[]
  readonly interfaces: "all" | readonly string[]
  /** Who comes before it, the first first. */
  readonly before: readonly string[]
}

/**
 * The election of `decideLayer2` once more, without asking who is alive: by this order those who hear each other on the
 * wire settle who answers when gossip does not know yet. Undefined: this node is no candidate.
 */
export function standingOf(
  service: ServiceFacts,
  { ips, layer2 }: Extract<ServiceDecision, { kind: "considered" }>,
  poolAdvertisements: readonly L2Advertisement[],
  endpoints: EndpointFacts | undefined,
  surroundings: Surroundings,
): Standing | undefined {
  const me = surroundings.nodeName
  const [first] = ips
  const election = layer2.because.find((reason) => reason.rule === "election")
  const { speakers } = surroundings
  if (first === undefined || speakers === "unknown" || speakers === "off") return undefined
  if (election?.candidates.some(({ node }) => node === me) !== true) return undefined
  const advertisements = poolAdvertisements.filter(({ serviceSelectors }) =>
    selectsAny(serviceSelectors, service.labels),
  )
  const local = isLocal(service) ? nodesOf(servable(endpoints)) : undefined
  const fit = considered(surroundings, speakers).filter(
    (node) => whyUnfit(node, surroundings, advertisements, local) === undefined,
  )
  const order = rank(fit, first, (node) => scoreOf(node, advertisements)).map(({ node }) => node)
  const covering = advertisements.filter(({ nodes }) => nodes.has(me))
  return { ips, interfaces: interfacesOf(covering), before: order.slice(0, order.indexOf(me)) }
}

function withhold(reason: Withdrawal, ...because: readonly Layer2Reason[]): Verdict<Layer2Decision, Layer2Reason> {
  return { decision: { kind: "withhold", reason }, because }
}

/** Every node that is looked at, in name order: those that may be candidates, and those that a reader would ask about. */
function considered(surroundings: Surroundings, speakers: ReadonlySet<string> | "off"): readonly string[] {
  const names = new Set(surroundings.nodes.keys())
  if (speakers !== "off") for (const name of speakers) names.add(name)
  if (speakers !== "off") names.add(surroundings.nodeName)
  return [...names].sort()
}

function whyDropped(
  node: string,
  surroundings: Surroundings,
  speakers: ReadonlySet<string> | "off",
  advertisements: readonly L2Advertisement[],
  local: ReadonlySet<string> | undefined,
): Dropped | undefined {
  // This node is always a member of its own ring, even before it has heard of itself.
  if (speakers !== "off" && !speakers.has(node) && node !== surroundings.nodeName) return "not-a-member"
  return whyUnfit(node, surroundings, advertisements, local)
}

function whyUnfit(
  node: string,
  surroundings: Surroundings,
  advertisements: readonly L2Advertisement[],
  local: ReadonlySet<string> | undefined,
): Dropped | undefined {
  const fault = nodeFault(surroundings, node)
  // A drained node is first of all one that could: what MetalLB's speakers would say comes first.
  if (fault !== undefined && !isOurOwn(fault)) return fault
  if (!advertisements.some(({ nodes }) => nodes.has(node))) return "not-covered"
  if (local !== undefined && !local.has(node)) return "no-local-endpoint"
  return fault
}

/** An advertisement's preferences count only for the nodes that it covers. */
function scoreOf(node: string, advertisements: readonly L2Advertisement[]): number {
  return advertisements.reduce((sum, { nodes, scores }) => (nodes.has(node) ? sum + (scores.get(node) ?? 0) : sum), 0)
}

/** One advertisement without interfaces opens all of them; otherwise the union. Plays no part in the election. */
function interfacesOf(covering: readonly L2Advertisement[]): "all" | readonly string[] {
  const names = new Set<string>()
  for (const { interfaces } of covering) {
    if (interfaces === "all") return "all"
    for (const name of interfaces) names.add(name)
  }
  return [...names].sort()
}

/** While the interfaces are not known, the thread decides: it answers on none that is not there. */
const noneExists = (wanted: readonly string[], existing: ReadonlySet<string> | undefined): boolean =>
  existing !== undefined && !wanted.some((name) => existing.has(name))

export function describeLayer2(reason: Layer2Reason): string {
  switch (reason.rule) {
    case "no-endpoints":
      return "no endpoint of the Service can serve"
    case "no-advertisement-selects-service":
      return "no L2Advertisement of the pool selects the Service"
    case "shared-ip-with-service-selector":
      return `allow-shared-ip is incompatible with serviceSelectors on L2 advertisements (${reason.advertisement})`
    case "no-advertisement-covers-node":
      return `no L2Advertisement of ${reason.advertisements.join(", ")} covers this node`
    case "members-unknown":
      return "which speakers are alive is not known yet"
    case "node-dropped":
      return `${reason.node} is no candidate: ${describeDropped(reason.why)}`
    case "drain-waits":
      return `${reason.node} is drained and goes on: ${reason.for.join(", ")} would be next and knows of no draining`
    case "no-candidates":
      return "no node is a candidate"
    case "election":
      return `candidates for ${reason.ip}, the leader first: ${reason.candidates.map(describeRanked).join(", ")}`
    case "interfaces":
      return reason.interfaces === "all" ? "on all interfaces" : `on the interfaces ${reason.interfaces.join(", ")}`
    case "interfaces-missing":
      return `none of the interfaces ${reason.interfaces.join(", ")} exists on this node`
  }
}

const describeRanked = ({ node, score, digest }: Ranked): string =>
  `${node} (score ${score}, digest ${digest.slice(0, 16)})`

function describeDropped(why: Dropped): string {
  switch (why) {
    case "not-a-member":
      return "its speaker is not a living member of the gossip ring"
    case "not-covered":
      return "no L2Advertisement that selects the Service covers it"
    case "no-local-endpoint":
      return "externalTrafficPolicy is Local and no endpoint that can serve runs there"
    case "unaware-of-drain":
      return "its speaker knows of no draining and takes the drained node for the leader"
    case "network-unavailable":
    case "exclude-label":
    case "out-of-service":
    case "drain-taint":
    case "drain-command":
    case "leaving":
      return describeNodeFault(why)
  }
}
