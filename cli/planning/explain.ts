import { incompatibility, tiersFor } from "../../actors/allocator/compatibility.ts"
import { decide } from "../../actors/allocator/decide.ts"
import { type AllocationReason, describe, describeRefusal } from "../../actors/allocator/reasons.ts"
import { claimOf, poolAnnotation, requestedAddresses, requestedPool } from "../../actors/allocator/request.ts"
import { describeBgp } from "../../actors/announcer/bgp-decision.ts"
import { describeLayer2 } from "../../actors/announcer/layer2-reasons.ts"
import { describeService, type ServiceVerdict } from "../../actors/announcer/service-decision.ts"
import type { ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { Pool } from "../../config/snapshot.ts"
import { type ClusterFacts, clusterFacts } from "../manifests/facts.ts"
import { idText, type ObjectSet } from "../manifests/objects.ts"
import { Allocation } from "./allocation.ts"
import { announced, type InForce, inForce } from "./announcements.ts"

export interface Explanation {
  readonly service: ServiceKey
  readonly addresses: readonly string[]
  /** Where the addresses came from, as the Service says. */
  readonly pool?: string
  /** What the Service asks for, and what bears on it. */
  readonly asks: readonly string[]
  readonly allocation: {
    readonly state: "assigned" | "waiting" | "not-wanted" | "not-decided"
    /** The rules that led to what it has or has not, in order. */
    readonly because: readonly string[]
    /** The rule by which the pool is the one. */
    readonly rule?: string
    /** Each pool, in the order in which they would be tried today. */
    readonly pools: readonly { readonly pool: string; readonly says: string }[]
    /** The controller would change this as soon as it looks. */
    readonly due?: readonly string[]
  }
  readonly sharesWith: readonly ServiceKey[]
  readonly announcements: {
    readonly layer2?: string
    readonly election: readonly string[]
    readonly nodes: readonly NodeExplanation[]
  }
  readonly notes: readonly string[]
}

export interface NodeExplanation {
  readonly node: string
  readonly layer2: ProtocolExplanation
  readonly bgp: ProtocolExplanation
}

interface ProtocolExplanation {
  readonly announces: boolean
  readonly because: readonly string[]
}

export interface ExplainOptions {
  readonly home: string
  readonly loadBalancerClass: string
}

/** Why a Service has what it has. Undefined: there is no such Service. */
export const explainService = (objects: ObjectSet, key: ServiceKey, options: ExplainOptions): Explanation | undefined =>
  explainer(objects, options)(key)

/** The same for many Services of one cluster: what they have in common is worked out once. */
export function explainer(objects: ObjectSet, options: ExplainOptions): (key: ServiceKey) => Explanation | undefined {
  const facts = clusterFacts(objects, options.home)
  const allocation = new Allocation({ ...options, namespace: options.home })
  const faults = allocation.start(facts.services.values(), facts.configuration)
  const force = inForce(facts, options.home)
  return (key) => {
    const service = facts.services.get(key)
    return service && explainOne(service, { facts, allocation, faults, force }, options)
  }
}

interface Common {
  readonly facts: ClusterFacts
  readonly allocation: Allocation
  readonly faults: readonly ConfigurationFault[]
  readonly force: InForce
}

function explainOne(
  service: ServiceFacts,
  { facts, allocation, faults, force }: Common,
  options: ExplainOptions,
): Explanation {
  const { key } = service
  const addresses = service.ingress.flatMap(({ ip }) => (ip === "" ? [] : [ip]))
  const pool = service.annotations[poolAnnotation]
  return {
    service: key,
    addresses,
    ...(pool !== undefined && { pool }),
    asks: asksOf(service),
    allocation: explainAllocation(service, allocation, options),
    sharesWith: [...facts.services.values()]
      .filter((other) => other.key !== key && other.ingress.some(({ ip }) => addresses.includes(ip)))
      .map((other) => other.key),
    announcements: explainAnnouncements(service, facts, force, options),
    notes: [
      ...faults.map(
        ({ object, text }) =>
          `the pools are not valid, the controller keeps those it had: ${object.kind} ${object.name}: ${text}`,
      ),
      ...facts.unreadable.map(({ id, text }) => `${idText(id)} is left out, its schema refuses it: ${text}`),
      ...(facts.speakers === "off" ? ["no speaker Pod is known: every node is taken for one that can announce"] : []),
    ],
  }
}

function asksOf(service: ServiceFacts): readonly string[] {
  const { type, loadBalancerClass, clusterIPs, ipFamilyPolicy, ipFamilies, externalTrafficPolicy } = service
  const requested = requestedAddresses(service)
  const pool = requestedPool(service)
  const { sharing, ports } = claimOf(service)
  return [
    `type ${type}${loadBalancerClass === undefined ? "" : `, class ${loadBalancerClass}`}`,
    `${ipFamilyPolicy || "SingleStack"} ${ipFamilies.join(", ")}, cluster IPs ${clusterIPs.join(", ") || "none"}`,
    ...(requested.ok && requested.value.length > 0 ? [`addresses ${requested.value.join(", ")}`] : []),
    ...(requested.ok ? [] : [describeRefusal(requested.error)]),
    ...(pool === "" ? [] : [`pool ${pool}`]),
    ...(sharing === "" ? [] : [`may share its address with Services of the key ${sharing}, on other ports`]),
    `ports ${ports.join(", ") || "none"}, externalTrafficPolicy ${externalTrafficPolicy || "Cluster"}`,
  ]
}

function explainAllocation(
  service: ServiceFacts,
  allocation: Allocation,
  { loadBalancerClass }: ExplainOptions,
): Explanation["allocation"] {
  const { book, pools } = allocation
  if ((service.loadBalancerClass ?? "") !== loadBalancerClass) {
    const theirs = service.loadBalancerClass ?? "none"
    const because = [`its load-balancer class is ${theirs}, ours is ${loadBalancerClass || "none"}: it is not ours`]
    return { state: "not-decided", because, pools: [] }
  }
  if (pools === undefined) return { state: "not-decided", because: ["no valid pools are known"], pools: [] }
  const held = book.holding(service.key)
  const verdict = decide(service, book)
  const { state, changed, ingress } = verdict.decision
  // What would become of it if it had nothing: why this pool, or why none.
  book.release(service.key)
  const { loadBalancerIP: _, ...rest } = service
  const bare = { ...(service.loadBalancerIP === undefined ? rest : service), ingress: [] }
  const fresh = decide(bare, book)
  // As it was, for the next one.
  book.release(service.key)
  if (held !== undefined) book.ask({ kind: "assign", ...held })
  const rule = verdict.decision.condition?.status === "True" ? verdict.decision.condition.message : undefined
  return {
    state,
    because: verdict.because.map(describe),
    ...(rule !== undefined && { rule }),
    pools: explainPools(service, pools, fresh.because),
    ...(changed &&
      ingress.join() !== service.ingress.map(({ ip }) => ip).join() && {
        due: [`it should have ${ingress.join(", ") || "no address"}: the controller has not written that yet`],
      }),
  }
}

/** What each pool answers to a Service that holds nothing, those first that are tried first. */
function explainPools(service: ServiceFacts, pools: ReadonlyMap<string, Pool>, because: readonly AllocationReason[]) {
  const { pinned, open } = tiersFor(service, pools)
  const tried = [...pinned, ...open]
  const order = [...tried, ...[...pools.values()].filter((pool) => !tried.includes(pool))]
  const requested = requestedAddresses(service)
  const asked = requestedPool(service)
  const given = because.find((reason) => reason.kind === "assigned")
  return order.map((pool) => {
    const refusals = because.filter((reason) => reason.kind === "pool-passed-over" && reason.pool === pool.name)
    const refused = incompatibility(pool, service)
    const says = (): string => {
      if (given?.pool === pool.name) return `would give ${given.addresses.join(", ")} today (${howText[given.how]})`
      if (refusals.length > 0) return [...new Set(refusals.map(describe))].join("; ")
      if (refused !== undefined) return describeRefusal(refused)
      if (requested.ok && requested.value.length > 0) return "not asked: the addresses that the Service names decide"
      if (asked !== "" && asked !== pool.name) return `not asked: the Service wants pool ${asked}`
      if (!pool.autoAssign) return describe({ kind: "pool-passed-over", pool: pool.name, because: "auto-assign-off" })
      if (!tried.includes(pool)) return "never chosen by itself: its serviceAllocation matches no namespace"
      if (given !== undefined) return `not asked: pool ${given.pool} comes first`
      const refusal = because.findLast((reason) => reason.kind === "not-assigned")
      return refusal === undefined ? "not asked" : describe(refusal)
    }
    return { pool: pool.name, says: says() }
  })
}

const howText = {
  "requested-addresses": "the Service asks for it by address",
  "requested-pool": "the Service asks for this pool",
  pinned: "the pool's serviceAllocation names this Service",
  automatic: "chosen among the pools for everybody",
  "added-family": "a second family from the same pool",
} as const

function explainAnnouncements(
  service: ServiceFacts,
  facts: ClusterFacts,
  force: InForce,
  { loadBalancerClass }: ExplainOptions,
): Explanation["announcements"] {
  const { nodes, speakers, endpoints } = facts
  const { layer2, bgp, verdicts } = announced(
    service,
    endpoints.get(service.key),
    force,
    { nodes, speakers, loadBalancerClass },
    true,
  )
  const election = layer2 ? layer2Texts(verdicts.get(layer2.node), "election") : []
  const silent = [...nodes.keys()].filter((node) => !verdicts.has(node)).sort()
  return {
    ...(layer2 && { layer2: layer2.node }),
    election,
    nodes: [
      ...[...verdicts].map(([node, verdict]): NodeExplanation => {
        const leads = node === layer2?.node
        const own = bgp.filter((route) => route.node === node)
        return {
          node,
          layer2: { announces: leads, because: layer2Because(verdict, leads, layer2?.node) },
          bgp: {
            announces: own.length > 0,
            because:
              own.length > 0
                ? own.map(({ prefix, peers }) => `${prefix} to ${peers.join(", ")}`)
                : bgpBecause(verdict, force.snapshots.get(node)?.peers.length ?? 0),
          },
        }
      }),
      ...silent.map((node): NodeExplanation => {
        const because = [
          force.snapshots.has(node)
            ? "no speaker Pod runs there"
            : `no valid configuration: ${force.faults[0]?.text ?? ""}`,
        ]
        return { node, layer2: { announces: false, because }, bgp: { announces: false, because } }
      }),
    ],
  }
}

type Considered = Extract<ServiceVerdict["decision"], { kind: "considered" }>
const consideredIn = ({ decision }: ServiceVerdict): Considered | undefined =>
  decision.kind === "considered" ? decision : undefined

function layer2Texts(verdict: ServiceVerdict | undefined, rule: "election"): readonly string[] {
  const because = (verdict && consideredIn(verdict))?.layer2.because ?? []
  return because.filter((reason) => reason.rule === rule || reason.rule === "node-dropped").map(describeLayer2)
}

/** The election and who was dropped are said once for all nodes. */
function layer2Because(verdict: ServiceVerdict, leads: boolean, leader: string | undefined): readonly string[] {
  const considered = consideredIn(verdict)
  if (considered === undefined) return verdict.because.map(describeService)
  const { because } = considered.layer2
  const own = because.filter(({ rule }) => rule !== "election" && (leader === undefined || rule !== "node-dropped"))
  if (leads) return own.map(describeLayer2)
  return own.length > 0 ? own.map(describeLayer2) : [`${leader ?? "nobody"} leads`]
}

function bgpBecause(verdict: ServiceVerdict, peers: number): readonly string[] {
  const considered = consideredIn(verdict)
  if (considered === undefined) return verdict.because.map(describeService)
  const { decision, because } = considered.bgp
  if (decision.kind === "withhold") return because.map(describeBgp)
  return [
    peers === 0 ? "there is no BGPPeer for this node" : "no BGPPeer that the advertisement names is for this node",
  ]
}
