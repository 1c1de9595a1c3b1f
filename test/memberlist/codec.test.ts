import test from "ava"
import fc from "fast-check"
import { createHash } from "node:crypto"
import { decrypt, encrypt, metallbKey } from "../../protocols/memberlist/encryption.ts"
import { lzwCompress, lzwDecompress } from "../../protocols/memberlist/lzw.ts"
import {
  decodeMessage,
  decodeStreamMessage,
  encodeMessage,
  encodeStreamMessage,
  type PacketMessage,
} from "../../protocols/memberlist/message.ts"
import { messageType } from "../../protocols/memberlist/numbers.ts"
import { decodePacket, encodePacket } from "../../protocols/memberlist/packet.ts"
import {
  decodeChecked,
  decodeCompound,
  decodeCompressed,
  encodeChecked,
  encodeCompound,
  encodeCompressed,
  encodeLabel,
  labelHeaderLength,
} from "../../protocols/memberlist/wrapping.ts"
import { body, bytes, hex, message, vectors } from "./vectors.ts"

const { golden } = vectors
const plainSecurity = { label: new Uint8Array(), keys: [] }

for (const { id, hex: wire, fields } of golden.messages) {
  test(`message ${id}: both ways`, (t) => {
    const value = message(fields)
    if (fields["name"] === "err") {
      t.deepEqual(decodeStreamMessage(bytes(wire)), { ok: true, value })
      t.is(hex(encodeStreamMessage(value)), wire)
    } else {
      t.deepEqual(decodeMessage(bytes(wire)), { ok: true, value })
      t.is(hex(encodeMessage(value)), wire)
    }
  })

  test(`message ${id}: every truncated prefix is refused`, (t) => {
    const whole = bytes(wire)
    for (let length = 0; length < whole.length; length++) {
      const decoded = decodeStreamOr(whole.slice(0, length), fields["name"] === "err")
      t.false(decoded.ok, `${length} of ${whole.length} bytes`)
    }
  })
}
const decodeStreamOr = (wire: Uint8Array, stream: boolean) => (stream ? decodeStreamMessage(wire) : decodeMessage(wire))

for (const { id, hex: wire, fields } of golden.streams) {
  test(`stream ${id}: both ways, and truncated`, (t) => {
    const value = message(fields)
    t.deepEqual(decodeStreamMessage(bytes(wire)), { ok: true, value })
    t.is(hex(encodeStreamMessage(value)), wire)
    const half = decodeStreamMessage(bytes(wire).slice(0, -1))
    t.is(half.ok ? "" : half.error.kind, "truncated")
  })
}

test("both forms of a count above 127 are read", (t) => {
  const wire = golden.streams.find(({ id }) => id === "pushpull-200")?.hex ?? ""
  t.true(wire.includes("a54e6f646573d100c8"))
  const older = decodeStreamMessage(bytes(wire.replace("a54e6f646573d100c8", "a54e6f646573ccc8")))
  t.is(older.ok && older.value.kind === "push-pull" ? older.value.nodes.length : 0, 200)
})

for (const { id, hex: wire, fields } of golden.compound) {
  test(`compound ${id}`, (t) => {
    const decoded = decodeCompound(bytes(wire))
    t.true(decoded.ok)
    if (!decoded.ok) return
    t.is(decoded.value.truncated, fields.truncated)
    t.deepEqual(
      decoded.value.parts.map(hex),
      fields.parts.map((part) => part.hex),
    )
    for (const part of fields.parts)
      t.deepEqual(decodeMessage(bytes(part.hex)), { ok: true, value: message(part.decoded) })
    if (fields.truncated === 0) t.is(hex(encodeCompound(decoded.value.parts)), wire)
  })
}

test("a compound without its count or lengths is refused", (t) => {
  for (const wire of ["07", "0702", "07020001", "0702000100"])
    t.deepEqual(decodeCompound(bytes(wire)), { ok: false, error: { kind: "compound-truncated", got: wire.length / 2 } })
})

