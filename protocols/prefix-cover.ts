import { type Family, ipToNumber } from "./ip.ts"
import { bitsOf, type Prefix, prefixAround } from "./prefix.ts"

/** The fewest prefixes that hold the same addresses, no more and no less; in order, IPv4 first. */
export function cover(prefixes: Iterable<Prefix>): readonly Prefix[] {
  const byFamily: Record<Family, Prefix[]> = { ipv4: [], ipv6: [] }
  for (const prefix of prefixes) byFamily[prefix.family].push(prefix)
  return [...merged(byFamily.ipv4), ...merged(byFamily.ipv6)]
}

function merged(prefixes: readonly Prefix[]): Prefix[] {
  const numbered = prefixes.map((prefix) => ({ prefix, first: ipToNumber(prefix.address) }))
  numbered.sort((a, b) => (a.first === b.first ? a.prefix.length - b.prefix.length : a.first < b.first ? -1 : 1))
  const done: { readonly prefix: Prefix; readonly first: bigint }[] = []
  for (let one of numbered) {
    const last = done.at(-1)
    if (last !== undefined && one.first < last.first + size(last.prefix)) continue
    // Two halves are one; that one may be half of another.
    for (let before = done.at(-1); before !== undefined && halves(before, one); before = done.at(-1)) {
      one = { prefix: prefixAround(before.prefix.address, before.prefix.length - 1), first: before.first }
      done.pop()
    }
    done.push(one)
  }
  return done.map(({ prefix }) => prefix)
}

type Numbered = { readonly prefix: Prefix; readonly first: bigint }

const size = ({ family, length }: Prefix): bigint => 1n << BigInt(bitsOf(family) - length)

const halves = (a: Numbered, b: Numbered): boolean =>
  a.prefix.length === b.prefix.length &&
  a.prefix.length > 0 &&
  a.first + size(a.prefix) === b.first &&
  a.first % (2n * size(a.prefix)) === 0n
