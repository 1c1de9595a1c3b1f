import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import type { Random } from "../../cluster/machine/state.ts"

/** Random numbers that are the same each time. */
export function fixedRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed)
  return { u32: () => generator.next() >>> 0 }
}
