import test from "ava"
import fc from "fast-check"
import { inRange, parsePrefixRange, type PrefixRange } from "../../protocols/bgp/import-filter.ts"
import { decode } from "../../protocols/bgp/packet.ts"
import { emptyRibIn, type ImportContext, learn, type Rejection, rejections } from "../../protocols/bgp/rib-in.ts"
import type { ReceivedUpdate } from "../../protocols/bgp/update.ts"
import type { PathAttributes } from "../../protocols/bgp/attributes.ts"
import type { Ip } from "../../protocols/ip.ts"
import { parsePrefix, type Prefix } from "../../protocols/prefix.ts"

const range = (text: string): PrefixRange => {
  const parsed = parsePrefixRange(text)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}
const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}
const context: ImportContext = {
  myASN: 64512,
  peerASN: 64513,
  local: "192.0.2.1" as Ip,
  families: ["ipv4", "ipv6"],
  extendedNextHop: false,
}
const everything = { accept: [range("0.0.0.0/0+"), range("::/0+")], maximum: 100 }
const plain: PathAttributes = {
  origin: "igp",
  asPath: [{ type: "sequence", asns: [64513] }],
  nextHop: "192.0.2.2" as Ip,
}
const update = (nlri: readonly string[], more: Partial<ReceivedUpdate> = {}): ReceivedUpdate => ({
  kind: "update",
  withdrawn: [],
  attributes: plain,
  nlri: nlri.map(prefix),
  faults: [],
  ...more,
})

