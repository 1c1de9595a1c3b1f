// The policy `spread` as a function: even, the same for all, and little moves.
import test from "ava"
import fc from "fast-check"
import { type SpreadEntry, spreadOver } from "../../actors/announcer/spread.ts"
import type { Ip } from "../../protocols/ip.ts"
import { ip } from "../announcer/facts.ts"

const nodesUpTo = (count: number) => Array.from({ length: count }, (_, i) => `node-${String.fromCharCode(97 + i)}`)
const addresses = (count: number, net = 0) =>
  Array.from({ length: count }, (_, i) => ip(`198.18.${net + (i >> 8)}.${i & 255}`))
const entry = (address: Ip, fit: readonly string[], able = fit): SpreadEntry => ({ ip: address, fit, able })

/** Who has it, by the order and those that are able. */
const holders = (entries: readonly SpreadEntry[]): ReadonlyMap<Ip, string | undefined> => {
  const { orders } = spreadOver(entries)
  return new Map(entries.map(({ ip, able }) => [ip, orders.get(ip)?.find((node) => able.includes(node))]))
}
const loads = (held: ReadonlyMap<Ip, string | undefined>, nodes: readonly string[]): readonly number[] =>
  nodes.map((node) => [...held.values()].filter((holder) => holder === node).length)
const gap = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts)

const size = { nodes: fc.integer({ min: 1, max: 9 }), count: fc.integer({ min: 0, max: 60 }) }

test("no two nodes differ by more than one, with any of them dead", (t) => {
  fc.assert(
    fc.property(size.nodes, size.count, fc.nat(), (n, count, pick) => {
      const nodes = nodesUpTo(n)
      const able = nodes.filter((_, i) => ((pick >> i) & 1) === 0)
      if (able.length === 0) return
      const held = holders(addresses(count).map((address) => entry(address, nodes, able)))
      t.true([...held.values()].every((node) => node !== undefined && able.includes(node)))
      t.true(gap(loads(held, able)) <= 1)
    }),
  )
})

test("the order of the facts plays no part", (t) => {
  fc.assert(
    fc.property(size.nodes, size.count, (n, count) => {
      const entries = addresses(count).map((address) => entry(address, nodesUpTo(n)))
      t.deepEqual(holders(entries.toReversed()), new Map([...holders(entries)].toReversed()))
    }),
  )
})

test("a node that goes moves its own addresses and no others, each to the one named second", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 9 }), size.count, fc.nat(), (n, count, pick) => {
      const nodes = nodesUpTo(n)
      const gone = nodes[pick % n] ?? ""
      const all = addresses(count)
      const before = spreadOver(all.map((address) => entry(address, nodes)))
      const able = nodes.filter((node) => node !== gone)
      for (const [address, holder] of holders(all.map((each) => entry(each, nodes, able)))) {
        const [first, second] = before.orders.get(address) ?? []
        t.is(holder, first === gone ? second : first)
      }
    }),
  )
})

test("a node more, an address more: hardly anything else moves", (t) => {
  const [nodes, all] = [nodesUpTo(10), addresses(500)]
  const before = holders(all.map((address) => entry(address, nodes)))
  const moved = (after: ReadonlyMap<Ip, string | undefined>): number =>
    all.filter((address) => after.has(address) && after.get(address) !== before.get(address)).length
  const more = nodesUpTo(11)
  // A new node has to get 45 or 46.
  t.true(moved(holders(all.map((address) => entry(address, more)))) <= 70)
  for (const [i] of all.entries()) {
    if (i % 50 !== 0) continue
    const without = all.filter((_, j) => j !== i)
    const count = moved(holders(without.map((address) => entry(address, nodes))))
    t.true(count <= 10, `${count} moved when one address went`)
  }
})

test("addresses that few nodes can have go where there is least, and do not disturb the others", (t) => {
  const nodes = nodesUpTo(4)
  const [a = "", b = "", c = ""] = nodes
  const common = addresses(8).map((address) => entry(address, nodes))
  const few = addresses(4, 1).map((address) => entry(address, [a, b]))
  const one = addresses(3, 2).map((address) => entry(address, [c]))
  const held = holders([...few, ...one, ...common])
  for (const [address, holder] of holders(common)) t.is(held.get(address), holder)
  t.deepEqual(loads(held, nodes), [4, 4, 5, 2])
})

test("nobody fit, nobody able, no other to follow", (t) => {
  const [a = "", b = ""] = nodesUpTo(2)
  const [one = ip("198.18.0.1"), two = ip("198.18.0.2"), three = ip("198.18.0.3")] = addresses(3)
  const { orders, shares } = spreadOver([entry(one, []), entry(two, [a, b], []), entry(three, [a])])
  t.deepEqual(orders.get(one), [])
  t.is(orders.get(two)?.length, 1)
  t.deepEqual(orders.get(three), [a])
  t.deepEqual([...shares], [[a, 1]])
})
