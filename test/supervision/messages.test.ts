import { spawnSync } from "node:child_process"
import test from "ava"
import type { Actor, AskFailure, Context, Exit, MailboxLimits } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import type { World } from "../../supervision/world.ts"
import { type Inside, nodeAt, recordingLog, scripted, simulated, start } from "./help.ts"

const withinMs = 100_000
const boom: Inside = () => {
  throw new Error("boom")
}

/** Keeps what it hears; a function it runs. */
type Word = string | ((context: Context<Word>) => void | Promise<void>)
function listener(): { readonly heard: string[]; readonly actor: Actor<undefined, undefined, Word> } {
  const heard: string[] = []
  const actor: Actor<undefined, undefined, Word> = {
    kind: "listener",
    start: () => undefined,
    receive(_state, message, context) {
      if (typeof message === "function") return message(context) as undefined
      heard.push(message)
      return undefined
    },
  }
  return { heard, actor }
}
function listening(mailbox?: MailboxLimits) {
  const world = simulated()
  const { heard, actor } = listener()
  const ref = world.system.spawn({
    id: "listener",
    actor,
    config: undefined,
    ...(mailbox === undefined ? {} : { mailbox }),
  })
  const stop = () => world.sim.settle(world.system.stop(), { withinMs })
  return { ...world, heard, ref, stop }
}

test("messages arrive in order, urgent ones first, while one is being handled none", async (t) => {
  const { sim, system, ref, heard, stop } = listening()
  await sim.runFor(1)
  system.send(ref, async (context) => {
    for (const word of ["a", "b"]) context.send(context.self, word)
    for (const word of ["c", "d"]) context.sendUrgent(context.self, word)
    await new Promise<void>((resolve) => void context.world.timers.after(10, resolve))
    heard.push("done")
  })
  await sim.runFor(100)
  t.deepEqual(heard, ["done", "c", "d", "a", "b"])
  await stop()
})

for (const [overflow, kept, dropped] of [
  ["drop-newest", ["1", "2", "3"], ["4", "5"]],
  ["drop-oldest", ["3", "4", "5"], ["1", "2"]],
] as const) {
  test(`a full mailbox: ${overflow}, counted, each a dead letter`, async (t) => {
    const world = listening({ capacity: 3, overflow })
    const { sim, system, ref, heard, dead, stop } = world
    await sim.runFor(1)
    system.send(ref, (context) => {
      for (const word of ["1", "2", "3", "4", "5"]) context.send(context.self, word)
      context.sendUrgent(context.self, "urgent has a lane of its own")
    })
    await sim.runFor(1)
    t.deepEqual(heard, ["urgent has a lane of its own", ...kept])
    t.deepEqual(
      dead.map(({ message, reason }) => [message, reason]),
      dropped.map((word) => [word, "mailbox-full"]),
    )
    t.deepEqual((await nodeAt(world, "/listener"))?.mailbox, { length: 0, capacity: 3, refused: 2 })
    t.deepEqual(system.deadLetters(), { "mailbox-full": 2 })
    t.is(system.counters().deadLetters, 2)
    await stop()
  })
}

test("a timer is not lost to a full mailbox", async (t) => {
  const { sim, system, ref, heard, stop } = listening({ capacity: 1, overflow: "drop-oldest" })
  await sim.runFor(1)
  system.send(ref, async (context) => {
    context.timers.set("x", 5, "timer")
    await new Promise<void>((resolve) => void context.world.timers.after(10, resolve))
    for (const word of ["1", "2", "3"]) context.send(context.self, word)
  })
  await sim.runFor(100)
  t.deepEqual(heard.sort(), ["3", "timer"])
  await stop()
})

test("falsy messages are messages", async (t) => {
  const { sim, system } = simulated()
  const heard: unknown[] = []
  const actor: Actor<undefined, undefined, unknown> = {
    kind: "any",
    start: () => undefined,
    receive(_state, message) {
      heard.push(message)
      return undefined
    },
  }
  const ref = system.spawn({ id: "any", actor, config: undefined })
  const falsy = [0, "", false, null, undefined]
  for (const message of falsy) system.send(ref, message)
  await sim.runFor(1)
  t.deepEqual(heard, falsy)
})

test("dead letters: nobody there, stopped, a stale incarnation; uid 0 follows the restart", async (t) => {
  const { sim, system, ref, heard, dead, stop } = listening()
  await sim.runFor(1)
  let before: ActorRef<Word> = ref
  system.send(ref, (context) => {
    before = context.self
  })
  system.send(ref, boom)
  system.send(ref, "queued behind the crash")
  await sim.runFor(1_000)
  t.not(before.uid, 0)
  system.send(before, "for the dead")
  system.send(ref, "for whoever lives")
  system.send(refTo<Word>("/nobody"), "for nobody")
  await sim.runFor(1)
  t.deepEqual(heard, ["for whoever lives"])
  t.deepEqual(
    dead.map(({ message, reason }) => [message, reason]),
    [
      ["queued behind the crash", "stopped"],
      ["for the dead", "stale"],
      ["for nobody", "no-such-actor"],
    ],
  )
  await stop()
})

