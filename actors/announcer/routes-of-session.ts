import type { RouteGroup } from "../session/messages.ts"
import type { AdvertisedRoute } from "./bgp-decision.ts"

type Attributes = Omit<RouteGroup, "prefixes">

/**
 * The routes of one peer: those of all announced Services that go to it, each prefix once. Where several Services or
 * advertisements make the same prefix, it carries the communities of all of them, the local preference of the first, and
 * the lowest MED and shortest prepend that any of them states; it goes when the last of them goes. Prefixes that share
 * these are one group, everything in order, so that the same routes are the same value.
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
  for (const [prefix, { localPref, communities, med, prepend }] of byPrefix) {
    const key = `${localPref} ${communities.join(" ")} ${med ?? ""} ${prepend ?? ""}`
    const group = groups.get(key)
    if (group === undefined)
      groups.set(key, { ...attributes(localPref, communities, med, prepend), prefixes: [prefix] })
    else group.prefixes.push(prefix)
  }
  for (const { prefixes } of groups.values()) prefixes.sort()
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

const attributes = (
  localPref: number,
  communities: readonly string[],
  med: number | undefined,
  prepend: number | undefined,
): Attributes => ({
  localPref,
  communities,
  ...(med !== undefined && { med }),
  ...(prepend !== undefined && { prepend }),
})

/** Several Services of one address may be selected by advertisements that never meet: what counts must not hang on their names. */
function united(first: Attributes, second: Attributes): Attributes {
  const med = lowest(first.med, second.med)
  const prepend = lowest(first.prepend, second.prepend)
  const known = second.communities.every((community) => first.communities.includes(community))
  if (known && med === first.med && prepend === first.prepend) return first
  const communities = known
    ? first.communities
    : [...new Set([...first.communities, ...second.communities])].sort(byNumbers)
  return attributes(first.localPref, communities, med, prepend)
}

const lowest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)

/** As `communities` of an advertisement are sorted. */
function byNumbers(a: string, b: string): number {
  const [left, right] = [a.split(":").map(Number), b.split(":").map(Number)]
  const different = left.findIndex((part, i) => part !== right[i])
  return different < 0 ? 0 : (left[different] ?? 0) - (right[different] ?? 0)
}
