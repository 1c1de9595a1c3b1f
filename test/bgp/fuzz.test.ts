import test from "ava"
import fc from "fast-check"
import { decode, encode, headerLength, maximumLength } from "../../protocols/bgp/packet.ts"
import { captured, hex, metallb, recorded } from "./goldens.ts"

/** Total: whatever comes, a value or a described NOTIFICATION that can itself be sent. */
function survives(bytes: Uint8Array, fourOctet: boolean): boolean {
  const decoded = decode(bytes, { fourOctet })
  if (decoded.ok) return true
  const { code, subcode, data, because } = decoded.error
  const answer = encode({ kind: "notification", code, subcode, data }, { fourOctet })
  return because.length > 0 && answer.length <= maximumLength && decode(answer, { fourOctet }).ok
}

const framed = (type: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerLength + body.length).fill(0xff, 0, 16)
  bytes[16] = bytes.length >> 8
  bytes[17] = bytes.length & 0xff
  bytes[18] = type
  bytes.set(body, headerLength)
  return bytes
}

test("any bytes", (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), fc.boolean(), survives))
  t.pass()
})

test("any body behind a good header", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 6 }),
      fc.uint8Array({ maxLength: maximumLength - headerLength }),
      fc.boolean(),
      (type, body, fourOctet) => survives(framed(type, body), fourOctet),
    ),
    { numRuns: 1000 },
  )
  t.pass()
})

test("golden messages with some octets changed", (t) => {
  const goldens = [
    ...[...metallb, ...recorded].map((golden) => hex(golden.hex)),
    ...captured.map((golden) => hex("ff".repeat(16) + golden.hex)),
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...goldens),
      fc.array(fc.tuple(fc.nat({ max: 100 }), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      (golden, changes, fourOctet) => {
        const bytes = golden.slice()
        for (const [at, value] of changes) bytes[16 + (at % (bytes.length - 16))] = value
        return survives(bytes, fourOctet)
      },
    ),
    { numRuns: 5000 },
  )
  t.pass()
})
