import test, { type ExecutionContext } from "ava"
import type { Actor, Context, Exit } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { refTo } from "../../supervision/system.ts"
import { nodeAt, type Running, start, until } from "./help.ts"
import type { SleeperMessage } from "./threads/sleeper.ts"
import type { WorkerConfig, WorkerMessage } from "./threads/worker.ts"

const url = new URL("./threads/worker.ts", import.meta.url).href

interface Seen {
  readonly started: ActorRef<WorkerMessage>[]
  readonly texts: string[]
  readonly exits: Exit[]
}
type ParentMessage =
  | { readonly started: ActorRef<WorkerMessage> }
  | { readonly exit: Exit }
  | { readonly run: (context: Context<ParentMessage>) => void }
  | string

interface Options {
  readonly config?: WorkerConfig
  readonly silentMs?: number
  readonly shutdownMs?: number
  readonly ids?: readonly string[]
}

/** `/parent` with a thread `worker`, or with each of `ids`. */
function withThread(
  t: ExecutionContext,
  options: Options = {},
): Running & Seen & { run(what: (context: Context<ParentMessage>) => void): void } {
  const running = start()
  t.teardown(() => running.system.stop())
  const seen: Seen = { started: [], texts: [], exits: [] }
  const parent: Actor<undefined, undefined, ParentMessage> = {
    kind: "parent",
    supervision: {
      strategy: "one_for_one",
      intensity: { restarts: 100, withinMs: 1_000 },
      backoff: { minMs: 1, maxMs: 10, jitter: 0 },
    },
    start(_config, context) {
      for (const id of options.ids ?? ["worker"]) {
        context.spawnThread<WorkerMessage>({
          id,
          entry: { kind: "module", url, config: options.config ?? {} },
          shutdownMs: options.shutdownMs ?? 5_000,
          liveness: { everyMs: 50, silentMs: options.silentMs ?? 10_000 },
          started: (child) => ({ started: child }),
        })
      }
      return undefined
    },
    receive(state, message, context) {
      if (typeof message === "string") seen.texts.push(message)
      else if ("started" in message) seen.started.push(message.started)
      else if ("exit" in message) seen.exits.push(message.exit)
      else message.run(context)
      return state
    },
  }
  const ref = running.system.spawn({ id: "parent", actor: parent, config: undefined })
  return { ...running, ...seen, run: (what) => running.system.send(ref, { run: what }) }
}

const worker = refTo<WorkerMessage>("/parent/worker")
const parentText = refTo<string>("/parent")
const get = (replyTo: ActorRef<number>): WorkerMessage => ({ kind: "get", replyTo })

test("messages, asks and the tree cross into a thread and back", async (t) => {
  const world = withThread(t)
  const { system } = world
  // The parent handles this right after its start, long before the worker has loaded.
  world.run((context) => context.send(worker, { kind: "add", by: 1 }))
  await until(() => world.started.length === 1)
  t.deepEqual(world.started[0], { thread: "worker", path: "/parent/worker", uid: 0 })
  for (let n = 0; n < 999; n++) system.send(worker, { kind: "add", by: 1 })
  t.deepEqual(await system.ask(worker, get, 10_000), { ok: true, value: 1_000 })
  t.deepEqual(await system.ask(refTo<WorkerMessage>("/parent/worker/child"), get, 10_000), { ok: true, value: 100 })
  system.send(worker, { kind: "relay", to: parentText, text: "hello" })
  await until(() => world.texts.length === 1)
  t.deepEqual(world.texts, ["hello"])

  await until(async () => (await nodeAt(world, "/parent/worker"))?.kind === "worker-root")
  const node = await nodeAt(world, "/parent/worker")
  t.is(node?.thread, "worker")
  t.is(node?.status, "running")
  t.deepEqual(
    node?.children.map(({ path, kind }) => ({ path, kind })),
    [{ path: "/parent/worker/child", kind: "worker-child" }],
  )
  await until(() => system.counters().actors === 3)
  await system.stop()
  t.is(system.counters().actors, 0)
  t.true(system.counters().messages > 1_000)
})

for (const [kind, error] of [
  ["throw", "worker failed"],
  ["exit", "thread exited with code 7"],
  ["late-throw", "TypeError: thrown later"],
  ["late-reject", "rejected later"],
] as const) {
  test(`a thread that ends by ${kind} is restarted, told again, and the reason is known`, async (t) => {
    const world = withThread(t)
    await until(() => world.started.length === 1)
    world.system.send(worker, { kind: "add", by: 5 })
    world.system.send(worker, { kind })
    await until(() => world.started.length === 2)
    t.deepEqual(await world.system.ask(worker, get, 10_000), { ok: true, value: 0 })
    const node = await nodeAt(world, "/parent/worker")
    t.is(node?.restarts, 1)
    t.is(node?.lastError, error)
    await world.system.stop()
  })
}

