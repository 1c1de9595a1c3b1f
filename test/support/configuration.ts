import type {
  BGPAdvertisementSpec,
  BGPPeerSpec,
  CommunitySpec,
  ConfigurationFacts,
  IPAddressPoolSpec,
  L2AdvertisementSpec,
  NodeFacts,
  ResourceFacts,
} from "../../config/facts.ts"

export const nothing: ConfigurationFacts = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  communities: [],
  nodes: [],
  namespaces: [],
}

const resource =
  <S>() =>
  (name: string, spec: S, labels: Readonly<Record<string, string>> = {}): ResourceFacts<S> => ({ name, labels, spec })

export const poolNamed = resource<IPAddressPoolSpec>()
export const l2Named = resource<L2AdvertisementSpec>()
export const bgpNamed = resource<BGPAdvertisementSpec>()
export const peerNamed = resource<BGPPeerSpec>()
export const communityNamed = resource<CommunitySpec>()

export const node = (name: string, labels: Readonly<Record<string, string>> = {}): NodeFacts => ({
  name,
  labels,
  networkUnavailable: false,
  internalIPs: [],
})
