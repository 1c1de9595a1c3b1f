import { isDeepStrictEqual } from "node:util"
import { err, ok, type Result } from "../protocols/result.ts"
import { readBFDProfiles } from "./bfd-profiles.ts"
import { readBGPAdvertisements } from "./bgp-advertisements.ts"
import { readAliases } from "./communities.ts"
import type { BFDProfileSpec, ConfigurationFacts, LabelSelector, ResourceFacts } from "./facts.ts"
import type { ConfigurationFault, ConfigurationKind } from "./fault.ts"
import { readL2Advertisements } from "./l2-advertisements.ts"
import { type Mode, modeFaults } from "./modes.ts"
import { echoFaults, peerReferenceFaults } from "./peer-references.ts"
import { readPeers } from "./peers.ts"
import { readPools } from "./pools.ts"
import { matchesAny, selectorFault } from "./selector.ts"
import { shaped } from "./shape.ts"
import type { Snapshot } from "./snapshot.ts"

export interface CompileOptions {
  /** Look from this node: peers and BGP advertisements for other nodes are left out, and their faults with them. */
  readonly nodeName?: string
  /** Where the resources live; only printed in texts. */
  readonly namespace?: string
  /** Who speaks BGP: each mode refuses what it cannot do. Default `native`. */
  readonly mode?: Mode
}

/**
 * Resources to one checked configuration, or everything that is wrong with them. The first fault is the one MetalLB
 * would stop at: what the mode refuses, BFD profiles, peers, communities, pools, layer 2 advertisements, BGP
 * advertisements, each kind in name order. Total: whatever the specs are, the answer is a value.
 */
export function compile(
  facts: ConfigurationFacts,
  { nodeName, namespace = "metallb-system", mode = "native" }: CompileOptions = {},
): Result<Snapshot, readonly ConfigurationFault[]> {
  const faults: ConfigurationFault[] = []
  const labels = facts.nodes.find(({ name }) => name === nodeName)?.labels
  const here = <S extends { readonly nodeSelectors?: readonly LabelSelector[] }>(all: readonly ResourceFacts<S>[]) =>
    nodeName === undefined ? all : all.filter(({ spec }) => concerns(spec.nodeSelectors ?? [], labels))
  const sorted: ConfigurationFacts = {
    ...facts,
    pools: readable("IPAddressPool", facts.pools, faults),
    l2Advertisements: readable("L2Advertisement", facts.l2Advertisements, faults),
    bgpAdvertisements: here(readable("BGPAdvertisement", facts.bgpAdvertisements, faults)),
    peers: here(readable("BGPPeer", facts.peers, faults)),
    communities: readable("Community", facts.communities, faults),
    bfdProfiles: readable("BFDProfile", facts.bfdProfiles ?? [], faults),
  }

  faults.push(...modeFaults(mode, sorted))
  const profiles = readBFDProfiles(sorted.bfdProfiles ?? [], faults)
  const peers = readPeersAndReferences(facts, sorted, profiles, namespace, faults)
  const aliases = readAliases(sorted.communities, faults)
  const pools = readPools(sorted.pools, facts.namespaces, faults)
  const l2 = readL2Advertisements(sorted.l2Advertisements, pools, facts.nodes, faults)
  faults.push(...equalFaults(sorted.bgpAdvertisements))
  const bgp = readBGPAdvertisements(sorted.bgpAdvertisements, pools, aliases, facts.nodes, faults)

  const finished = [...pools.values()].map(({ labels: _labels, entries: _entries, ...pool }) => ({
    ...pool,
    l2Advertisements: l2.get(pool.name) ?? [],
    bgpAdvertisements: bgp.get(pool.name) ?? [],
  }))
  faults.push(...echoFaults(finished, sorted.peers, profiles))
  if (faults.length > 0) return err(faults)
  return ok({ pools: new Map(finished.map((pool) => [pool.name, pool])), peers })
}

/** What assigning addresses depends on: faults elsewhere are the speakers' concern. */
export const poolsAlone = (facts: ConfigurationFacts): ConfigurationFacts => {
  const { passwordSecrets: _, bfdProfiles: __, ...rest } = facts
  return { ...rest, l2Advertisements: [], bgpAdvertisements: [], peers: [] }
}

/** A selector that cannot be read concerns everyone: its fault must not go unseen. */
const concerns = (selectors: readonly LabelSelector[], labels: Readonly<Record<string, string>> | undefined): boolean =>
  selectors.length === 0 ||
  selectors.some((selector) => selectorFault(selector) !== undefined) ||
  (labels !== undefined && matchesAny(selectors, labels))

/** Those whose spec has the types of its kind, in name order. */
function readable<Spec>(
  kind: ConfigurationKind,
  all: readonly ResourceFacts<Spec>[],
  faults: ConfigurationFault[],
): readonly ResourceFacts<Spec>[] {
  return byName(all).flatMap((resource) => {
    const spec = shaped(kind, resource.spec)
    if (spec.ok) return [{ ...resource, spec: spec.value as Spec }]
    const { path, text } = spec.error
    faults.push({ object: { kind, name: resource.name }, field: path.replace(/^spec\.?/, ""), text })
    return []
  })
}

/** The faults of one peer stand together, in the order of the rules: what it names comes last. */
function readPeersAndReferences(
  { bfdProfiles, passwordSecrets }: ConfigurationFacts,
  { peers }: ConfigurationFacts,
  profiles: ReadonlyMap<string, BFDProfileSpec>,
  namespace: string,
  faults: ConfigurationFault[],
) {
  const found: ConfigurationFault[] = []
  const read = readPeers(peers, namespace, found, profiles, passwordSecrets)
  const at = {
    namespace,
    ...(passwordSecrets !== undefined && { secrets: passwordSecrets }),
    ...(bfdProfiles !== undefined && { profiles: new Set(bfdProfiles.map(({ name }) => name)) }),
  }
  const references = peers.flatMap((peer) => peerReferenceFaults(peer, at))
  faults.push(...[...found, ...references].toSorted((a, b) => compareText(a.object.name, b.object.name)))
  return read
}

function* equalFaults(advertisements: ConfigurationFacts["bgpAdvertisements"]): Iterable<ConfigurationFault> {
  for (const [j, later] of advertisements.entries())
    for (const [i, earlier] of advertisements.entries()) {
      if (i >= j || later.name !== earlier.name || !isDeepStrictEqual(later, earlier)) continue
      const text = `duplicate definition of bgpadvertisements. advertisement ${i + 1} and ${j + 1} are equal`
      yield { object: { kind: "BGPAdvertisement", name: later.name }, text }
    }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const byName = <T extends { readonly name: string }>(all: readonly T[]): T[] =>
  all.toSorted((a, b) => compareText(a.name, b.name))
