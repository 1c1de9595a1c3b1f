import { bestPaths, type Candidate } from "../../protocols/bgp/best-path.ts"
import type { InRoute } from "../../protocols/bgp/rib-in.ts"
import type { Ip } from "../../protocols/ip.ts"
import { cover } from "../../protocols/prefix-cover.ts"
import { parsePrefix } from "../../protocols/prefix.ts"
import type { Result } from "../../protocols/result.ts"
import type { KernelRoute, KernelRule, RoutingChange } from "../../supervision/world.ts"

/** The routing protocol number (rtm_protocol, FRA_PROTOCOL) by which routes and rules of ours are known; nobody else has it. */
export const importProtocol = 179
/** Of the rules: after those that most CNIs set, before the main table (32766). */
export const rulePriority = 17_900
/** Before them, for sources that go on using what the main table has beside its default route. */
const mainFirstPriority = 17_899
const mainTable = 254
/** Of the routes, within their table. */
const metric = 20
/** Ways to one prefix that are used together. */
const mostNextHops = 16
/** Rules are asked one after another, for each packet. */
export const mostRules = 1_024

/** What was taken from one peer. */
export interface PeerImports {
  readonly peer: string
  readonly table: number
  readonly external: boolean
  readonly peerRouterId: Ip
  /** Where link-local next hops are. */
  readonly device?: string
  readonly routes: readonly InRoute[]
}

/** What that peer has from us: the answers to packets that came this way shall leave by the table. */
export interface Announced {
  readonly table: number
  readonly prefixes: readonly string[]
  /** Others that shall, where the main table has only its default route for them. */
  readonly sources?: readonly string[]
}

type NextHop = KernelRoute["nextHops"][number]
export type Reach = (nextHop: string, device: string | undefined) => Result<NextHop, string>

/** By key. */
export interface KernelState {
  readonly routes: ReadonlyMap<string, KernelRoute>
  readonly rules: ReadonlyMap<string, KernelRule>
}

export interface KernelPlan extends KernelState {
  readonly unreachable: number
  /** Why the first of them is. */
  readonly because?: string
  /** Rules beyond the limit. */
  readonly rulesLeft: number
}

export const routeKey = ({ table, prefix, metric: m }: KernelRoute): string => `${table} ${prefix} ${m}`
export const ruleKey = ({ from, table, priority, suppressPrefixLength }: KernelRule): string =>
  `${table} ${from} ${priority} ${suppressPrefixLength ?? ""}`

/** The best of each prefix and table whose next hop can be reached (RFC 4271 §9.1.2, §9.1.2.1). */
export function planKernel(imports: readonly PeerImports[], announced: readonly Announced[], reach: Reach): KernelPlan {
  const candidates = new Map<string, { readonly table: number; readonly prefix: string; readonly by: Candidate[] }>()
  const hops = new Map<Candidate, NextHop>()
  let unreachable = 0
  let because: string | undefined
  for (const { peer, table, external, peerRouterId, device, routes } of imports) {
    for (const route of routes) {
      const hop = reach(route.nextHop, device)
      if (!hop.ok) {
        unreachable++
        because ??= hop.error
        continue
      }
      const key = `${table} ${route.prefix.text}`
      const known = candidates.get(key) ?? { table, prefix: route.prefix.text, by: [] }
      const candidate = { route, peer, external, peerRouterId }
      known.by.push(candidate)
      hops.set(candidate, hop.value)
      candidates.set(key, known)
    }
  }
  const routes = new Map<string, KernelRoute>()
  for (const { table, prefix, by } of candidates.values()) {
    const best = bestPaths(by).map((candidate) => hops.get(candidate))
    const route = { table, prefix, metric, nextHops: distinct(best.filter((hop) => hop !== undefined)) }
    routes.set(routeKey(route), route)
  }
  return { routes, ...planRules(announced), unreachable, ...(because === undefined ? {} : { because }) }
}

const hopKey = ({ gateway, interfaceIndex }: NextHop): string => `${gateway} ${interfaceIndex}`

const distinct = (hops: readonly NextHop[]): readonly NextHop[] =>
  [...new Map(hops.map((hop) => [hopKey(hop), hop])).values()].slice(0, mostNextHops)

/** As few rules as hold these addresses and no other. */
function planRules(announced: readonly Announced[]): Pick<KernelPlan, "rules" | "rulesLeft"> {
  const rules = new Map<string, KernelRule>()
  let rulesLeft = 0
  const add = (rule: KernelRule): void => {
    if (rules.size < mostRules) rules.set(ruleKey(rule), rule)
    else rulesLeft++
  }
  for (const [table, ofTable] of Map.groupBy(announced, (one) => one.table)) {
    for (const from of covered(ofTable.flatMap(({ sources = [] }) => sources))) {
      add({ from, table: mainTable, priority: mainFirstPriority, suppressPrefixLength: 0 })
      add({ from, table, priority: rulePriority })
    }
    for (const from of covered(ofTable.flatMap(({ prefixes }) => prefixes))) {
      add({ from, table, priority: rulePriority })
    }
  }
  return { rules, rulesLeft }
}

const covered = (texts: readonly string[]): readonly string[] =>
  cover(texts.map((text) => parsePrefix(text)).filter((prefix) => prefix !== undefined)).map(({ text }) => text)

/** What is new comes first, so that there is a way at every moment. */
export function changesBetween(now: KernelState, wanted: KernelState): readonly RoutingChange[] {
  const changes: RoutingChange[] = []
  for (const [key, route] of wanted.routes) {
    const known = now.routes.get(key)
    if (known === undefined || !sameHops(known, route)) changes.push({ kind: "set-route", route })
  }
  for (const [key, rule] of wanted.rules) if (!now.rules.has(key)) changes.push({ kind: "set-rule", rule })
  for (const [key, rule] of now.rules) if (!wanted.rules.has(key)) changes.push({ kind: "remove-rule", rule })
  for (const [key, route] of now.routes) if (!wanted.routes.has(key)) changes.push({ kind: "remove-route", route })
  return changes
}

/** The kernel may list them in another order. */
const sameHops = (a: KernelRoute, b: KernelRoute): boolean =>
  a.nextHops.length === b.nextHops.length &&
  new Set(a.nextHops.map(hopKey)).symmetricDifference(new Set(b.nextHops.map(hopKey))).size === 0
