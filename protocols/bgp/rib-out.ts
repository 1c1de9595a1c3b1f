import { type Family, familyOf } from "../ip.ts"
import { type Prefix, parsePrefix } from "../prefix.ts"
import { type AttributeContext, encodeAttributes, type PathAttributes } from "./attributes.ts"
import { type Communities, communitiesFrom } from "./communities.ts"
import type { MpNextHop } from "./mp-nlri.ts"
import { canonicalIpv4Prefix } from "./nlri.ts"
import { changeOf } from "./rib-change.ts"
import { attributesLimit, packUpdates, packWithdrawals, type AttributeGroup } from "./pack.ts"

/** Routes to be announced, alike in all but their prefix. Prefixes are canonical CIDR text, communities as in `communitiesFrom`. */
export interface OutGroup extends OutAttributes {
  readonly prefixes: readonly string[]
}

interface OutAttributes {
  readonly localPref: number
  readonly communities: readonly string[]
  readonly med?: number
  /** Our AS number that many times more in the AS path, to external peers. */
  readonly prepend?: number
}

/** What the peer has from us: prefix text to the key of its attributes. */
export type Sent = ReadonlyMap<string, string>

/** The session as far as routes depend on it. */
export interface RouteContext extends AttributeContext {
  readonly myASN: number
  readonly peerASN: number
  readonly nextHops: Readonly<Record<Family, NextHop>>
  /** Of a message, in octets. */
  readonly limit: number
}

/** How the routes of a family go to this peer, or why not. `unwanted`: they are left out without a word. */
export type NextHop =
  | ({ readonly kind: "reachable" } & MpNextHop)
  | { readonly kind: "unreachable"; readonly because: string }
  | { readonly kind: "unwanted" }

export interface Difference {
  /** New or changed routes, by attribute set. */
  readonly announce: readonly KeyedGroup[]
  readonly withdraw: readonly Prefix[]
  /** Routes that cannot be said to this peer, with the reason. If one was sent before, it is in `withdraw`. */
  readonly refused: readonly Refusal[]
  /** How many prefixes the peer should have, with those that are refused. */
  readonly wanted: number
  /** What the peer has once all of it is sent; absent where that is not exactly these groups. */
  readonly whole?: Whole
}

/** Groups that were said completely: nothing refused, no prefix twice. */
export interface Whole {
  readonly groups: readonly OutGroup[]
  readonly wanted: number
}

interface KeyedGroup extends AttributeGroup {
  readonly key: string
}

interface Group extends KeyedGroup {
  readonly prefixes: Prefix[]
}

export interface Refusal {
  readonly prefix: string
  readonly because: string
}

/** One message, and what the peer has once it is sent. */
export interface OutUpdate {
  readonly bytes: Uint8Array
  /** Key of the attributes; absent: the prefixes are withdrawn. */
  readonly key?: string
  readonly prefixes: readonly Prefix[]
}

/**
 * From what was sent to what should be. Unchanged routes are not said again. `whole`: what was sent is exactly this, so
 * that it is enough to look at what changed.
 */
export function difference(groups: readonly OutGroup[], sent: Sent, context: RouteContext, whole?: Whole): Difference {
  const quick = whole === undefined ? undefined : differenceFrom(whole, groups, sent, context)
  return quick ?? differenceOfAll(groups, sent, context)
}

function differenceFrom(
  { groups: before, wanted }: Whole,
  groups: readonly OutGroup[],
  sent: Sent,
  context: RouteContext,
): Difference | undefined {
  // When most of it goes, to look at everything is less work.
  if (2 * countOf(groups) < wanted) return undefined
  const change = changeOf(before, groups, attributeKey)
  if (change === undefined) return undefined
  const touched = new Map<string, string>()
  for (const prefix of change.removed) touch(prefix)
  for (const { prefixes } of change.added) {
    for (const prefix of prefixes) {
      // In another group as well: they have to be united.
      if (sent.has(prefix) && !change.removed.has(prefix)) return undefined
      touch(prefix)
    }
  }
  function touch(prefix: string): void {
    const key = sent.get(prefix)
    if (key !== undefined) touched.set(prefix, key)
  }
  const part = differenceOfAll(change.added, touched, context)
  const { whole, ...rest } = part
  const total = wanted - touched.size + part.wanted
  return { ...rest, wanted: total, ...(whole === undefined ? {} : { whole: { groups, wanted: total } }) }
}

