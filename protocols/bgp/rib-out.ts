import type { Ip } from "../ip.ts"
import { type Prefix, parsePrefix } from "../prefix.ts"
import { canonicalIpv4Prefix } from "./nlri.ts"
import { type AttributeContext, communityFrom, encodeAttributes, type PathAttributes } from "./attributes.ts"
import { attributesLimit, packUpdates, packWithdrawals, type RouteGroup } from "./pack.ts"

/** A route to be announced. Its prefix is canonical CIDR text, its communities `65000:1`. */
export interface OutRoute {
  readonly prefix: string
  readonly localPref: number
  readonly communities: readonly string[]
}

/** What the peer has from us: prefix text to the key of its attributes. */
export type Sent = ReadonlyMap<string, string>

/** The session as far as routes depend on it. */
export interface RouteContext extends AttributeContext {
  readonly myASN: number
  readonly peerASN: number
  /** Our address on the connection. */
  readonly nextHop: Ip
}

export interface Difference {
  /** New or changed routes, by attribute set. */
  readonly announce: readonly KeyedGroup[]
  readonly withdraw: readonly Prefix[]
  /** Routes that cannot be said to this peer, with the reason. If one was sent before, it is in `withdraw`. */
  readonly refused: readonly Refusal[]
}

interface KeyedGroup extends RouteGroup {
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

/** From what was sent to what should be. Unchanged routes are not said again. */
export function difference(routes: readonly OutRoute[], sent: Sent, context: RouteContext): Difference {
  const wanted = mergeRoutes(routes)
  const groups = new Map<string, Group | string>()
  const refused = new Map<string, string>()
  for (const [text, route] of wanted) {
    const key = attributeKey(route)
    if (sent.get(text) === key) continue
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = groupFor(key, route, context)))
    const prefix = ipv4Prefix(text)
    if (typeof group === "string") refused.set(text, group)
    else if (typeof prefix === "string") refused.set(text, prefix)
    else group.prefixes.push(prefix)
  }
  const withdraw: Prefix[] = []
  for (const text of sent.keys()) {
    if (wanted.has(text) && !refused.has(text)) continue
    const prefix = ipv4Prefix(text)
    if (typeof prefix !== "string") withdraw.push(prefix)
  }
  const announce: Group[] = []
  for (const group of groups.values()) if (typeof group !== "string" && group.prefixes.length > 0) announce.push(group)
  return {
    announce,
    withdraw,
    refused: Array.from(refused, ([prefix, because]) => ({ prefix, because })),
  }
}

/**
 * The messages for a difference, lazily: what is not taken is not built. Announcements go first (make before break: an
 * address that moves from its own prefix into an aggregate is reachable all along); a changed route needs no withdrawal,
 * because the new one replaces it (RFC 4271 §3.1).
 */
export function* outUpdates(diff: Difference, context: AttributeContext): Generator<OutUpdate> {
  for (const group of diff.announce) {
    for (const packed of packUpdates([group], context)) yield { ...packed, key: group.key }
  }
  yield* packWithdrawals(diff.withdraw)
}

/** Several advertisements may give one prefix: the union of their communities, the preference of the first. */
function mergeRoutes(routes: readonly OutRoute[]): ReadonlyMap<string, OutRoute> {
  const byPrefix = new Map<string, OutRoute>()
  for (const route of routes) {
    const known = byPrefix.get(route.prefix)
    if (known === undefined) byPrefix.set(route.prefix, route)
    else byPrefix.set(route.prefix, { ...known, communities: [...known.communities, ...route.communities] })
  }
  return byPrefix
}

function attributeKey({ localPref, communities }: OutRoute): string {
  if (communities.length < 2) return `${localPref} ${communities[0] ?? ""}`
  return `${localPref} ${[...new Set(communities)].sort().join(" ")}`
}

/** An empty group with these attributes, or why they cannot be said. */
function groupFor(key: string, { localPref, communities }: OutRoute, context: RouteContext): Group | string {
  const numbers = new Set<number>()
  for (const text of communities) {
    const number = communityFrom(text)
    if (number === undefined) return `community ${text} is not of the form 65000:1`
    numbers.add(number)
  }
  const attributes = attributesOf(localPref, [...numbers], context)
  if (encodeAttributes(attributes, context).length > attributesLimit) {
    return `${numbers.size} communities do not fit into one UPDATE`
  }
  return { key, attributes, prefixes: [] }
}

/**
 * RFC 4271 §5.1: to an internal peer an empty AS_PATH and always LOCAL_PREF, even 0; to an external one our AS number
 * and no LOCAL_PREF. RFC 6793 §4.2.2: a number too large for an old peer goes into AS4_PATH.
 */
function attributesOf(localPref: number, communities: number[], context: RouteContext): PathAttributes {
  const { myASN, peerASN, nextHop, fourOctet } = context
  const internal = myASN === peerASN
  const path = [{ type: "sequence", asns: [myASN] }] as const
  return {
    origin: "igp",
    asPath: internal ? [] : path,
    nextHop,
    ...(internal ? { localPref } : {}),
    ...(communities.length > 0 ? { communities } : {}),
    ...(!internal && !fourOctet && myASN > 0xffff ? { as4Path: path } : {}),
  }
}

function ipv4Prefix(text: string): Prefix | string {
  const quick = canonicalIpv4Prefix(text)
  if (quick !== undefined) return quick
  const prefix = parsePrefix(text)
  return prefix === undefined || prefix.text !== text
    ? `"${text}" is no canonical prefix`
    : `cannot advertise non-v4 prefix "${text}"`
}
