import { bfdProfile } from "./bfd-profile.ts"
import { bgpAdvertisement } from "./bgp-advertisement.ts"
import { bgpPeer } from "./bgp-peer.ts"
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
  community,
  configurationState,
  ipAddressPool,
  l2Advertisement,
  serviceBGPStatus,
  serviceL2Status,
]

/** The nine CustomResourceDefinitions as plain data, by plural name. */
export const definitions: readonly CustomResourceDefinition[] = kinds.map(customResourceDefinition)
