import { err, ok, type Result } from "../protocols/result.ts"
import type { CommunitySpec, ResourceFacts } from "./facts.ts"
import { complaints, type ConfigurationFault } from "./fault.ts"
import { quote } from "./go-text.ts"

/** A BGP community, classic (RFC 1997) or large (RFC 8092). `text` is canonical: `65000:1`, `65000:1:2`. */
export interface Community {
  readonly text: string
  readonly order: readonly [number, number, number]
}

/** `A:B` with 16-bit parts, or `large:A:B:C` with 32-bit parts. */
export function parseCommunity(text: string): Result<Community, string> {
  const parts = text.split(":")
  if (parts.length === 2) {
    const numbers = sections(parts, 16, text)
    if (!numbers.ok) return numbers
    const [a = 0, b = 0] = numbers.value
    return ok({ text: `${a}:${b}`, order: [a * 65_536 + b, 0, 0] })
  }
  if (parts.length !== 4) return err(`invalid community format: ${text}`)
  if (parts[0] !== "large")
    return err(
      `invalid community value: invalid marker for large community, expected community to be of format large:<uint32>:<uint32>:<uint32> but got ${quote(text)} instead`,
    )
  const numbers = sections(parts.slice(1), 32, text)
  if (!numbers.ok) return numbers
  const [a = 0, b = 0, c = 0] = numbers.value
  return ok({ text: `${a}:${b}:${c}`, order: [a, b, c] })
}

function sections(parts: readonly string[], bits: 16 | 32, text: string): Result<number[], string> {
  const numbers: number[] = []
  for (const part of parts) {
    const fault = !/^\d+$/.test(part)
      ? "invalid syntax"
      : BigInt(part) >= 1n << BigInt(bits)
        ? "value out of range"
        : undefined
    if (fault !== undefined) {
      const cause = `strconv.ParseUint: parsing ${quote(part)}: ${fault}`
      return err(
        `invalid community value: invalid section ${quote(part)} of community ${quote(text)}, err: ${quote(cause)}`,
      )
    }
    numbers.push(Number(part))
  }
  return ok(numbers)
}

export const compareCommunities = (a: Community, b: Community): number =>
  a.order[0] - b.order[0] || a.order[1] - b.order[1] || a.order[2] - b.order[2] || (a.text < b.text ? -1 : 1)

/** Alias names, global over all Community objects. */
export type Aliases = ReadonlyMap<string, Community>

export function readAliases(objects: readonly ResourceFacts<CommunitySpec>[], faults: ConfigurationFault[]): Aliases {
  const aliases = new Map<string, Community>()
  const seen = new Set<string>()
  for (const { name: object, spec } of objects) {
    const { complain } = complaints(faults, "Community", object)
    for (const { name = "", value = "" } of spec.communities ?? []) {
      const community = parseCommunity(value)
      if (!community.ok) complain("communities", `parsing community ${quote(name)}: ${community.error}`)
      else if (seen.has(name)) complain("communities", `duplicate definition of community ${quote(name)}`)
      else aliases.set(name, community.value)
      seen.add(name)
    }
  }
  return aliases
}

/** What looks like no community at all may be an alias that somebody defines later. */
export const mayBeAlias = (text: string): boolean => ![2, 4].includes(text.split(":").length)

/** The alias table first, then the literal syntax. */
export function resolveCommunity(text: string, aliases: Aliases): Result<Community, string> {
  const alias = aliases.get(text)
  return alias ? ok(alias) : parseCommunity(text)
}
