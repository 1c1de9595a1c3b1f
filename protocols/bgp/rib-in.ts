import { type Family, familyOf, type Ip } from "../ip.ts"
import type { Prefix } from "../prefix.ts"
import type { AsPath } from "./as-path.ts"
import type { Origin, PathAttributes } from "./attributes.ts"
import { inRange, type PrefixRange } from "./import-filter.ts"
import { martianHop, martianPrefix } from "./martians.ts"
import type { ReceivedUpdate } from "./update.ts"

/** What is taken from a peer. */
export interface ImportPolicy {
  /** A prefix that is in none of these is not taken. */
  readonly accept: readonly PrefixRange[]
  /** How many routes at most, of all families together: nothing beyond it is ever kept. */
  readonly maximum: number
}

/** One route of a peer that passed the policy. */
export interface InRoute {
  readonly prefix: Prefix
  readonly nextHop: Ip
  /** RFC 2545 §3. */
  readonly linkLocal?: Ip
  readonly asPath: AsPath
  readonly origin: Origin
  /** Absent on the wire is 0, the best there is (RFC 4271 §9.1.2.2 c). */
  readonly med: number
  /** Of an external peer always 100: what it says is not meant for us (RFC 4271 §5.1.5). */
  readonly localPref: number
}

/** Why a route is not taken, in the order in which it is asked. */
export const rejections = ["malformed", "filtered", "martian", "family", "loop", "next-hop", "maximum"] as const
export type Rejection = (typeof rejections)[number]
export type Rejected = Record<Rejection, number>

/** The Adj-RIB-In of one session (RFC 4271 §3.2), as far as policy lets it grow. Changed in place. */
export interface RibIn {
  readonly routes: Map<string, InRoute>
  /** Announcements not taken. May be older than this table. */
  readonly rejected: Rejected
  /** Routes were left out because there were too many: what is here may not be all that the peer has. */
  surplus: boolean
}

export interface ImportContext {
  readonly myASN: number
  readonly peerASN: number
  /** Our address on the connection. */
  readonly local: Ip
  readonly families: readonly Family[]
  readonly extendedNextHop: boolean
}

export interface Learned {
  /** Other routes than before. */
  readonly changed: boolean
  /** The family of a route that was one too many. */
  readonly exceeded?: Family
}

export const nothingRejected = (): Rejected => ({
  malformed: 0,
  filtered: 0,
  martian: 0,
  family: 0,
  loop: 0,
  "next-hop": 0,
  maximum: 0,
})

export const emptyRibIn = (rejected: Rejected = nothingRejected()): RibIn => ({
  routes: new Map(),
  rejected,
  surplus: false,
})

const defaultLocalPref = 100

/**
 * One UPDATE. A route that is not taken is as good as withdrawn: the peer has replaced what it said before. The same holds
 * for the routes of an UPDATE with faults (RFC 7606 §2, treat-as-withdraw), which come in `withdrawn`.
 */
export function learn(rib: RibIn, update: ReceivedUpdate, policy: ImportPolicy, context: ImportContext): Learned {
  const { attributes, faults } = update
  const { mpReach, mpUnreach } = attributes
  let changed = false
  let exceeded: Family | undefined
  const forget = ({ text }: Prefix): void => {
    if (rib.routes.delete(text)) changed = true
  }
  for (const prefix of update.withdrawn) forget(prefix)
  for (const prefix of mpUnreach?.withdrawn ?? []) forget(prefix)
  if (faults.some(({ treatment }) => treatment === "withdraw")) rib.rejected.malformed += update.withdrawn.length

  const take = (prefix: Prefix, hop: Hop): void => {
    const verdict = judge(prefix, hop, attributes, policy, context)
    if (typeof verdict === "string") {
      rib.rejected[verdict]++
      return forget(prefix)
    }
    if (!rib.routes.has(prefix.text) && rib.routes.size >= policy.maximum) {
      rib.rejected.maximum++
      rib.surplus = true
      exceeded = prefix.family
      return
    }
    rib.routes.set(prefix.text, verdict)
    changed = true
  }
  for (const prefix of update.nlri) take(prefix, { nextHop: attributes.nextHop })
  for (const prefix of mpReach?.nlri ?? []) take(prefix, mpReach ?? {})
  return { changed, ...(exceeded === undefined ? {} : { exceeded }) }
}

interface Hop {
  readonly nextHop?: Ip | undefined
  readonly linkLocal?: Ip
}

function judge(
  prefix: Prefix,
  { nextHop: said, linkLocal }: Hop,
  { asPath = [], origin = "incomplete", multiExitDisc = 0, localPref }: PathAttributes,
  { accept }: ImportPolicy,
  { myASN, peerASN, local, families, extendedNextHop }: ImportContext,
): InRoute | Rejection {
  // Some have no global address on the link, and say so.
  const nextHop = said === "::" ? linkLocal : said
  if (!accept.some((range) => inRange(range, prefix))) return "filtered"
  if (martianPrefix(prefix)) return "martian"
  if (!families.includes(prefix.family)) return "family"
  // RFC 4271 §9.1.2: a route that has been here already.
  if (asPath.some(({ asns }) => asns.includes(myASN))) return "loop"
  if (nextHop === undefined || nextHop === local || martianHop(nextHop)) return "next-hop"
  const crossed = familyOf(nextHop) !== prefix.family
  if (crossed && !(extendedNextHop && prefix.family === "ipv4")) return "next-hop"
  return {
    prefix,
    nextHop,
    ...(linkLocal === undefined ? {} : { linkLocal }),
    asPath,
    origin,
    med: multiExitDisc,
    localPref: myASN === peerASN ? (localPref ?? defaultLocalPref) : defaultLocalPref,
  }
}
