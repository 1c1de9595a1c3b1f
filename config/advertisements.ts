import type { LabelSelector, NodeFacts } from "./facts.ts"
import type { Complain } from "./fault.ts"
import { quote, selectorText } from "./go-text.ts"
import type { PoolDraft } from "./pools.ts"
import { canonicalSelector, firstRepeat, matchesAny, repeatedSelector, selectorFault } from "./selector.ts"

/** What L2Advertisement and BGPAdvertisement have in common: which pools, which nodes, which Services. */
export interface Selecting {
  readonly ipAddressPools?: readonly string[]
  readonly ipAddressPoolSelectors?: readonly LabelSelector[]
  readonly nodeSelectors?: readonly LabelSelector[]
  readonly serviceSelectors?: readonly LabelSelector[]
}

export function checkRepeats(field: string, what: string, texts: readonly string[], complain: Complain): void {
  const repeat = firstRepeat(texts)
  if (repeat !== undefined) complain(field, `duplicate definition of ${what} ${quote(repeat)}`)
}

export function checkSelectorRepeats(spec: Selecting, complain: Complain): void {
  for (const field of ["ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors"] as const) {
    const repeat = repeatedSelector(spec[field] ?? [], field)
    if (repeat !== undefined) complain(field, repeat)
  }
}

/** Names of the nodes that may announce. No selectors: all of them. */
export function selectNodes(
  name: string,
  spec: Selecting,
  nodes: readonly NodeFacts[],
  complain: Complain,
): Set<string> {
  const selectors = spec.nodeSelectors ?? []
  for (const selector of selectors) {
    const fault = badSelector(selector)
    if (fault !== undefined) complain("nodeSelectors", `${fault}\nfailed to parse node selector for ${name}`)
  }
  const chosen = selectors.length === 0 ? nodes : nodes.filter(({ labels }) => matchesAny(selectors, labels))
  return new Set(chosen.map((node) => node.name))
}

export function checkServiceSelectors(name: string, spec: Selecting, complain: Complain): readonly LabelSelector[] {
  const selectors = spec.serviceSelectors ?? []
  for (const selector of selectors) {
    const fault = selectorFault(selector)
    if (fault === undefined) continue
    const inner = `invalid service selector ${selectorText(selector)}: ${fault}`
    complain("serviceSelectors", `${inner}\nfailed to parse service selector for ${name}`)
  }
  return selectors.toSorted((a, b) => (canonicalSelector(a) < canonicalSelector(b) ? -1 : 1))
}

/** Pools by name and by label, each once, named ones first; neither list: every pool. Unknown names mean nothing. */
export function selectPools(spec: Selecting, pools: ReadonlyMap<string, PoolDraft>, complain: Complain): PoolDraft[] {
  const { ipAddressPools = [], ipAddressPoolSelectors = [] } = spec
  if (ipAddressPools.length + ipAddressPoolSelectors.length === 0) return [...pools.values()]
  for (const selector of ipAddressPoolSelectors) {
    const fault = badSelector(selector)
    if (fault !== undefined) complain("ipAddressPoolSelectors", fault)
  }
  const named = ipAddressPools.flatMap((name) => pools.get(name) ?? [])
  const labelled = [...pools.values()].filter(({ labels }) => matchesAny(ipAddressPoolSelectors, labels))
  return [...new Set([...named, ...labelled])]
}

const badSelector = (selector: LabelSelector): string | undefined => {
  const fault = selectorFault(selector)
  return fault === undefined ? undefined : `${fault}\ninvalid label selector ${selectorText(selector)}`
}
