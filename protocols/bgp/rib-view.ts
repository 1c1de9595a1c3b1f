import { keyByPrefix, type OutGroup, type Sent } from "./rib-out.ts"

/** Routes with the same attributes, as they stand with one peer. */
export interface RibGroup extends Omit<OutGroup, "prefixes"> {
  readonly sent: readonly string[]
  readonly waiting: readonly string[]
}

/** For people: what a peer has of what it should have. `skipped`: prefixes that it is not to get. */
export function ribView(
  groups: readonly OutGroup[],
  sent: Sent,
  skipped: (prefix: string) => boolean,
): readonly RibGroup[] {
  const byKey = new Map<string, { sent: string[]; waiting: string[] } & Omit<OutGroup, "prefixes">>()
  for (const [prefix, { key, ...attributes }] of keyByPrefix(groups)) {
    if (skipped(prefix)) continue
    let group = byKey.get(key)
    if (group === undefined) {
      const communities = [...new Set(attributes.communities)].sort()
      byKey.set(key, (group = { ...attributes, communities, sent: [], waiting: [] }))
    }
    const had = sent.get(prefix)
    ;(had === key || had === saidAgain ? group.sent : group.waiting).push(prefix)
  }
  return [...byKey.values()]
}

/** The key of routes that the peer asked for once more: it has them, and is told them again. No attributes have it. */
export const saidAgain = "?"
