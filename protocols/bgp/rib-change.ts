/** Groups of routes by attributes, as far as comparing needs. */
interface Group {
  readonly prefixes: readonly string[]
}

interface Change<G extends Group> {
  /** Groups with only those prefixes that they did not have before. */
  readonly added: readonly G[]
  /** Prefixes that are no longer in the group they were in; they may be in another one now. */
  readonly removed: ReadonlySet<string>
}

/**
 * What changed between two sets of groups, found by walking along both: one Service more among ten thousand costs a
 * comparison of text for each, and no table. Only for groups with distinct keys whose prefixes are in ascending order;
 * else undefined, and the sets have to be compared prefix by prefix.
 */
export function changeOf<G extends Group>(
  before: readonly G[],
  after: readonly G[],
  keyOf: (group: G) => string,
): Change<G> | undefined {
  const old = new Map(before.map((group) => [keyOf(group), group]))
  const keys = new Set(after.map(keyOf))
  if (old.size < before.length || keys.size < after.length) return undefined
  const added: G[] = []
  const removed = new Set<string>()
  for (const group of after) {
    const prefixes = walk(old.get(keyOf(group))?.prefixes ?? [], group.prefixes, removed)
    if (prefixes === undefined) return undefined
    if (prefixes.length > 0) added.push({ ...group, prefixes })
  }
  for (const [key, { prefixes }] of old) if (!keys.has(key)) for (const prefix of prefixes) removed.add(prefix)
  return { added, removed }
}

/** What only the second has; what only the first has goes into `removed`. Undefined when they are not in order. */
function walk(before: readonly string[], after: readonly string[], removed: Set<string>): string[] | undefined {
  const added: string[] = []
  let at = 0
  let last = ""
  for (const prefix of after) {
    let old = before[at]
    // The usual case first. What follows its neighbour of before is in order, because that was.
    if (prefix !== old) {
      if (prefix <= last) return undefined
      while (old !== undefined && old < prefix) {
        removed.add(old)
        old = before[++at]
      }
    }
    if (prefix === old) at++
    else added.push(prefix)
    last = prefix
  }
  for (; at < before.length; at++) removed.add(before[at] ?? "")
  return added
}
