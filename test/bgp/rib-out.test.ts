import test from "ava"
import fc from "fast-check"
import { decode, maximumLength } from "../../protocols/bgp/packet.ts"
import { routesIn } from "../../protocols/bgp/update.ts"
import {
  type Difference,
  difference,
  type OutGroup,
  outUpdates,
  type RouteContext,
  type Whole,
} from "../../protocols/bgp/rib-out.ts"
import { ip, toHex } from "./goldens.ts"

const ebgp: RouteContext = {
  myASN: 64512,
  peerASN: 64513,
  fourOctet: true,
  limit: maximumLength,
  nextHops: {
    ipv4: { kind: "reachable", nextHop: ip("192.0.2.1") },
    ipv6: { kind: "unreachable", because: "the peer does not speak IPv6 unicast" },
  },
}
const ibgp: RouteContext = { ...ebgp, peerASN: 64512 }
const route = (prefix: string, localPref = 0, communities: readonly string[] = []): OutGroup => ({
  localPref,
  communities,
  prefixes: [prefix],
})

/** What is said for these routes when the peer has that; and what the peer has after it. */
function say(routes: readonly OutGroup[], sent: Map<string, string>, context: RouteContext): string[] {
  const said: string[] = []
  for (const update of outUpdates(difference(routes, sent, context), context)) {
    for (const { text } of update.prefixes) {
      if (update.key === undefined) sent.delete(text)
      else sent.set(text, update.key)
    }
    const decoded = decode(update.bytes, context)
    if (!decoded.ok || decoded.value.kind !== "update") throw new Error("our own UPDATE does not decode")
    const { attributes } = decoded.value
    const { announced, withdrawn } = routesIn(decoded.value)
    said.push(
      [...withdrawn.map(({ text }) => `-${text}`), ...announced.map(({ text }) => `+${text}`)].join(" ") +
        (attributes.localPref === undefined ? "" : ` pref ${attributes.localPref}`) +
        (attributes.communities === undefined ? "" : ` comm ${attributes.communities.join(",")}`),
    )
  }
  return said
}

test("golden bytes of MetalLB come out for its routes", (t) => {
  const bytes = (context: RouteContext, ...routes: OutGroup[]): string[] =>
    [...outUpdates(difference(routes, new Map(), context), context)].map((update) => toHex(update.bytes))
  const marker = "ff".repeat(16)
  t.deepEqual(bytes(ebgp, route("198.51.100.7/32", 100, ["65535:65281"])), [
    `${marker}0037020000001b4001010040020602010000fc00400304c0000201c00804ffffff0120c6336407`,
  ])
  t.deepEqual(bytes({ ...ebgp, fourOctet: false }, route("198.51.100.7/32")), [
    `${marker}002e0200000012400101004002040201fc00400304c000020120c6336407`,
  ])
  t.deepEqual(bytes(ibgp, route("198.51.100.0/24", 100)), [
    `${marker}0030020000001540010100400200400304c00002014005040000006418c63364`,
  ])
})

test("RFC 4271 §5.1.5: LOCAL_PREF to internal peers always, even 0; to external ones never", (t) => {
  t.deepEqual(say([route("10.0.0.0/24")], new Map(), ibgp), ["+10.0.0.0/24 pref 0"])
  t.deepEqual(say([route("10.0.0.0/24", 300)], new Map(), ebgp), ["+10.0.0.0/24"])
})

test("RFC 6793 §4.2.2: a large AS number to an old peer is AS_TRANS with AS4_PATH", (t) => {
  const context = { ...ebgp, myASN: 4200000000, fourOctet: false }
  const [update] = outUpdates(difference([route("10.0.0.0/24")], new Map(), context), context)
  t.true(toHex(update?.bytes ?? new Uint8Array(0)).includes("400204 02015ba0".replace(" ", "")))
  t.true(toHex(update?.bytes ?? new Uint8Array(0)).includes("c011060201fa56ea00"))
})

