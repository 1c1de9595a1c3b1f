import { parseDurationMs } from "./duration.ts"
import type { BGPPeerSpec, ConfigurationFacts } from "./facts.ts"
import type { ConfigurationFault } from "./fault.ts"
import { frrFaults } from "./frr-mode.ts"
import { quote } from "./go-text.ts"
import { parseCommunity } from "./communities.ts"
import { blocksOf } from "./pools.ts"
import { matchesAny } from "./selector.ts"

/** Who speaks BGP, as in `METALLB_BGP_TYPE`. `metallb-native`: MetalLB's own native mode, for who runs both. */
export const modes = ["native", "frr", "frr-k8s", "metallb-native"] as const
/** `any`: nothing is refused that some mode can do. */
export type Mode = (typeof modes)[number] | "any"

/** What a mode refuses in resources that are valid otherwise. Evaluated on the whole, lists in name order. */
type ModeRule = (facts: ConfigurationFacts) => Iterable<ConfigurationFault>

/** A field of BGPPeer that a mode cannot honour. `says`: how MetalLB names it. */
interface RefusedField {
  readonly field: keyof BGPPeerSpec
  readonly says: string
  readonly set?: (spec: BGPPeerSpec) => boolean
}

const refusedByMetalLB: readonly RefusedField[] = [
  { field: "bfdProfile", says: "bfd-profile set" },
  {
    field: "keepaliveTime",
    says: "keepalive-time set",
    set: ({ keepaliveTime }) => keepaliveTime !== undefined && parseDurationMs(keepaliveTime) !== 0,
  },
  { field: "vrf", says: "vrf set" },
  { field: "connectTime", says: "connect time set" },
  { field: "enableGracefulRestart", says: "EnableGracefulRestart flag set" },
  { field: "disableMP", says: "disable MP flag set" },
  { field: "dualStackAddressFamily", says: "dualstackaddressfamily flag set" },
  { field: "dynamicASN", says: "dynamicASN set" },
  { field: "interface", says: "interface set" },
  { field: "localASN", says: "localASN set" },
]

const rules: Readonly<Record<Mode, readonly ModeRule[]>> = {
  // What our session cannot do is said where the peer is read.
  native: [],
  any: [],
  frr: [frrFaults],
  "frr-k8s": [frrFaults],
  "metallb-native": [refusedFields(refusedByMetalLB), bfdProfiles, ipv6Pools, largeCommunities],
}

export const modeFaults = (mode: Mode, facts: ConfigurationFacts): ConfigurationFault[] =>
  rules[mode].flatMap((rule) => [...rule(facts)])

function refusedFields(fields: readonly RefusedField[]): ModeRule {
  return function* ({ peers }) {
    for (const { name, spec } of peers)
      for (const { field, says, set = () => Boolean(spec[field]) } of fields)
        if (set(spec))
          yield {
            object: { kind: "BGPPeer", name },
            field,
            text: `peer ${spec.peerAddress ?? ""} has ${says} on native bgp mode`,
          }
  }
}

function* bfdProfiles({ bfdProfiles = [] }: ConfigurationFacts): Iterable<ConfigurationFault> {
  const [first] = bfdProfiles
  if (first !== undefined) yield { object: { kind: "BFDProfile", name: first.name }, text: "bfd profiles section set" }
}

/** Only pools that a BGPAdvertisement selects; layer 2 may announce IPv6 in any mode. */
function* ipv6Pools({ pools, bgpAdvertisements }: ConfigurationFacts): Iterable<ConfigurationFault> {
  const selected = pools.filter(({ name, labels }) =>
    bgpAdvertisements.some(({ spec: { ipAddressPools = [], ipAddressPoolSelectors = [] } }) => {
      if (ipAddressPools.length + ipAddressPoolSelectors.length === 0) return true
      return ipAddressPools.includes(name) || matchesAny(ipAddressPoolSelectors, labels)
    }),
  )
  for (const { name, spec } of selected)
    for (const entry of spec.addresses) {
      const blocks = blocksOf(entry)
      const block = blocks.ok ? blocks.value.find(({ family }) => family === "ipv6") : undefined
      if (block === undefined) continue
      const text = `pool ${quote(name)} has ipv6 CIDR ${block.text}, native bgp mode does not support ipv6`
      yield { object: { kind: "IPAddressPool", name }, field: "addresses", text }
    }
}

/** A text that is no community at all is somebody else's fault to name. */
function* largeCommunities({ bgpAdvertisements, communities }: ConfigurationFacts): Iterable<ConfigurationFault> {
  const large = (text: string) => text.startsWith("large:") && parseCommunity(text).ok
  const only = "native BGP mode only supports legacy communities"
  for (const { name, spec } of bgpAdvertisements)
    for (const text of (spec.communities ?? []).filter(large))
      yield {
        object: { kind: "BGPAdvertisement", name },
        field: "communities",
        text: `${only}, BGP advertisement ${quote(name)} has non legacy community ${quote(text)}`,
      }
  for (const { name, spec } of communities)
    for (const { name: alias = "", value = "" } of spec.communities ?? []) {
      if (!large(value)) continue
      const text = `${only}, BGP community CR ${quote(name)} has non legacy community {${quote(alias)} ${quote(value)}}`
      yield { object: { kind: "Community", name }, field: "communities", text }
    }
}
