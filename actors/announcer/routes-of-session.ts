import type { Route } from "../session/messages.ts"
import type { AdvertisedRoute } from "./bgp-decision.ts"

/**
 * The routes of one peer: those of all announced Services that go to it, one for each prefix. Where several Services or
 * advertisements make the same prefix, it carries the communities of all of them and the local preference of the first;
 * it goes when the last of them goes. In prefix order, so that the same routes are the same value.
 */
export function routesOfSession(peer: string, advertised: Iterable<AdvertisedRoute>): readonly Route[] {
  const byPrefix = new Map<string, { readonly localPref: number; readonly communities: Set<string> }>()
  for (const { prefix, localPref, communities, peers } of advertised) {
    if (peers.length > 0 && !peers.includes(peer)) continue
    const known = byPrefix.get(prefix)
    if (known === undefined) byPrefix.set(prefix, { localPref, communities: new Set(communities) })
    else for (const community of communities) known.communities.add(community)
  }
  return [...byPrefix]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([prefix, { localPref, communities }]) => ({ prefix, localPref, communities: sorted(communities) }))
}

/** By number, as `communities` of an advertisement are. */
function sorted(communities: ReadonlySet<string>): readonly string[] {
  return [...communities].sort((a, b) => {
    const [left, right] = [a.split(":").map(Number), b.split(":").map(Number)]
    const different = left.findIndex((part, i) => part !== right[i])
    return different < 0 ? 0 : (left[different] ?? 0) - (right[different] ?? 0)
  })
}
