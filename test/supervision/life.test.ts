import test from "ava"
import type { Actor, SupervisionPolicy } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { refTo } from "../../supervision/system.ts"
import { type Inside, nodeAt, type Simulated, scripted, simulated, start, until } from "./help.ts"

const withinMs = 100_000
const patient: SupervisionPolicy = {
  strategy: "one_for_one",
  intensity: { restarts: 1_000, withinMs: 1_000 },
  backoff: { minMs: 10, maxMs: 10, jitter: 0 },
}
const boom: Inside = () => {
  throw new Error("boom")
}

/** Records what its children do. */
function recorder() {
  const events: string[] = []
  const member = (name: string, more: Parameters<typeof scripted>[0] = {}) =>
    scripted({
      ...more,
      async start(context) {
        events.push(`${name} starts`)
        await more.start?.(context)
        events.push(`${name} ready`)
      },
      async stop() {
        await more.stop?.()
        events.push(`${name} stops`)
      },
    })
  return { events, member }
}
const after =
  (ms: number): Inside =>
  (context) =>
    new Promise((resolve) => void context.world.timers.after(ms, resolve))

test("children start in order, each waiting for the one before, and stop in reverse before their parent", async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { sim, system } = simulated(seed)
    const { events, member } = recorder()
    const parent = member("parent", {
      start(context) {
        context.spawn({ id: "a", actor: member("a", { start: after(50) }), config: undefined })
        context.spawn({ id: "b", actor: member("b"), config: undefined })
        context.spawn({ id: "c", actor: member("c", { start: after(10) }), config: undefined })
      },
    })
    system.spawn({ id: "parent", actor: parent, config: undefined })
    await sim.runUntil(() => events.includes("c ready"), { withinMs })
    t.deepEqual(
      events.filter((event) => !event.startsWith("parent")),
      ["a starts", "a ready", "b starts", "b ready", "c starts", "c ready"],
    )
    events.length = 0
    await sim.settle(system.stop(), { withinMs })
    t.deepEqual(events, ["c stops", "b stops", "a stops", "parent stops"])
  }
})

test("a sibling that never gets ready does not hold up the others for good when they are independent", async (t) => {
  const { sim, system } = simulated()
  const { events, member } = recorder()
  system.spawn({
    id: "a",
    actor: member("a", { start: () => new Promise(() => {}) }),
    config: undefined,
    shutdownMs: 5,
  })
  system.spawn({ id: "b", actor: member("b"), config: undefined })
  await sim.runUntil(() => events.includes("b ready"), { withinMs: 10_000 })
  await sim.settle(system.stop(), { withinMs })
  t.is(system.counters().actors, 0)
})

for (const [strategy, affected] of [
  ["one_for_one", ["b"]],
  ["rest_for_one", ["b", "c"]],
  ["one_for_all", ["a", "b", "c"]],
] as const) {
  test(`${strategy}: when b crashes, ${affected.join(", ")} restart`, async (t) => {
    const { sim, system } = simulated()
    const { events, member } = recorder()
    const parent = scripted({
      supervision: { ...patient, strategy },
      start(context) {
        for (const id of ["a", "b", "c"])
          context.spawn({ id, actor: member(id, { start: after(5) }), config: undefined })
      },
    })
    system.spawn({ id: "parent", actor: parent, config: undefined })
    await sim.runUntil(() => events.includes("c ready"), { withinMs })
    events.length = 0
    system.send(refTo<Inside>("/parent/b"), boom)
    await sim.runFor(500)
    const others = affected.filter((id) => id !== "b").toReversed()
    t.deepEqual(events, [
      "b stops",
      ...others.map((id) => `${id} stops`),
      ...affected.flatMap((id) => [`${id} starts`, `${id} ready`]),
    ])
    await sim.settle(system.stop(), { withinMs })
  })
}