function differenceOfAll(groups: readonly OutGroup[], sent: Sent, context: RouteContext): Difference {
  const wanted = wantedIn(groups)
  const byKeyed = new Map<Keyed, Map<Family, Group | Unsaid>>()
  /** Why each of them is not said; undefined: it is not wanted here. */
  const unsaid = new Map<string, Unsaid>()
  let kept = 0
  wanted.each((text, keyed) => {
    const had = sent.get(text)
    if (had !== undefined) kept++
    if (had === keyed.key) return
    const prefix = prefixFrom(text)
    const group =
      prefix === undefined ? { because: `"${text}" is no canonical prefix` } : groupOf(byKeyed, keyed, prefix, context)
    if ("prefixes" in group && prefix !== undefined) group.prefixes.push(prefix)
    else if (!("prefixes" in group)) unsaid.set(text, group)
  })
  const refused = [...unsaid].flatMap(([prefix, { because }]) => (because === undefined ? [] : { prefix, because }))
  const count = wanted.size - unsaid.size + refused.length
  const once = wanted.size === countOf(groups)
  return {
    announce: byKeyed
      .values()
      .flatMap((families) => families.values())
      .filter((group) => "prefixes" in group)
      .toArray(),
    withdraw: kept === sent.size && unsaid.size === 0 ? [] : gone(sent, wanted, unsaid),
    refused,
    wanted: count,
    ...(once && refused.length === 0 ? { whole: { groups, wanted: count } } : {}),
  }
}

/** Why a route is not said; without a reason it is not meant for this peer. */
interface Unsaid {
  readonly because?: string
}

function groupOf(
  groups: Map<Keyed, Map<Family, Group | Unsaid>>,
  keyed: Keyed,
  { family }: Prefix,
  context: RouteContext,
): Group | Unsaid {
  let families = groups.get(keyed)
  if (families === undefined) groups.set(keyed, (families = new Map()))
  let group = families.get(family)
  if (group === undefined) families.set(family, (group = groupFor(keyed, family, context)))
  return group
}

function gone(sent: Sent, wanted: Wanted, unsaid: ReadonlyMap<string, Unsaid>): Prefix[] {
  const withdraw: Prefix[] = []
  for (const text of sent.keys()) {
    if (wanted.has(text) && !unsaid.has(text)) continue
    const prefix = prefixFrom(text)
    if (prefix !== undefined) withdraw.push(prefix)
  }
  return withdraw
}

/**
 * The messages for a difference, lazily: what is not taken is not built. Announcements go first (make before break: an
 * address that moves from its own prefix into an aggregate is reachable all along); a changed route needs no withdrawal,
 * because the new one replaces it (RFC 4271 §3.1).
 */
export function* outUpdates(diff: Difference, context: RouteContext): Generator<OutUpdate> {
  for (const group of diff.announce) {
    for (const packed of packUpdates([group], context, context.limit)) yield { ...packed, key: group.key }
  }
  yield* packWithdrawals(diff.withdraw, context.limit)
}

/** Attributes with their key: equal attributes have equal keys. */
interface Keyed extends OutAttributes {
  readonly key: string
}

/** Each prefix once, with what it is to be said with. */
interface Wanted {
  readonly size: number
  has(prefix: string): boolean
  each(use: (prefix: string, keyed: Keyed) => void): void
}

function wantedIn(groups: readonly OutGroup[]): Wanted {
  const [group, ...others] = groups
  if (group !== undefined && others.length === 0 && isAscending(group.prefixes)) return wantedAlike(group)
  const byPrefix = keyByPrefix(groups)
  return {
    size: byPrefix.size,
    has: (prefix) => byPrefix.has(prefix),
    each: (use) => byPrefix.forEach((keyed, prefix) => use(prefix, keyed)),
  }
}

/** The usual case: one set of attributes for all. The list in its order serves as the table. */
function wantedAlike({ prefixes, ...attributes }: OutGroup): Wanted {
  const group = keyed(attributes, new Map())
  let all: ReadonlySet<string> | undefined
  return {
    size: prefixes.length,
    has: (prefix) => (all ??= new Set(prefixes)).has(prefix),
    each: (use) => prefixes.forEach((prefix) => use(prefix, group)),
  }
}

