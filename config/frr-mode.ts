import type { BGPPeerSpec, ConfigurationFacts, NodeFacts, ResourceFacts } from "./facts.ts"
import type { ConfigurationFault } from "./fault.ts"
import { matchesAny } from "./selector.ts"

type PeerFacts = ResourceFacts<BGPPeerSpec>

/** A rule for two peers of one node: one FRR serves both. `p` comes after `q`. The text when it is broken. */
interface PairRule {
  readonly field: keyof BGPPeerSpec
  readonly broken: (p: BGPPeerSpec, q: BGPPeerSpec) => string | undefined
}

/** FRR knows a neighbour by address or interface, in its VRF. The port plays no part. */
const identity = ({ peerAddress, interface: device, vrf }: BGPPeerSpec): string =>
  `${peerAddress || device || ""}${vrf ? `-${vrf}` : ""}`

const pairRules: readonly PairRule[] = [
  {
    field: "routerID",
    broken: ({ routerID: p = "" }, { routerID: q = "" }) =>
      p === q
        ? undefined
        : `peer ${p} has RouterID different from ${q}, in FRR mode peers selecting the same node must all have the same RouterID`,
  },
  {
    field: "peerAddress",
    broken: (p, q) =>
      identity(p) !== identity(q)
        ? undefined
        : `peer ${identity(p)} already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node`,
  },
  {
    field: "myASN",
    broken: (p, q) =>
      (p.vrf ?? "") !== (q.vrf ?? "") || p.myASN === q.myASN
        ? undefined
        : `peer ${identity(p)} has myAsn different from ${identity(q)}, in FRR mode peers selecting the same node must have the same myAsn within the same VRF`,
  },
]

export function* frrFaults({ peers, nodes }: ConfigurationFacts): Iterable<ConfigurationFault> {
  for (const [i, p] of peers.entries())
    for (const q of peers.slice(0, i)) {
      if (!shareNode(p, q, nodes)) continue
      for (const { field, broken } of pairRules) {
        const text = broken(p.spec, q.spec)
        if (text !== undefined) yield { object: { kind: "BGPPeer", name: p.name }, field, text }
      }
    }
}

/** Without any node known they may share one. */
function shareNode(p: PeerFacts, q: PeerFacts, nodes: readonly NodeFacts[]): boolean {
  const selects = ({ spec: { nodeSelectors = [] } }: PeerFacts, { labels }: NodeFacts) =>
    nodeSelectors.length === 0 || matchesAny(nodeSelectors, labels)
  return nodes.length === 0 || nodes.some((node) => selects(p, node) && selects(q, node))
}
