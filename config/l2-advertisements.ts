import {
  checkRepeats,
  checkSelectorRepeats,
  checkServiceSelectors,
  selectNodes,
  selectPools,
} from "./advertisements.ts"
import { readElectionPolicy } from "./election-policy.ts"
import type { L2AdvertisementSpec, NodeFacts, ResourceFacts } from "./facts.ts"
import { type Complain, complaints, type ConfigurationFault } from "./fault.ts"
import { selectorText } from "./go-text.ts"
import type { PoolDraft } from "./pools.ts"
import { canonicalSelector, matchesSelector, selectorFault } from "./selector.ts"
import type { L2Advertisement } from "./snapshot.ts"

type L2Facts = ResourceFacts<L2AdvertisementSpec>

/** Advertisements by pool name. */
export function readL2Advertisements(
  objects: readonly L2Facts[],
  pools: ReadonlyMap<string, PoolDraft>,
  nodes: readonly NodeFacts[],
  faults: ConfigurationFault[],
): ReadonlyMap<string, readonly L2Advertisement[]> {
  const attached = new Map<string, L2Advertisement[]>([...pools.keys()].map((name) => [name, []]))
  for (const facts of objects) {
    const { complain, clean } = complaints(faults, "L2Advertisement", facts.name)
    const advertisement = readOne(facts, nodes, complain)
    const targets = selectPools(facts.spec, pools, complain)
    if (!clean()) continue
    for (const { name } of targets) {
      const present = attached.get(name)
      if (present !== undefined && !present.some((other) => saysTheSame(other, advertisement)))
        present.push(advertisement)
    }
  }
  return attached
}

function readOne(
  { name, spec, annotations = {} }: L2Facts,
  nodes: readonly NodeFacts[],
  complain: Complain,
): L2Advertisement {
  checkRepeats("ipAddressPools", "ipAddressPools", spec.ipAddressPools ?? [], complain)
  checkSelectorRepeats(spec, complain)
  const eligible = selectNodes(name, spec, nodes, complain)
  const serviceSelectors = checkServiceSelectors(name, spec, complain)
  const interfaces = spec.interfaces ?? []
  const election = readElectionPolicy(annotations, complain)
  return {
    name,
    nodes: eligible,
    interfaces: interfaces.length === 0 ? "all" : interfaces,
    serviceSelectors,
    scores: readScores(
      name,
      spec,
      nodes.filter((node) => eligible.has(node.name)),
      complain,
    ),
    ...(election !== undefined && { election }),
  }
}

/** Preference by node: the weights of all matching entries together. */
function readScores(name: string, spec: L2AdvertisementSpec, nodes: readonly NodeFacts[], complain: Complain) {
  const scores = new Map<string, number>()
  for (const { weight, preference } of spec.preferredNodeSelectors ?? []) {
    const fault = selectorFault(preference)
    if (fault !== undefined) {
      const inner = `${fault}\ninvalid preferred node selector ${selectorText(preference)}`
      complain("preferredNodeSelectors", `${inner}\nfailed to parse preferred node selectors for ${name}`)
    }
    for (const node of nodes)
      if (weight !== 0 && matchesSelector(preference, node.labels))
        scores.set(node.name, (scores.get(node.name) ?? 0) + weight)
  }
  return scores
}

/** Equal but for the name, and then one is enough. With preferences they stack. */
function saysTheSame(a: L2Advertisement, b: L2Advertisement): boolean {
  if (a.scores.size > 0 || b.scores.size > 0 || a.election?.join() !== b.election?.join()) return false
  return (
    a.nodes.symmetricDifference(b.nodes).size === 0 &&
    (a.interfaces === "all" || b.interfaces === "all"
      ? a.interfaces === b.interfaces
      : new Set(a.interfaces).symmetricDifference(new Set(b.interfaces)).size === 0) &&
    a.serviceSelectors.map(canonicalSelector).join("\n") === b.serviceSelectors.map(canonicalSelector).join("\n")
  )
}