const isAscending = (prefixes: readonly string[]): boolean =>
  prefixes.every((prefix, i) => i === 0 || (prefixes[i - 1] ?? "") < prefix)

const countOf = (groups: readonly OutGroup[]): number => groups.reduce((sum, { prefixes }) => sum + prefixes.length, 0)

/** Several groups may give one prefix: the union of their communities, all else from the first. */
export function keyByPrefix(groups: readonly OutGroup[]): ReadonlyMap<string, Keyed> {
  const byPrefix = new Map<string, Keyed>()
  const byKey = new Map<string, Keyed>()
  for (const { prefixes, ...attributes } of groups) {
    const group = keyed(attributes, byKey)
    for (const prefix of prefixes) {
      const known = byPrefix.get(prefix)
      byPrefix.set(prefix, known === undefined || known === group ? group : united(known, group, byKey))
    }
  }
  return byPrefix
}

/** Equal attributes are the same object. */
function keyed(attributes: OutAttributes, byKey: Map<string, Keyed>): Keyed {
  const key = attributeKey(attributes)
  let known = byKey.get(key)
  if (known === undefined) byKey.set(key, (known = { ...attributes, key }))
  return known
}

const united = (first: Keyed, { communities }: Keyed, byKey: Map<string, Keyed>): Keyed =>
  keyed({ ...first, communities: [...new Set([...first.communities, ...communities])] }, byKey)

function attributeKey({ localPref, communities, med, prepend }: OutAttributes): string {
  const sorted = communities.length < 2 ? (communities[0] ?? "") : [...new Set(communities)].sort().join(" ")
  return `${localPref} ${sorted}${med === undefined ? "" : ` med ${med}`}${prepend ? ` prepend ${prepend}` : ""}`
}

/** An empty group with these attributes, or why they cannot be said. */
function groupFor(route: Keyed, family: Family, context: RouteContext): Group | Unsaid {
  const hop = context.nextHops[family]
  if (hop.kind === "unwanted") return {}
  if (hop.kind === "unreachable") return { because: hop.because }
  const communities = communitiesFrom(route.communities)
  if (!communities.ok) return { because: communities.error }
  const classic = family === "ipv4" && familyOf(hop.nextHop) === "ipv4"
  const common = attributesOf(route, communities.value, context)
  const attributes: PathAttributes = classic ? { ...common, nextHop: hop.nextHop } : common
  if (encodeAttributes(attributes, context).length > attributesLimit(context.limit)) {
    return { because: `${route.communities.length} communities do not fit into one UPDATE` }
  }
  const { nextHop, linkLocal } = hop
  const mp = { family, nextHop, ...(linkLocal === undefined ? {} : { linkLocal }) }
  return { key: route.key, attributes, ...(classic ? {} : { mp }), prefixes: [] }
}

/**
 * RFC 4271 §5.1: to an internal peer an empty AS_PATH and always LOCAL_PREF, even 0; to an external one our AS number
 * and no LOCAL_PREF. RFC 6793 §4.2.2: a number too large for an old peer goes into AS4_PATH.
 */
function attributesOf(
  { localPref, med, prepend = 0 }: OutAttributes,
  communities: Communities,
  { myASN, peerASN, fourOctet }: RouteContext,
): PathAttributes {
  const internal = myASN === peerASN
  const asns = Array.from({ length: 1 + Math.min(prepend, prependLimit) }, () => myASN)
  const path = [{ type: "sequence", asns }] as const
  return {
    origin: "igp",
    asPath: internal ? [] : path,
    ...(med === undefined ? {} : { multiExitDisc: med }),
    ...(internal ? { localPref } : {}),
    ...communities,
    ...(!internal && !fourOctet && myASN > 0xffff ? { as4Path: path } : {}),
  }
}

/** One segment holds 255 AS numbers (RFC 4271 §4.3). */
const prependLimit = 254

function prefixFrom(text: string): Prefix | undefined {
  const quick = canonicalIpv4Prefix(text)
  if (quick !== undefined) return quick
  const prefix = parsePrefix(text)
  return prefix?.text === text ? prefix : undefined
}
