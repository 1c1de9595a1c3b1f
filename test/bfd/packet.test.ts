import test from "ava"
import fc from "fast-check"
import { type DecodeError, decode, encode, type Packet, packetLength } from "../../protocols/bfd/packet.ts"

const down: Packet = {
  diagnostic: 0,
  state: "down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 0x0a0b0c0d,
  yourDiscriminator: 0,
  desiredMinTxUs: 1_000_000,
  requiredMinRxUs: 300_000,
  requiredMinEchoRxUs: 0,
}

const rows: readonly (readonly [name: string, packet: Packet, hex: string])[] = [
  ["the first packet of a session", down, "2040 0318 0a0b0c0d 00000000 000f4240 000493e0 00000000"],
  [
    "poll, Up, echo offered",
    {
      ...down,
      state: "up",
      poll: true,
      yourDiscriminator: 0xfffffffe,
      desiredMinTxUs: 50_000,
      requiredMinEchoRxUs: 50_000,
    },
    "20e0 0318 0a0b0c0d fffffffe 0000c350 000493e0 0000c350",
  ],
  [
    "final, Init, control plane independent, demand",
    { ...down, state: "init", final: true, controlPlaneIndependent: true, demand: true, yourDiscriminator: 1 },
    "209a 0318 0a0b0c0d 00000001 000f4240 000493e0 00000000",
  ],
  [
    "AdminDown with its diagnostic, largest numbers",
    {
      ...down,
      diagnostic: 7,
      state: "admin-down",
      detectMultiplier: 255,
      myDiscriminator: 0xffffffff,
      desiredMinTxUs: 0xffffffff,
      requiredMinRxUs: 0xffffffff,
      requiredMinEchoRxUs: 0xffffffff,
    },
    "2700 ff18 ffffffff 00000000 ffffffff ffffffff ffffffff",
  ],
]

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"))
/** The bytes of a sound packet with some of them replaced. */
const bent = (...changes: readonly (readonly [at: number, value: number])[]): Uint8Array => {
  const bytes = encode(down)
  for (const [at, value] of changes) bytes[at] = value
  return bytes
}

for (const [name, packet, hex] of rows) {
  test(`both ways: ${name}`, (t) => {
    t.deepEqual(encode(packet), bytesOf(hex))
    t.deepEqual(decode(bytesOf(hex)), { ok: true, value: packet })
  })
}

test("every shorter prefix is refused", (t) => {
  const bytes = encode(down)
  for (let length = 0; length < packetLength; length++) {
    t.deepEqual(decode(bytes.subarray(0, length)), {
      ok: false,
      error: { kind: "truncated", need: packetLength, got: length },
    })
  }
})

const refusals: readonly (readonly [name: string, bytes: Uint8Array, error: DecodeError])[] = [
  ["version 0", bent([0, 0x00]), { kind: "bad-version", got: 0 }],
  ["a length below the header", bent([3, 23]), { kind: "bad-length", length: 23, payload: 24 }],
  ["a length beyond the payload", bent([3, 25]), { kind: "bad-length", length: 25, payload: 24 }],
  ["authentication without room for it", bent([1, 0x44]), { kind: "bad-length", length: 24, payload: 24 }],
  ["multiplier 0", bent([2, 0]), { kind: "zero-multiplier" }],
  ["the multipoint bit", bent([1, 0x41]), { kind: "multipoint" }],
  ["my discriminator 0", bent([4, 0], [5, 0], [6, 0], [7, 0]), { kind: "zero-discriminator" }],
  ["Init without your discriminator", bent([1, 0x80]), { kind: "unknown-session", state: "init" }],
  ["Up without your discriminator", bent([1, 0xc0]), { kind: "unknown-session", state: "up" }],
  [
    "an authentication section",
    Uint8Array.from([...bent([1, 0x44], [3, 32]), 1, 8, 1, 0x70, 0x61, 0x73, 0x73, 0x77]),
    { kind: "authenticated" },
  ],
]
for (const [name, bytes, error] of refusals) {
  test(`refused: ${name}`, (t) => {
    t.deepEqual(decode(bytes), { ok: false, error })
  })
}

test("what follows the packet is not looked at", (t) => {
  t.deepEqual(decode(Uint8Array.from([...encode(down), 1, 2, 3])), { ok: true, value: down })
})

test("any bytes give a value or a reason, and a value encodes to what was read", (t) => {
  const sound = fc.uint8Array({ minLength: packetLength, maxLength: 64 }).map((bytes) => {
    bytes[0] = 0x20 | ((bytes[0] ?? 0) & 0x1f)
    bytes[1] = (bytes[1] ?? 0) & 0xfa
    bytes[3] = packetLength
    return bytes
  })
  const nearly = fc.oneof(fc.uint8Array({ maxLength: 64 }), sound)
  let decoded = 0
  fc.assert(
    fc.property(nearly, (bytes) => {
      const packet = decode(bytes)
      if (!packet.ok) return
      decoded++
      t.deepEqual(encode(packet.value).subarray(4), bytes.slice(4, packetLength))
      t.deepEqual(decode(encode(packet.value)), packet)
    }),
    { numRuns: 2000 },
  )
  t.true(decoded > 100)
})
