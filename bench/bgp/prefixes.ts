/** Host routes of 10.0.0.0/8, in ascending order of their text as the speaker gives them. */
export const prefixes = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`).sort()