test("a thread that hangs is terminated and restarted", async (t) => {
  const world = withThread(t, { silentMs: 500 })
  await until(() => world.started.length === 1)
  world.system.send(worker, { kind: "hang" })
  await until(() => world.started.length === 2)
  t.regex((await nodeAt(world, "/parent/worker"))?.lastError ?? "", /^silent for \d+ ms$/)
  await world.system.stop()
})

test("a thread that hangs shows as unreachable, and can be killed before its silence is up", async (t) => {
  const world = withThread(t)
  await until(() => world.started.length === 1)
  world.system.send(worker, { kind: "hang" })
  t.is((await nodeAt(world, "/parent/worker"))?.status, "unreachable")
  t.true(await world.system.kill("/parent/worker", "enough"))
  await until(() => world.started.length === 2)
  t.is((await nodeAt(world, "/parent/worker"))?.lastError, "enough")
})

test.serial("this thread being busy is not held against a worker", async (t) => {
  const world = withThread(t, { silentMs: 500 })
  await until(() => world.started.length === 1)
  const endMs = performance.now() + 1_500
  while (performance.now() < endMs);
  t.deepEqual(await world.system.ask(worker, get, 10_000), { ok: true, value: 0 })
  t.is(world.started.length, 1)
  t.is(world.system.counters().restarts, 0)
  await world.system.stop()
})

test("an ask across threads fails at once when the worker dies", async (t) => {
  const world = withThread(t)
  await until(() => world.started.length === 1)
  const asked = world.system.ask<WorkerMessage, number>(worker, (replyTo) => ({ kind: "never", replyTo }), 60_000)
  const inside = world.system.ask<WorkerMessage, number>(
    refTo<WorkerMessage>("/parent/worker/child"),
    (replyTo) => ({ kind: "never", replyTo }),
    60_000,
  )
  const startMs = performance.now()
  world.system.send(worker, { kind: "exit" })
  const [answer, answerInside] = await Promise.all([asked, inside])
  t.true(performance.now() - startMs < 10_000)
  for (const each of [answer, answerInside])
    t.like(each, { ok: false, error: { kind: "exit", exit: { reason: "crash" } } })
  await world.system.stop()
})

test("threads reach each other, ask each other and watch each other", async (t) => {
  const world = withThread(t, { ids: ["a", "b"] })
  await until(() => world.started.length === 2)
  const { system } = world
  const [a, b] = [refTo<WorkerMessage>("/parent/a"), refTo<WorkerMessage>("/parent/b")]
  const answer = await system.ask<WorkerMessage, string>(a, (replyTo) => ({ kind: "ask", to: b, replyTo }), 10_000)
  t.deepEqual(answer, { ok: true, value: "got 0" })
  const nobody = refTo<WorkerMessage>("/parent/c")
  t.deepEqual(await system.ask<WorkerMessage, string>(a, (replyTo) => ({ kind: "ask", to: nobody, replyTo }), 10_000), {
    ok: true,
    value: "failed: exit",
  })
  system.send(a, { kind: "watch", target: refTo("/parent/b/child"), tell: parentText })
  system.send(a, { kind: "watch", target: nobody, tell: parentText })
  await until(() => world.texts.length === 1)
  t.deepEqual(world.texts, ["/parent/c gone"])
  // A round trip through a proves that its watch has gone out before b is told to die.
  await system.ask<WorkerMessage, string>(a, (replyTo) => ({ kind: "ask", to: b, replyTo }), 10_000)
  system.send(b, { kind: "exit" })
  await until(() => world.texts.length === 2)
  t.is(world.texts[1], "/parent/b/child crash")
  await system.stop()
})

test("a child inside a thread is restarted there, and can be killed from outside", async (t) => {
  const world = withThread(t)
  await until(() => world.started.length === 1)
  const child = refTo<WorkerMessage>("/parent/worker/child")
  world.run((context) => context.watch(child, (exit) => ({ exit })))
  await world.system.ask(child, get, 10_000)
  t.true(await world.system.kill("/parent/worker/child", "test"))
  await until(() => world.exits.length === 1)
  t.like(world.exits[0], { path: "/parent/worker/child", reason: "crash", error: "test" })
  await until(async () => (await nodeAt(world, "/parent/worker/child"))?.restarts === 1)
  t.false(await world.system.kill("/parent/worker/nobody"))
  t.false(await world.system.kill("/parent/nobody/either"))
  t.is(world.started.length, 1)
  await world.system.stop()
})

test("killing a thread actor terminates its worker", async (t) => {
  const world = withThread(t)
  await until(() => world.started.length === 1)
  const before = await nodeAt(world, "/parent/worker")
  t.true(await world.system.kill("/parent/worker", "chaos"))
  await until(() => world.started.length === 2)
  const after = await nodeAt(world, "/parent/worker")
  t.is(after?.lastError, "chaos")
  t.not(after?.uid, before?.uid)
  world.system.send({ ...worker, uid: before?.uid ?? 0 }, { kind: "add", by: 1 })
  t.is(world.dead.at(-1)?.reason, "stale")
  await world.system.stop()
})

