import test from "ava"
import fc from "fast-check"
import { canonicalIpv4Prefix, decodeNlri, nlriBytes, nlriLength, writeNlri } from "../../protocols/bgp/nlri.ts"
import { ipFromNumber } from "../../protocols/ip.ts"
import { parsePrefix, prefixAround } from "../../protocols/prefix.ts"
import { hex, toHex } from "./goldens.ts"

const someNumber = fc.nat({ max: 0xffff_ffff })
const someLength = fc.integer({ min: 0, max: 32 })

test("the quick parser agrees with the strict one, on canonical text and on near misses", (t) => {
  const octet = fc.oneof(fc.nat({ max: 300 }).map(String), fc.constantFrom("00", "01", "", "1e2", " 1", "-1"))
  const text = fc.oneof(
    fc.tuple(someNumber, someLength).map(([n, length]) => prefixAround(ipFromNumber(BigInt(n), "ipv4"), length).text),
    fc
      .tuple(octet, octet, octet, octet, fc.oneof(someLength.map(String), fc.constantFrom("33", "08", "", "a")))
      .map(([a, b, c, d, length]) => `${a}.${b}.${c}.${d}/${length}`),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (one) => {
      const strict = parsePrefix(one)
      const want = strict !== undefined && strict.text === one && strict.family === "ipv4" ? strict : undefined
      t.deepEqual(canonicalIpv4Prefix(one), want, one)
    }),
    { numRuns: 3000 },
  )
})

test("RFC 4271 §4.3: written and read back, with as few octets as hold the bits", (t) => {
  fc.assert(
    fc.property(someNumber, someLength, (n, length) => {
      const prefix = prefixAround(ipFromNumber(BigInt(n), "ipv4"), length)
      const bytes = new Uint8Array(nlriLength(prefix) + 1).fill(0xa5)
      t.is(writeNlri(prefix, bytes, 0), 1 + Math.ceil(length / 8))
      t.is(bytes.at(-1), 0xa5)
      t.deepEqual(decodeNlri(bytes.subarray(0, -1), "ipv4"), { ok: true, value: [prefix] })
    }),
  )
})

test("an IPv6 prefix has the same shape", (t) => {
  const prefix = parsePrefix("2001:db8::/33")
  if (prefix === undefined) return t.fail()
  const bytes = new Uint8Array(nlriLength(prefix))
  writeNlri(prefix, bytes, 0)
  t.is(toHex(bytes), "2120010db800")
})

for (const [text, bytes] of [
  ["::/0", "00"],
  ["2001:db8::/33", "2120010db800"],
  ["2001:db8:0:1::/64", "4020010db800000001"],
  ["2001:db8::7/128", "8020010db8000000000000000000000007"],
  ["::1/128", "8000000000000000000000000000000001"],
  ["1:2:3:4:5:6:7:8/128", "8000010002000300040005000600070008"],
  // Elsewhere that is the IPv4 address; as a prefix it stays what it is.
  ["::ffff:192.0.2.1/128", "8000000000000000000000ffffc0000201"],
] as const) {
  test(`IPv6: ${text}`, (t) => {
    const decoded = decodeNlri(hex(bytes), "ipv6")
    t.deepEqual(decoded.ok && decoded.value.map((one) => [one.text, one.family]), [[text, "ipv6"]])
    t.is(toHex(decoded.ok ? nlriBytes(decoded.value) : hex("")), bytes)
  })
}
