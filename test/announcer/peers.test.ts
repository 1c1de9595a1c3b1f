import test from "ava"
import { desiredPeers } from "../../actors/announcer/desired.ts"
import { peerChanges } from "../../actors/announcer/peer-changes.ts"
import { SecretText } from "../../config/secret-text.ts"
import type { Peer } from "../../config/snapshot.ts"
import type { DesiredPeer, SessionSettings } from "../../actors/session/messages.ts"
import { ip } from "./facts.ts"

const node = { name: "worker-1", labels: { rack: "a" } }
const numbered = { name: "p", myASN: 64500, peerASN: 64501, port: 179, holdSeconds: 90, nodeSelectors: [] } as const
const peer: Peer = { ...numbered, address: ip("192.0.2.1") }
const session = { myASN: 64500, peerASN: 64501, address: "192.0.2.1", port: 179, holdSeconds: 90 }
const sessionsOf = (...peers: readonly Peer[]): SessionSettings[] =>
  desiredPeers(peers, node, new Map()).map((one) => one.session)

for (const [more, want] of [
  [{}, {}],
  // FRR's `local-as … no-prepend replace-as`.
  [{ localASN: 64999 }, { myASN: 64999 }],
  [{ peerASN: "external" }, { peerASN: "external" }],
  [
    { sourceAddress: ip("192.0.2.2"), vrf: "red", keepaliveSeconds: 5, connectSeconds: 7 },
    { sourceAddress: "192.0.2.2", vrf: "red", keepaliveSeconds: 5, connectSeconds: 7 },
  ],
  [{ password: "inline" }, { password: "inline" }],
  [{ password: new SecretText("from a Secret") }, { password: "from a Secret" }],
  [{ ttlSecurityHops: 2 }, { ttlSecurityHops: 2 }],
  [{ bothFamilies: true }, { families: ["ipv4", "ipv6"] }],
  [{ gracefulRestart: true }, { gracefulRestart: { seconds: 120 } }],
  [{ address: ip("2001:db8::1") }, { address: "2001:db8::1", fallbackRouterId: "160.112.56.60" }],
] as const satisfies readonly (readonly [Partial<Peer>, object])[])
  test(`from a peer to its session: ${JSON.stringify(more)}`, (t) =>
    t.deepEqual(sessionsOf({ ...peer, ...more }), [{ ...session, ...want } as unknown as SessionSettings]))

test("an unnumbered peer goes by its interface", (t) => {
  const want = { ...session, address: "eth0", interface: "eth0", fallbackRouterId: "160.112.56.60" }
  t.deepEqual(sessionsOf({ ...numbered, interface: "eth0" }), [want])
})

test("a peer whose password was not read gets no session: never unsigned where it should be signed", (t) => {
  t.deepEqual(sessionsOf({ ...peer, passwordUnread: true }), [])
})

const desired = (name: string, more: Partial<SessionSettings> = {}): DesiredPeer => ({
  name,
  session: { ...session, ...more },
  routes: [],
})
const address = session.address
const all = new Set(["a", "b"])

test("which sessions begin and end, and why", (t) => {
  t.deepEqual(peerChanges([], [desired("a")], all), [{ kind: "added", name: "a", address }])
  t.deepEqual(peerChanges([desired("a")], [], new Set()), [
    { kind: "removed", name: "a", address, reason: "removedFromConfig" },
  ])
  t.deepEqual(peerChanges([desired("a")], [], all), [
    { kind: "removed", name: "a", address, reason: "filteredByNodeSelector" },
  ])
  t.deepEqual(peerChanges([desired("a"), desired("b")], [desired("a"), desired("b", { password: "x" })], all), [
    { kind: "removed", name: "b", address, reason: "removedFromConfig" },
    { kind: "added", name: "b", address },
  ])
})

test("routes make no difference to it", (t) => {
  const routes = [{ localPref: 0, communities: [], prefixes: ["192.0.2.0/24"] }]
  t.deepEqual(peerChanges([desired("a")], [{ ...desired("a"), routes }], all), [])
})
