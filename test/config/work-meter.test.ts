import test from "ava"
import { type Histogram, workMeter } from "../../config/work-meter.ts"

function metered() {
  let nowMs = 1_000
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { meter: workMeter(() => nowMs), pass }
}

/** Bound → count, where there is one. */
const filled = ({ bounds, counts }: Histogram) =>
  Object.fromEntries(counts.flatMap((count, i) => (count === 0 ? [] : [[bounds[i] ?? "+Inf", count]])))

test("a key waits once, however often it is added, and its time counts from the first", (t) => {
  const { meter, pass } = metered()
  for (const key of ["a", "a", "b"]) meter.add(key)
  pass(50)
  meter.add("a")
  t.like(meter.read(), { depth: 2, adds: 2, active: 0 })
  pass(450)
  meter.begin("a")
  t.like(meter.read(), { depth: 1, active: 1 })
  t.deepEqual(filled(meter.read().queueSeconds), { 1: 1 })
  t.is(meter.read().queueSeconds.sum, 0.5)
})

test("what is under way is seen before it ends, and counted by what became of it", (t) => {
  const { meter, pass } = metered()
  meter.begin("a")
  pass(2_000)
  meter.begin("b")
  pass(1_000)
  t.like(meter.read(), { active: 2, unfinishedSeconds: 4, longestRunningSeconds: 3 })
  // Added while it is worked on: it waits again.
  meter.add("a")
  t.like(meter.read(), { active: 2, depth: 1 })
  meter.end("a", "error")
  meter.end("b", "success")
  t.like(meter.read(), { active: 0, unfinishedSeconds: 0, longestRunningSeconds: 0 })
  t.deepEqual(meter.read().results, { success: 1, error: 1, requeue_after: 0 })
  t.deepEqual(filled(meter.read().workSeconds), { 1: 1, 10: 1 })
  t.deepEqual(filled(meter.read().reconcileSeconds), { 1: 1, 3: 1 })
})

test("what is larger than every bound is counted, what was dropped is not", (t) => {
  const { meter, pass } = metered()
  meter.begin("slow")
  pass(5_000_000)
  meter.end("slow", "requeue_after")
  t.deepEqual(filled(meter.read().workSeconds), { "+Inf": 1 })
  meter.add("a")
  meter.begin("b")
  meter.drop("a")
  meter.drop("b")
  meter.end("b", "success")
  t.like(meter.read(), { depth: 0, active: 0, results: { success: 0, error: 0, requeue_after: 1 } })
})
