import test from "ava"
import { compile, type CompileOptions } from "../../config/compile.ts"
import type { BFDProfileSpec, BGPPeerSpec, ConfigurationFacts } from "../../config/facts.ts"
import type { Mode } from "../../config/modes.ts"
import { SecretText } from "../../config/secret-text.ts"
import { bgpNamed, communityNamed, node, nothing, peerNamed, poolNamed } from "../support/configuration.ts"

const faultsOf = (facts: Partial<ConfigurationFacts>, options: CompileOptions = {}) => {
  const result = compile({ ...nothing, ...facts }, options)
  return result.ok ? [] : result.error
}
const texts = (facts: Partial<ConfigurationFacts>, options: CompileOptions = {}): string[] =>
  faultsOf(facts, options).map(({ text }) => text)

const profile = (name: string, spec: BFDProfileSpec = {}) => ({ name, labels: {}, spec })
const peer = (name: string, more: Partial<BGPPeerSpec> = {}) =>
  peerNamed(name, { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1", ...more })

const inMode = (mode: Mode, facts: Partial<ConfigurationFacts>) =>
  texts({ bfdProfiles: [profile("bfd")], ...facts }, { mode })

for (const [more, says] of [
  [{ keepaliveTime: "30s" }, "keepalive-time set"],
  [{ vrf: "red" }, "vrf set"],
  [{ connectTime: "10s" }, "connect time set"],
  [{ enableGracefulRestart: true }, "EnableGracefulRestart flag set"],
  [{ disableMP: true }, "disable MP flag set"],
  [{ dualStackAddressFamily: true }, "dualstackaddressfamily flag set"],
  [{ dynamicASN: "internal", peerASN: 0 }, "dynamicASN set"],
  [{ localASN: 64999 }, "localASN set"],
] as const satisfies readonly (readonly [Partial<BGPPeerSpec>, string])[]) {
  test(`MetalLB's native mode refuses: ${says}`, (t) => {
    t.is(
      texts({ peers: [peer("p", more)] }, { mode: "metallb-native" })[0],
      `peer 10.0.0.1 has ${says} on native bgp mode`,
    )
  })
  test(`FRR takes it: ${says}`, (t) => t.deepEqual(inMode("frr", { peers: [peer("p", more)] }), []))
}

test("MetalLB's native mode: interfaces print an empty address, BFD names both, a keepalive time of 0 is none", (t) => {
  const { peerAddress: _, ...unnumbered } = peer("p", { interface: "eth0" }).spec
  t.deepEqual(inMode("metallb-native", { peers: [peerNamed("p", unnumbered), peer("q", { bfdProfile: "bfd" })] }), [
    "peer  has interface set on native bgp mode",
    "peer 10.0.0.1 has bfd-profile set on native bgp mode",
    "bfd profiles section set",
  ])
  t.deepEqual(texts({ peers: [peer("p", { keepaliveTime: "0s", holdTime: "0s" })] }, { mode: "metallb-native" }), [])
})

const dual = poolNamed("dual", { addresses: ["10.0.0.0/24", "fc00::5/120"] }, { kind: "both" })
for (const [advertisements, refused] of [
  [[], false],
  [[bgpNamed("a", {})], true],
  [[bgpNamed("a", { ipAddressPools: ["dual"] })], true],
  [[bgpNamed("a", { ipAddressPoolSelectors: [{ matchLabels: { kind: "both" } }] })], true],
  [[bgpNamed("a", { ipAddressPools: ["other"] })], false],
] as const)
  test(`MetalLB's native mode and an IPv6 pool: ${JSON.stringify(advertisements.map(({ spec }) => spec))}`, (t) => {
    const text = 'pool "dual" has ipv6 CIDR fc00::/120, native bgp mode does not support ipv6'
    const facts = { pools: [dual], bgpAdvertisements: advertisements }
    t.deepEqual(texts(facts, { mode: "metallb-native" }), refused ? [text] : [])
    t.false(texts(facts, { mode: "frr" }).includes(text))
  })

test("MetalLB's native mode and large communities", (t) => {
  const facts = {
    communities: [
      communityNamed("names", {
        communities: [
          { name: "big", value: "large:1:2:3" },
          { name: "old", value: "1:2" },
        ],
      }),
    ],
    bgpAdvertisements: [bgpNamed("a", { communities: ["1:2", "large:4:5:6"] })],
  }
  t.deepEqual(
    texts(facts, { mode: "metallb-native" }).filter((text) => text.startsWith("native BGP")),
    [
      'native BGP mode only supports legacy communities, BGP advertisement "a" has non legacy community "large:4:5:6"',
      'native BGP mode only supports legacy communities, BGP community CR "names" has non legacy community {"big" "large:1:2:3"}',
    ],
  )
})

test("FRR: peers of one node agree on the router ID, differ in identity, and have one AS number in a VRF", (t) => {
  const pair = (p: Partial<BGPPeerSpec>, q: Partial<BGPPeerSpec>) =>
    inMode("frr-k8s", { peers: [peer("a", q), peer("b", { peerAddress: "10.0.0.2", ...p })] })
  t.deepEqual(pair({}, {}), [])
  t.deepEqual(pair({ routerID: "1.1.1.1" }, {}), [
    "peer 1.1.1.1 has RouterID different from , in FRR mode peers selecting the same node must all have the same RouterID",
  ])
  t.deepEqual(pair({ peerAddress: "10.0.0.1", peerPort: 180 }, {}), [
    "peer 10.0.0.1 already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node",
  ])
  t.deepEqual(pair({ peerAddress: "10.0.0.1", vrf: "red" }, {}), [])
  t.deepEqual(pair({ peerAddress: "10.0.0.1", vrf: "red" }, { vrf: "red" }), [
    "peer 10.0.0.1-red already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node",
  ])
  t.deepEqual(pair({ myASN: 1 }, {}), [
    "peer 10.0.0.2 has myAsn different from 10.0.0.1, in FRR mode peers selecting the same node must have the same myAsn within the same VRF",
  ])
  t.deepEqual(pair({ myASN: 1, vrf: "red" }, {}), [])
})

test("FRR: peers for different nodes may be the same", (t) => {
  const zone = (value: string) => [{ matchLabels: { zone: value } }]
  const peers = [peer("a", { nodeSelectors: zone("1") }), peer("b", { nodeSelectors: zone("2") })]
  const nodes = [node("x", { zone: "1" }), node("y", { zone: "2" })]
  t.deepEqual(texts({ peers, nodes }, { mode: "frr" }), [])
  t.is(texts({ peers }, { mode: "frr" }).length, 1, "without nodes they may share one")
  t.is(texts({ peers, nodes: [...nodes, node("z", { zone: "1" })] }, { mode: "frr" }).length, 0)
  t.deepEqual(texts({ peers, nodes }, { mode: "native" }), [])
})

for (const [spec, inner, what] of [
  [{ detectMultiplier: 1 }, "invalid value 1, must be in 2-255 range", "detect multiplier"],
  [{ detectMultiplier: 256 }, "invalid value 256, must be in 2-255 range", "detect multiplier"],
  [{ receiveInterval: 9 }, "invalid value 9, must be in 10-60000 range", "receive interval"],
  [{ transmitInterval: 60_001 }, "invalid value 60001, must be in 10-60000 range", "transmit interval"],
  [{ minimumTtl: 255 }, "invalid value 255, must be in 1-254 range", "minimum ttl"],
  [{ echoInterval: 0 }, "invalid value 0, must be in 10-60000 range", "echo interval"],
] as const satisfies readonly (readonly [BFDProfileSpec, string, string])[])
  test(`BFD profile ${JSON.stringify(spec)}`, (t) =>
    t.deepEqual(texts({ bfdProfiles: [profile("a"), profile("b", spec)] }), [
      `parsing bfd profile #2: ${inner}\ninvalid ${what} value`,
    ]))

test("BFD profiles: limits are in range, names are required and unique", (t) => {
  const limits = {
    receiveInterval: 10,
    transmitInterval: 60_000,
    detectMultiplier: 2,
    echoInterval: 10,
    minimumTtl: 254,
  }
  t.deepEqual(texts({ bfdProfiles: [profile("a", limits)] }), [])
  t.deepEqual(texts({ bfdProfiles: [profile("a"), profile(""), profile("a")] }), [
    "parsing bfd profile #1: missing bfd profile name",
    "found duplicate bfd profile name a",
  ])
})

test("what a peer names must be there; a Secret that was not asked for is not missed", (t) => {
  const peers = [peer("p", { passwordSecret: { name: "s" }, bfdProfile: "b" })]
  const found = (facts: Partial<ConfigurationFacts>) => faultsOf({ peers, ...facts }, { mode: "frr" })
  t.deepEqual(found({}), [])
  t.deepEqual(
    found({ bfdProfiles: [], passwordSecrets: [] }).map(({ text, transient }) => [text, transient]),
    [
      [
        'parsing peer p secret ref not found for peer config "metallb-system"/"p"\nfailed to parse peer p password secret',
        true,
      ],
      ["peer p referencing non existing bfd profile b", true],
    ],
  )
  const bfdProfiles = [profile("b")]
  t.deepEqual(
    found({ bfdProfiles, passwordSecrets: [{ name: "s", type: "Opaque" }] }).map(({ text, transient }) => [
      text,
      transient,
    ]),
    [
      [
        'parsing peer p secret type mismatch on "metallb-system"/"s", type "kubernetes.io/basic-auth" is expected \nfailed to parse peer p password secret',
        undefined,
      ],
    ],
  )
  const type = "kubernetes.io/basic-auth"
  t.deepEqual(
    found({ bfdProfiles, passwordSecrets: [{ name: "s", type }] }).map(({ text }) => text),
    [
      'parsing peer p password not specified in the secret "metallb-system"/"s"\nfailed to parse peer p password secret',
    ],
  )
  t.deepEqual(found({ bfdProfiles, passwordSecrets: [{ name: "s", type, password: new SecretText("x") }] }), [])
})

test("BFD echo does not go with IPv6 routes", (t) => {
  const bfdProfiles = [profile("echo", { echoMode: true }), profile("plain")]
  const peers = [peer("p", { bfdProfile: "echo" }), peer("q", { bfdProfile: "plain", peerAddress: "10.0.0.2" })]
  const with_ = (advertisement: Parameters<typeof bgpNamed>[1], pool = dual) =>
    texts({ bfdProfiles, peers, pools: [pool], bgpAdvertisements: [bgpNamed("a", advertisement)] }, { mode: "frr" })
  const text =
    "pool dual has bgpadvertisement a which references peer p which has bfd echo enabled, which is not possible"
  t.deepEqual(with_({}), [text])
  t.deepEqual(with_({ peers: ["p"] }), [text])
  t.deepEqual(with_({ peers: ["q", "nobody"] }), [])
  t.deepEqual(with_({}, poolNamed("dual", { addresses: ["10.0.0.0/24"] })), [])
})

test("two equal advertisements; the same name with another content is none", (t) => {
  const bgpAdvertisements = [bgpNamed("a", {}), bgpNamed("b", {}), bgpNamed("b", {}), bgpNamed("b", { localPref: 0 })]
  t.deepEqual(texts({ bgpAdvertisements }), [
    "duplicate definition of bgpadvertisements. advertisement 2 and 3 are equal",
  ])
})

test("the first fault is the one MetalLB stops at", (t) => {
  const facts: Partial<ConfigurationFacts> = {
    pools: [poolNamed("p", { addresses: [] })],
    communities: [communityNamed("c", { communities: [{ name: "x", value: "y" }] })],
    peers: [peer("b", { myASN: 0 }), peer("a", { bfdProfile: "nobody" })],
    bfdProfiles: [profile("bfd", { minimumTtl: 0 })],
  }
  t.deepEqual(
    faultsOf(facts, { mode: "metallb-native" }).map(({ object }) => `${object.kind} ${object.name}`),
    ["BGPPeer a", "BFDProfile bfd", "BFDProfile bfd", "BGPPeer a", "BGPPeer b", "Community c", "IPAddressPool p"],
  )
})
