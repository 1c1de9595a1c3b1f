import test from "ava"
import fc from "fast-check"
import { bestPaths, type Candidate } from "../../protocols/bgp/best-path.ts"
import type { InRoute } from "../../protocols/bgp/rib-in.ts"
import type { Ip } from "../../protocols/ip.ts"
import { parsePrefix } from "../../protocols/prefix.ts"

const prefix = parsePrefix("10.0.0.0/8")
if (prefix === undefined) throw new Error("no prefix")
const base: InRoute = {
  prefix,
  nextHop: "192.0.2.2" as Ip,
  asPath: [{ type: "sequence", asns: [64513] }],
  origin: "igp",
  med: 0,
  localPref: 100,
}
const by = (peer: string, route: Partial<InRoute> = {}, more: Partial<Candidate> = {}): Candidate => ({
  route: { ...base, ...route },
  peer,
  external: true,
  peerRouterId: "192.0.2.9" as Ip,
  ...more,
})
const through = (...asns: number[]): InRoute["asPath"] => [{ type: "sequence", asns }]

for (const [rule, candidates, want] of [
  ["nobody has it", [], []],
  ["LOCAL_PREF before all", [by("a", { localPref: 101, asPath: through(1, 2, 3) }), by("b")], ["a"]],
  ["then the AS path", [by("a", { asPath: through(1, 2) }), by("b", { asPath: through(3), origin: "egp" })], ["b"]],
  [
    "a set counts once",
    [by("a", { asPath: [{ type: "set", asns: [1, 2] }] }), by("b", { asPath: through(3, 4) })],
    ["a"],
  ],
  ["then the origin", [by("a", { origin: "incomplete" }), by("b", { origin: "egp", med: 9 })], ["b"]],
  ["then MED, of the same neighbour", [by("a", { med: 10 }), by("b", { med: 5 })], ["b"]],
  [
    "MED of another neighbour says nothing",
    [by("a", { med: 10 }), by("b", { med: 5, asPath: through(7) })],
    ["a", "b"],
  ],
  ["then external", [by("a", {}, { external: false }), by("b")], ["b"]],
  [
    "equals are used together, by router id",
    [
      by("a", {}, { peerRouterId: "192.0.2.9" as Ip }),
      by("b", {}, { peerRouterId: "10.0.0.200" as Ip }),
      by("c", { localPref: 50 }),
    ],
    ["b", "a"],
  ],
  ["and by name", [by("z"), by("y")], ["y", "z"]],
] as const satisfies readonly (readonly [string, readonly Candidate[], readonly string[]])[])
  test(rule, (t) => {
    const names: readonly string[] = bestPaths(candidates).map(({ peer }) => peer)
    t.deepEqual(names, want)
  })

test("the answer does not hang on the order of the question", (t) => {
  const candidate = fc.record({
    peer: fc.constantFrom("a", "b", "c", "d"),
    route: fc.record({
      localPref: fc.constantFrom(100, 200),
      asPath: fc.constantFrom(through(1), through(2), through(1, 2), []),
      med: fc.integer({ min: 0, max: 2 }),
      origin: fc.constantFrom("igp", "egp"),
    }),
    external: fc.boolean(),
  })
  const some = fc.uniqueArray(candidate, { selector: ({ peer }) => peer })
  fc.assert(
    fc.property(
      some.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, other]) => {
        const made = (list: typeof all) =>
          bestPaths(list.map(({ peer, route, external }) => by(peer, route as Partial<InRoute>, { external })))
        const names = (list: typeof all) => made(list).map(({ peer }) => peer)
        t.deepEqual(names(all), names(other))
        t.is(names(all).length === 0, all.length === 0)
      },
    ),
  )
})
