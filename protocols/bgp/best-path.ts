import { ipToNumber, type Ip } from "../ip.ts"
import { pathLength } from "./as-path.ts"
import type { Origin } from "./attributes.ts"
import type { InRoute } from "./rib-in.ts"

/** A route, and the session that it came by. */
export interface Candidate {
  readonly route: InRoute
  /** Name of the peer. */
  readonly peer: string
  readonly external: boolean
  readonly peerRouterId: Ip
}

/**
 * Of the routes to one prefix those that are equally good and better than the rest, by RFC 4271 §9.1.1 and §9.1.2.2 a to d:
 * the highest LOCAL_PREF, the shortest AS path, the lowest origin, the lowest MED among those by the same neighbouring AS,
 * external before internal. All that are left are used together; the cost of the way to the next hop (e) is not asked, and
 * the peers' identifiers (f, g) only decide who is first.
 */
export function bestPaths(candidates: readonly Candidate[]): readonly Candidate[] {
  let left = lowest(candidates, ({ route }) => -route.localPref)
  left = lowest(left, ({ route }) => pathLength(route.asPath))
  left = lowest(left, ({ route }) => originRank[route.origin])
  left = [...Map.groupBy(left, neighbourOf).values()].flatMap((group) => lowest(group, ({ route }) => route.med))
  left = lowest(left, ({ external }) => (external ? 0 : 1))
  return left.toSorted((a, b) => {
    const [first, second] = [ipToNumber(a.peerRouterId), ipToNumber(b.peerRouterId)]
    if (first !== second) return first < second ? -1 : 1
    return a.peer < b.peer ? -1 : 1
  })
}

const originRank: Readonly<Record<Origin, number>> = { igp: 0, egp: 1, incomplete: 2 }

/** The leftmost AS of the path; undefined for a path that does not begin with one: it began in our own. */
function neighbourOf({ route: { asPath } }: Candidate): number | undefined {
  const [first] = asPath.filter(({ type }) => type === "sequence" || type === "set")
  return first?.type === "sequence" ? first.asns[0] : undefined
}

function lowest(candidates: readonly Candidate[], cost: (one: Candidate) => number): readonly Candidate[] {
  const least = Math.min(...candidates.map(cost))
  return candidates.filter((one) => cost(one) === least)
}
