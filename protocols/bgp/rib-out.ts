import type { Ip } from "../ip.ts"
import { type Prefix, parsePrefix } from "../prefix.ts"
import { canonicalIpv4Prefix } from "./nlri.ts"
import { type AttributeContext, communityFrom, encodeAttributes, type PathAttributes } from "./attributes.ts"
import { attributesLimit, packUpdates, packWithdrawals, type AttributeGroup } from "./pack.ts"

/** Routes to be announced, alike in all but their prefix. Prefixes are canonical CIDR text, communities `65000:1`. */
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

/** From what was sent to what should be. Unchanged routes are not said again. */
export function difference(groups: readonly OutGroup[], sent: Sent, context: RouteContext): Difference {
  const wanted = keyByPrefix(groups)
  const announce = new Map<Keyed, Group | string>()
  const refused = new Map<string, string>()
  let kept = 0
  for (const [text, keyed] of wanted) {
    const had = sent.get(text)
    if (had !== undefined) kept++
    if (had === keyed.key) continue
    let group = announce.get(keyed)
    if (group === undefined) announce.set(keyed, (group = groupFor(keyed, context)))
    const prefix = ipv4Prefix(text)
    if (typeof group === "string") refused.set(text, group)
    else if (typeof prefix === "string") refused.set(text, prefix)
    else group.prefixes.push(prefix)
  }
  return {
    announce: [...announce.values()].filter(
      (group) => typeof group !== "string" && group.prefixes.length > 0,
    ) as Group[],
    withdraw: kept === sent.size && refused.size === 0 ? [] : gone(sent, wanted, refused),
    refused: Array.from(refused, ([prefix, because]) => ({ prefix, because })),
  }
}

function gone(sent: Sent, wanted: ReadonlyMap<string, Keyed>, refused: ReadonlyMap<string, string>): Prefix[] {
  const withdraw: Prefix[] = []
  for (const text of sent.keys()) {
    if (wanted.has(text) && !refused.has(text)) continue
    const prefix = ipv4Prefix(text)
    if (typeof prefix !== "string") withdraw.push(prefix)
  }
  return withdraw
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

/** Attributes with their key: equal attributes have equal keys. */
interface Keyed extends OutAttributes {
  readonly key: string
}

/** Several groups may give one prefix: the union of their communities, all else from the first. */
function keyByPrefix(groups: readonly OutGroup[]): ReadonlyMap<string, Keyed> {
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
function groupFor(route: Keyed, context: RouteContext): Group | string {
  const numbers = new Set<number>()
  for (const text of route.communities) {
    const number = communityFrom(text)
    if (number === undefined) return `community ${text} is not of the form 65000:1`
    numbers.add(number)
  }
  const attributes = attributesOf(route, [...numbers], context)
  if (encodeAttributes(attributes, context).length > attributesLimit) {
    return `${numbers.size} communities do not fit into one UPDATE`
  }
  return { key: route.key, attributes, prefixes: [] }
}

/**
 * RFC 4271 §5.1: to an internal peer an empty AS_PATH and always LOCAL_PREF, even 0; to an external one our AS number
 * and no LOCAL_PREF. RFC 6793 §4.2.2: a number too large for an old peer goes into AS4_PATH.
 */
function attributesOf(
  { localPref, med, prepend = 0 }: OutAttributes,
  communities: number[],
  context: RouteContext,
): PathAttributes {
  const { myASN, peerASN, nextHop, fourOctet } = context
  const internal = myASN === peerASN
  const asns = Array.from({ length: 1 + Math.min(prepend, prependLimit) }, () => myASN)
  const path = [{ type: "sequence", asns }] as const
  return {
    origin: "igp",
    asPath: internal ? [] : path,
    nextHop,
    ...(med === undefined ? {} : { multiExitDisc: med }),
    ...(internal ? { localPref } : {}),
    ...(communities.length > 0 ? { communities } : {}),
    ...(!internal && !fourOctet && myASN > 0xffff ? { as4Path: path } : {}),
  }
}

/** One segment holds 255 AS numbers (RFC 4271 §4.3). */
const prependLimit = 254

function ipv4Prefix(text: string): Prefix | string {
  const quick = canonicalIpv4Prefix(text)
  if (quick !== undefined) return quick
  const prefix = parsePrefix(text)
  return prefix === undefined || prefix.text !== text
    ? `"${text}" is no canonical prefix`
    : `cannot advertise non-v4 prefix "${text}"`
}
