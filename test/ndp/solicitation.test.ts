import test from "ava"
import fc from "fast-check"
import { icmpv6Checksum } from "../../protocols/ndp/checksum.ts"
import { groupMac, solicitedNodeGroup } from "../../protocols/ndp/groups.ts"
import { decodeSolicitation, type Solicitation, type SolicitationError } from "../../protocols/ndp/solicitation.ts"
import { bytes, ip, mac } from "../arp/frames.ts"
import { captured } from "./frames.ts"

const packetIn = (hex: string): Uint8Array => bytes(hex).slice(14)

const table: readonly [name: keyof typeof captured, solicitation: Solicitation][] = [
  [
    "duplicateDetection",
    {
      source: ip("::"),
      destination: ip("ff02::1:ff00:1"),
      target: ip("fd00:9::1"),
      sourceLinkLayer: undefined,
    },
  ],
  [
    "solicitation",
    {
      source: ip("fe80::ff:fe00:a"),
      destination: ip("ff02::1:ff00:abcd"),
      target: ip("fd00:9::abcd"),
      sourceLinkLayer: mac("02:00:00:00:00:0a"),
    },
  ],
  [
    "unreachabilityProbe",
    {
      source: ip("fe80::ff:fe00:b"),
      destination: ip("fd00:9::1"),
      target: ip("fd00:9::1"),
      sourceLinkLayer: mac("02:00:00:00:00:0b"),
    },
  ],
]
for (const [name, value] of table) {
  test(`captured: ${name}`, (t) => t.deepEqual(decodeSolicitation(packetIn(captured[name])), { ok: true, value }))
}

test("every truncation is refused", (t) => {
  const packet = packetIn(captured.solicitation)
  for (let length = 0; length < packet.length; length++) {
    const decoded = decodeSolicitation(packet.subarray(0, length))
    t.is(decoded.ok ? "read" : decoded.error.kind, "truncated")
  }
})

test("what follows the IPv6 packet in the frame is padding", (t) => {
  const packet = packetIn(captured.solicitation)
  t.deepEqual(decodeSolicitation(Uint8Array.from([...packet, 1, 2, 3])), decodeSolicitation(packet))
})

/** The captured solicitation with other bytes and the checksum to match. */
function changed(changes: Readonly<Record<number, number>>, hex = captured.solicitation): Uint8Array {
  const packet = packetIn(hex)
  for (const [at, value] of Object.entries(changes)) packet[Number(at)] = value
  packet[42] = 0
  packet[43] = 0
  const checksum = icmpv6Checksum(packet.subarray(8, 24), packet.subarray(24, 40), packet.subarray(40))
  packet[42] = checksum >> 8
  packet[43] = checksum & 0xff
  return packet
}

const mappedTarget = { 48: 0, 49: 0, 50: 0, 51: 0, 58: 0xff, 59: 0xff, 60: 10, 61: 9, 62: 0, 63: 1 }
const wrong: readonly [name: string, packet: Uint8Array, error: SolicitationError][] = [
  ["version", changed({ 0: 0x40 }), { kind: "ip-version", got: 4 }],
  ["next header", changed({ 6: 17 }), { kind: "next-header", got: 17 }],
  ["hop limit: it came through a router", changed({ 7: 254 }), { kind: "hop-limit", got: 254 }],
  ["type", changed({ 40: 136 }), { kind: "type", got: 136 }],
  ["code", changed({ 41: 1 }), { kind: "code", got: 1 }],
  ["length without room for a target", changed({ 5: 23 }).subarray(0, 63), { kind: "truncated", need: 24, got: 23 }],
  ["option length 0", changed({ 65: 0 }), { kind: "option-length", at: 0, got: 0 }],
  ["option length beyond the end", changed({ 65: 2 }), { kind: "option-length", at: 0, got: 16 }],
  ["multicast target", changed({ 48: 0xff, 49: 2 }), { kind: "multicast-target", target: ip("ff02:9::abcd") }],
  ["multicast source", changed({ 8: 0xff, 9: 2 }), { kind: "multicast-source", source: ip("ff02::ff:fe00:a") }],
  ["IPv4-mapped target", changed(mappedTarget), { kind: "ipv4-mapped", address: ip("10.9.0.1") }],
  [
    "destination without a source",
    changed({ 39: 2 }, captured.duplicateDetection),
    { kind: "unspecified-source", rule: "destination" },
  ],
  [
    "link-layer option without a source",
    changed({ 64: 1 }, captured.duplicateDetection),
    { kind: "unspecified-source", rule: "source-link-layer" },
  ],
]
for (const [name, packet, error] of wrong) {
  test(`refused, RFC 4861 §7.1.1: ${name}`, (t) => t.deepEqual(decodeSolicitation(packet), { ok: false, error }))
}

test("refused: one wrong bit anywhere in the message", (t) => {
  for (let at = 42; at < 72; at++) {
    const packet = packetIn(captured.solicitation)
    packet[at] = (packet[at] ?? 0) ^ 0x10
    const decoded = decodeSolicitation(packet)
    t.is(decoded.ok ? "read" : decoded.error.kind, "checksum")
  }
})

test("any bytes give a solicitation or a reason", (t) => {
  const valid = packetIn(captured.solicitation)
  const damaged = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 })
    .map((changes) => changed(Object.fromEntries(changes)))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), damaged), (packet) => {
      decodeSolicitation(packet)
    }),
  )
  t.pass()
})

test("the group of an address has its last 24 bits, and an Ethernet address (RFC 4291 §2.7.1, RFC 2464 §7)", (t) => {
  t.is(solicitedNodeGroup(ip("4037::1:800:200e:8c6c")), ip("ff02::1:ff0e:8c6c"))
  t.deepEqual(groupMac(ip("ff02::1:ff0e:8c6c")), mac("33:33:ff:0e:8c:6c"))
})
