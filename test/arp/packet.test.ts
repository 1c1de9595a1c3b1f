import test from "ava"
import fc from "fast-check"
import {
  type ArpError,
  type ArpPacket,
  arpFrame,
  decodeArp,
  encodeArp,
  operations,
} from "../../protocols/arp/packet.ts"
import { decodeFrame, encodeFrame, etherTypes } from "../../protocols/ethernet/frame.ts"
import { broadcastMac, formatMac, isGroupMac, parseMac } from "../../protocols/ethernet/mac.ts"
import { type Ip, ipFromBytes } from "../../protocols/ip.ts"
import { bytes, captured, ip, mac } from "./frames.ts"

const a = mac("02:00:00:00:00:0a")
const b = mac("02:00:00:00:00:0b")
const none = new Uint8Array(6)

const table: readonly { name: string; hex: string; destination: Uint8Array; source: Uint8Array; packet: ArpPacket }[] =
  [
    {
      name: "request",
      hex: captured.request,
      destination: broadcastMac,
      source: a,
      packet: {
        operation: operations.request,
        senderMac: a,
        senderIp: ip("10.9.0.1"),
        targetMac: none,
        targetIp: ip("10.9.0.2"),
      },
    },
    {
      name: "reply",
      hex: captured.reply,
      destination: a,
      source: b,
      packet: {
        operation: operations.reply,
        senderMac: b,
        senderIp: ip("10.9.0.2"),
        targetMac: a,
        targetIp: ip("10.9.0.1"),
      },
    },
    {
      name: "gratuitous",
      hex: captured.gratuitous,
      destination: broadcastMac,
      source: a,
      packet: {
        operation: operations.request,
        senderMac: a,
        senderIp: ip("10.9.0.1"),
        targetMac: broadcastMac,
        targetIp: ip("10.9.0.1"),
      },
    },
  ]

for (const { name, hex, destination, source, packet } of table) {
  test(`a captured ${name} is read and written the same`, (t) => {
    const frame = decodeFrame(bytes(hex))
    if (!frame.ok) return t.fail(frame.error.kind)
    t.deepEqual([frame.value.destination, frame.value.source], [destination, source])
    t.is(frame.value.etherType, etherTypes.arp)
    t.deepEqual(decodeArp(frame.value.payload), { ok: true, value: packet })
    const written = arpFrame(destination, source, packet)
    t.is(written.length, 60)
    t.deepEqual(written.subarray(0, 42), bytes(hex).subarray(0, 42))
    t.true(written.subarray(42).every((byte) => byte === 0))
  })
}

test("every truncation is refused", (t) => {
  const payload = bytes(captured.reply).subarray(14)
  for (let length = 0; length < 28; length++) {
    const error = { kind: "truncated", need: 28, got: length }
    t.deepEqual(decodeArp(payload.subarray(0, length)), { ok: false, error } as never)
  }
  for (let length = 0; length < 14; length++) t.false(decodeFrame(payload.subarray(0, length)).ok)
})

const wrong: readonly [name: string, at: number, value: number, error: ArpError][] = [
  ["hardware type", 1, 6, { kind: "hardware-type", got: 6 }],
  ["protocol type", 2, 0x86, { kind: "protocol-type", got: 0x8600 }],
  ["hardware length", 4, 8, { kind: "address-lengths", hardware: 8, protocol: 4 }],
  ["protocol length", 5, 16, { kind: "address-lengths", hardware: 6, protocol: 16 }],
]
for (const [name, at, value, error] of wrong) {
  test(`a wrong ${name} is refused with its value`, (t) => {
    const payload = bytes(captured.request).slice(14)
    payload[at] = value
    t.deepEqual(decodeArp(payload), { ok: false, error })
  })
}

const macs = fc.uint8Array({ minLength: 6, maxLength: 6 })
const ips = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((four) => ipFromBytes(four) as Ip)

test("what is written is read back", (t) => {
  const packets = fc.record({
    operation: fc.nat(0xffff),
    senderMac: macs,
    senderIp: ips,
    targetMac: macs,
    targetIp: ips,
  })
  fc.assert(fc.property(packets, (packet) => t.deepEqual(decodeArp(encodeArp(packet)), { ok: true, value: packet })))
})

test("any bytes give a packet or a reason", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (any) => {
      const frame = decodeFrame(any)
      if (frame.ok) decodeArp(frame.value.payload)
      decodeArp(any)
    }),
  )
  t.pass()
})

test("a long frame keeps its length, a short one is padded", (t) => {
  const frame = { destination: a, source: b, etherType: 0x1234 }
  t.is(encodeFrame({ ...frame, payload: new Uint8Array(100) }).length, 114)
  t.is(encodeFrame({ ...frame, payload: new Uint8Array(1) }).length, 60)
})

test("MAC addresses as text", (t) => {
  t.is(formatMac(a), "02:00:00:00:00:0a")
  t.deepEqual(parseMac("FF:ff:00:Ab:10:01"), Uint8Array.of(0xff, 0xff, 0, 0xab, 0x10, 1))
  for (const bad of ["", "02:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-0a", "02:00:00:00:00:0a:0b"]) {
    t.is(parseMac(bad), undefined, bad)
  }
  t.true(isGroupMac(broadcastMac))
  t.false(isGroupMac(a))
})
