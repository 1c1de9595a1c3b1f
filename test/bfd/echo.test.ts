import test from "ava"
import fc from "fast-check"
import { type EchoPath, encodeEcho, readFrame } from "../../protocols/bfd/echo.ts"
import { encode } from "../../protocols/bfd/packet.ts"
import type { Ip } from "../../protocols/ip.ts"

const path: EchoPath = {
  ownMac: Uint8Array.of(2, 0, 0, 0, 0, 0xa),
  neighbourMac: Uint8Array.of(2, 0, 0, 0, 0, 0xb),
  own: "192.0.2.2" as Ip,
  sourcePort: 50_000,
}
const echo = { discriminator: 0x0a0b0c0d, sequence: 0xfffffffe }

/** One's complement sum of all words; 0xffff when a checksum that is part of them is right. */
function sumOf(bytes: Uint8Array, from = 0): number {
  let total = from
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

test("RFC 5881 §4: from us to us by way of the neighbour's MAC, TTL 255, to port 3785, both checksums right", (t) => {
  const frame = encodeEcho(path, echo)
  t.deepEqual(frame.subarray(0, 6), path.neighbourMac)
  t.deepEqual(frame.subarray(6, 12), path.ownMac)
  const ip = frame.subarray(14, 34)
  t.deepEqual(ip.subarray(12, 16), Uint8Array.of(192, 0, 2, 2))
  t.deepEqual(ip.subarray(16, 20), Uint8Array.of(192, 0, 2, 2))
  t.is(ip[8], 255)
  t.is(sumOf(ip), 0xffff)
  const udp = frame.subarray(34)
  t.deepEqual(udp.subarray(0, 4), Uint8Array.of(50_000 >> 8, 50_000 & 0xff, 3785 >> 8, 3785 & 0xff))
  t.is(sumOf(udp, 17 + udp.length + sumOf(ip.subarray(12, 20))), 0xffff)
})

test("it is known again when it comes back, forwarded once", (t) => {
  const frame = encodeEcho(path, echo)
  frame[22] = 254
  t.deepEqual(readFrame(frame), { kind: "echo", address: path.own, ...echo })
})

test("no echo of ours: another's payload, another source than destination, cut short, IPv6, TCP", (t) => {
  const bend = (at: number, value: number): Uint8Array => {
    const frame = encodeEcho(path, echo)
    frame[at] = value
    return frame
  }
  t.is(readFrame(bend(42, 0)), undefined)
  t.is(readFrame(bend(29, 9)), undefined)
  t.is(readFrame(bend(12, 0x86)), undefined)
  t.is(readFrame(bend(23, 6)), undefined)
  t.is(readFrame(bend(14, 0x4f)), undefined)
  const frame = encodeEcho(path, echo)
  for (let length = 0; length < frame.length; length++) t.is(readFrame(frame.subarray(0, length)), undefined)
})

test("a neighbour's control packet tells its MAC, one that was forwarded does not", (t) => {
  const control = encode({
    diagnostic: 0,
    state: "up",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: 3,
    myDiscriminator: 1,
    yourDiscriminator: 2,
    desiredMinTxUs: 50_000,
    requiredMinRxUs: 50_000,
    requiredMinEchoRxUs: 0,
  })
  const frame = Uint8Array.from([...encodeEcho(path, echo).subarray(0, 42), ...control])
  new DataView(frame.buffer).setUint16(36, 3784)
  t.deepEqual(readFrame(frame), { kind: "control", from: path.own, mac: path.ownMac })
  frame[22] = 254
  t.is(readFrame(frame), undefined)
})

test("any bytes are read without an exception", (t) => {
  const nearly = fc.uint8Array({ minLength: 42, maxLength: 120 }).map((bytes) => {
    bytes.set(encodeEcho(path, echo).subarray(0, 38))
    bytes[14] = 0x40 | ((bytes[41] ?? 0) & 0x0f)
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), nearly), (bytes) => {
      readFrame(bytes)
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