test("one UPDATE for each set of attributes, then nothing while nothing changes", (t) => {
  const sent = new Map<string, string>()
  const routes = [
    route("10.0.0.1/32", 0, ["65000:1"]),
    route("10.0.0.2/32"),
    route("10.0.0.3/32", 0, ["65000:1"]),
    route("10.0.0.4/32"),
  ]
  t.deepEqual(say(routes, sent, ebgp), ["+10.0.0.1/32 +10.0.0.3/32 comm 4259840001", "+10.0.0.2/32 +10.0.0.4/32"])
  t.deepEqual(say(routes, sent, ebgp), [])
  t.deepEqual(say(routes.toReversed(), sent, ebgp), [])
})

test("a changed route is said again, not withdrawn; a gone one is withdrawn after what is new", (t) => {
  const sent = new Map<string, string>()
  say([route("10.0.0.1/32", 1), route("10.0.0.2/32", 1)], sent, ibgp)
  t.deepEqual(say([route("10.0.0.1/32", 2), route("10.0.0.0/24", 2)], sent, ibgp), [
    "+10.0.0.1/32 +10.0.0.0/24 pref 2",
    "-10.0.0.2/32",
  ])
})

test("one prefix of several advertisements: communities united, first preference", (t) => {
  t.deepEqual(say([route("10.0.0.1/32", 7, ["1:2"]), route("10.0.0.1/32", 9, ["1:1", "1:2"])], new Map(), ibgp), [
    "+10.0.0.1/32 pref 7 comm 65537,65538",
  ])
})

test("what cannot be said is refused with its reason; others go out; what was sent before is withdrawn", (t) => {
  const sent = new Map([["10.0.0.9/32", "0 "]])
  const many = Array.from({ length: 1100 }, (_, i) => `65000:${i}`)
  const { refused, announce, withdraw } = difference(
    [
      route("2001:db8::1/128"),
      route("10.0.0.1/24"),
      route("nonsense"),
      route("10.0.0.9/32", 0, ["65000:1:2:3"]),
      route("10.0.0.8/32", 0, many),
      route("10.0.0.7/32"),
    ],
    sent,
    ebgp,
  )
  t.deepEqual(refused, [
    { prefix: "2001:db8::1/128", because: "the peer does not speak IPv6 unicast" },
    { prefix: "10.0.0.1/24", because: '"10.0.0.1/24" is no canonical prefix' },
    { prefix: "nonsense", because: '"nonsense" is no canonical prefix' },
    { prefix: "10.0.0.9/32", because: "community 65000:1:2:3 is not of the form 65000:1, 65000:1:2 or rt:65000:1" },
    { prefix: "10.0.0.8/32", because: "1100 communities do not fit into one UPDATE" },
  ])
  t.deepEqual(
    announce.flatMap(({ prefixes }) => prefixes.map(({ text }) => text)),
    ["10.0.0.7/32"],
  )
  t.deepEqual(
    withdraw.map(({ text }) => text),
    ["10.0.0.9/32"],
  )
})