test("timers: set again or cancelled, the old message does not arrive even when it is already queued", async (t) => {
  const { sim, system, ref, heard, stop } = listening()
  await sim.runFor(1)
  system.send(ref, async (context) => {
    context.timers.set("again", 5, "old")
    context.timers.set("gone", 5, "cancelled")
    context.timers.set("kept", 5, "kept")
    // Both are due and in the mailbox when this handler ends.
    await new Promise<void>((resolve) => void context.world.timers.after(10, resolve))
    context.timers.set("again", 5, "new")
    context.timers.cancel("gone")
  })
  await sim.runFor(100)
  t.deepEqual(heard, ["kept", "new"])
  await stop()
})

test("timers die with their actor and do not reach its successor", async (t) => {
  const { sim, system, ref, heard, stop } = listening()
  await sim.runFor(1)
  system.send(ref, (context) => {
    context.timers.set("once", 500, "once")
    context.timers.every("every", 10, "tick")
    throw new Error("boom")
  })
  await sim.runFor(1_000)
  t.deepEqual(heard, [])
  await stop()
})

test("a periodic timer keeps its beat and leaves out what a slow handler missed", async (t) => {
  const { sim, system, ref, heard, stop } = listening()
  await sim.runFor(1)
  system.send(ref, (context) => {
    context.timers.every("tick", 10, "tick")
  })
  await sim.runFor(100)
  t.is(heard.length, 10)
  system.send(ref, (context) => new Promise<void>((resolve) => void context.world.timers.after(55, resolve)))
  await sim.runFor(56)
  t.is(heard.length, 11)
  await sim.runFor(14)
  t.true(heard.length === 12 || heard.length === 13)
  system.send(ref, (context) => {
    t.throws(() => context.timers.every("zero", 0, "x"), { instanceOf: RangeError })
  })
  await sim.runFor(1)
  await stop()
})

interface Watching {
  readonly exits: Exit[]
  readonly watcher: ActorRef<Message>
}
type Message = Exit | ((context: Context<Message>) => void)
function watching({ system }: ReturnType<typeof simulated>): Watching {
  const exits: Exit[] = []
  const actor: Actor<undefined, undefined, Message> = {
    kind: "watcher",
    start: () => undefined,
    receive(_state, message, context) {
      if (typeof message === "function") message(context)
      else exits.push(message)
      return undefined
    },
  }
  return { exits, watcher: system.spawn({ id: "watcher", actor, config: undefined }) }
}
const watch =
  (target: ActorRef<never>): Message =>
  (context) =>
    context.watch(target, (exit) => exit)

test("a watch tells the end of one incarnation, once; `gone` when there is none; nothing after unwatch", async (t) => {
  const world = simulated()
  const { sim, system } = world
  const { exits, watcher } = watching(world)
  const target = system.spawn({ id: "target", actor: scripted({}), config: undefined })
  await sim.runFor(1)
  system.send(watcher, watch(target))
  system.send(watcher, watch(target))
  await sim.runFor(1)
  system.send(target, boom)
  await sim.runFor(1_000)
  t.like(exits, [{ path: "/target", reason: "crash", error: "boom" }])
  t.true((exits[0]?.uid ?? 0) > 0)

  system.send(target, boom)
  await sim.runFor(1_000)
  t.is(exits.length, 1)

  system.send(watcher, watch(refTo("/nobody")))
  system.send(watcher, watch({ ...target, uid: exits[0]?.uid ?? 0 }))
  await sim.runFor(1)
  t.deepEqual(
    exits.slice(1).map(({ reason }) => reason),
    ["gone", "gone"],
  )

  system.send(watcher, watch(target))
  system.send(watcher, (context) => context.unwatch(target))
  await sim.runFor(1)
  system.send(target, (context) => context.stop())
  await sim.runFor(1_000)
  t.is(exits.length, 3)

  system.send(watcher, watch(target))
  await sim.runFor(1)
  await sim.settle(system.stop(), { withinMs })
})

type Question = { readonly replyTo: ActorRef<string> }
function answering(how: (question: Question, context: Context<Question>) => void | Promise<void>) {
  const actor: Actor<undefined, undefined, Question> = {
    kind: "answerer",
    start: () => undefined,
    receive: (_state, question, context) => how(question, context) as undefined,
  }
  return { id: "answerer", actor, config: undefined }
}
const question = (replyTo: ActorRef<string>): Question => ({ replyTo })