test("a failed start is retried without end to hear a stop, and `stop` is not called for it", async (t) => {
  const world = simulated()
  const { sim, system } = world
  const { events, member } = recorder()
  const parent = scripted({
    supervision: patient,
    start: (context) => void context.spawn({ id: "a", actor: member("a", { start: boom }), config: undefined }),
  })
  system.spawn({ id: "parent", actor: parent, config: undefined })
  await sim.runUntil(() => events.length >= 5, { withinMs })
  t.true(events.every((event) => event === "a starts"))
  t.like(await nodeAt(world, "/parent/a"), { lastError: "boom" })
  await sim.settle(system.stop(), { withinMs: 50 })
  t.is(system.counters().actors, 0)
  t.false(events.includes("a stops"))
})

test("in real time too, a start that always fails leaves the thread its timers", async (t) => {
  const { system } = start()
  let attempts = 0
  const failing = scripted({
    start() {
      attempts++
      throw new Error("never")
    },
  })
  const parent = scripted({
    supervision: { ...patient, backoff: { minMs: 0, maxMs: 0, jitter: 0 }, intensity: { restarts: 1e9, withinMs: 1 } },
    start: (context) => void context.spawn({ id: "a", actor: failing, config: undefined }),
  })
  system.spawn({ id: "parent", actor: parent, config: undefined })
  let ticks = 0
  const interval = setInterval(() => ticks++, 1)
  await until(() => attempts > 100 && ticks > 20)
  clearInterval(interval)
  await system.stop()
  t.is(system.counters().actors, 0)
})

test("`stop` is called after a crash, with the last good state", async (t) => {
  const { sim, system } = simulated()
  const stopped: number[] = []
  const counter: Actor<undefined, number, "add" | "crash"> = {
    kind: "counter",
    start: () => 0,
    receive(state, message) {
      if (message === "crash") throw new Error("boom")
      return state + 1
    },
    stop: (state) => void stopped.push(state),
  }
  const ref = system.spawn({ id: "counter", actor: counter, config: undefined })
  for (const message of ["add", "add", "crash"] as const) system.send(ref, message)
  await sim.runUntil(() => stopped.length === 1, { withinMs })
  t.deepEqual(stopped, [2])
  await sim.runFor(100)
  await sim.settle(system.stop(), { withinMs })
  t.deepEqual(stopped, [2, 0])
})

test("what fails while stopping is contained: a throw, a rejection, a handler that fails late", async (t) => {
  const { sim, system, log } = simulated()
  let stops = 0
  const bad = (stop: () => void | Promise<void>) => scripted({ stop })
  system.spawn({ id: "throws", actor: bad(boom as () => void), config: undefined })
  system.spawn({ id: "rejects", actor: bad(() => Promise.reject(new Error("no"))), config: undefined })
  const late = system.spawn({ id: "late", actor: scripted({ stop: () => void stops++ }), config: undefined })
  system.spawn({ id: "hangs", actor: bad(() => new Promise(() => {})), config: undefined, shutdownMs: 20 })
  await sim.runFor(1)
  system.send(late, async (context) => {
    await after(5)(context)
    throw new Error("too late")
  })
  await sim.runFor(1)
  await sim.settle(system.stop(), { withinMs: 100 })
  t.is(system.counters().actors, 0)
  t.is(stops, 1)
  t.is(log.lines.filter(({ message }) => message === "stop failed").length, 2)
  t.is(log.lines.filter(({ message }) => message === "actor did not stop in time").length, 1)
})

test("a stop waits for the handler in flight, but not longer than shutdownMs", async (t) => {
  const { sim, system } = simulated()
  const { events, member } = recorder()
  const slow = system.spawn({ id: "slow", actor: member("slow"), config: undefined, shutdownMs: 1_000 })
  const never = system.spawn({ id: "never", actor: member("never"), config: undefined, shutdownMs: 100 })
  await sim.runFor(1)
  system.send(slow, async (context) => {
    await after(500)(context)
    events.push("slow done")
  })
  system.send(never, () => new Promise(() => {}))
  await sim.runFor(1)
  events.length = 0
  const startMs = sim.nowMs()
  await sim.settle(system.stop(), { withinMs })
  t.deepEqual(events, ["never stops", "slow done", "slow stops"])
  t.true(sim.nowMs() - startMs < 600)
})

