import test from "ava"
import {
  failedBy,
  type Reconciled,
  type ReconcilerOptions,
  startReconciler,
} from "../../../kubernetes/client/reconciler.ts"
import type { Time } from "../../../kubernetes/client/time.ts"
import { memoryLog } from "./fake-api.ts"

/** A clock that moves when told. */
function clock() {
  let nowMs = 0
  const timers = new Set<{ atMs: number; run: () => void }>()
  const time: Time = {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    random: () => 0.5,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    time,
    turn,
    pass: async (ms: number) => {
      for (const endMs = nowMs + ms; nowMs < endMs; nowMs = Math.min(nowMs + 50, endMs)) {
        for (const timer of timers)
          if (timer.atMs <= nowMs) {
            timers.delete(timer)
            timer.run()
          }
        await turn()
      }
    },
  }
}

const wrote: Reconciled = { kind: "done", wrote: true }

function start(reconcile: ReconcilerOptions["reconcile"], workers = 2) {
  const log = memoryLog()
  const { time, turn, pass } = clock()
  return { log, turn, pass, queue: startReconciler({ what: "things", workers, reconcile, log, time }) }
}

test("a key is worked on once for a burst, again when it is added meanwhile, and never twice at a time", async (t) => {
  const open: (() => void)[] = []
  const begun: string[] = []
  const { queue, turn } = start(async (key) => {
    begun.push(key)
    await new Promise<void>((resolve) => open.push(resolve))
    return wrote
  })
  for (const key of ["a", "a", "b", "a", "c"]) queue.add(key)
  await turn()
  t.deepEqual(begun, ["a", "b"])
  t.like(queue.counts(), { active: 2, depth: 1 })
  queue.add("a")
  queue.add("a")
  open.shift()?.()
  await turn()
  open.shift()?.()
  await turn()
  t.deepEqual(begun, ["a", "b", "c", "a"])
  for (const done of open) done()
  await turn()
  t.like(queue.counts(), { active: 0, depth: 0, rounds: 4, writes: 4 })
  await queue.stop()
})

test("what fails waits longer each time, whatever is added; what is refused for good waits up to five minutes", async (t) => {
  let answer: Reconciled = { kind: "failed", reason: "no", lasting: false }
  let rounds = 0
  const { queue, pass, log } = start(async () => {
    rounds++
    return answer
  })
  const roundsWithin = async (ms: number) => {
    const before = rounds
    for (let passed = 0; passed < ms; passed += 1000) {
      queue.add("a")
      await pass(1000)
    }
    return rounds - before
  }
  // At 0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75 s, then every half minute.
  t.is(await roundsWithin(32_000), 8)
  t.is(await roundsWithin(300_000), 10)
  answer = { kind: "failed", reason: "never", lasting: true }
  await roundsWithin(60_000)
  t.true((await roundsWithin(1_200_000)) <= 5)
  answer = wrote
  await roundsWithin(400_000)
  t.deepEqual(log.lines, [
    'warn cannot write the things; trying again {"key":"a","reason":"no"}',
    'warn cannot write the things; trying again {"key":"a","reason":"never"}',
    "info the things are written again {}",
  ])
  await queue.stop()
})

test("a server that asks for patience gets it; a conflict is tried again soon and not worth a line", async (t) => {
  const answers: Reconciled[] = [
    { kind: "conflict" },
    { kind: "failed", reason: "busy", lasting: false, retryAfterMs: 20_000 },
    wrote,
  ]
  let rounds = 0
  const { queue, pass, log } = start(async () => answers[rounds++] ?? wrote)
  queue.add("a")
  await pass(1_000)
  t.is(rounds, 2)
  t.deepEqual(log.lines.length, 1)
  await pass(18_000)
  t.is(rounds, 2)
  await pass(3_000)
  t.is(rounds, 3)
  await queue.stop()
})

test("an error of our own is logged and retried; what was forgotten is dropped, also while it is under way", async (t) => {
  const signals: AbortSignal[] = []
  let open: (() => void) | undefined
  const { queue, turn, pass, log } = start(async (key, signal) => {
    signals.push(signal)
    if (key === "bad") throw new Error("a bug")
    await new Promise<void>((resolve) => (open = resolve))
    return { kind: "failed", reason: "too late", lasting: false }
  })
  queue.add("bad")
  queue.add("slow")
  await turn()
  t.true(log.lines[0]?.startsWith("error writing the things failed"))
  queue.forget()
  t.true(signals[1]?.aborted)
  open?.()
  await pass(60_000)
  t.is(signals.length, 2)
  t.like(queue.counts(), { depth: 0, delayed: 0, active: 0 })
  queue.add("slow")
  await turn()
  t.false(signals[2]?.aborted)
  const stopping = queue.stop()
  open?.()
  await stopping
  queue.add("slow")
  await pass(60_000)
  t.is(signals.length, 3)
})

test("what an answer means", (t) => {
  const refused = (status: number) => failedBy({ kind: "refused", status, reason: "", message: "m" })
  t.deepEqual(refused(409), { kind: "conflict" })
  t.deepEqual(refused(404), { kind: "conflict" })
  t.like(refused(403), { kind: "failed", lasting: true })
  t.like(refused(422), { kind: "failed", lasting: true })
  t.like(refused(429), { kind: "failed", lasting: false })
  t.like(refused(500), { kind: "failed", lasting: false })
  t.like(failedBy({ kind: "unreachable", message: "m" }), { kind: "failed", lasting: false, reason: "m" })
})
