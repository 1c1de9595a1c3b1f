import test from "ava"
import fc from "fast-check"
import { rank } from "../../actors/announcer/election.ts"
import { ip } from "./facts.ts"

/** Nodes alpha, bravo, charlie; the first eight bytes of each digest. */
const vectors: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    "192.0.2.10",
    [
      ["charlie", "9002c6f8c08e0c1d"],
      ["bravo", "bab43055918346cb"],
      ["alpha", "c221c28692a18d73"],
    ],
  ],
  [
    "192.0.2.11",
    [
      ["charlie", "162d25774aa8b335"],
      ["bravo", "1ce1428f23bb28c6"],
      ["alpha", "a14c33564c90739f"],
    ],
  ],
  [
    "192.0.2.12",
    [
      ["bravo", "2e1128060b621c56"],
      ["alpha", "6b5580be0b5e0e80"],
      ["charlie", "fff11ea0904faae6"],
    ],
  ],
  [
    "192.0.2.13",
    [
      ["alpha", "222456783c4a052e"],
      ["charlie", "6525d51bd7498745"],
      ["bravo", "97f8b22b93b48b84"],
    ],
  ],
  [
    "2001:db8::5",
    [
      ["alpha", "5065d720b98d6aea"],
      ["charlie", "9a424c1e03f1eec9"],
      ["bravo", "d2b35a9cf3dbe738"],
    ],
  ],
]

for (const [address, order] of vectors) {
  test(`${address}: ${order.map(([node]) => node).join(", ")}`, (t) => {
    const ranked = rank(["alpha", "bravo", "charlie"], ip(address), () => 0)
    t.deepEqual(
      ranked.map(({ node, digest }) => [node, digest.slice(0, 16)]),
      order.map((row) => [...row]),
    )
  })
}

test("a score goes before the digest", (t) => {
  const score = (node: string) => (node === "bravo" ? 0 : 50)
  const ranked = rank(["alpha", "bravo", "charlie"], ip("192.0.2.10"), score)
  t.deepEqual(
    ranked.map(({ node, score }) => [node, score]),
    [
      ["charlie", 50],
      ["alpha", 50],
      ["bravo", 0],
    ],
  )
})

test("an address is hashed in its canonical text", (t) => {
  t.deepEqual(
    rank(["alpha"], ip("2001:0DB8:0:0::5"), () => 0),
    rank(["alpha"], ip("2001:db8::5"), () => 0),
  )
})

const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { minLength: 1, maxLength: 12 })
const address = fc.nat({ max: 255 }).map((last) => ip(`192.0.2.${last}`))

test("the order does not depend on the order of the candidates, and taking away a loser moves nothing", (t) => {
  fc.assert(
    fc.property(names, address, fc.nat(), (nodes, vip, pick) => {
      const order = rank(nodes, vip, () => 0).map(({ node }) => node)
      t.deepEqual(
        rank(nodes.toReversed(), vip, () => 0).map(({ node }) => node),
        order,
      )
      const loser = order[1 + (pick % Math.max(1, order.length - 1))]
      const without = rank(
        nodes.filter((name) => name !== loser),
        vip,
        () => 0,
      )
      t.is(without[0]?.node, order[0])
    }),
  )
})

test("a further candidate moves the address only to itself", (t) => {
  fc.assert(
    fc.property(names, address, (nodes, vip) => {
      const [added, ...before] = nodes
      if (added === undefined || before.length === 0) return
      const leader = rank(before, vip, () => 0)[0]?.node
      t.true([leader, added].includes(rank(nodes, vip, () => 0)[0]?.node))
    }),
  )
})
