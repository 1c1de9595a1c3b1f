import { type Static, Type } from "typebox"
import { noStatus, poolChoice, rule, selectors, strings } from "./fields.ts"
import type { ResourceKind } from "./kind.ts"

const spec = Type.Object(
  {
    aggregationLength: Type.Optional(
      Type.Integer({
        format: "int32",
        minimum: 1,
        default: 32,
        description: "IPv4 prefix length to announce; 32 announces each address by itself.",
      }),
    ),
    aggregationLengthV6: Type.Optional(
      Type.Integer({
        format: "int32",
        default: 128,
        description: "IPv6 prefix length to announce; 128 announces each address by itself.",
      }),
    ),
    communities: Type.Optional(
      strings("Communities to attach: 65000:1, large:65000:1:2, or an alias that a Community object defines."),
    ),
    ...poolChoice,
    localPref: Type.Optional(
      Type.Integer({ format: "int32", description: "LOCAL_PREF of the routes; only iBGP peers see it." }),
    ),
    nodeSelectors: Type.Optional(selectors("Nodes that announce. Empty: all nodes.")),
    peers: Type.Optional(strings("BGPPeer names to announce to. Empty: all peers.")),
    serviceSelectors: Type.Optional(
      selectors("Announce only Services whose labels match any of these. Needs the default aggregation lengths."),
    ),
  },
  {
    description: "Which pools to announce by BGP, to whom and with which attributes.",
    "x-kubernetes-validations": [
      rule(
        "!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || ((!has(self.aggregationLength) || self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",
        "serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default aggregationLength (32) and aggregationLengthV6 (128)",
      ),
    ],
  },
)

export type BGPAdvertisementSpec = Static<typeof spec>

export const bgpAdvertisement: ResourceKind = {
  kind: "BGPAdvertisement",
  plural: "bgpadvertisements",
  singular: "bgpadvertisement",
  versions: [
    {
      name: "v1beta1",
      description: "Announces the addresses of pools to BGP peers.",
      storage: true,
      properties: { spec: Type.Optional(spec), status: noStatus("BGPAdvertisement") },
      columns: [
        { name: "IPAddressPools", path: ".spec.ipAddressPools", type: "string" },
        { name: "IPAddressPool Selectors", path: ".spec.ipAddressPoolSelectors", type: "string" },
        { name: "Peers", path: ".spec.peers", type: "string" },
        { name: "Node Selectors", path: ".spec.nodeSelectors", type: "string", wide: true },
      ],
    },
  ],
}