function lzwInput(id: string, length: number, plain: string | undefined): Uint8Array {
  if (plain !== undefined) return bytes(plain)
  if (id.startsWith("lcg-")) return Uint8Array.from({ length }, (_, i) => (i * 7) % 256)
  if (id === "pushpull-200") return bytes(golden.streams.find((stream) => stream.id === id)?.hex ?? "")
  let s = 1
  return Uint8Array.from({ length }, () => {
    s = (Math.imul(s, 1_664_525) + 1_013_904_223) >>> 0
    return s >>> 24
  })
}
const sha256 = (value: Uint8Array) => createHash("sha256").update(value).digest("hex")

for (const { id, plain, plainLen, plainSha256, lzw, lzwLen, lzwSha256 } of golden.lzw) {
  test(`lzw ${id}: both ways`, (t) => {
    const input = lzwInput(id, plainLen, plain)
    if (plainSha256) t.is(sha256(input), plainSha256, "the generator")
    const packed = lzwCompress(input)
    t.is(packed.length, lzwLen)
    if (lzw !== undefined) t.is(hex(packed), lzw)
    if (lzwSha256) t.is(sha256(packed), lzwSha256)
    const back = lzwDecompress(packed, plainLen)
    t.true(back.ok)
    if (back.ok) t.is(Buffer.compare(back.value, input), 0)
    if (plainLen > 0)
      t.deepEqual(lzwDecompress(packed, plainLen - 1), {
        ok: false,
        error: { kind: "inflates-too-far", limit: plainLen - 1 },
      })
    for (const length of [0, 1, Math.floor(lzwLen / 2), lzwLen - 1]) {
      const cut = lzwDecompress(packed.subarray(0, length), plainLen)
      t.deepEqual(cut, { ok: false, error: { kind: "lzw-truncated" } })
    }
  })
}

// Go's compress/lzw on inputs whose very last code widens the codes or fills the table, so that it shows in the bytes.
for (const [length, packedLength, hash] of [
  [3954, 5410, "89e3479e595a068e8f622625e78405ecc14caa8d0d1690497a3acbfb7d88be9c"],
  [4209, 5697, "36eaafbdb71bfb67b85503f887c3b3c64173c55d37c946352bb3317fe79e173a"],
  [8698, 11_744, "74d05361cf921d4ce74e016bf51b117b8755dc96901aa92fea0c41b6ba557ed5"],
] as const) {
  test(`lzw: the last of ${length} bytes ends a table or a width`, (t) => {
    const input = lzwInput("prng", length, undefined)
    const packed = lzwCompress(input)
    t.is(packed.length, packedLength)
    t.is(sha256(packed), hash)
    const back = lzwDecompress(packed, length)
    t.is(back.ok ? Buffer.compare(back.value, input) : -1, 0)
  })
}

test("lzw: any bytes come back", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12_000, size: "max" }), fc.constantFrom(1, 2, 4, 256), (input, alphabet) => {
      const narrow = input.map((byte) => byte % alphabet)
      const back = lzwDecompress(lzwCompress(narrow), narrow.length)
      return back.ok && Buffer.compare(back.value, narrow) === 0
    }),
    { numRuns: 200 },
  )
  t.pass()
})

test("lzw: a code that is not yet defined is refused", (t) => {
  // clear, then 300 at nine bits
  t.deepEqual(lzwDecompress(bytes("00590200"), 100), { ok: false, error: { kind: "lzw-bad-code", code: 300 } })
})

for (const { id, hex: wire, plain, smaller } of golden.compressMessages) {
  test(`compressed message ${id}: both ways`, (t) => {
    t.is(hex(encodeCompressed(bytes(plain))), wire)
    const back = decodeCompressed(bytes(wire), 1 << 20)
    t.is(back.ok ? hex(back.value) : back.error.kind, plain)
    const packet = encodePacket(bytes(plain), { label: new Uint8Array(), compress: true, checksum: false })
    t.is(hex(packet), smaller ? wire : plain, "a packet is compressed only where that helps")
  })
}

