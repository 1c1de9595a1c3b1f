import { type Static, Type } from "typebox"
import { noStatus, rule, selectors } from "./fields.ts"
import type { PrinterColumn, ResourceKind } from "./kind.ts"

const asn = (description: string, minimum = 0) =>
  Type.Integer({ format: "int64", minimum, maximum: 4_294_967_295, description })
const text = (description: string) => Type.Optional(Type.String({ description }))
const flag = (description: string, options = {}) => Type.Optional(Type.Boolean({ description, ...options }))

const words = {
  myASN: "AS number of our end of the session.",
  peerASN: "AS number of the peer.",
  peerAddress: "Address of the peer.",
  sourceAddress: "Local address of the session.",
  peerPort: "TCP port of the peer.",
  holdTime: "BGP hold time to offer (RFC 4271), as a duration such as 90s.",
  keepaliveTime: "BGP keepalive interval, as a duration such as 30s.",
  routerID: "BGP identifier to send.",
  nodeSelectors: "Nodes that open the session. Empty: all nodes.",
  password: "TCP MD5 password (RFC 2385).",
  bfdProfile: "BFDProfile to watch the session with. Absent: no BFD.",
  ebgpMultiHop: "The peer is more than one hop away.",
}

const legacySelector = Type.Object({
  matchExpressions: Type.Optional(
    Type.Array(
      Type.Object({
        key: Type.String(),
        operator: Type.String(),
        values: Type.Array(Type.String(), { minItems: 1 }),
      }),
    ),
  ),
  matchLabels: Type.Optional(Type.Record(Type.String(), Type.String())),
})

const v1beta1 = Type.Object(
  {
    bfdProfile: text(words.bfdProfile),
    ebgpMultiHop: flag(words.ebgpMultiHop),
    holdTime: text(words.holdTime),
    keepaliveTime: text(words.keepaliveTime),
    myASN: asn(words.myASN),
    nodeSelectors: Type.Optional(Type.Array(legacySelector, { description: words.nodeSelectors })),
    password: text(words.password),
    peerASN: asn(words.peerASN),
    peerAddress: Type.String({ description: words.peerAddress }),
    peerPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 16384, description: words.peerPort })),
    routerID: text(words.routerID),
    sourceAddress: text(words.sourceAddress),
  },
  { description: "The BGP router to talk to." },
)

const v1beta2 = Type.Object(
  {
    bfdProfile: text(words.bfdProfile),
    connectTime: Type.Optional(
      Type.String({
        description: "Delay before connecting again, as a duration of whole seconds.",
        "x-kubernetes-validations": [
          rule(
            "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
            "connect time should be between 1 seconds to 65535",
          ),
          rule("duration(self).getMilliseconds() % 1000 == 0", "connect time should contain a whole number of seconds"),
        ],
      }),
    ),
    disableMP: flag("Deprecated, without effect: see dualStackAddressFamily.", { default: false }),
    dualStackAddressFamily: flag("Carry IPv4 and IPv6 routes over this one session.", { default: false }),
    dynamicASN: Type.Optional(
      Type.Enum(["internal", "external"], {
        description: "Instead of peerASN: accept any AS number equal to myASN (internal) or different (external).",
      }),
    ),
    ebgpMultiHop: flag(words.ebgpMultiHop),
    enableGracefulRestart: flag("The peer keeps our routes while a session restarts (RFC 4724). Cannot be changed.", {
      "x-kubernetes-validations": [rule("self == oldSelf", "EnableGracefulRestart cannot be changed after creation")],
    }),
    holdTime: text(words.holdTime),
    interface: text("Instead of peerAddress: peer over this interface of the node, unnumbered (RFC 8950)."),
    keepaliveTime: text(words.keepaliveTime),
    localASN: Type.Optional(asn("AS number to show to this peer instead of myASN.", 1)),
    myASN: asn(words.myASN),
    nodeSelectors: Type.Optional(selectors(words.nodeSelectors)),
    password: text(words.password),
    passwordSecret: Type.Optional(
      Type.Object(
        {
          name: text("Name of the Secret."),
          namespace: text("Ignored: the Secret is read from the namespace this peer is in."),
        },
        {
          description: "Secret of type kubernetes.io/basic-auth whose key password holds the TCP MD5 password.",
          "x-kubernetes-map-type": "atomic",
        },
      ),
    ),
    peerASN: Type.Optional(asn(words.peerASN)),
    peerAddress: text(words.peerAddress),
    peerPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 16384, default: 179, description: words.peerPort })),
    routerID: text(words.routerID),
    sourceAddress: text(words.sourceAddress),
    vrf: text("Linux VRF of the node in which the session runs."),
  },
  { description: "The BGP router to talk to." },
)

export type BGPPeerSpec = Static<typeof v1beta2>

const columns: readonly PrinterColumn[] = [
  { name: "Address", path: ".spec.peerAddress", type: "string" },
  { name: "ASN", path: ".spec.peerASN", type: "string" },
  { name: "BFD Profile", path: ".spec.bfdProfile", type: "string" },
  { name: "Multi Hops", path: ".spec.ebgpMultiHop", type: "string" },
]

export const bgpPeer: ResourceKind = {
  kind: "BGPPeer",
  plural: "bgppeers",
  singular: "bgppeer",
  conversion: true,
  versions: [
    {
      name: "v1beta1",
      description: "A BGP router that the nodes open sessions to.",
      storage: false,
      deprecationWarning: "v1beta1 is deprecated, please use v1beta2",
      properties: { spec: Type.Optional(v1beta1), status: noStatus("BGPPeer") },
      columns,
    },
    {
      name: "v1beta2",
      description: "A BGP router that the nodes open sessions to.",
      storage: true,
      properties: { spec: Type.Optional(v1beta2), status: noStatus("BGPPeer") },
      columns,
    },
  ],
}
