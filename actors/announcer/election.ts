import { hash } from "node:crypto"
import type { Ip } from "../../protocols/ip.ts"

/** A candidate with what placed it: both keys of the order. */
export interface Ranked {
  readonly node: string
  /** Sum of the preference weights of the matching advertisements. */
  readonly score: number
  /** SHA-256 of `<node>#<ip>`, lower-case hexadecimal: its text order is the order of the bytes. */
  readonly digest: string
}

/**
 * Who leads for an address, in order: the highest score first, then the lowest digest. Stateless, and the same order as
 * MetalLB's, so that speakers of both kinds in one ring agree. The Service is not part of it: all Services on one address
 * have the same leader as long as their candidates are the same. Taking away a loser never moves the address.
 */
export function rank(nodes: Iterable<string>, ip: Ip, scoreOf: (node: string) => number): readonly Ranked[] {
  return [...new Set(nodes)]
    .map((node) => ({ node, score: scoreOf(node), digest: digestOf(node, ip) }))
    .sort((a, b) => b.score - a.score || (a.digest < b.digest ? -1 : 1))
}

const digestOf = (node: string, ip: Ip): string => hash("sha256", `${node}#${ip}`, "hex")
