import { bitsOf, type Prefix, parsePrefix, prefixContains } from "../prefix.ts"
import { err, ok, type Result } from "../result.ts"

/** The prefixes inside `within` whose length is in the range. */
export interface PrefixRange {
  readonly within: Prefix
  readonly from: number
  readonly to: number
}

/**
 * In the words of BIRD: `10.0.0.0/8` is that prefix alone, `10.0.0.0/8+` also what is inside it, `10.0.0.0/8{16,24}` what
 * is inside it and has such a length.
 */
export function parsePrefixRange(text: string): Result<PrefixRange, string> {
  const match = /^([^+{]+)(\+|\{(\d{1,3}),(\d{1,3})\})?$/.exec(text)
  const [, cidr = "", suffix, low, high] = match ?? []
  const within = parsePrefix(cidr)
  if (within === undefined) return err(`"${text}" is no prefix`)
  if (!cidr.startsWith(`${within.address}/`)) return err(`"${text}" has host bits set: ${within.text} is meant`)
  const bits = bitsOf(within.family)
  if (suffix === undefined) return ok({ within, from: within.length, to: within.length })
  if (suffix === "+") return ok({ within, from: within.length, to: bits })
  const [from, to] = [Number(low), Number(high)]
  if (from < within.length || to < from || to > bits) {
    return err(`"${text}": lengths must be within ${within.length} and ${bits}, the smaller one first`)
  }
  return ok({ within, from, to })
}

export const inRange = ({ within, from, to }: PrefixRange, prefix: Prefix): boolean =>
  prefix.length >= from && prefix.length <= to && prefixContains(within, prefix.address)
