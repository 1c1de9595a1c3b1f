import { ownAnnotations } from "../../config/annotations.ts"
import type { ConfigurationFacts, LabelSelector, ResourceFacts } from "../../config/facts.ts"
import type { ConfigurationKind } from "../../config/fault.ts"
import { matchesAny } from "../../config/selector.ts"

/** Valid, and probably not what was meant. */
export interface Doubt {
  readonly object: { readonly kind: ConfigurationKind; readonly name: string }
  readonly field: string
  readonly text: string
}

interface Choosing {
  readonly ipAddressPools?: readonly string[]
  readonly ipAddressPoolSelectors?: readonly LabelSelector[]
}

const choosesAll = ({ ipAddressPools = [], ipAddressPoolSelectors = [] }: Choosing): boolean =>
  ipAddressPools.length + ipAddressPoolSelectors.length === 0

/** Names that lead nowhere, which MetalLB passes over in silence, and pools that nobody announces. */
export function* doubts(facts: ConfigurationFacts): Iterable<Doubt> {
  const pools = new Set(facts.pools.map(({ name }) => name))
  const peers = new Set(facts.peers.map(({ name }) => name))
  const advertisements = [
    ...facts.l2Advertisements.map(({ name, spec }) => ({ kind: "L2Advertisement" as const, name, spec })),
    ...facts.bgpAdvertisements.map(({ name, spec }) => ({ kind: "BGPAdvertisement" as const, name, spec })),
  ]
  for (const { kind, name, spec } of advertisements)
    for (const [index, pool] of (spec.ipAddressPools ?? []).entries())
      if (!pools.has(pool)) {
        const text = `there is no IPAddressPool ${pool}: the name means nothing`
        yield { object: { kind, name }, field: `ipAddressPools[${index}]`, text }
      }
  for (const { name, spec } of facts.bgpAdvertisements)
    for (const [index, peer] of (spec.peers ?? []).entries())
      if (!peers.has(peer)) {
        const text = `there is no BGPPeer ${peer}: the name means nothing`
        yield { object: { kind: "BGPAdvertisement", name }, field: `peers[${index}]`, text }
      }
  for (const { name, labels } of facts.pools) {
    const announced = advertisements.some(
      ({ spec }) =>
        choosesAll(spec) ||
        (spec.ipAddressPools ?? []).includes(name) ||
        matchesAny(spec.ipAddressPoolSelectors ?? [], labels),
    )
    if (!announced) {
      const text =
        "no L2Advertisement and no BGPAdvertisement selects this pool: its addresses are given and not announced"
      yield { object: { kind: "IPAddressPool", name }, field: "", text }
    }
  }
  if (facts.bgpAdvertisements.length > 0 && facts.peers.length === 0)
    for (const { name } of facts.bgpAdvertisements)
      yield { object: { kind: "BGPAdvertisement", name }, field: "", text: "there is no BGPPeer: nobody hears of it" }
  yield* strangeAnnotations("IPAddressPool", facts.pools)
  yield* strangeAnnotations("L2Advertisement", facts.l2Advertisements)
  yield* strangeAnnotations("BGPAdvertisement", facts.bgpAdvertisements)
  yield* strangeAnnotations("BGPPeer", facts.peers)
}

/** Ours by their name, and nobody reads them. */
function* strangeAnnotations(kind: ConfigurationKind, all: readonly ResourceFacts<unknown>[]): Iterable<Doubt> {
  const known = Object.keys(ownAnnotations[kind] ?? {})
  for (const { name, annotations = {} } of all)
    for (const annotation of Object.keys(annotations)) {
      if (known.includes(annotation)) continue
      const list = known.length === 0 ? "" : `; there are ${known.join(", ")}`
      const text = `a ${kind} has no annotation ${annotation}${list}`
      yield { object: { kind, name }, field: "metadata.annotations", text }
    }
}
