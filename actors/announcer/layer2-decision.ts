import { type EndpointFacts, type ServiceFacts } from "../../config/facts.ts"
import type { L2Advertisement } from "../../config/snapshot.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { Verdict } from "../verdict.ts"
import { considered, type Dropped, localNodes, type Question, scoreOf, whyDropped, whyUnfit } from "./candidates.ts"
import { type Precedence, rank } from "./election.ts"
import { electorate, type Judged } from "./electorate.ts"
import { servable } from "./endpoints.ts"
import type { Layer2Reason } from "./layer2-reasons.ts"
import { policiesFor, policyReasons, precedenceFor, subnetFault } from "./policies.ts"
import { selectsAny } from "./selects.ts"
import type { ServiceDecision } from "./service-decision.ts"
import { isHandedOver, isOurOwn, type NodeFault, nodeFault, type Surroundings, withdrawalFor } from "./surroundings.ts"
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

  const { policies, because: chosen } = policiesFor(advertisements, surroundings.election)
  const question: Question = {
    ips,
    advertisements,
    local: localNodes(service, endpoints),
    policies,
    surroundings,
  }
  // The first address stands for all of them: the other family of a pair follows it to the same node.
  const precedence = precedenceFor(ips[0], policies)
  const inOrder = (nodes: readonly string[]) => rank(nodes, ips[0], (node) => scoreOf(node, advertisements), precedence)
  const { speakers } = surroundings
  const judged = considered(surroundings, speakers).map(
    (node): Judged => ({ node, why: whyDropped(node, question, speakers) }),
  )
  const { candidates, because } = electorate(
    judged,
    surroundings.unaware ?? new Set(),
    (nodes) => inOrder(nodes)[0]?.node,
  )
  because.unshift(...chosen)
  const own = nodeFault(surroundings, me)
  const withdrawal = own !== undefined && isOurOwn(own) ? withdrawalFor[own] : "notOwner"
  if (candidates.length === 0) return withhold(withdrawal, ...because, { rule: "no-candidates" })

  const ranked = inOrder(candidates)
  because.push(...policyReasons(ips[0], ranked[0], policies), { rule: "election", ip: ips[0], candidates: ranked })
  if (ranked[0]?.node !== me) return withhold(withdrawal, ...because)

  const interfaces = interfacesOf(open(covering, question))
  because.push({ rule: "interfaces", interfaces })
  const interfacesMissing = interfaces !== "all" && noneExists(interfaces, surroundings.interfaces)
  if (interfacesMissing) because.push({ rule: "interfaces-missing", interfaces })
  return { decision: { kind: "announce", interfaces, interfacesMissing }, because }
}

/**
 * Who leads instead of this node, for as long as this one could go on until then. Undefined: nobody, this node itself, or
 * it cannot serve any more.
 */
export function successorIn({ because }: Verdict<Layer2Decision, Layer2Reason>, nodeName: string): string | undefined {
  const election = because.find((reason) => reason.rule === "election")
  const leader = election?.candidates[0]?.node
  if (leader === undefined || leader === nodeName) return undefined
  const own = because.find((reason) => reason.rule === "node-dropped" && reason.node === nodeName)
  if (own?.rule !== "node-dropped") return leader
  return isNodeFault(own.why) && isHandedOver(own.why) ? leader : undefined
}

/** Nothing but being drained keeps this node from being a candidate. */
export function isServed({ because }: Verdict<Layer2Decision, Layer2Reason>, nodeName: string): boolean {
  return because.some(
    (reason) =>
      reason.rule === "node-dropped" && reason.node === nodeName && isNodeFault(reason.why) && isOurOwn(reason.why),
  )
}

const isNodeFault = (why: Dropped): why is NodeFault =>
  typeof why === "string" &&
  why !== "not-a-member" &&
  why !== "not-covered" &&
  why !== "no-local-endpoint" &&
  why !== "unaware-of-drain"

/** Where this node stands in the election, if everybody were alive. */
export interface Standing {
  readonly ips: readonly Ip[]
  readonly interfaces: "all" | readonly string[]
  /** Who comes before it, the first first. */
  readonly before: readonly string[]
  /**
   * Who would come before it if nothing had been said in gossip: of its claim, of their being drained, or, where addresses
   * are spread, of who lives. Absent: nobody.
   */
  readonly rivals?: readonly string[]
  /** Absent: the policy `sticky` is not in force. */
  readonly sticky?: { readonly usual: boolean }
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
  const { policies } = policiesFor(advertisements, surroundings.election)
  const local = localNodes(service, endpoints)
  const question: Question = { ips, advertisements, local, policies, surroundings }
  const fitBy = (on: Surroundings): readonly string[] =>
    considered(on, speakers).filter((node) => whyUnfit(node, { ...question, surroundings: on }) === undefined)
  const fit = fitBy(surroundings)
  const { claims, spread } = precedenceFor(first, policies)
  const laidOut: Precedence = { ...(spread && { spread }) }
  const inOrder = (precedence: Precedence, among = fit): readonly string[] =>
    rank(among, first, (node) => scoreOf(node, advertisements), precedence).map(({ node }) => node)
  const order = inOrder({ ...laidOut, ...(claims && { claims }) })
  const ahead = beforeIn(order, me)
  // Whom gossip calls dead knows nothing of our claim, and has laid out addresses over others than we have: if it is heard
  // after all, what both know counts, which is our claim left out and the place while everybody is there.
  const unheard: Precedence = {
    ...(spread && { spread: spread.slice(0, 1) }),
    ...(claims && { claims: new Map([...claims].filter(([node]) => node !== me)) }),
  }
  const untold = claims?.has(me) || spread ? inOrder(unheard) : order
  const before = [...ahead, ...beforeIn(untold, me).filter((node) => !ahead.includes(node) && !speakers.has(node))]
  const { drained, ...undrained } = surroundings
  const unsaid = drained === undefined ? untold : inOrder(unheard, fitBy(undrained))
  const rivals = beforeIn(unsaid, me).filter((node) => !before.includes(node))
  const covering = advertisements.filter(({ nodes }) => nodes.has(me))
  return {
    ips,
    interfaces: interfacesOf(open(covering, question)),
    before,
    ...(rivals.length > 0 && { rivals }),
    ...(policies?.sticky === true && { sticky: { usual: inOrder(laidOut)[0] === me } }),
  }
}

const beforeIn = (order: readonly string[], node: string): readonly string[] => order.slice(0, order.indexOf(node))

function withhold(reason: Withdrawal, ...because: readonly Layer2Reason[]): Verdict<Layer2Decision, Layer2Reason> {
  return { decision: { kind: "withhold", reason }, because }
}

/** Without those whose interfaces here are in other subnets. */
const open = (covering: readonly L2Advertisement[], { ips, policies, surroundings }: Question) =>
  covering.filter((advertisement) => subnetFault(advertisement, surroundings.nodeName, ips, policies) === undefined)

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
