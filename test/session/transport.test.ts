import test from "ava"
import type { SessionSettings } from "../../actors/session/messages.ts"
import { defaultRetry, planOf } from "../../actors/session/settings.ts"
import type { Network } from "../../supervision/world.ts"

const able = { tcpMd5: true, tcpRouting: true } as Network
const unable = {} as Network
const settings: SessionSettings = { myASN: 64512, peerASN: 64513, address: "192.0.2.1", port: 179, holdSeconds: 90 }

const plan = (more: Partial<SessionSettings>, network = able) => planOf({ ...settings, ...more }, defaultRetry, network)
const target = { address: "192.0.2.1", port: 179, timeoutMs: 10_000 }
const session = { myASN: 64512, peerASN: 64513, holdSeconds: 90, retry: defaultRetry }

for (const [more, want] of [
  // The system's TTL, whatever `ebgpMultiHop` says.
  [{}, {}],
  [{ sourceAddress: "192.0.2.2" }, { sourceAddress: "192.0.2.2" }],
  [{ password: "x" }, { md5Password: "x" }],
  [{ vrf: "red" }, { device: "red" }],
  [{ vrf: "red", interface: "eth0" }, { device: "eth0" }],
  // RFC 5082 §3, FRR's and BIRD's counting: 1 hop is a neighbour on the link.
  [{ ttlSecurityHops: 1 }, { ttl: 255, minimumTtl: 255 }],
  [{ ttlSecurityHops: 3 }, { ttl: 255, minimumTtl: 253 }],
  [
    { address: "2001:db8::1", port: 1790 },
    { address: "2001:db8::1", port: 1790 },
  ],
  [
    { address: "fe80::1", interface: "eth0" },
    { address: "fe80::1", device: "eth0" },
  ],
  [
    { address: "eth0", interface: "eth0" },
    { address: "eth0", device: "eth0", unnumbered: true },
  ],
] as const satisfies readonly (readonly [Partial<SessionSettings>, object])[])
  test(`where to connect: ${JSON.stringify(more)}`, (t) => {
    const made = plan(more)
    t.deepEqual(made.ok ? made.value.target : made.error, { ...target, ...want })
  })

for (const [more, want] of [
  [{ keepaliveSeconds: 5 }, { keepaliveSeconds: 5 }],
  [{ connectSeconds: 7 }, { retry: { firstMs: 7_000, maxMs: 7_000 } }],
  [{ peerASN: "internal" }, { peerASN: "internal" }],
  [{ routerId: "10.0.0.1" }, { routerId: "10.0.0.1" }],
] as const satisfies readonly (readonly [Partial<SessionSettings>, object])[])
  test(`how to talk: ${JSON.stringify(more)}`, (t) => {
    const made = plan(more)
    t.deepEqual(made.ok ? made.value.session : made.error, { ...session, ...want } as unknown)
  })

const key = { key: "hunter2", algorithm: "hmac-sha-1-96", sendId: 1, receiveId: 1 } as const
for (const [more, network, text] of [
  [{ address: "router.example" }, able, 'peer address "router.example" is no address'],
  [{ address: "fe80::1" }, able, "peer address fe80::1 is link-local, and no interface is given for it"],
  [{ sourceAddress: "2001:db8::2" }, able, 'source address "2001:db8::2" is not of the family of peer 192.0.2.1'],
  [
    { address: "eth0", interface: "eth0", sourceAddress: "192.0.2.2" },
    able,
    'source address "192.0.2.2" is not of the family of peer eth0',
  ],
  [{ routerId: "2001:db8::1" }, able, 'router id "2001:db8::1" is no dotted quad'],
  [
    { password: "hunter2" },
    unable,
    "a TCP MD5 password (RFC 2385) is configured, but TCP MD5 signatures are not available here",
  ],
  [
    { password: "hunter2".repeat(12) },
    able,
    "the password has more than 80 octets, which TCP MD5 does not take on Linux",
  ],
  [{ ttlSecurityHops: 0 }, able, "TTL security within 0 hops means nothing; 1 to 254 do"],
  [{ ttlSecurityHops: 255 }, able, "TTL security within 255 hops means nothing; 1 to 254 do"],
  [
    { vrf: "red" },
    unable,
    "an interface, a VRF or TTL security is configured, but options of TCP sockets are not available here",
  ],
  [
    { authentication: key },
    unable,
    "a TCP-AO key (RFC 5925) is configured, but this kernel has no TCP-AO: it needs Linux 6.7 or later with CONFIG_TCP_AO",
  ],
  [
    { authentication: key, password: "hunter2" },
    able,
    "a TCP MD5 password (RFC 2385) and a TCP-AO key (RFC 5925) are configured: one connection has one of them",
  ],
  [
    { authentication: { ...key, key: "hunter2".repeat(12) } },
    { ...able, tcpAo: true },
    "the TCP-AO key has more than 80 octets, which Linux does not take",
  ],
  [{ passive: true }, able, "the session is passive, and there is no port to wait on"],
  [
    { address: "eth0", interface: "eth0", listenPort: 179 },
    able,
    "a peer without an address cannot be waited for: nobody could tell who connects",
  ],
] as const satisfies readonly (readonly [Partial<SessionSettings>, Network, string])[])
  test(`refused: ${JSON.stringify(more).replaceAll("hunter2", "*")}`, (t) => {
    const made = plan(more, network)
    t.is(made.ok ? undefined : made.error, text)
  })
