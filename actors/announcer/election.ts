import { hash } from "node:crypto"
import type { Ip } from "../../protocols/ip.ts"

/** A candidate with what placed it: all keys of the order. */
export interface Ranked {
  readonly node: string
  /** By the policy `sticky`: the epoch in which it has claimed the address. */
  readonly claim?: number
  /** By the policy `spread`: 0 is the first. */
  readonly place?: number
  /** Sum of the preference weights of the matching advertisements. */
  readonly score: number
  /** SHA-256 of `<node>#<ip>`, lower-case hexadecimal: its text order is the order of the bytes. */
  readonly digest: string
}

/** What goes before MetalLB's order, where an advertisement asks for it. */
export interface Precedence {
  /** Epochs by node. */
  readonly claims?: ReadonlyMap<string, number>
  readonly spread?: readonly string[]
}

/**
 * Who leads for an address, in order: the newest claim and the place in the spread, if policies ask for them; then the
 * highest score, then the lowest digest. Without policies it is stateless and MetalLB's order, so that speakers of both
 * kinds in one ring agree. The Service is not part of it: all Services on one address have the same leader as long as
 * their candidates are the same. Taking away a loser never moves the address.
 */
export function rank(
  nodes: Iterable<string>,
  ip: Ip,
  scoreOf: (node: string) => number,
  { claims, spread = [] }: Precedence = {},
): readonly Ranked[] {
  return [...new Set(nodes)]
    .map((node): Ranked => {
      const claim = claims?.get(node)
      const place = spread.indexOf(node)
      return {
        node,
        ...(claim !== undefined && { claim }),
        ...(place >= 0 && { place }),
        score: scoreOf(node),
        digest: digestOf(node, ip),
      }
    })
    .sort(
      (a, b) =>
        (b.claim ?? 0) - (a.claim ?? 0) ||
        (a.place ?? spread.length) - (b.place ?? spread.length) ||
        b.score - a.score ||
        (a.digest < b.digest ? -1 : 1),
    )
}

export const digestOf = (node: string, ip: Ip): string => hash("sha256", `${node}#${ip}`, "hex")
