import test from "ava"
import { compile } from "../../config/compile.ts"
import type { BGPPeerSpec, SecretFacts } from "../../config/facts.ts"
import { SecretText } from "../../config/secret-text.ts"
import type { Peer } from "../../config/snapshot.ts"
import { bgpNamed, nothing, peerNamed, poolNamed } from "../support/configuration.ts"

const good: BGPPeerSpec = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1" }
const plain = { name: "p", myASN: 64500, peerASN: 64501, address: "192.0.2.1", port: 179, holdSeconds: 90 }

function read(spec: Partial<BGPPeerSpec>, secrets?: readonly SecretFacts[]): Peer | undefined {
  const peers = [peerNamed("p", { ...good, ...spec })]
  const result = compile({ ...nothing, peers, ...(secrets !== undefined && { passwordSecrets: secrets }) })
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join("; "))
  return result.value.peers[0]
}
const fault = (spec: Partial<BGPPeerSpec>): string | undefined => {
  const result = compile({ ...nothing, peers: [peerNamed("p", { ...good, ...spec })] })
  return result.ok ? undefined : result.error[0]?.text
}

for (const [spec, want] of [
  [{ peerASN: 0, dynamicASN: "internal" }, { peerASN: "internal" }],
  [{ peerASN: 0, dynamicASN: "external" }, { peerASN: "external" }],
  [{ localASN: 64999 }, { localASN: 64999 }],
  [{ vrf: "red" }, { vrf: "red" }],
  [{ connectTime: "10s" }, { connectSeconds: 10 }],
  [{ connectTime: "1h" }, { connectSeconds: 3600 }],
  [{ peerPort: 1790 }, { port: 1790 }],
  [{ peerAddress: "2001:db8::1" }, { address: "2001:db8::1" }],
  [{ sourceAddress: "192.0.2.2" }, { sourceAddress: "192.0.2.2" }],
  [{ routerID: "1.1.1.1" }, { routerId: "1.1.1.1" }],
  [{ password: "x" }, { password: "x" }],
  [{ dualStackAddressFamily: true }, { bothFamilies: true }],
  [{ enableGracefulRestart: true }, { gracefulRestart: true }],
  [{ enableGracefulRestart: false, dualStackAddressFamily: false, disableMP: true }, {}],
  [{ ebgpMultiHop: true }, { multihop: true }],
  [{ vrf: "", dynamicASN: "", interface: "", password: "", passwordSecret: {}, connectTime: "" }, {}],
  // RFC 4271 §4.2, §10, and a keepalive time that is one: a third of the hold time needs no saying.
  [{ holdTime: "30s" }, { holdSeconds: 30 }],
  [{ keepaliveTime: "10s" }, { holdSeconds: 30, keepaliveSeconds: 10 }],
  [
    { holdTime: "90s", keepaliveTime: "5s" },
    { holdSeconds: 90, keepaliveSeconds: 5 },
  ],
  [
    { holdTime: "90s", keepaliveTime: "1500ms" },
    { holdSeconds: 90, keepaliveSeconds: 1 },
  ],
  [{ holdTime: "90s", keepaliveTime: "900ms" }, { holdSeconds: 90 }],
  [{ holdTime: "90s", keepaliveTime: "0s" }, { holdSeconds: 90 }],
  [{ holdTime: "900ms" }, { holdSeconds: 0 }],
  [{ holdTime: "48h" }, { holdSeconds: 65_535 }],
] as const satisfies readonly (readonly [Partial<BGPPeerSpec>, object])[])
  test(`peer ${JSON.stringify(spec)}`, (t) =>
    t.deepEqual(read(spec), { ...plain, nodeSelectors: [], ...want } as unknown as Peer))

test("an unnumbered peer has an interface and no address", (t) => {
  const { address: _, ...rest } = plain
  const want = { ...rest, nodeSelectors: [], interface: "eth0" }
  t.deepEqual(read({ peerAddress: "", interface: "eth0" }), want as unknown as Peer)
})