for (const [text, inside, outside] of [
  ["0.0.0.0/0", ["0.0.0.0/0"], ["0.0.0.0/1", "10.0.0.0/8", "::/0"]],
  ["0.0.0.0/0+", ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32"], ["::/0"]],
  ["10.0.0.0/8", ["10.0.0.0/8"], ["10.0.0.0/9", "10.0.0.0/7", "11.0.0.0/8"]],
  ["10.0.0.0/8{16,24}", ["10.1.0.0/16", "10.255.3.0/24"], ["10.0.0.0/8", "10.1.2.128/25", "11.1.0.0/16"]],
  ["2001:db8::/32+", ["2001:db8::/32", "2001:db8:1::/48"], ["2001:db9::/32", "2000::/3"]],
] as const)
  test(`filter ${text}`, (t) => {
    for (const one of inside) t.true(inRange(range(text), prefix(one)), one)
    for (const one of outside) t.false(inRange(range(text), prefix(one)), one)
  })

for (const [text, error] of [
  ["", '"" is no prefix'],
  ["10.0.0.0", '"10.0.0.0" is no prefix'],
  ["10.0.0.0/33", '"10.0.0.0/33" is no prefix'],
  ["10.0.0.1/8", '"10.0.0.1/8" has host bits set: 10.0.0.0/8 is meant'],
  ["10.0.0.0/8{4,24}", '"10.0.0.0/8{4,24}": lengths must be within 8 and 32, the smaller one first'],
  ["10.0.0.0/8{24,16}", '"10.0.0.0/8{24,16}": lengths must be within 8 and 32, the smaller one first'],
  ["10.0.0.0/8{16,33}", '"10.0.0.0/8{16,33}": lengths must be within 8 and 32, the smaller one first'],
  ["10.0.0.0/8 le 24", '"10.0.0.0/8 le 24" is no prefix'],
] as const)
  test(`no filter: ${text}`, (t) => {
    const parsed = parsePrefixRange(text)
    t.is(parsed.ok ? "" : parsed.error, error)
  })

test("what is announced is there, what is withdrawn is not; an announcement takes the place of the one before", (t) => {
  const rib = emptyRibIn()
  t.true(learn(rib, update(["10.0.0.0/8", "0.0.0.0/0"]), everything, context).changed)
  t.deepEqual(rib.routes.get("10.0.0.0/8"), {
    prefix: prefix("10.0.0.0/8"),
    nextHop: "192.0.2.2" as Ip,
    asPath: [{ type: "sequence", asns: [64513] }],
    origin: "igp",
    med: 0,
    localPref: 100,
  })
  learn(
    rib,
    update(["10.0.0.0/8"], { attributes: { ...plain, multiExitDisc: 7, localPref: 500 } }),
    everything,
    context,
  )
  t.like(rib.routes.get("10.0.0.0/8"), { med: 7, localPref: 100 }, "LOCAL_PREF of an external peer is not ours")
  t.true(learn(rib, update([], { withdrawn: [prefix("10.0.0.0/8")] }), everything, context).changed)
  t.deepEqual([...rib.routes.keys()], ["0.0.0.0/0"])
  t.false(learn(rib, update([], { withdrawn: [prefix("10.0.0.0/8")] }), everything, context).changed)
})

test("an internal peer's LOCAL_PREF counts; without one it is 100", (t) => {
  const rib = emptyRibIn()
  const internal = { ...context, peerASN: 64512 }
  learn(rib, update(["10.0.0.0/8"], { attributes: { ...plain, asPath: [], localPref: 5 } }), everything, internal)
  learn(rib, update(["10.0.0.0/9"], { attributes: { ...plain, asPath: [] } }), everything, internal)
  t.deepEqual(
    [...rib.routes.values()].map(({ localPref }) => localPref),
    [5, 100],
  )
})

test("IPv6, with its link-local next hop; withdrawn again", (t) => {
  const rib = emptyRibIn()
  const mpReach = {
    family: "ipv6",
    nextHop: "2001:db8::2" as Ip,
    linkLocal: "fe80::2" as Ip,
    nlri: [prefix("2001:db8:7::/48"), prefix("::/0")],
  } as const
  const { nextHop: _, ...rest } = plain
  learn(rib, update([], { attributes: { ...rest, mpReach } }), everything, context)
  t.like(rib.routes.get("::/0"), { nextHop: "2001:db8::2", linkLocal: "fe80::2" })
  const mpUnreach = { family: "ipv6", withdrawn: [prefix("::/0")] } as const
  learn(rib, update([], { attributes: { mpUnreach } }), everything, context)
  t.deepEqual([...rib.routes.keys()], ["2001:db8:7::/48"])
})

const v6 = (nextHop: string, ...nlri: string[]): Partial<ReceivedUpdate> => ({
  attributes: {
    origin: "igp",
    asPath: [],
    mpReach: { family: "ipv6", nextHop: nextHop as Ip, nlri: nlri.map(prefix) },
  },
})
const loop = [{ type: "sequence", asns: [64513, 64512] }] as const
for (const [why, given, change] of [
  ["filtered", update(["11.0.0.0/8"]), { policy: { accept: [range("10.0.0.0/8+")], maximum: 9 } }],
  ["martian", update(["127.0.0.0/8"]), {}],
  ["martian", update(["224.0.0.0/4"]), {}],
  ["martian", update([], v6("2001:db8::2", "fe80::/10")), {}],
  ["family", update([], v6("2001:db8::2", "2001:db8:7::/48")), { context: { ...context, families: ["ipv4"] } }],
  ["loop", update(["10.0.0.0/8"], { attributes: { ...plain, asPath: loop } }), {}],
  ["next-hop", update(["10.0.0.0/8"], { attributes: { ...plain, nextHop: "192.0.2.1" as Ip } }), {}],
  ["next-hop", update(["10.0.0.0/8"], { attributes: { ...plain, nextHop: "0.0.0.0" as Ip } }), {}],
  ["next-hop", update(["10.0.0.0/8"], { attributes: { ...plain, nextHop: "224.0.0.5" as Ip } }), {}],
  ["next-hop", update([], v6("::ffff:192.0.2.2".slice(7), "2001:db8:7::/48")), {}],
  ["maximum", update(["10.0.0.0/8"]), { policy: { ...everything, maximum: 0 } }],
] as const satisfies readonly (readonly [Rejection, ReceivedUpdate, object])[])
  test(`not taken, ${why}: ${JSON.stringify([...given.nlri, ...(given.attributes.mpReach?.nlri ?? [])].map(({ text }) => text))} by ${given.attributes.nextHop ?? given.attributes.mpReach?.nextHop}`, (t) => {
    const rib = emptyRibIn()
    const { policy = everything, context: around = context } = change as {
      policy?: typeof everything
      context?: ImportContext
    }
    t.false(learn(rib, given, policy, around).changed)
    t.is(rib.routes.size, 0)
    t.deepEqual(
      rejections.filter((one) => rib.rejected[one] > 0),
      [why],
    )
  })

test("a route that is not taken any more is gone", (t) => {
  const rib = emptyRibIn()
  learn(rib, update(["10.0.0.0/8"]), everything, context)
  t.true(learn(rib, update(["10.0.0.0/8"], { attributes: { ...plain, asPath: loop } }), everything, context).changed)
  t.is(rib.routes.size, 0)
})

test("IPv4 by an IPv6 next hop: only where that was agreed on (RFC 8950)", (t) => {
  const mpReach = { family: "ipv4", nextHop: "fe80::2" as Ip, nlri: [prefix("10.0.0.0/8")] } as const
  const given = update([], { attributes: { origin: "igp", asPath: [], mpReach } })
  const rib = emptyRibIn()
  learn(rib, given, everything, context)
  t.is(rib.rejected["next-hop"], 1)
  learn(rib, given, everything, { ...context, extendedNextHop: true })
  t.is(rib.routes.get("10.0.0.0/8")?.nextHop, "fe80::2" as Ip)
})

test("the maximum: nothing beyond it is kept, what is there can change, and what leaves makes room", (t) => {
  const rib = emptyRibIn()
  const policy = { ...everything, maximum: 2 }
  t.deepEqual(learn(rib, update(["10.0.0.0/8", "11.0.0.0/8"]), policy, context), { changed: true })
  t.deepEqual(learn(rib, update(["12.0.0.0/8"]), policy, context), { changed: false, exceeded: "ipv4" })
  t.true(rib.surplus)
  t.true(learn(rib, update(["11.0.0.0/8"], { attributes: { ...plain, multiExitDisc: 3 } }), policy, context).changed)
  learn(rib, update(["13.0.0.0/8"], { withdrawn: [prefix("10.0.0.0/8")] }), policy, context)
  t.deepEqual([...rib.routes.keys()], ["11.0.0.0/8", "13.0.0.0/8"])
})

test("an UPDATE with a fault withdraws its routes (RFC 7606)", (t) => {
  const rib = emptyRibIn()
  learn(rib, update(["10.0.0.0/8"]), everything, context)
  // ORIGIN 7, AS_PATH empty, NEXT_HOP, 10.0.0.0/8.
  const body = [0, 0, 0, 14, 0x40, 1, 1, 7, 0x40, 2, 0, 0x40, 3, 4, 192, 0, 2, 2, 8, 10]
  const message = Uint8Array.from([...Array.from({ length: 16 }, () => 255), 0, 19 + body.length, 2, ...body])
  const decoded = decode(message, { fourOctet: true })
  if (!decoded.ok || decoded.value.kind !== "update") return t.fail()
  t.true(learn(rib, decoded.value, everything, context).changed)
  t.is(rib.routes.size, 0)
  t.is(rib.rejected.malformed, 1)
})

test("any UPDATE leaves no more than the maximum, and only what the filter takes", (t) => {
  const anyPrefix = fc
    .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    .map(([address, length]) => prefix(`${address}/${length}`))
  const some = fc.array(anyPrefix, { maxLength: 30 })
  const policy = { accept: [range("0.0.0.0/1+")], maximum: 5 }
  fc.assert(
    fc.property(fc.array(fc.tuple(some, some), { maxLength: 8 }), (updates) => {
      const rib = emptyRibIn()
      for (const [nlri, withdrawn] of updates) learn(rib, { ...update([]), nlri, withdrawn }, policy, context)
      return (
        rib.routes.size <= 5 &&
        rib.routes.values().every((route) => policy.accept.some((a) => inRange(a, route.prefix)))
      )
    }),
  )
  t.pass()
})
