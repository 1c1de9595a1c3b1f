import { type Static, Type } from "typebox"
import { selectors, strings } from "./fields.ts"
import type { ResourceKind } from "./kind.ts"

const spec = Type.Object(
  {
    addresses: strings("Address ranges: a CIDR prefix, or the first and last address joined by a dash."),
    autoAssign: Type.Optional(
      Type.Boolean({
        default: true,
        description: "False: the pool is used only by Services that ask for it by name or address.",
      }),
    ),
    avoidBuggyIPs: Type.Optional(
      Type.Boolean({ default: false, description: "Leave out IPv4 addresses that end in .0 or .255." }),
    ),
    serviceAllocation: Type.Optional(
      Type.Object(
        {
          namespaceSelectors: Type.Optional(
            selectors("Namespaces whose labels match any of these, together with those listed by name."),
          ),
          namespaces: Type.Optional(strings("Namespaces whose Services may use the pool.")),
          priority: Type.Optional(
            Type.Integer({ description: "Lower is tried first. Zero or absent: after every pool with a priority." }),
          ),
          serviceSelectors: Type.Optional(selectors("Services whose labels match any of these.")),
        },
        { description: "Restricts the pool to some Services and ranks it among the pools that fit." },
      ),
    ),
  },
  { description: "Addresses to give to Services, and who may have them." },
)

// Free addresses of a large IPv6 pool reach 2⁶³−1, past what a number holds exactly.
const counter = (description: string) => Type.Unsafe<number | bigint>(Type.Integer({ format: "int64", description }))

const status = Type.Object(
  {
    assignedIPv4: counter("IPv4 addresses in use."),
    assignedIPv6: counter("IPv6 addresses in use."),
    availableIPv4: counter("IPv4 addresses still free."),
    availableIPv6: counter("IPv6 addresses still free."),
  },
  { description: "How full the pool is." },
)

export type IPAddressPoolSpec = Static<typeof spec>

export const ipAddressPool: ResourceKind = {
  kind: "IPAddressPool",
  plural: "ipaddresspools",
  singular: "ipaddresspool",
  versions: [
    {
      name: "v1beta1",
      description: "A pool of addresses for Services of type LoadBalancer.",
      storage: true,
      properties: { spec, status: Type.Optional(status) },
      columns: [
        { name: "Auto Assign", path: ".spec.autoAssign", type: "boolean" },
        { name: "Avoid Buggy IPs", path: ".spec.avoidBuggyIPs", type: "boolean" },
        { name: "Addresses", path: ".spec.addresses", type: "string" },
      ],
    },
  ],
}
