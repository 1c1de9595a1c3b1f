import test from "ava"
import fc from "fast-check"
import { attributesLimit, packUpdates, packWithdrawals } from "../../protocols/bgp/pack.ts"
import { decode, encode, extendedLength, maximumLength } from "../../protocols/bgp/packet.ts"
import { routesIn } from "../../protocols/bgp/update.ts"
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

test("attributes at the limit leave room for one IPv6 host route with both next hops", (t) => {
  for (const limit of [maximumLength, extendedLength]) {
    const padding = { flags: 0xc0, code: 99, value: new Uint8Array(attributesLimit(limit) - 13 - 4).fill(0xa5) }
    const { origin, asPath } = attributes
    const mp = { family: "ipv6", nextHop: ip("2001:db8::1"), linkLocal: ip("fe80::1") } as const
    const prefixes = [prefix("2001:db8::7/128"), prefix("2001:db8::8/128")]
    const packed = [
      ...packUpdates([{ attributes: { origin, asPath, unknown: [padding] }, mp, prefixes }], context, limit),
    ]
    // One octet less: the short form of the length is enough for one route.
    t.deepEqual(
      packed.map(({ bytes, prefixes }) => [bytes.length + 1, prefixes.length]),
      [
        [limit, 1],
        [limit, 1],
      ],
    )
  }
})

test("IPv6: packing says the same as encoding one UPDATE; routes come first and nowhere else (RFC 7606 §5.1)", (t) => {
  const { origin, asPath } = attributes
  const nlri = [prefix("::/0"), prefix("2001:db8::/33"), prefix("2001:db8:0:1::/64"), prefix("2001:db8::7/128")]
  for (const hops of [{ nextHop: ip("2001:db8::1") }, { nextHop: ip("2001:db8::1"), linkLocal: ip("fe80::1") }]) {
    const [packed] = packUpdates(
      [{ attributes: { origin, asPath }, mp: { family: "ipv6", ...hops }, prefixes: nlri }],
      context,
    )
    const mpReach = { family: "ipv6", ...hops, nlri } as const
    const update = { kind: "update", withdrawn: [], attributes: { origin, asPath, mpReach }, nlri: [] } as const
    t.is(toHex(packed?.bytes ?? hex("")), toHex(encode(update, context)))
    t.is(packed?.bytes[24], 14)
  }
  const [withdrawn] = packWithdrawals(nlri)
  const update = {
    kind: "update",
    withdrawn: [],
    attributes: { mpUnreach: { family: "ipv6", withdrawn: nlri } },
    nlri: [],
  } as const
  t.is(toHex(withdrawn?.bytes ?? hex("")), toHex(encode(update, context)))
})

test("any IPv6 prefixes: each said once and withdrawn once, in messages that decode and keep to their limit", (t) => {
  const { origin, asPath } = attributes
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.integer({ min: 0, max: 128 })), {
        maxLength: 600,
      }),
      fc.constantFrom(maximumLength, extendedLength),
      (raw, limit) => {
        const prefixes = raw
          .map(([number, length]) => prefixAround(ipFromNumber(number, "ipv6"), length > 128 ? 128 : length))
          .filter(({ family }) => family === "ipv6")
        const mp = { family: "ipv6", nextHop: ip("2001:db8::1") } as const
        const messages = [
          ...packUpdates([{ attributes: { origin, asPath }, mp, prefixes }], context, limit),
          ...packWithdrawals(prefixes, limit),
        ]
        const announced: string[] = []
        const withdrawn: string[] = []
        for (const { bytes } of messages) {
          const decoded = decode(bytes, context)
          if (bytes.length > limit || !decoded.ok || decoded.value.kind !== "update") return false
          if (decoded.value.faults.length > 0) return false
          const routes = routesIn(decoded.value)
          announced.push(...routes.announced.map(({ text }) => text))
          withdrawn.push(...routes.withdrawn.map(({ text }) => text))
        }
        const want = prefixes.map(({ text }) => text).join()
        return announced.join() === want && withdrawn.join() === want
      },
    ),
    { numRuns: 50 },
  )
  t.pass()
})