test("one handler of an actor at a time, whatever restarts around it", async (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const { sim, system } = simulated(seed)
    const inside = new Map<string, number>()
    let most = 0
    let handled = 0
    const work =
      (id: string, fail: boolean): Inside =>
      async (context) => {
        inside.set(id, (inside.get(id) ?? 0) + 1)
        most = Math.max(most, inside.get(id) ?? 0)
        await after(context.world.random.u32() % 8)(context)
        inside.set(id, (inside.get(id) ?? 0) - 1)
        handled++
        if (fail) throw new Error("chance")
      }
    const parent = scripted({
      supervision: { ...patient, strategy: "one_for_all" },
      start(context) {
        for (const id of ["a", "b", "c"]) context.spawn({ id, actor: scripted({}), config: undefined })
      },
    })
    system.spawn({ id: "parent", actor: parent, config: undefined })
    for (let n = 0; n < 60; n++) {
      const id = ["a", "b", "c"][n % 3] ?? "a"
      system.send(refTo<Inside>(`/parent/${id}`), work(id, n % 7 === 0))
      await sim.runFor(3)
    }
    await sim.settle(system.stop(), { withinMs })
    t.is(most, 1, `seed ${seed}`)
    t.true(handled > 10)
  }
})

test("stopping a parent stops its grandchildren first; their queued messages are dead letters", async (t) => {
  const { sim, system, dead } = simulated()
  const { events, member } = recorder()
  const child = member("child", {
    start: (context) => void context.spawn({ id: "grandchild", actor: member("grandchild"), config: undefined }),
  })
  const top = scripted({
    start: (context) => void context.spawn({ id: "child", actor: child, config: undefined }),
  })
  const ref = system.spawn({ id: "top", actor: top, config: undefined })
  await sim.runUntil(() => events.includes("grandchild ready"), { withinMs })
  events.length = 0
  system.send(ref, (context) => {
    context.stop(refTo("/top/child"))
    for (let n = 0; n < 3; n++) context.send(refTo<Inside>("/top/child/grandchild"), () => void events.push("handled"))
  })
  await sim.runFor(100)
  t.deepEqual(
    events.filter((event) => event !== "handled"),
    ["grandchild stops", "child stops"],
  )
  t.is(dead.length + events.filter((event) => event === "handled").length, 3)
  t.is(system.counters().actors, 1)
  await sim.settle(system.stop(), { withinMs })
})

test("too many restarts: the parent crashes in turn, and at the top the system ends and says so", async (t) => {
  const { sim, system } = simulated()
  const parent = scripted({
    supervision: { ...patient, intensity: { restarts: 2, withinMs: 10_000 } },
    start: (context) => void context.spawn({ id: "child", actor: scripted({ start: boom }), config: undefined }),
  })
  system.spawn({ id: "parent", actor: parent, config: undefined })
  const exit = await sim.settle(system.exited, { withinMs: 10_000_000 })
  t.is(exit.reason, "crash")
  t.regex(exit.error ?? "", /^parent needed more than 10 restarts .*child needed more than 2 restarts .*boom$/)
  t.is(system.counters().actors, 0)
  t.is(system.counters().restarts, 10 + 2 * 11)
})

test("restart types: permanent comes back from its own stop, transient does not, temporary never", async (t) => {
  const { sim, system } = simulated()
  const { events, member } = recorder()
  const all = (["permanent", "transient", "temporary"] as const).map((restart) =>
    system.spawn({ id: restart, actor: member(restart), config: undefined, restart }),
  )
  await sim.runFor(10)
  const round = async (what: Inside) => {
    events.length = 0
    for (const ref of all) system.send(ref, what)
    await sim.runFor(1_000)
    return events.filter((event) => event.endsWith("starts")).sort()
  }
  t.deepEqual(await round(boom), ["permanent starts", "transient starts"])
  t.deepEqual(await round((context) => context.stop()), ["permanent starts"])
  t.throws(() => system.spawn({ id: "permanent", actor: member("again"), config: undefined }), {
    message: "there is an actor /permanent already",
  })
  // A child that its supervisor has forgotten leaves its name.
  t.notThrows(() => system.spawn({ id: "temporary", actor: member("again"), config: undefined }))
  await sim.settle(system.stop(), { withinMs })
})

