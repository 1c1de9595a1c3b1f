import {
  checkRepeats,
  checkSelectorRepeats,
  checkServiceSelectors,
  selectNodes,
  selectPools,
} from "./advertisements.ts"
import { type Aliases, type Community, compareCommunities, mayBeAlias, resolveCommunity } from "./communities.ts"
import { readNumber } from "./annotations.ts"
import type { BGPAdvertisementSpec, NodeFacts, ResourceFacts } from "./facts.ts"
import { type Complain, complaints, type ConfigurationFault } from "./fault.ts"
import { quote } from "./go-text.ts"
import type { PoolDraft } from "./pools.ts"
import type { BGPAdvertisement } from "./snapshot.ts"

type BGPFacts = ResourceFacts<BGPAdvertisementSpec>

/** Advertisements by pool name. */
export function readBGPAdvertisements(
  objects: readonly BGPFacts[],
  pools: ReadonlyMap<string, PoolDraft>,
  aliases: Aliases,
  nodes: readonly NodeFacts[],
  faults: ConfigurationFault[],
): ReadonlyMap<string, readonly BGPAdvertisement[]> {
  const attached = new Map<string, BGPAdvertisement[]>([...pools.keys()].map((name) => [name, []]))
  for (const facts of objects) {
    const { complain, clean } = complaints(faults, "BGPAdvertisement", facts.name)
    const advertisement = readOne(facts, aliases, nodes, complain)
    for (const pool of selectPools(facts.spec, pools, complain)) {
      const present = attached.get(pool.name) ?? []
      checkAgainstPool(advertisement, pool, present, complain)
      if (clean()) present.push(advertisement)
    }
  }
  return attached
}

/** Longer paths are cut off or refused by routers that guard against them, and sway nobody more. */
const longestPrepend = 32

function readOne(
  { name, spec, annotations }: BGPFacts,
  aliases: Aliases,
  nodes: readonly NodeFacts[],
  complain: Complain,
) {
  const { aggregationLength = 32, aggregationLengthV6 = 128, communities = [], peers = [], localPref = 0 } = spec
  checkRepeats("ipAddressPools", "ipAddressPools", spec.ipAddressPools ?? [], complain)
  checkRepeats("communities", "community", communities, complain)
  checkRepeats("peers", "peers", peers, complain)
  checkSelectorRepeats(spec, complain)
  const lengths = [
    { field: "aggregationLength", value: aggregationLength, bits: 32, family: "IPv4" },
    { field: "aggregationLengthV6", value: aggregationLengthV6, bits: 128, family: "IPv6" },
  ]
  // A route for many addresses cannot depend on the labels of one Service.
  for (const { field, value, bits } of lengths)
    if ((spec.serviceSelectors ?? []).length > 0 && value !== bits)
      complain(field, `serviceSelectors and ${field} are mutually exclusive, both cannot be set in ${name}`)
  for (const { field, value, bits, family } of lengths)
    if (value > bits) complain(field, `invalid aggregation length ${value} for ${family}`)
  const resolved = new Map<string, Community>()
  for (const text of communities) {
    const community = resolveCommunity(text, aliases)
    if (community.ok) resolved.set(community.value.text, community.value)
    else {
      const fault = `${community.error}\ninvalid community ${quote(text)} in BGP advertisement`
      complain("communities", fault, mayBeAlias(text) ? "transient" : undefined)
    }
  }
  const med = readNumber(annotations, "troupe.dev/med", { from: 0, to: 4_294_967_295 }, complain)
  const prepend = readNumber(annotations, "troupe.dev/as-path-prepend", { from: 1, to: longestPrepend }, complain)
  const eligible = selectNodes(name, spec, nodes, complain)
  return {
    name,
    nodes: eligible,
    aggregationLength,
    aggregationLengthV6,
    localPref,
    communities: [...resolved.values()].sort(compareCommunities).map(({ text }) => text),
    ...(med !== undefined && { med }),
    ...(prepend !== undefined && { prepend }),
    peers,
    serviceSelectors: checkServiceSelectors(name, spec, complain),
  }
}

function checkAgainstPool(
  advertisement: BGPAdvertisement,
  pool: PoolDraft,
  present: readonly BGPAdvertisement[],
  complain: Complain,
): void {
  for (const { text, blocks } of pool.entries) {
    const [first] = blocks
    if (first === undefined) continue
    const shortest = Math.min(...blocks.map(({ length }) => length))
    const v4 = first.family === "ipv4"
    const length = v4 ? advertisement.aggregationLength : advertisement.aggregationLengthV6
    // Aggregating wider than the pool would attract traffic for addresses that are somebody else's.
    if (length < shortest)
      complain(
        v4 ? "aggregationLength" : "aggregationLengthV6",
        `invalid aggregation length ${length}: prefix ${shortest} in this pool is more specific than the aggregation length for addresses ${text}`,
      )
  }
  const meeting = present.filter((earlier) => meets(advertisement, earlier, pool))
  const other = meeting.find(({ localPref }) => localPref !== advertisement.localPref)
  if (other !== undefined)
    complain(
      "localPref",
      `invalid local preference ${advertisement.localPref}: local preferernce ${other.localPref} was already set for the same type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths`,
    )
  for (const [name, of] of statedByAnnotation) {
    const value = of(advertisement)
    const against = meeting.find((earlier) => of(earlier) !== undefined && of(earlier) !== value)
    if (value === undefined || against === undefined) continue
    const text = `invalid ${name} ${value}: advertisement ${against.name} says ${of(against)} of the same routes`
    complain("metadata.annotations", text)
  }
}

const statedByAnnotation: readonly (readonly [string, (one: BGPAdvertisement) => number | undefined])[] = [
  ["troupe.dev/med", ({ med }) => med],
  ["troupe.dev/as-path-prepend", ({ prepend }) => prepend],
]

/** One prefix can come from both of them, for the same peer and from the same node. */
function meets(a: BGPAdvertisement, b: BGPAdvertisement, pool: PoolDraft): boolean {
  if (a.serviceSelectors.length > 0 || b.serviceSelectors.length > 0) return false
  const families = new Set(pool.blocks.map(({ family }) => family))
  const v4 = !families.has("ipv4") || a.aggregationLength !== b.aggregationLength
  const v6 = !families.has("ipv6") || a.aggregationLengthV6 !== b.aggregationLengthV6
  if (v4 && v6) return false
  if (a.peers.length > 0 && b.peers.length > 0 && new Set(a.peers).isDisjointFrom(new Set(b.peers))) return false
  return !a.nodes.isDisjointFrom(b.nodes)
}
