import { addressTag, type MarkClaim } from "../../cluster/speaker-mark.ts"
import type { Ip } from "../../protocols/ip.ts"

/** An address with the policy `sticky` that this node answers for. */
export interface Held {
  /** It would lead without any claim, if everybody were alive. */
  readonly usual: boolean
  /** Taken from a silent leader on the wire, which is certain at once. */
  readonly taken: boolean
}

export interface Claiming {
  /** As they are said in gossip, those first that matter most: what finds no room there is cut off. */
  readonly claims: readonly MarkClaim[]
  /** Since when each address is answered for without a break. */
  readonly sinceMs: ReadonlyMap<Ip, number>
  /** When to look again; infinity: nothing will change by itself. */
  readonly dueMs: number
}

/**
 * Gossip that is cut makes a leader of whoever is left, and the wire takes that back within a second and a half. A claim
 * that had been made meanwhile would outlast the cut.
 */
const claimAfterMs = 2000
const mostEpoch = 65_535

/**
 * What this node should claim. It counts on from the highest epoch that it knows of another, alive or dead: so of two that
 * claim an address after a partition, the one that took it from the other has the higher one.
 */
export function nextClaims(
  before: Pick<Claiming, "claims" | "sinceMs">,
  held: ReadonlyMap<Ip, Held>,
  othersEpoch: (address: number) => number | undefined,
  nowMs: number,
): Claiming {
  const claimed = new Map(before.claims.map(({ address, epoch }) => [address, epoch]))
  const sinceMs = new Map<Ip, number>()
  const claims = new Map<number, { readonly epoch: number; readonly usual: boolean }>()
  let dueMs = Number.POSITIVE_INFINITY
  for (const [ip, { usual, taken }] of held) {
    const since = before.sinceMs.get(ip) ?? nowMs
    sinceMs.set(ip, since)
    const address = addressTag(ip)
    const epoch = claimed.get(address)
    if (epoch === undefined && !taken && nowMs < since + claimAfterMs) {
      dueMs = Math.min(dueMs, since + claimAfterMs)
      continue
    }
    const next = epoch ?? Math.min(mostEpoch, (othersEpoch(address) ?? 0) + 1)
    claims.set(address, { epoch: next, usual: usual && (claims.get(address)?.usual ?? true) })
  }
  // Whoever has room keeps it: a claim that is pushed out moves its address.
  const places = new Map(before.claims.map(({ address }, i) => [address, i]))
  const placeOf = (address: number) => places.get(address) ?? before.claims.length
  const inOrder = [...claims].sort(
    ([a, one], [b, other]) => Number(one.usual) - Number(other.usual) || placeOf(a) - placeOf(b) || a - b,
  )
  return { claims: inOrder.map(([address, { epoch }]) => ({ address, epoch })), sinceMs, dueMs }
}
