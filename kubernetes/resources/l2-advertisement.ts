import { type Static, Type } from "typebox"
import { noStatus, poolChoice, selector, selectors, strings } from "./fields.ts"
import type { ResourceKind } from "./kind.ts"

const spec = Type.Object(
  {
    interfaces: Type.Optional(strings("Answer ARP and NDP only on these interfaces. Empty: on all.")),
    ...poolChoice,
    nodeSelectors: Type.Optional(selectors("Nodes that may announce. Empty: all nodes.")),
    preferredNodeSelectors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            preference: selector("Nodes that get the weight. An empty selector: every node that may announce."),
            weight: Type.Integer({
              format: "int32",
              minimum: 1,
              maximum: 100,
              description: "Added to the score of the nodes that match.",
            }),
          },
          { description: "Nodes to prefer, and how strongly." },
        ),
        { description: "Soft preference: the node with the highest total weight is the first choice." },
      ),
    ),
    serviceSelectors: Type.Optional(
      selectors("Announce only Services whose labels match any of these. Empty: all Services of the pools."),
    ),
  },
  { description: "Which pools to announce by ARP and NDP, from where." },
)

export type L2AdvertisementSpec = Static<typeof spec>

export const l2Advertisement: ResourceKind = {
  kind: "L2Advertisement",
  plural: "l2advertisements",
  singular: "l2advertisement",
  versions: [
    {
      name: "v1beta1",
      description: "Announces the addresses of pools on the local network, by ARP for IPv4 and NDP for IPv6.",
      storage: true,
      properties: { spec: Type.Optional(spec), status: noStatus("L2Advertisement") },
      columns: [
        { name: "IPAddressPools", path: ".spec.ipAddressPools", type: "string" },
        { name: "IPAddressPool Selectors", path: ".spec.ipAddressPoolSelectors", type: "string" },
        { name: "Interfaces", path: ".spec.interfaces", type: "string" },
        { name: "Node Selectors", path: ".spec.nodeSelectors", type: "string", wide: true },
      ],
    },
  ],
}
