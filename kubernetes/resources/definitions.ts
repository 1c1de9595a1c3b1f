import { bfdProfile } from "./bfd-profile.ts"
import { bgpAdvertisement } from "./bgp-advertisement.ts"
import { bgpPeer } from "./bgp-peer.ts"
import { bgpSessionState } from "./bgp-session-state.ts"
import { community } from "./community.ts"
import { configurationState } from "./configuration-state.ts"
import { ipAddressPool } from "./ip-address-pool.ts"
import { type CustomResourceDefinition, customResourceDefinition, type ResourceKind } from "./kind.ts"
import { l2Advertisement } from "./l2-advertisement.ts"
import { serviceBGPStatus, serviceL2Status } from "./service-status.ts"

export const kinds: readonly ResourceKind[] = [
  bfdProfile,
  bgpAdvertisement,
  bgpPeer,
  bgpSessionState,
  community,
  configurationState,
  ipAddressPool,
  l2Advertisement,
  serviceBGPStatus,
  serviceL2Status,
]

/** All CustomResourceDefinitions, nine of MetalLB's and one of ours, as plain data, by plural name. */
export const definitions: readonly CustomResourceDefinition[] = kinds.map(customResourceDefinition)
