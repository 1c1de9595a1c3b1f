import { Type } from "typebox"
import { noStatus } from "./fields.ts"
import type { ResourceKind } from "./kind.ts"

const within = (minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ format: "int32", minimum, maximum, description }))
const flag = (description: string) => Type.Optional(Type.Boolean({ description }))

const spec = Type.Object(
  {
    detectMultiplier: within(2, 255, "Missed packets after which the session is down (RFC 5880 §6.8.4)."),
    echoInterval: within(10, 60_000, "Smallest interval between received echo packets, in milliseconds."),
    echoMode: flag("Use the echo function (RFC 5880 §6.4)."),
    minimumTtl: within(1, 254, "Smallest TTL to accept; multihop sessions only."),
    passiveMode: flag("Wait for the peer to start the session."),
    receiveInterval: within(10, 60_000, "Smallest interval between received control packets, in milliseconds."),
    transmitInterval: within(10, 60_000, "Smallest interval between sent control packets, in milliseconds."),
  },
  { description: "Timers and options of the BFD sessions that use this profile." },
)

export const bfdProfile: ResourceKind = {
  kind: "BFDProfile",
  plural: "bfdprofiles",
  singular: "bfdprofile",
  versions: [
    {
      name: "v1beta1",
      description: "Settings for BFD sessions (RFC 5880), named by BGPPeers.",
      storage: true,
      properties: { spec: Type.Optional(spec), status: noStatus("BFDProfile") },
      columns: [
        { name: "Passive Mode", path: ".spec.passiveMode", type: "boolean" },
        { name: "Transmit Interval", path: ".spec.transmitInterval", type: "integer" },
        { name: "Receive Interval", path: ".spec.receiveInterval", type: "integer" },
        { name: "Multiplier", path: ".spec.detectMultiplier", type: "integer" },
      ],
    },
  ],
}
