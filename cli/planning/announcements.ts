import type { BgpReason } from "../../actors/announcer/bgp-decision.ts"
import type { Layer2Reason } from "../../actors/announcer/layer2-reasons.ts"
import { selectsAny } from "../../actors/announcer/selects.ts"
import { decideService, type ServiceVerdict } from "../../actors/announcer/service-decision.ts"
import type { Surroundings } from "../../actors/announcer/surroundings.ts"
import { compile } from "../../config/compile.ts"
import type { EndpointFacts, NodeFacts, ServiceFacts } from "../../config/facts.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import type { ClusterFacts } from "../manifests/facts.ts"

/** What a speaker on each node has in force. */
export interface InForce {
  readonly snapshots: ReadonlyMap<string, Snapshot>
  /** Of the newest resources, whichever node they are for. */
  readonly faults: readonly ConfigurationFault[]
}

/** A configuration that is not valid leaves what was in force before. Peers of other nodes do not keep a node back. */
export function inForce(facts: ClusterFacts, namespace: string, before?: InForce): InForce {
  const snapshots = new Map<string, Snapshot>()
  const { peers, bgpAdvertisements } = facts.configuration
  const differs = [...peers, ...bgpAdvertisements].some(({ spec }) => (spec.nodeSelectors ?? []).length > 0)
  const everywhere = compile(facts.configuration, { namespace })
  for (const nodeName of facts.nodes.keys()) {
    const compiled = differs ? compile(facts.configuration, { nodeName, namespace }) : everywhere
    const snapshot = compiled.ok ? compiled.value : before?.snapshots.get(nodeName)
    if (snapshot !== undefined) snapshots.set(nodeName, snapshot)
  }
  return { snapshots, faults: everywhere.ok ? [] : everywhere.error }
}

export interface Watching {
  readonly nodes: ReadonlyMap<string, NodeFacts>
  readonly speakers: ReadonlySet<string> | "off"
  readonly loadBalancerClass: string
}

/** Who announces one Service, and by which rules. */
export interface Announced {
  /** The node that answers ARP and NDP. */
  readonly layer2?: { readonly node: string; readonly interfaces: "all" | readonly string[] }
  /** In node order. */
  readonly bgp: readonly { readonly node: string; readonly prefix: string; readonly peers: readonly string[] }[]
  /** By node, for those that have a speaker and a configuration. */
  readonly verdicts: ReadonlyMap<string, ServiceVerdict>
}

/** Nobody announces, and nothing was looked at. */
export const unannounced: Announced = { bgp: [], verdicts: new Map() }

/**
 * Asks every speaker's decision. All of them find the same leader, so unless `inFull` the election is held once: the other
 * nodes' layer 2 verdicts are then left undecided.
 */
export function announced(
  service: ServiceFacts,
  endpoints: EndpointFacts | undefined,
  { snapshots }: InForce,
  watching: Watching,
  inFull = false,
): Announced {
  const verdicts = new Map<string, ServiceVerdict>()
  const bgp: Announced["bgp"][number][] = []
  let leader: string | undefined
  let layer2: Announced["layer2"]
  const speakers = speakerNodes(watching, snapshots)
  const ask = (nodeName: string, snapshot: Snapshot, elect: boolean) =>
    decideService(service, endpoints, surroundings(nodeName, snapshot, watching, elect))
  for (const node of speakers) {
    const snapshot = snapshots.get(node)
    if (snapshot === undefined) continue
    const verdict = ask(node, snapshot, inFull || leader === undefined || leader === node)
    verdicts.set(node, verdict)
    const { decision } = verdict
    if (decision.kind !== "considered") continue
    leader ??= leaderIn(decision.layer2.because)
    if (decision.bgp.decision.kind !== "announce") continue
    for (const { prefix, peers } of decision.bgp.decision.routes) {
      const to = peersOf(snapshot, watching.nodes.get(node), peers)
      if (to.length > 0) bgp.push({ node, prefix, peers: to })
    }
  }
  // The leader may have been asked before it was known to be one.
  const own = leader === undefined ? undefined : snapshots.get(leader)
  if (leader !== undefined && own !== undefined) {
    const verdict = ask(leader, own, true)
    verdicts.set(leader, verdict)
    const decision = verdict.decision.kind === "considered" ? verdict.decision.layer2.decision : undefined
    if (decision?.kind === "announce") layer2 = { node: leader, interfaces: decision.interfaces }
  }
  return { ...(layer2 && { layer2 }), bgp, verdicts }
}

/** Every node counts where no speaker Pod is known. */
const speakerNodes = ({ nodes, speakers }: Watching, snapshots: ReadonlyMap<string, Snapshot>): readonly string[] =>
  [...(speakers === "off" ? nodes.keys() : speakers)].filter((node) => snapshots.has(node)).sort()

export const leaderIn = (because: readonly Layer2Reason[]): string | undefined =>
  because.flatMap((reason) => (reason.rule === "election" ? reason.candidates : []))[0]?.node

function surroundings(nodeName: string, snapshot: Snapshot, watching: Watching, elect: boolean): Surroundings {
  const { nodes, speakers, loadBalancerClass } = watching
  return {
    nodeName,
    snapshot,
    nodes,
    speakers: elect ? speakers : "unknown",
    ...(loadBalancerClass !== "" && { loadBalancerClass }),
    ignoreExcludeLoadBalancer: false,
  }
}

/** The peers that this node has, as far as the route goes to them. */
const peersOf = (snapshot: Snapshot, node: NodeFacts | undefined, named: readonly string[]): readonly string[] =>
  snapshot.peers
    .filter(({ nodeSelectors }) => selectsAny(nodeSelectors, node?.labels ?? {}))
    .map(({ name }) => name)
    .filter((name) => named.length === 0 || named.includes(name))

export const bgpReasons = (verdict: ServiceVerdict | undefined): readonly BgpReason[] =>
  verdict?.decision.kind === "considered" ? verdict.decision.bgp.because : []
export const layer2Reasons = (verdict: ServiceVerdict | undefined): readonly Layer2Reason[] =>
  verdict?.decision.kind === "considered" ? verdict.decision.layer2.because : []