test("grouped sets in any order: from what was said in whole comes the same as from every prefix", (t) => {
  const someGroup = (communities: readonly string[]) =>
    fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 12 }).map((hosts): OutGroup => {
      const prefixes = hosts.map((host) => (host % 5 === 0 ? `2001:db8::${host}/128` : `10.0.0.${host}/32`))
      return { localPref: 0, communities, prefixes: host9(hosts) ? prefixes : prefixes.sort() }
    })
  // Now and then not in order.
  const host9 = (hosts: readonly number[]): boolean => hosts[0] === 9
  const someSet = fc.tuple(someGroup(["1:1"]), someGroup(["1:2"]), someGroup([]))
  let quick = 0
  fc.assert(
    fc.property(
      fc.array(someSet, { minLength: 2, maxLength: 6 }),
      fc.constantFrom<RouteContext["nextHops"]["ipv6"]>(ebgp.nextHops.ipv6, { kind: "unwanted" }),
      (sets, ipv6) => {
        const context = { ...ebgp, nextHops: { ...ebgp.nextHops, ipv6 } }
        const sent = new Map<string, string>()
        let whole: Whole | undefined
        for (const groups of sets) {
          const slow = difference(groups, sent, context)
          const diff = difference(groups, sent, context, whole)
          if (whole !== undefined) quick++
          const say = ({ announce, withdraw }: Difference): string =>
            JSON.stringify([
              announce.flatMap(({ key, prefixes }) => prefixes.map(({ text }) => `${text} ${key}`)).sort(),
              withdraw.map(({ text }) => text).sort(),
            ])
          if (say(diff) !== say(slow) || diff.wanted !== slow.wanted) return false
          if (JSON.stringify(diff.refused) !== JSON.stringify(slow.refused)) return false
          for (const { key, prefixes } of diff.announce) for (const { text } of prefixes) sent.set(text, key)
          for (const { text } of diff.withdraw) sent.delete(text)
          whole = diff.whole
        }
        return true
      },
    ),
    { numRuns: 2000 },
  )
  t.true(quick > 500, `${quick} times`)
})

test("one set of attributes for all, in order or not, prefixes twice or none: the same as by the table", (t) => {
  const someHosts = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 12 })
  const group = (hosts: readonly number[], sort: boolean): OutGroup => {
    const prefixes = hosts.map((host) => (host === 7 ? "no prefix" : `10.0.0.${host}/32`))
    return { localPref: 1, communities: ["1:1"], prefixes: sort ? [...new Set(prefixes)].sort() : prefixes }
  }
  fc.assert(
    fc.property(someHosts, someHosts, fc.boolean(), (before, after, sort) => {
      const sent = new Map(before.map((host) => [`10.0.0.${host}/32`, host % 2 === 0 ? "1 1:1" : "another"]))
      const one = group(after, sort)
      const quick = difference([one], sent, ebgp)
      // A second group, although empty, is what takes the quick way from it.
      const table = difference([one, { localPref: 2, communities: [], prefixes: [] }], sent, ebgp)
      const plain = ({ announce, withdraw, refused, wanted }: Difference) => ({ announce, withdraw, refused, wanted })
      t.deepEqual(plain(quick), plain(table))
      t.is(quick.whole === undefined, table.whole === undefined)
    }),
    { numRuns: 500 },
  )
})

test("whatever the sequence of desired sets, the peer has exactly the last one", (t) => {
  const someRoute = fc
    .tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2 }), fc.subarray(["1:1", "1:2", "2:1"]))
    .map(([host, localPref, communities]) => route(`10.0.0.${host}/32`, localPref, communities))
  const someSet = fc.uniqueArray(someRoute, { selector: ({ prefixes }) => prefixes[0] })
  fc.assert(
    fc.property(fc.array(someSet, { minLength: 1, maxLength: 5 }), (sets) => {
      const sent = new Map<string, string>()
      for (const set of sets) say(set, sent, ibgp)
      const has = [...sent].map(([prefix, key]) => `${prefix} ${key}`).sort()
      const want = (sets.at(-1) ?? []).map((r) => `${r.prefixes[0]} ${r.localPref} ${r.communities.join(" ")}`).sort()
      return has.join() === want.join()
    }),
  )
  t.pass()
})

test("as many communities as a message holds, where MetalLB stops at 63", (t) => {
  const communities = Array.from({ length: 900 }, (_, i) => `65000:${i}`)
  const [said = "", ...more] = say([route("10.0.0.7/32", 0, communities)], new Map(), ebgp)
  t.true(said.startsWith("+10.0.0.7/32 comm "))
  t.deepEqual([new Set(said.split(" comm ")[1]?.split(",")).size, more], [900, []])
})