for (const [spec, text] of [
  [{ connectTime: "soon" }, 'time: invalid duration "soon"'],
  [{ connectTime: "0s" }, "connect time should be between 1 seconds to 65535"],
  [{ connectTime: "-5s" }, "connect time should be between 1 seconds to 65535"],
  [{ connectTime: "65536s" }, "connect time should be between 1 seconds to 65535"],
  [{ connectTime: "1500ms" }, "connect time should contain a whole number of seconds"],
  // MetalLB's rules come first.
  [{ connectTime: "0s", sourceAddress: "s" }, 'invalid source IP "s"'],
] as const)
  test(`fault of peer ${JSON.stringify(spec)}`, (t) => t.is(fault(spec), `parsing peer p ${text}`))

const annotated = (text: string) => {
  const peers = [{ ...peerNamed("p", good), annotations: { "troupe.dev/ttl-security-hops": text } }]
  return compile({ ...nothing, peers })
}
test("TTL security by annotation", (t) => {
  for (const hops of [1, 7, 254]) {
    const result = annotated(String(hops))
    t.is(result.ok ? result.value.peers[0]?.ttlSecurityHops : undefined, hops)
  }
  for (const text of ["", "0", "255", "one", "1.5", "-1", "01", "1000"]) {
    const result = annotated(text)
    const want = `parsing peer p invalid troupe.dev/ttl-security-hops ${JSON.stringify(text)}: must be 1 to 254`
    t.is(result.ok ? "" : result.error[0]?.text, want)
  }
})

test("a password from a Secret: the same object for the same text, and nothing to read in it", (t) => {
  const secret = (name: string, text: string): SecretFacts => ({
    name,
    type: "kubernetes.io/basic-auth",
    password: new SecretText(text),
  })
  const secrets = [secret("other", "wrong"), secret("s", "hunter2")]
  const peer = read({ passwordSecret: { name: "s", namespace: "elsewhere" } }, secrets)
  t.is(peer?.password, secrets[1]?.password)
  t.notRegex(JSON.stringify(peer), /hunter2/)
  const again = read({ passwordSecret: { name: "s", namespace: "elsewhere" } }, secrets)
  t.deepEqual(again, peer)
})

test("where Secrets were not asked for, a peer that needs one says so", (t) => {
  t.like(read({ passwordSecret: { name: "s" } }), { passwordUnread: true })
})

test("a BFD profile becomes part of the peers that name it; one that is not there is MetalLB's fault", (t) => {
  const fast = { name: "fast", labels: {}, spec: { receiveInterval: 50, transmitInterval: 60, detectMultiplier: 5 } }
  const peers = [
    peerNamed("a", { ...good, bfdProfile: "fast" }),
    peerNamed("b", { ...good, peerAddress: "2001:db8::1", bfdProfile: "fast", ebgpMultiHop: true }),
    peerNamed("c", { ...good, peerAddress: "192.0.2.3", bfdProfile: "" }),
  ]
  const result = compile({ ...nothing, peers, bfdProfiles: [fast] })
  t.deepEqual(result.ok && result.value.peers.map(({ name, bfd, multihop }) => [name, bfd, multihop]), [
    ["a", fast.spec, undefined],
    ["b", fast.spec, true],
    ["c", undefined, undefined],
  ])
  const missing = compile({ ...nothing, peers, bfdProfiles: [] })
  t.deepEqual(
    missing.ok ? [] : missing.error.map(({ object, field, text, transient }) => [object.name, field, text, transient]),
    ["a", "b"].map((name) => [name, "bfdProfile", `peer ${name} referencing non existing bfd profile fast`, true]),
  )
})

test("echo for a peer that gets IPv6 routes is MetalLB's fault; for an IPv6 peer alone it is none", (t) => {
  const echo = { name: "echo", labels: {}, spec: { echoMode: true } }
  const peers = [peerNamed("p", { ...good, peerAddress: "2001:db8::1", bfdProfile: "echo" })]
  const of = (addresses: string[]) => {
    const pools = [poolNamed("pool", { addresses })]
    const result = compile({ ...nothing, peers, pools, bgpAdvertisements: [bgpNamed("a", {})], bfdProfiles: [echo] })
    return result.ok ? [] : result.error.map(({ text }) => text)
  }
  t.deepEqual(of(["198.51.100.0/24"]), [])
  t.deepEqual(of(["2001:db8:1::/64"]), [
    "pool pool has bgpadvertisement a which references peer p which has bfd echo enabled, which is not possible",
  ])
})
