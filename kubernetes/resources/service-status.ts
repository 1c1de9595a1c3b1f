import { Type } from "typebox"
import { rule } from "./fields.ts"
import type { PrinterColumn, ResourceKind } from "./kind.ts"

/** ServiceL2Status and ServiceBGPStatus: what a speaker says about a Service that it announces. */

const fixed = (description: string) =>
  Type.Optional(
    Type.String({ description, "x-kubernetes-validations": [rule("self == oldSelf", "Value is immutable")] }),
  )

const who = {
  node: fixed("The node that announces."),
  serviceName: fixed("Name of the Service."),
  serviceNamespace: fixed("Namespace of the Service."),
}

const l2Status = Type.Object(
  {
    interfaces: Type.Optional(
      Type.Array(Type.Object({ name: Type.Optional(Type.String({ description: "Name of the interface." })) }), {
        description: "Interfaces that answer for the address. Empty: all of the node's.",
      }),
    ),
    ...who,
  },
  { description: "Where the traffic of the Service arrives." },
)

const bgpStatus = Type.Object(
  {
    ...who,
    peers: Type.Optional(Type.Array(Type.String(), { description: "BGPPeers that were told the route, sorted." })),
  },
  { description: "To whom the node announces the Service." },
)

const spec = Type.Optional(Type.Object({}, { description: "Unused." }))

const columns = (node: string): readonly PrinterColumn[] => [
  { name: node, path: ".status.node", type: "string" },
  { name: "Service Name", path: ".status.serviceName", type: "string" },
  { name: "Service Namespace", path: ".status.serviceNamespace", type: "string" },
]

export const serviceL2Status: ResourceKind = {
  kind: "ServiceL2Status",
  plural: "servicel2statuses",
  singular: "servicel2status",
  versions: [
    {
      name: "v1beta1",
      description: "Which node receives the traffic of a Service in layer 2 mode. Written by speakers.",
      storage: true,
      properties: { spec, status: Type.Optional(l2Status) },
      columns: columns("Allocated Node"),
    },
  ],
}

export const serviceBGPStatus: ResourceKind = {
  kind: "ServiceBGPStatus",
  plural: "servicebgpstatuses",
  singular: "servicebgpstatus",
  versions: [
    {
      name: "v1beta1",
      description: "To which peers a node announces a Service by BGP. Written by speakers.",
      storage: true,
      properties: { spec, status: Type.Optional(bgpStatus) },
      columns: columns("Node"),
    },
  ],
}
