import { Type } from "typebox"
import type { ResourceKind } from "./kind.ts"

const text = (description: string) => Type.Optional(Type.String({ description }))

/** The first five fields are those of frr-k8s' kind of the same name, so that what reads it by hand or by column works. */
const status = Type.Object(
  {
    bgpStatus: text("State of the session: Idle, Connect, Active, OpenSent, OpenConfirm or Established."),
    bfdStatus: text("State of the path: up, down, init, adminDown, or N/A where nobody watches it."),
    node: text("The node whose speaker has the session."),
    peer: text("Address of the peer, or the interface of one without an address."),
    vrf: text("The VRF in which the session runs, if any."),
    peerName: text("Name of the BGPPeer."),
    establishedSince: Type.Optional(
      Type.String({ format: "date-time", description: "Since when the session is up; absent while it is not." }),
    ),
    lastError: text("Why the session is not up, or why it last went down."),
  },
  { description: "How the session stands." },
)

export const bgpSessionState: ResourceKind = {
  group: "troupe.dev",
  kind: "BGPSessionState",
  plural: "bgpsessionstates",
  singular: "bgpsessionstate",
  versions: [
    {
      name: "v1beta1",
      description:
        "How one BGP session of one node stands. Written by speakers. Labels: troupe.dev/node, troupe.dev/peer (the BGPPeer).",
      storage: true,
      properties: { spec: Type.Optional(Type.Object({}, { description: "Unused." })), status: Type.Optional(status) },
      columns: [
        { name: "Node", path: ".status.node", type: "string" },
        { name: "Peer", path: ".status.peer", type: "string" },
        { name: "VRF", path: ".status.vrf", type: "string" },
        { name: "BGP", path: ".status.bgpStatus", type: "string" },
        { name: "BFD", path: ".status.bfdStatus", type: "string" },
        { name: "Since", path: ".status.establishedSince", type: "date" },
        { name: "Last Error", path: ".status.lastError", type: "string", wide: true },
      ],
    },
  ],
}