test("a compressed message that inflates to nothing, or by another algorithm, is refused", (t) => {
  t.deepEqual(decodeCompressed(bytes("0982a4416c676f00a3427566a3000302"), 100), {
    ok: false,
    error: { kind: "inflates-to-nothing" },
  })
  t.deepEqual(decodeCompressed(bytes("0981a4416c676f01"), 100), {
    ok: false,
    error: { kind: "unknown-compression", algorithm: 1 },
  })
})

for (const { id, hex: wire, inner, crc32 } of golden.crc) {
  test(`crc ${id}`, (t) => {
    const checked = encodeChecked(bytes(inner))
    t.is(hex(checked), wire ?? `0c${crc32}${inner}`)
    t.deepEqual(decodeChecked(checked), { ok: true, value: bytes(inner) })
    checked[checked.length - 1] = (checked.at(-1) ?? 0) ^ 1
    const spoiled = decodeChecked(checked)
    t.is(spoiled.ok ? "" : spoiled.error.kind, "bad-checksum")
  })
}

for (const { id, hex: wire, inner, label, error } of golden.label) {
  test(`label ${id}`, (t) => {
    const header = labelHeaderLength(bytes(wire))
    if (error) return void t.deepEqual(header, { ok: false, error: { kind: "bad-label-header" } })
    const text = Buffer.from(label ?? "")
    t.deepEqual(header, { ok: true, value: 2 + text.length })
    t.is(hex(encodeLabel(text)), wire.slice(0, 2 * (2 + text.length)))
    if (inner !== undefined) t.is(wire, hex(encodeLabel(text)) + inner)
    const stranger = decodePacket(bytes(wire), plainSecurity)
    t.deepEqual(stranger, { ok: false, error: { kind: "wrong-label" } })
  })
}

for (const { id, aad, key, nonce, plain, out, frame, version } of golden.encryption) {
  test(`encryption ${id}: both ways`, (t) => {
    t.is(hex(encrypt(bytes(plain), { key: bytes(key), nonce: bytes(nonce), version }, bytes(aad))), out)
    const other = new Uint8Array(32)
    const opened = decrypt(bytes(out), [other, bytes(key)], bytes(aad))
    t.is(opened.ok ? hex(opened.value) : opened.error.kind, plain)
    if (frame) t.is(frame, `${aad.slice(0, 10)}${out}`)
    t.deepEqual(decrypt(bytes(out), [other], bytes(aad)), { ok: false, error: { kind: "no-key-fits" } })
    t.deepEqual(decrypt(bytes(out), [bytes(key)], bytes(`${aad}00`)), { ok: false, error: { kind: "no-key-fits" } })
    const cut = decrypt(bytes(out).slice(0, 28), [bytes(key)], bytes(aad))
    t.deepEqual(cut, { ok: false, error: { kind: "ciphertext-too-short", got: 28 } })
    const unknown = bytes(out)
    unknown[0] = 2
    t.deepEqual(decrypt(unknown, [bytes(key)], bytes(aad)), {
      ok: false,
      error: { kind: "unknown-encryption-version", version: 2 },
    })
  })
}

for (const row of golden.metallbKeys) {
  test(`MetalLB's key from ${row.secretHex.length / 2} bytes of secret`, (t) => {
    const { secretHex, ...keys } = row
    t.is(hex(metallbKey(bytes(secretHex))), keys["keyAes256_v0.14_and_later"])
    t.is(hex(metallbKey(bytes(secretHex), 16)), keys["keyAes128_v0.13_and_earlier"])
  })
}

for (const { id, body: wire, accepted, fields } of vectors.decoderLeniency) {
  test(`leniency: ${id} is ${accepted ? "accepted" : "rejected"}`, (t) => {
    const indirect = id.startsWith("indirect-")
    const type = indirect ? messageType.indirectPing : messageType.alive
    const decoded = decodeMessage(Uint8Array.of(type, ...bytes(wire)))
    t.is(decoded.ok, accepted)
    if (!decoded.ok || !fields) return
    if (indirect) t.like(decoded.value, body(fields))
    else t.deepEqual(decoded.value, { kind: "alive", ...body(fields) } as unknown as PacketMessage)
  })
}

