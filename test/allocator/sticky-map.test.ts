import test from "ava"
import fc from "fast-check"
import { StickyMap } from "../../actors/allocator/sticky-map.ts"

const key = fc.oneof(fc.constantFrom("a", "b"), fc.nat({ max: 300 }).map(String))
const step = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), key, value: fc.string({ minLength: 1 }) }),
  fc.record({ kind: fc.constant("delete" as const), key }),
)

test("holds what a Map holds, whatever comes and goes", (t) => {
  const property = fc.property(fc.array(step, { maxLength: 1_000, size: "max" }), (steps) => {
    const sticky = new StickyMap<string, string>()
    const map = new Map<string, string>()
    for (const { key, ...what } of steps) {
      if (what.kind === "set") {
        sticky.set(key, what.value)
        map.set(key, what.value)
      } else t.is(sticky.delete(key), map.delete(key))
      t.is(sticky.get(key), map.get(key))
      t.is(sticky.has(key), map.has(key))
    }
    t.deepEqual([...sticky.values()].sort(), [...map.values()].sort())
    t.deepEqual(
      Array.from(map.keys(), (each) => sticky.get(each)),
      [...map.values()],
    )
  })
  t.notThrows(() => fc.assert(property, { numRuns: 50 }))
})

test("all go, twice, and what comes afterwards is there", (t) => {
  const sticky = new StickyMap<number, string>()
  for (const round of ["first", "second"]) {
    for (let i = 0; i < 10_000; i++) sticky.set(i, round)
    t.is([...sticky.values()].length, 10_000)
    for (let i = 0; i < 10_000; i++) t.true(sticky.delete(i))
    t.deepEqual([...sticky.values()], [])
    t.false(sticky.delete(7))
  }
  sticky.set(7, "third")
  t.is(sticky.get(7), "third")
})
