import test from "ava"
import { directoryOf, type Envelope, findOwner, type Target } from "../../actors/bfd/demultiplex.ts"
import { bfdKey, type DesiredBfdSession } from "../../actors/bfd/messages.ts"
import { withHops } from "../../actors/bfd/hops.ts"
import { mostSessions, planOf, portsOf } from "../../actors/bfd/settings.ts"
import type { Packet } from "../../protocols/bfd/packet.ts"

const target = (owner: string, more: Partial<Target<string>> = {}): Target<string> => ({
  owner,
  discriminator: 1,
  peer: "192.0.2.1",
  multihop: false,
  minimumTtl: 254,
  ...more,
})
const directory = directoryOf([
  target("plain"),
  target("on eth1", { discriminator: 2, interface: "eth1" }),
  target("far", { discriminator: 3, multihop: true, local: "198.51.100.1", minimumTtl: 250 }),
  target("link-local", { discriminator: 4, peer: "fe80::1", interface: "eth0" }),
  target("in red", { discriminator: 5, vrf: "red" }),
])
const packet = (yourDiscriminator: number): Packet => ({
  diagnostic: 0,
  state: "down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 77,
  yourDiscriminator,
  desiredMinTxUs: 1_000_000,
  requiredMinRxUs: 50_000,
  requiredMinEchoRxUs: 0,
})
const envelope = (more: Partial<Envelope> = {}): Envelope => ({
  from: "192.0.2.1",
  to: "192.0.2.2",
  ttl: 255,
  interface: "eth0",
  vrf: undefined,
  multihop: false,
  ...more,
})
const find = (discriminator: number, more: Partial<Envelope> = {}): string => {
  const found = findOwner(directory, packet(discriminator), envelope(more))
  return typeof found === "string" ? found : found.owner
}

const rows: readonly (readonly [what: string, discriminator: number, more: Partial<Envelope>, owner: string])[] = [
  ["RFC 5880 §6.3: by our discriminator, wherever it comes from", 1, { from: "203.0.113.9" }, "plain"],
  ["a discriminator that nobody has", 9, {}, "no-session"],
  ["RFC 5881 §3: the first packet by its source", 0, {}, "plain"],
  ["by its source and the interface, where the session has one", 0, { interface: "eth1" }, "on eth1"],
  ["a source that nobody waits for", 0, { from: "203.0.113.9" }, "no-session"],
  ["through another interface than the session's", 2, { interface: "eth0" }, "no-session"],
  ["link-local, by the interface", 0, { from: "fe80::1" }, "link-local"],
  ["link-local of another interface", 0, { from: "fe80::1", interface: "eth1" }, "no-session"],
  ["RFC 5881 §5: one hop, forwarded", 1, { ttl: 254 }, "ttl"],
  ["RFC 5883 §4: several hops, by both addresses", 0, { multihop: true, to: "198.51.100.1", ttl: 250 }, "far"],
  ["several hops, to another address of ours", 0, { multihop: true, ttl: 255 }, "no-session"],
  ["several hops, below the minimum TTL", 3, { multihop: true, ttl: 249 }, "ttl"],
  ["a session of one hop, spoken to on the port of several", 1, { multihop: true, ttl: 255 }, "no-session"],
  ["a session of several hops, spoken to on the port of one", 3, {}, "no-session"],
  ["the same address in a VRF", 0, { vrf: "red" }, "in red"],
  ["a VRF's discriminator, heard outside of it", 5, {}, "no-session"],
  ["a discriminator of the default VRF, heard in another", 1, { vrf: "red" }, "no-session"],
]
for (const [what, discriminator, more, owner] of rows) {
  test(`whose packet: ${what}`, (t) => t.is(find(discriminator, more), owner))
}

test("RFC 5881 §4: source ports from 49152 on, and no two sessions have one in common", (t) => {
  const seen = new Set<number>()
  for (let slot = 0; slot < mostSessions; slot++) {
    for (const port of portsOf(slot, slot * 7919)) {
      if (seen.has(port) || port < 49_152 || port > 65_535) t.fail(`${port}`)
      seen.add(port)
    }
  }
  t.is(seen.size, 65_536 - 49_152)
})