test("any bytes give a packet or a reason", (t) => {
  const key = metallbKey(Buffer.from("secret"))
  const known = golden.messages.map((row) => bytes(row.hex))
  const spoiled = fc.tuple(fc.constantFrom(...known), fc.nat(), fc.nat(255), fc.nat()).map(([wire, at, value, cut]) => {
    const copy = wire.slice(0, 1 + (cut % wire.length))
    copy[at % copy.length] = value
    return copy
  })
  const headed = fc
    .tuple(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 244), fc.uint8Array({ maxLength: 600 }))
    .map(([type, rest]) => Uint8Array.of(type, ...rest))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), headed, spoiled), (wire) => {
      for (const input of [wire, encodeCompressed(wire), encodeChecked(encodeCompound([wire, wire]))]) {
        for (const security of [plainSecurity, { label: new Uint8Array(), keys: [key], acceptPlain: true }]) {
          const result = decodePacket(input, security)
          if (!result.ok && typeof result.error.kind !== "string") return false
        }
      }
      decodeStreamMessage(wire)
      return true
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

test("a packet cannot inflate without end: its parts share one allowance", (t) => {
  const bomb = encodeCompressed(Buffer.concat([Uint8Array.of(messageType.user), new Uint8Array(700_000)]))
  const result = decodePacket(encodeCompound([bomb, bomb]), plainSecurity)
  t.is(result.ok ? result.value.messages.length : 0, 1)
  t.deepEqual(result.ok ? result.value.faults : [], [{ kind: "inflates-too-far", limit: (1 << 20) - 700_001 }])
})

test("nesting ends", (t) => {
  let wire = bytes(golden.messages[0]?.hex ?? "")
  for (let i = 0; i < 20; i++) wire = encodeCompound([wire, wire].slice(i % 2))
  const result = decodePacket(wire, plainSecurity)
  t.deepEqual(result, { ok: false, error: { kind: "nested-too-deep" } })
})

test("every message of any field values comes back", (t) => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
  const port = fc.nat(65_535)
  const raw = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined })
  const filled = fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { nil: undefined })
  const text = fc.string({ maxLength: 300, unit: "grapheme" })
  const source = { sourceAddr: filled, sourcePort: port, sourceNode: text }
  const accusation = { incarnation: u32, node: text, from: text }
  const any: fc.Arbitrary<PacketMessage> = fc.oneof(
    fc.record({ kind: fc.constant("ping" as const), seqNo: u32, node: text, ...source }),
    fc.record({
      kind: fc.constant("indirect-ping" as const),
      seqNo: u32,
      target: raw,
      port,
      node: text,
      nack: fc.boolean(),
      ...source,
    }),
    fc.record({ kind: fc.constant("ack" as const), seqNo: u32, payload: raw }),
    fc.record({ kind: fc.constant("nack" as const), seqNo: u32 }),
    fc.record({ kind: fc.constant("suspect" as const), ...accusation }),
    fc.record({ kind: fc.constant("dead" as const), ...accusation }),
    fc.record({
      kind: fc.constant("alive" as const),
      incarnation: u32,
      node: text,
      addr: raw,
      port,
      meta: raw,
      vsn: raw,
    }),
    fc.record({ kind: fc.constant("user" as const), payload: fc.uint8Array({ maxLength: 300 }) }),
  )
  fc.assert(
    fc.property(
      fc.array(any, { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      fc.boolean(),
      (messages, compress, checksum) => {
        const key = metallbKey(Buffer.from("secret"))
        const wrapping = { label: Buffer.from("blue"), compress, checksum, sealing: { key, nonce: new Uint8Array(12) } }
        const wire = encodePacket(encodeCompound(messages.map(encodeMessage)), wrapping)
        const back = decodePacket(wire, { label: wrapping.label, keys: [key] })
        t.deepEqual(back, { ok: true, value: { messages, faults: [] } })
      },
    ),
    { numRuns: 300 },
  )
})