test("ask: an answer; a time-out, after which the answer is a dead letter", async (t) => {
  const { sim, system, dead } = simulated()
  let delayMs = 10
  const ref = system.spawn(
    answering(async ({ replyTo }, context) => {
      await new Promise<void>((resolve) => void context.world.timers.after(delayMs, resolve))
      context.send(replyTo, "yes")
    }),
  )
  t.deepEqual(await sim.settle(system.ask(ref, question, 50), { withinMs }), { ok: true, value: "yes" })
  delayMs = 100
  const late = await sim.settle(system.ask(ref, question, 50), { withinMs })
  t.deepEqual(late, { ok: false, error: { kind: "timeout" } })
  await sim.runFor(100)
  t.is(dead.at(-1)?.reason, "late-reply")
  await sim.settle(system.stop(), { withinMs })
})

test("ask fails at once when nobody is there and when the target dies, even while it is slow to clean up", async (t) => {
  const { sim, system } = simulated()
  const kindOf = (asked: { ok: true; value: string } | { ok: false; error: AskFailure }) =>
    asked.ok ? asked.value : asked.error.kind === "exit" ? asked.error.exit.reason : asked.error.kind
  const startMs = sim.nowMs()
  t.is(kindOf(await sim.settle(system.ask(refTo<Question>("/nobody"), question, 60_000), { withinMs })), "gone")
  const spec = answering(() => {
    throw new Error("boom")
  })
  const slowToStop = { ...spec.actor, stop: () => new Promise<void>(() => {}) }
  const ref = system.spawn({ ...spec, actor: slowToStop })
  t.is(kindOf(await sim.settle(system.ask(ref, question, 60_000), { withinMs })), "crash")
  // It is still cleaning up.
  t.is(kindOf(await sim.settle(system.ask(ref, question, 60_000), { withinMs })), "crash")
  t.true(sim.nowMs() - startMs < 10)
  await sim.settle(system.stop(), { withinMs })
})

test("100 000 asks at once all get their own answer", async (t) => {
  const { system } = start()
  const ref = system.spawn({
    id: "echo",
    actor: {
      kind: "echo",
      start: () => undefined,
      receive: (_state: undefined, { n, replyTo }: { n: number; replyTo: ActorRef<number> }, context) => {
        context.send(replyTo, n)
        return undefined
      },
    },
    config: undefined,
    mailbox: { capacity: 100_000, overflow: "drop-newest" },
  })
  const asks = Array.from({ length: 100_000 }, (_, n) =>
    system.ask<{ n: number; replyTo: ActorRef<number> }, number>(ref, (replyTo) => ({ n, replyTo }), 60_000),
  )
  const answers = await Promise.all(asks)
  t.true(answers.every((answer, n) => answer.ok && answer.value === n))
  await system.stop()
})

for (const [costMs, mostMs] of [
  [0.01, 2.2],
  [1, 6],
  [50, 202],
] as const) {
  test(`a thousand busy actors at ${costMs} ms a message leave the event loop after ${mostMs} ms at most`, (t) => {
    let nowMs = 0
    let turns: (() => void)[] = []
    const world: World = {
      ...realWorld(),
      clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
      immediate(run) {
        turns.push(run)
        return () => {}
      },
    }
    const system = startSystem({ name: "slices", world, log: recordingLog() })
    const handled = new Map<number, number>()
    const busy: Actor<number, number, "go"> = {
      kind: "busy",
      start(id, context) {
        context.send(context.self, "go")
        return id
      },
      receive(id, message, context) {
        nowMs += costMs
        handled.set(id, (handled.get(id) ?? 0) + 1)
        context.send(context.self, message)
        return id
      },
    }
    for (let id = 0; id < 1_000; id++) system.spawn({ id: `${id}`, actor: busy, config: id })
    let longestMs = 0
    for (let turn = 0; turn < 40_000; turn++) {
      const due = turns
      turns = []
      const startMs = nowMs
      for (const run of due) run()
      longestMs = Math.max(longestMs, nowMs - startMs)
    }
    t.true(longestMs <= mostMs, `${longestMs} ms`)
    // And everybody has had a turn.
    t.is(handled.size, 1_000)
  })
}

test("logs carry the actor's path; a crash is logged with its reason", async (t) => {
  const { sim, system, log } = simulated()
  const ref = system.spawn({ id: "a", actor: scripted({}), config: undefined })
  system.send(ref, (context) => context.log.info("hello", { n: 1 }))
  system.send(ref, boom)
  await sim.runFor(1)
  t.deepEqual(log.lines[0], { level: "info", message: "hello", fields: { actor: "/a", n: 1 } })
  t.like(log.lines[1], { level: "error", message: "actor crashed", fields: { actor: "/a", error: "boom" } })
})

test("after stop the process ends by itself, with timers, asks, sockets and a thread in use before", (t) => {
  const module = new URL("./threads/whole-process.ts", import.meta.url).pathname
  const run = spawnSync(process.execPath, [module], { encoding: "utf8", timeout: 60_000 })
  t.deepEqual([run.status, run.stdout.trim(), run.stderr], [0, "stopped", ""])
})
