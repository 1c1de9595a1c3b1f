import { parseIp } from "../protocols/ip.ts"
import { boundsOf, prefixesOfRange } from "../protocols/ip-range.ts"
import { parsePrefix, type Prefix } from "../protocols/prefix.ts"
import { err, ok, type Result } from "../protocols/result.ts"
import type { IPAddressPoolSpec, LabelSelector, NamespaceFacts, ResourceFacts } from "./facts.ts"
import { type Complain, complaints, type ConfigurationFault } from "./fault.ts"
import { quote, selectorText } from "./go-text.ts"
import { firstRepeat, matchesAny, repeatedSelector, selectorFault } from "./selector.ts"
import type { Pool, PoolAllocation } from "./snapshot.ts"

/** A pool before advertisements are attached. `entries` keeps which blocks came from which line of `addresses`. */
export interface PoolDraft extends Omit<Pool, "l2Advertisements" | "bgpAdvertisements"> {
  readonly labels: Readonly<Record<string, string>>
  readonly entries: readonly { readonly text: string; readonly blocks: readonly Prefix[] }[]
}

type PoolFacts = ResourceFacts<IPAddressPoolSpec>

/** The pools without a fault, in name order; all faults go to `faults`. */
export function readPools(
  pools: readonly PoolFacts[],
  namespaces: readonly NamespaceFacts[],
  faults: ConfigurationFault[],
): Map<string, PoolDraft> {
  const drafts = new Map<string, PoolDraft>()
  const taken: Taken[] = []
  for (const facts of pools) {
    const { complain, clean } = complaints(faults, "IPAddressPool", facts.name)
    const draft = readPool(facts, namespaces, (field, text) =>
      complain(field, `parsing address pool ${facts.name}: ${text}`),
    )
    if (drafts.has(facts.name)) complain("name", `duplicate definition of pool ${quote(facts.name)}`)
    for (const block of draft.blocks) claim(block, facts.name, taken, complain)
    if (clean()) drafts.set(facts.name, draft)
  }
  return drafts
}

function readPool({ name, labels, spec }: PoolFacts, namespaces: readonly NamespaceFacts[], complain: Complain) {
  if (name === "") complain("name", "missing pool name")
  if (spec.addresses.length === 0) complain("addresses", "pool has no prefixes defined")
  const entries = spec.addresses.flatMap((text) => {
    const blocks = blocksOf(text)
    if (blocks.ok) return [{ text, blocks: blocks.value }]
    complain("addresses", `invalid CIDR ${quote(text)} in pool ${quote(name)}: ${blocks.error}`)
    return []
  })
  const allocation = readAllocation(name, spec.serviceAllocation, namespaces, complain)
  return {
    name,
    labels,
    entries,
    blocks: entries.flatMap(({ blocks }) => blocks),
    autoAssign: spec.autoAssign ?? true,
    avoidBuggyIPs: spec.avoidBuggyIPs ?? false,
    ...(allocation && { allocation }),
  }
}

/** One line of `addresses`: a CIDR (strict), or `start-end` with blanks around the two ends allowed. */
export function blocksOf(text: string): Result<readonly Prefix[], string> {
  const dash = text.indexOf("-")
  if (dash < 0) {
    const prefix = parsePrefix(text)
    return prefix ? ok([prefix]) : err(`invalid CIDR ${quote(text)}`)
  }
  const fault = (what: string) => err(`invalid IP range ${quote(text)}: ${what}`)
  const [from, to] = [text.slice(0, dash), text.slice(dash + 1)]
  const start = parseIp(from.trim())
  if (start === undefined) return fault(`invalid start IP ${quote(from)}`)
  const end = parseIp(to.trim())
  if (end === undefined) return fault(`invalid end IP ${quote(to)}`)
  if (start.includes(":") !== end.includes(":"))
    return fault(`start IP ${quote(start)} and end IP ${quote(end)} are of different families`)
  const blocks = prefixesOfRange(start, end)
  return blocks ? ok(blocks) : fault(`start IP ${quote(start)} is after the end IP ${quote(end)}`)
}

function readAllocation(
  pool: string,
  spec: IPAddressPoolSpec["serviceAllocation"],
  namespaces: readonly NamespaceFacts[],
  complain: Complain,
): PoolAllocation | undefined {
  if (spec === undefined) return undefined
  const { namespaces: named = [], namespaceSelectors = [], serviceSelectors = [] } = spec
  const field = (name: string) => `serviceAllocation.${name}`
  if (firstRepeat(named) !== undefined) complain(field("namespaces"), "duplicate definition in namespaces field")
  const check = (name: string, what: string, selectors: readonly LabelSelector[]) => {
    const repeat = repeatedSelector(selectors, name)
    if (repeat !== undefined) complain(field(name), repeat)
    for (const selector of selectors) {
      const fault = selectorFault(selector)
      if (fault === undefined) continue
      complain(field(name), `${fault}\ninvalid ${what} label selector ${selectorText(selector)} in ip pool ${pool}`)
    }
  }
  check("namespaceSelectors", "namespace", namespaceSelectors)
  check("serviceSelectors", "service", serviceSelectors)
  const selected = namespaces.filter(({ labels }) => matchesAny(namespaceSelectors, labels)).map(({ name }) => name)
  // With all three lists empty the pool is for every Service, but goes before the pools that say nothing at all.
  const everything = named.length + namespaceSelectors.length + serviceSelectors.length === 0
  return {
    priority: spec.priority ?? 0,
    namespaces: new Set([...named, ...selected]),
    serviceSelectors: everything ? [{}] : serviceSelectors,
  }
}

interface Taken {
  readonly block: Prefix
  readonly first: bigint
  readonly last: bigint
}

/** No two blocks may overlap, neither across pools nor inside one. */
function claim(block: Prefix, pool: string, taken: Taken[], complain: Complain): void {
  const { first, last } = boundsOf(block)
  const other = taken.find((t) => t.block.family === block.family && t.first <= last && first <= t.last)
  if (other !== undefined)
    complain(
      "addresses",
      `CIDR ${quote(block.text)} in pool ${quote(pool)} overlaps with already defined CIDR ${quote(other.block.text)}`,
    )
  taken.push({ block, first, last })
}
