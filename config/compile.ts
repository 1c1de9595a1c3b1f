import { err, ok, type Result } from "../protocols/result.ts"
import { readBGPAdvertisements } from "./bgp-advertisements.ts"
import { readAliases } from "./communities.ts"
import type { ConfigurationFacts, LabelSelector, ResourceFacts } from "./facts.ts"
import type { ConfigurationFault } from "./fault.ts"
import { readL2Advertisements } from "./l2-advertisements.ts"
import { readPeers } from "./peers.ts"
import { readPools } from "./pools.ts"
import { matchesAny, selectorFault } from "./selector.ts"
import type { Snapshot } from "./snapshot.ts"

export interface CompileOptions {
  /** Look from this node: peers and BGP advertisements for other nodes are left out, and their faults with them. */
  readonly nodeName?: string
  /** Where the resources live; only printed in texts. */
  readonly namespace?: string
}

/**
 * Resources to one checked configuration, or everything that is wrong with them. The first fault is the one MetalLB
 * would stop at: peers, communities, pools, layer 2 advertisements, BGP advertisements, each kind in name order.
 */
export function compile(
  facts: ConfigurationFacts,
  { nodeName, namespace = "metallb-system" }: CompileOptions = {},
): Result<Snapshot, readonly ConfigurationFault[]> {
  const faults: ConfigurationFault[] = []
  const labels = facts.nodes.find(({ name }) => name === nodeName)?.labels
  const here = <S extends { readonly nodeSelectors?: readonly LabelSelector[] }>(all: readonly ResourceFacts<S>[]) =>
    nodeName === undefined ? all : all.filter(({ spec }) => concerns(spec.nodeSelectors ?? [], labels))

  const peers = readPeers(byName(here(facts.peers)), namespace, faults)
  const aliases = readAliases(byName(facts.communities), faults)
  const pools = readPools(byName(facts.pools), facts.namespaces, faults)
  const l2 = readL2Advertisements(byName(facts.l2Advertisements), pools, facts.nodes, faults)
  const bgp = readBGPAdvertisements(byName(here(facts.bgpAdvertisements)), pools, aliases, facts.nodes, faults)
  if (faults.length > 0) return err(faults)

  const finished = [...pools.values()].map(({ labels: _labels, entries: _entries, ...pool }) => ({
    ...pool,
    l2Advertisements: l2.get(pool.name) ?? [],
    bgpAdvertisements: bgp.get(pool.name) ?? [],
  }))
  return ok({ pools: new Map(finished.map((pool) => [pool.name, pool])), peers })
}

/** A selector that cannot be read concerns everyone: its fault must not go unseen. */
const concerns = (selectors: readonly LabelSelector[], labels: Readonly<Record<string, string>> | undefined): boolean =>
  selectors.length === 0 ||
  selectors.some((selector) => selectorFault(selector) !== undefined) ||
  (labels !== undefined && matchesAny(selectors, labels))

const byName = <T extends { readonly name: string }>(all: readonly T[]): T[] =>
  all.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
