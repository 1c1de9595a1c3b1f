const made = new Map<number, readonly string[]>()

/** Host routes of 10.0.0.0/8, in ascending order of their text as the speaker gives them. */
export function prefixes(count: number): readonly string[] {
  const known = made.get(count)
  if (known !== undefined) return known
  const all = Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`).sort()
  made.set(count, all)
  return all
}