const one: DesiredBfdSession = { peer: "192.0.2.1", multihop: false, profile: {} }

test("an empty profile means FRR's defaults", (t) => {
  t.deepEqual(planOf(one), {
    ok: true,
    value: {
      peer: "192.0.2.1",
      settings: { desiredMinTxUs: 300_000, requiredMinRxUs: 300_000, detectMultiplier: 3, passive: false },
    },
  })
})

const faults: readonly (readonly [desired: Partial<DesiredBfdSession>, error: RegExp])[] = [
  [{ peer: "router" }, /"router" is not an IP address/],
  [{ peer: "fe80::1" }, /link-local BFD peer fe80::1 needs an interface/],
  [{ local: "2001:db8::1" }, /local address "2001:db8::1" .* does not fit/],
  [{ profile: { transmitInterval: 9 } }, /transmitInterval 9 .* within 10 to 60000/],
  [{ profile: { detectMultiplier: 1 } }, /detectMultiplier 1 .* within 2 to 255/],
  [{ profile: { minimumTtl: 255 } }, /minimumTtl 255 .* within 1 to 254/],
]
for (const [desired, error] of faults) {
  test(`cannot be: ${JSON.stringify(desired)}`, (t) => {
    const plan = planOf({ ...one, ...desired })
    t.false(plan.ok)
    t.regex(plan.ok ? "" : plan.error, error)
  })
}

test("echo is left out, with the reason, where it cannot be", (t) => {
  const profile = { echoMode: true, echoInterval: 20 }
  const without = (desired: Partial<DesiredBfdSession>): string | undefined => {
    const plan = planOf({ ...one, ...desired, profile })
    return plan.ok ? (plan.value.withoutEcho ?? `every ${plan.value.settings.echoIntervalUs} µs`) : plan.error
  }
  t.is(without({}), "every 20000 µs")
  t.regex(without({ multihop: true }) ?? "", /multihop/)
  t.regex(without({ peer: "2001:db8::1" }) ?? "", /IPv4 only/)
})

test("one session has one key, however its addresses are written", (t) => {
  t.is(bfdKey({ peer: "2001:DB8:0::1", multihop: false }), bfdKey({ peer: "2001:db8::1", multihop: false }))
  t.not(bfdKey({ peer: "192.0.2.1", multihop: false }), bfdKey({ peer: "192.0.2.1", multihop: true }))
  t.not(bfdKey({ peer: "192.0.2.1", multihop: false }), bfdKey({ peer: "192.0.2.1", multihop: false, vrf: "red" }))
  const either = { peer: "192.0.2.1", multihopOffLink: true } as const
  t.is(bfdKey({ ...either, multihop: false }), bfdKey({ ...either, multihop: true }), "whatever it turns out to be")
})

const links = [
  { addresses: [{ address: "192.0.2.2", prefixLength: 24, tentative: false }] },
  { addresses: [{ address: "2001:db8::2", prefixLength: 64, tentative: false }] },
]
const hopRows: readonly (readonly [
  what: string,
  desired: Partial<DesiredBfdSession>,
  links: typeof links | undefined,
  multihop: boolean,
])[] = [
  ["on a link of ours: one", { multihopOffLink: true }, links, false],
  ["on no link: several", { multihopOffLink: true, peer: "198.51.100.1" }, links, true],
  ["IPv6, on a link", { multihopOffLink: true, peer: "2001:db8::9", multihop: true }, links, false],
  ["IPv6, on no link", { multihopOffLink: true, peer: "2001:db8:1::9" }, links, true],
  ["through an interface: one", { multihopOffLink: true, peer: "fe80::1", interface: "eth0" }, links, false],
  ["links not known: as it was", { multihopOffLink: true, peer: "198.51.100.1" }, undefined, false],
  ["an external peer on no link: what was asked for", { peer: "198.51.100.1" }, links, false],
  ["several asked for, on a link", { multihop: true }, links, true],
]
for (const [what, desired, known, multihop] of hopRows)
  test(`how many hops: ${what}`, (t) => t.is(withHops({ ...one, ...desired }, known).multihop, multihop))
