import test, { type ExecutionContext } from "ava"
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import type { LoopCommand } from "./programs/loop-worker.ts"

/** A loop that waits would hold the process, whatever became of the test. */
function start(t: ExecutionContext): Worker {
  const worker = new Worker(new URL("./programs/loop-worker.ts", import.meta.url))
  t.teardown(() => worker.terminate())
  return worker
}

async function ask<T>(worker: Worker, command: LoopCommand): Promise<T> {
  worker.postMessage(command, [])
  const [answer] = (await once(worker, "message")) as [T]
  return answer
}

test.serial("messages wake a loop that waits, and are answered", async (t) => {
  const worker = start(t)
  for (let i = 0; i < 50; i++) t.is(await ask(worker, { kind: "echo" }), "echo")
})

test.serial("timers by their time, equal ones as they were set", async (t) => {
  const worker = start(t)
  t.deepEqual(await ask<string[]>(worker, { kind: "order" }), ["timer 5", "timer 5 again", "timer 20"])
})

test.serial("immediates wait for no timer, only for the turn after, and for what was to be done before", async (t) => {
  const worker = start(t)
  const seen = await ask<string[]>(worker, { kind: "immediates" })
  t.deepEqual(seen, ["microtask", "immediate", "microtask within", "immediate within"])
})

test.serial("what is cancelled does not run; cancelling twice is nothing", async (t) => {
  const worker = start(t)
  t.deepEqual(await ask(worker, { kind: "cancel" }), [])
})

test.serial("timers are never early, and do not wait for the loop's longest wait", async (t) => {
  const worker = start(t)
  const lateMs = await ask<number[]>(worker, { kind: "lateness", periodMs: 7, times: 100 })
  t.true(Math.min(...lateMs) >= 0)
  const median = lateMs.toSorted((a, b) => a - b)[50] ?? Number.NaN
  t.true(median < 60, `median lateness ${median} ms`)
})

test.serial("a throw in a callback ends the thread with that error, and only the thread", async (t) => {
  const worker = start(t)
  const exit = new Promise((resolve) => worker.on("exit", resolve))
  const error = once(worker, "error") as Promise<[Error]>
  worker.postMessage({ kind: "throw" } satisfies LoopCommand, [])
  t.is((await error)[0].message, "meant to")
  t.is(await exit, 1)
})

test.serial("a stopped loop lets the thread end", async (t) => {
  const worker = start(t)
  const exit = once(worker, "exit")
  worker.postMessage({ kind: "stop" } satisfies LoopCommand, [])
  t.deepEqual(await exit, [0])
})

test.serial("terminate reaches a loop that waits", async (t) => {
  const worker = start(t)
  await ask(worker, { kind: "echo" })
  t.is(await worker.terminate(), 1)
})