test("a child stopped for good leaves its name at once; its successor starts when it is gone", async (t) => {
  const { sim, system } = simulated()
  const { events, member } = recorder()
  const waits = () => new Promise<void>((resolve) => void sim.world("other").timers.after(50, resolve))
  const spec = (name: string) => ({ id: "child", actor: member(name, { stop: waits }), config: undefined })
  const ref = system.spawn({
    id: "parent",
    actor: scripted({ start: (context) => void context.spawn(spec("first")) }),
    config: undefined,
  })
  await sim.runUntil(() => events.includes("first ready"), { withinMs })
  events.length = 0
  system.send(ref, (context) => {
    for (const name of ["second", "third"]) {
      context.stop(refTo("/parent/child"))
      const child = context.spawn(spec(name))
      context.send(child, () => void events.push(`to ${name}`))
    }
  })
  await sim.runFor(500)
  t.deepEqual(events, ["first stops", "third starts", "third ready", "to third"])
  await sim.settle(system.stop(), { withinMs })
})

test("`started` is told for each incarnation, after its start, with a reference that follows it", async (t) => {
  const { sim, system } = simulated()
  const started: ActorRef<Inside>[] = []
  type Message = { readonly started: ActorRef<Inside> }
  const parent: Actor<undefined, undefined, Message> = {
    kind: "parent",
    start(_config, context) {
      context.spawn({
        id: "child",
        actor: scripted({ start: after(10) }),
        config: undefined,
        started: (child) => ({ started: child }),
      })
      return undefined
    },
    receive(state, message) {
      started.push(message.started)
      return state
    },
  }
  system.spawn({ id: "parent", actor: parent, config: undefined })
  for (let times = 1; times <= 3; times++) {
    await sim.runUntil(() => started.length === times, { withinMs })
    t.deepEqual(started.at(-1), { thread: "main", path: "/parent/child", uid: 0 })
    system.send(refTo<Inside>("/parent/child"), boom)
  }
  await sim.settle(system.stop(), { withinMs })
})

test("ids may be any text: a namespaced name, an IPv6 address", async (t) => {
  const world = simulated()
  for (const id of ["default/web", "2001:db8::1", "a!2f!b", "a/b", "ü"]) {
    const ref = world.system.spawn({ id, actor: scripted({}), config: undefined })
    t.is(ref.path, `/${id}`)
  }
  t.throws(() => world.system.spawn({ id: "", actor: scripted({}), config: undefined }), { message: /needs an id/ })
  await world.sim.runFor(1)
  t.is((await nodeAt(world, "/default/web"))?.status, "running")
  await world.sim.settle(world.system.stop(), { withinMs })
})

test("the tree shows who lives, who waits for a restart, what failed; a kill is a crash", async (t) => {
  const world: Simulated = simulated()
  const { sim, system } = world
  const parent = scripted({
    supervision: { ...patient, backoff: { minMs: 100, maxMs: 100, jitter: 0 } },
    start: (context) => void context.spawn({ id: "child", actor: scripted({}), config: undefined }),
  })
  system.spawn({ id: "parent", actor: parent, config: undefined })
  await sim.runFor(1)
  t.true(await system.kill("/parent/child", "chaos"))
  await sim.runFor(1)
  t.like(await nodeAt(world, "/parent/child"), { status: "restarting", restarts: 0, lastError: "chaos", uid: 0 })
  t.false(await system.kill("/parent/child"))
  t.false(await system.kill("/nobody"))
  await sim.runFor(200)
  const tree = await system.snapshot()
  t.like(tree, { path: "/", kind: "system", thread: "main", status: "running" })
  t.like(tree.children[0]?.children[0], { path: "/parent/child", kind: "scripted", status: "running", restarts: 1 })
  t.deepEqual(structuredClone(tree), tree)
  await sim.settle(system.stop(), { withinMs })
})

test("threads given as inline actors run in the same thread, for the simulator", async (t) => {
  const world = simulated()
  const parent = scripted({
    start: (context) =>
      void context.spawnThread({ id: "child", entry: { kind: "inline", actor: scripted({}), config: undefined } }),
  })
  world.system.spawn({ id: "parent", actor: parent, config: undefined })
  await world.sim.runFor(1)
  t.like(await nodeAt(world, "/parent/child"), { status: "running", thread: "main" })
  await world.sim.settle(world.system.stop(), { withinMs })
})
