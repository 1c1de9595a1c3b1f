import type { Ip } from "../../protocols/ip.ts"
import { digestOf } from "./election.ts"

/** One address with the policy `spread`. */
export interface SpreadEntry {
  readonly ip: Ip
  /** Nodes that could have it, alive or not, in name order. */
  readonly fit: readonly string[]
  /** Those of them that can have it now. */
  readonly able: readonly string[]
}

export interface Spread {
  /** By address, who comes first: its place while everybody is there, who has it now, who has it when that one goes. */
  readonly orders: ReadonlyMap<Ip, readonly string[]>
  /** How many of the addresses each node has now. */
  readonly shares: ReadonlyMap<string, number>
}

export const noSpread: Spread = { orders: new Map(), shares: new Map() }

type Loads = Map<string, number>

/**
 * Lays addresses out evenly. Pure and without memory: the same entries, in any order, give the same result to all. It
 * goes in rounds, so that little moves. First over all that could have an address, dead or alive; then what would be with
 * somebody who is not able goes to the others; then each node's successors are laid out as if it were gone. So a node
 * that goes moves its own addresses and no others, and takes the same ones back.
 *
 * Among the addresses with the same nodes, two nodes differ by at most one. Those with more nodes come first, and those
 * with fewer go where there is least.
 */
export function spreadOver(entries: readonly SpreadEntry[]): Spread {
  const places = new Map<Ip, string>()
  layOut(entries, ({ fit }) => fit, new Map(), places)

  const holders = new Map<Ip, string>()
  const loads: Loads = new Map()
  const orphans: SpreadEntry[] = []
  for (const entry of entries) {
    const place = places.get(entry.ip)
    if (place === undefined || !entry.able.includes(place)) orphans.push(entry)
    else {
      holders.set(entry.ip, place)
      add(loads, place, 1)
    }
  }
  layOut(orphans, ({ able }) => able, loads, holders)

  const seconds = new Map<Ip, string>()
  const byHolder = Map.groupBy(entries, ({ ip }) => holders.get(ip))
  for (const [holder, held] of byHolder) {
    if (holder === undefined) continue
    layOut(held, ({ able }) => able.filter((node) => node !== holder), new Map(loads), seconds)
  }
  const orders = entries.map(({ ip }) => {
    const named = [places.get(ip), holders.get(ip), seconds.get(ip)].filter((node) => node !== undefined)
    return [ip, [...new Set(named)]] as const
  })
  return { orders: new Map(orders), shares: loads }
}

/** Adds to `loads` and `into`. Entries without any node are left out. */
function layOut(
  entries: readonly SpreadEntry[],
  nodesOf: (entry: SpreadEntry) => readonly string[],
  loads: Loads,
  into: Map<Ip, string>,
): void {
  const groups = Map.groupBy(entries, (entry) => nodesOf(entry).join())
  const inOrder = [...groups.entries()]
    .map(([key, group]) => ({ key, group, nodes: group[0] === undefined ? [] : nodesOf(group[0]) }))
    .filter(({ nodes }) => nodes.length > 0)
    .sort((a, b) => b.nodes.length - a.nodes.length || (a.key < b.key ? -1 : 1))
  for (const { group, nodes } of inOrder) level(group, nodes, loads, into)
}

/**
 * The addresses of one group: up to the level at which all are given out. Whoever is nearest to an address by the
 * election's digest has it, as long as there is room: so of two layouts that differ little the results do too.
 */
function level(entries: readonly SpreadEntry[], nodes: readonly string[], loads: Loads, into: Map<Ip, string>): void {
  const { full, extra } = levelFor(
    nodes.map((node) => loads.get(node) ?? 0),
    entries.length,
  )
  let above = extra
  const pairs = entries.flatMap(({ ip }) => nodes.map((node) => ({ ip, node, distance: distanceOf(node, ip) })))
  pairs.sort((a, b) => a.distance - b.distance || (a.ip < b.ip ? -1 : 1))
  for (const { ip, node } of pairs) {
    const load = loads.get(node) ?? 0
    if (load > full || into.has(ip) || (load === full && above === 0)) continue
    if (load === full) above--
    into.set(ip, node)
    add(loads, node, 1)
  }
}

/** Filled up to `full` everywhere, so many are left over, one for a node. */
function levelFor(loads: readonly number[], more: number): { readonly full: number; readonly extra: number } {
  const sorted = loads.toSorted((a, b) => a - b)
  let full = sorted[0] ?? 0
  let left = more
  for (let reached = 1; reached <= sorted.length; reached++) {
    const step = (sorted[reached] ?? Number.POSITIVE_INFINITY) - full
    if (step * reached > left) {
      const each = Math.floor(left / reached)
      return { full: full + each, extra: left - each * reached }
    }
    full += step
    left -= step * reached
  }
  return { full, extra: left }
}

function add(loads: Loads, node: string, count: number): void {
  loads.set(node, (loads.get(node) ?? 0) + count)
}

/** Hashing is the most of the work, and the pairs are the same each time. */
const distances = new Map<string, number>()
const mostDistances = 200_000

/** 48 bits of the election's digest, which a number holds exactly. */
function distanceOf(node: string, ip: Ip): number {
  const pair = `${node}#${ip}`
  const known = distances.get(pair)
  if (known !== undefined) return known
  if (distances.size >= mostDistances) distances.clear()
  const distance = Number.parseInt(digestOf(node, ip).slice(0, 12), 16)
  distances.set(pair, distance)
  return distance
}
