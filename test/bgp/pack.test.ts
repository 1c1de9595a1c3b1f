import test from "ava"
import fc from "fast-check"
import { attributesLimit, packUpdates, packWithdrawals } from "../../protocols/bgp/pack.ts"
import { decode, encode, maximumLength } from "../../protocols/bgp/packet.ts"
import { ipFromNumber } from "../../protocols/ip.ts"
import { type Prefix, prefixAround } from "../../protocols/prefix.ts"
import { hex, ip, prefix, toHex } from "./goldens.ts"

const attributes = { origin: "igp", asPath: [{ type: "sequence", asns: [64512] }], nextHop: ip("192.0.2.1") } as const
const context = { fourOctet: true }
const hosts = (count: number): Prefix[] =>
  Array.from({ length: count }, (_, i) => prefixAround(ipFromNumber(BigInt(0x0a00_0000 + i), "ipv4"), 32))

test("packing says the same as encoding one UPDATE", (t) => {
  const nlri = [prefix("0.0.0.0/0"), prefix("10.0.0.0/9"), prefix("198.51.100.0/24"), prefix("198.51.100.7/32")]
  const [packed] = packUpdates([{ attributes, prefixes: nlri }], context)
  t.is(toHex(packed?.bytes ?? hex("")), toHex(encode({ kind: "update", withdrawn: [], attributes, nlri }, context)))
  const [withdrawn] = packWithdrawals(nlri)
  t.is(
    toHex(withdrawn?.bytes ?? hex("")),
    toHex(encode({ kind: "update", withdrawn: nlri, attributes: {}, nlri: [] }, context)),
  )
})

test("10,000 host routes with one set of attributes take 13 UPDATEs, all but the last one full", (t) => {
  const packed = [...packUpdates([{ attributes, prefixes: hosts(10_000) }], context)]
  t.is(packed.length, 13)
  t.true(packed.slice(0, -1).every(({ bytes }) => bytes.length > maximumLength - 5))
})

test("every prefix is said once, in messages that decode and keep to 4096 octets", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 0xffff_ffff }), fc.integer({ min: 0, max: 32 })), { maxLength: 3000 }),
      fc.integer({ min: 0, max: 900 }),
      (raw, communities) => {
        const prefixes = raw.map(([number, length]) => prefixAround(ipFromNumber(BigInt(number), "ipv4"), length))
        const set = {
          ...attributes,
          ...(communities > 0 ? { communities: Array.from({ length: communities }, (_, i) => i) } : {}),
        }
        const said: string[] = []
        for (const { bytes } of packUpdates([{ attributes: set, prefixes }], context)) {
          const decoded = decode(bytes, context)
          if (bytes.length > maximumLength || !decoded.ok || decoded.value.kind !== "update") return false
          if (decoded.value.faults.length > 0) return false
          said.push(...decoded.value.nlri.map(({ text }) => text))
        }
        const unsaid: string[] = []
        for (const { bytes } of packWithdrawals(prefixes)) {
          const decoded = decode(bytes, context)
          if (bytes.length > maximumLength || !decoded.ok || decoded.value.kind !== "update") return false
          unsaid.push(...decoded.value.withdrawn.map(({ text }) => text))
        }
        const want = prefixes.map(({ text }) => text).join()
        return said.join() === want && unsaid.join() === want
      },
    ),
    { numRuns: 50 },
  )
  t.pass()
})

test("attributes at the limit leave room for one host route", (t) => {
  const padding = { flags: 0xc0, code: 99, value: new Uint8Array(attributesLimit - 20 - 4).fill(0xa5) }
  const packed = [...packUpdates([{ attributes: { ...attributes, unknown: [padding] }, prefixes: hosts(2) }], context)]
  t.deepEqual(
    packed.map(({ bytes, prefixes }) => [bytes.length <= maximumLength, prefixes.length]),
    [
      [true, 1],
      [true, 1],
    ],
  )
})