test("what a busy thread cannot take is refused, and flow resumes afterwards", async (t) => {
  const world = withThread(t)
  await until(() => world.started.length === 1)
  const { system } = world
  system.send(worker, { kind: "block", ms: 300 })
  for (let n = 0; n < 20_000; n++) system.send(worker, { kind: "add", by: 1 })
  const refused = world.dead.filter((letter) => letter.reason === "thread-busy").length
  t.true(refused > 10_000 && refused < 20_000, `${refused} refused`)
  await until(async () => {
    const asked = await system.ask(worker, get, 1_000)
    return asked.ok && asked.value === 20_000 - refused
  })
  await system.stop()
})

test("what cannot be cloned is one dead letter and harms no other message", async (t) => {
  const world = withThread(t)
  await until(() => world.started.length === 1)
  const { system } = world
  system.send(worker, { kind: "add", by: 1 })
  system.send(worker, { kind: "add", by: 1, extra: () => {} } as WorkerMessage)
  system.send(worker, { kind: "add", by: 1 })
  t.deepEqual(await system.ask(worker, get, 10_000), { ok: true, value: 2 })
  t.deepEqual(
    world.dead.map(({ reason }) => reason),
    ["not-cloneable"],
  )
  await system.stop()
})

test("a thread whose start fails is tried again, and a stop is heard meanwhile", async (t) => {
  const world = withThread(t, { config: { failStart: true } })
  await until(async () => ((await nodeAt(world, "/parent/worker"))?.restarts ?? 0) >= 2)
  t.is((await nodeAt(world, "/parent/worker"))?.lastError, "cannot start")
  t.is(world.started.length, 0)
  await world.system.stop()
  t.is(world.system.counters().actors, 0)
})

test("a stop does not wait for a thread that hangs, at work or at its start", async (t) => {
  const atWork = withThread(t, { shutdownMs: 200 })
  await until(() => atWork.started.length === 1)
  atWork.system.send(worker, { kind: "hang" })
  const slow = withThread(t, { shutdownMs: 200, config: { slowStop: true } })
  await until(() => slow.started.length === 1)
  const atStart = withThread(t, { shutdownMs: 200, config: { hangAtStart: true } })
  await until(async () => (await nodeAt(atStart, "/parent/worker"))?.status === "starting")
  for (const { system } of [atWork, slow, atStart]) {
    await system.stop()
    t.is(system.counters().actors, 0)
  }
})

test("a module that does not exist is a crash, not the end of the process", async (t) => {
  const running = start()
  const parent: Actor<undefined, undefined, never> = {
    kind: "parent",
    start(_config, context) {
      const missing = new URL("./threads/missing.ts", import.meta.url).href
      context.spawnThread({ id: "worker", entry: { kind: "module", url: missing, config: {} } })
      return undefined
    },
    receive: (state) => state,
  }
  running.system.spawn({ id: "parent", actor: parent, config: undefined })
  await until(async () => /missing\.ts/.test((await nodeAt(running, "/parent/worker"))?.lastError ?? ""))
  await running.system.stop()
  t.is(running.system.counters().actors, 0)
})

test("a thread that sleeps in a system call answers, lives on, is restarted and stops", async (t) => {
  const running = start()
  t.teardown(() => running.system.stop())
  let started = 0
  const parent: Actor<undefined, undefined, "started"> = {
    kind: "parent",
    start(_config, context) {
      const entry = { kind: "module", url: new URL("./threads/sleeper.ts", import.meta.url).href, config: {} } as const
      const liveness = { everyMs: 50, silentMs: 2_000 }
      context.spawnThread<SleeperMessage>({ id: "sleeper", entry, liveness, started: () => "started" as const })
      return undefined
    },
    receive(state) {
      started++
      return state
    },
  }
  running.system.spawn({ id: "parent", actor: parent, config: undefined })
  const sleeper = refTo<SleeperMessage>("/parent/sleeper")
  await until(() => started === 1)
  const after = (replyTo: ActorRef<number>): SleeperMessage => ({ kind: "after", ms: 3_000, replyTo })
  // Longer than its silence may be: the pings were answered meanwhile.
  const asked = await running.system.ask(sleeper, after, 20_000)
  t.true(asked.ok && asked.value >= 3_000)
  t.is(started, 1)
  running.system.send(sleeper, { kind: "throw" })
  await until(() => started === 2)
  t.is((await nodeAt(running, "/parent/sleeper"))?.lastError, "woken")
  await running.system.stop()
  t.is(running.system.counters().actors, 0)
})
