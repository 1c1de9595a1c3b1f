import type { RouteGroup } from "../session/messages.ts"
import type { AdvertisedRoute } from "./bgp-decision.ts"

interface Attributes {
  readonly localPref: number
  /** In the order of their numbers. */
  readonly communities: readonly string[]
}

/**
 * The routes of one peer: those of all announced Services that go to it, each prefix once. Where several Services or
 * advertisements make the same prefix, it carries the communities of all of them and the local preference of the first;
 * it goes when the last of them goes. Prefixes that share these are one group, everything in order, so that the same
 * routes are the same value.
 */
export function routesOfSession(peer: string, advertised: Iterable<AdvertisedRoute>): readonly RouteGroup[] {
  const byPrefix = new Map<string, Attributes>()
  for (const route of advertised) {
    const { prefix, peers } = route
    if (peers.length > 0 && !peers.includes(peer)) continue
    const known = byPrefix.get(prefix)
    byPrefix.set(prefix, known === undefined ? route : united(known, route))
  }
  const groups = new Map<string, Attributes & { readonly prefixes: string[] }>()
  for (const [prefix, { localPref, communities }] of byPrefix) {
    const key = `${localPref} ${communities.join(" ")}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { localPref, communities, prefixes: [prefix] })
    else group.prefixes.push(prefix)
  }
  for (const { prefixes } of groups.values()) prefixes.sort()
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

function united(first: Attributes, second: Attributes): Attributes {
  if (second.communities.every((community) => first.communities.includes(community))) return first
  const communities = [...new Set([...first.communities, ...second.communities])]
  return { localPref: first.localPref, communities: communities.sort(byNumbers) }
}

/** As `communities` of an advertisement are sorted. */
function byNumbers(a: string, b: string): number {
  const [left, right] = [a.split(":").map(Number), b.split(":").map(Number)]
  const different = left.findIndex((part, i) => part !== right[i])
  return different < 0 ? 0 : (left[different] ?? 0) - (right[different] ?? 0)
}
