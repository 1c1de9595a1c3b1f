import test from "ava"
import fc from "fast-check"
import type { Restart, SupervisionPolicy } from "../../supervision/actor.ts"
import { defaultPolicy, type Effect, onExit, type Supervised, type Supervisor } from "../../supervision/policy.ts"

const crash = { reason: "crash", error: "boom" } as const
const normal = { reason: "normal" } as const
/** The middle of the range: no jitter. */
const middle = { u32: () => 2 ** 31 }

function supervisor(policy: Partial<SupervisionPolicy>, children: Record<string, Partial<Supervised>>): Supervisor {
  const all = Object.entries(children).map(([id, child]): [string, Supervised] => [
    id,
    { restart: "permanent", failures: 0, readySinceMs: 0, ...child },
  ])
  return { policy: { ...defaultPolicy, ...policy }, children: new Map(all), recentMs: [] }
}

const abc = { a: {}, b: {}, c: {} }
const started = (ids: string[], afterMs = 20, failures = 1): Effect => ({ kind: "start", ids, afterMs, failures })

const strategies: [SupervisionPolicy["strategy"], string, Effect[]][] = [
  ["one_for_one", "b", [started(["b"])]],
  ["rest_for_one", "a", [{ kind: "stop", ids: ["c", "b"] }, started(["a", "b", "c"])]],
  ["rest_for_one", "b", [{ kind: "stop", ids: ["c"] }, started(["b", "c"])]],
  ["rest_for_one", "c", [started(["c"])]],
  ["one_for_all", "a", [{ kind: "stop", ids: ["c", "b"] }, started(["a", "b", "c"])]],
  ["one_for_all", "b", [{ kind: "stop", ids: ["c", "a"] }, started(["a", "b", "c"])]],
]
for (const [strategy, id, expected] of strategies) {
  test(`${strategy}: ${id} of a, b, c crashes`, (t) => {
    t.deepEqual(onExit(supervisor({ strategy }, abc), id, crash, 10, middle)[1], expected)
  })
}

const types: [Restart, "crash" | "normal", boolean][] = [
  ["permanent", "crash", true],
  ["permanent", "normal", true],
  ["transient", "crash", true],
  ["transient", "normal", false],
  ["temporary", "crash", false],
  ["temporary", "normal", false],
]
for (const [restart, reason, again] of types) {
  test(`a ${restart} child that ends by ${reason} is ${again ? "started again" : "forgotten"}`, (t) => {
    const before = supervisor({ strategy: "one_for_all" }, { a: { restart }, b: {} })
    const [, effects] = onExit(before, "a", reason === "crash" ? crash : normal, 10, middle)
    t.deepEqual(effects, again ? [{ kind: "stop", ids: ["b"] }, started(["a", "b"])] : [{ kind: "forget", ids: ["a"] }])
  })
}

test("a temporary sibling that is stopped with the others does not come back", (t) => {
  const before = supervisor({ strategy: "one_for_all" }, { a: {}, b: { restart: "temporary" }, c: {} })
  t.deepEqual(onExit(before, "a", crash, 10, middle)[1], [
    { kind: "stop", ids: ["c", "b"] },
    { kind: "forget", ids: ["b"] },
    started(["a", "c"]),
  ])
})

test("a child nobody knows changes nothing", (t) => {
  const before = supervisor({}, abc)
  t.deepEqual(onExit(before, "d", crash, 10, middle), [before, []])
})

test("more restarts than the intensity allows within the window: give up, and not one sooner", (t) => {
  let now = supervisor({ intensity: { restarts: 3, withinMs: 1_000 } }, abc)
  for (const atMs of [0, 400, 800]) {
    const [next, effects] = onExit(now, "a", crash, atMs, middle)
    t.is(effects[0]?.kind, "start")
    now = next
  }
  const [, effects] = onExit(now, "b", crash, 999, middle)
  t.deepEqual(effects, [{ kind: "give-up", error: "b needed more than 3 restarts within 1000 ms; last: boom" }])
  // The first has left the window.
  t.is(onExit(now, "b", crash, 1_000, middle)[1][0]?.kind, "start")
})

test("the back-off doubles up to its maximum and starts over after a quiet period", (t) => {
  const policy = { backoff: { minMs: 10, maxMs: 100, jitter: 0 }, intensity: { restarts: 100, withinMs: 500 } }
  const delays = [0, 1, 2, 3, 4, 40].map((failures) => {
    const [, effects] = onExit(supervisor(policy, { a: { failures, readySinceMs: 100 } }), "a", crash, 200, middle)
    return effects[0]?.kind === "start" ? [effects[0].afterMs, effects[0].failures] : undefined
  })
  t.deepEqual(delays, [
    [10, 1],
    [20, 2],
    [40, 3],
    [80, 4],
    [100, 5],
    [100, 41],
  ])
  const quiet = (readySinceMs: number | undefined, nowMs: number) =>
    onExit(supervisor(policy, { a: { failures: 3, readySinceMs } }), "a", crash, nowMs, middle)[1]
  t.deepEqual(quiet(100, 600), [started(["a"], 10, 1)])
  t.deepEqual(quiet(100, 599), [started(["a"], 80, 4)])
  // It never got ready, so it was never quiet.
  t.deepEqual(quiet(undefined, 10_000), [started(["a"], 80, 4)])
})

test("jitter stays within its share, and neither input nor children are changed", (t) => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(12), (draw, failures) => {
      const before = supervisor({ backoff: { minMs: 10, maxMs: 1_000, jitter: 0.25 } }, { a: { failures }, b: {} })
      const copy = structuredClone(before)
      const [after, effects] = onExit(before, "a", crash, 10, { u32: () => draw })
      const base = Math.min(1_000, 10 * 2 ** failures)
      const [start] = effects
      t.true(start?.kind === "start" && start.afterMs >= base * 0.75 && start.afterMs <= base * 1.25)
      t.deepEqual(before, copy)
      t.is(after.children, before.children)
    }),
  )
})

test("unlimited intensity remembers nothing", (t) => {
  const before = supervisor({ intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 1_000 } }, abc)
  t.deepEqual(onExit(before, "a", crash, 10, middle)[0].recentMs, [])
})
