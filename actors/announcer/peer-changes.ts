import { isDeepStrictEqual } from "node:util"
import type { Log } from "../../supervision/actor.ts"
import type { DesiredPeer } from "../session/messages.ts"

export type PeerChange =
  | { readonly kind: "added"; readonly name: string; readonly address: string }
  | {
      readonly kind: "removed"
      readonly name: string
      readonly address: string
      readonly reason: "removedFromConfig" | "filteredByNodeSelector"
    }

/**
 * Which sessions begin and end, as MetalLB counts them: other settings make another session, whose old one was removed
 * from the configuration. `configured`: names of all BGPPeers there are, for this node or not.
 */
export function peerChanges(
  before: readonly DesiredPeer[],
  after: readonly DesiredPeer[],
  configured: ReadonlySet<string>,
): readonly PeerChange[] {
  const wanted = new Map(after.map((peer) => [peer.name, peer]))
  const known = new Map(before.map((peer) => [peer.name, peer]))
  const same = (a: DesiredPeer, b: DesiredPeer | undefined) => isDeepStrictEqual(a.session, b?.session)
  const removed = before
    .filter((peer) => !same(peer, wanted.get(peer.name)))
    .map(({ name, session: { address } }): PeerChange => {
      const elsewhere = !wanted.has(name) && configured.has(name)
      return { kind: "removed", name, address, reason: elsewhere ? "filteredByNodeSelector" : "removedFromConfig" }
    })
  const added = after
    .filter((peer) => !same(peer, known.get(peer.name)))
    .map(({ name, session: { address } }): PeerChange => ({ kind: "added", name, address }))
  return [...removed, ...added]
}

/** MetalLB's lines; an unnumbered peer goes by its interface. */
export function logPeerChange(log: Log, change: PeerChange): void {
  const { kind, name, address: peer } = change
  if (kind === "added") return log.info("peer configured, starting BGP session", { event: "peerAdded", peer, name })
  const { reason } = change
  log.info("peer deconfigured, closing BGP session", { event: "peerRemoved", peer, name, reason })
}
