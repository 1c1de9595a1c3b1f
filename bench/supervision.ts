// What an actor costs: node bin/with-node.mjs bench/supervision.ts
// Each figure is the median of several runs on this machine. Beside it, where the comparison makes sense, nact alone.
import { dispatch, query, start as startNact, stop as stopNact, spawn as spawnNact } from "nact"
import type { Actor } from "../supervision/actor.ts"
import { realWorld } from "../supervision/real-world.ts"
import type { ActorRef } from "../supervision/reference.ts"
import { refTo, startSystem, type System } from "../supervision/system.ts"
import { takeOptions } from "./support/arguments.ts"

takeOptions({})

const runs = 5
const many = 10_000
const silent = () => {}
const log = { debug: silent, info: silent, warn: silent, error: silent }
const unlimited = { capacity: Number.POSITIVE_INFINITY, overflow: "drop-newest" } as const
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function medianOf(run: () => Promise<number>): Promise<number> {
  await run()
  const results: number[] = []
  for (let n = 0; n < runs; n++) results.push(await run())
  return median(results)
}

const counts = { handled: 0, started: 0 }
const counter: Actor<undefined, number, number | "crash"> = {
  kind: "counter",
  start() {
    counts.started++
    return 0
  },
  receive(sum, message) {
    counts.handled++
    if (message === "crash") throw new Error("as told")
    return sum + message
  },
}
const parent: Actor<number, number, number> = {
  kind: "parent",
  supervision: {
    strategy: "one_for_one",
    intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 1 },
    backoff: { minMs: 0, maxMs: 0, jitter: 0 },
  },
  start(children, context) {
    for (let n = 0; n < children; n++)
      context.spawn({ id: `${n}`, actor: counter, config: undefined, mailbox: unlimited })
    return 0
  },
  receive(sum, message) {
    counts.handled++
    return sum + message
  },
}

async function withTree<T>(children: number, use: (system: System, all: ActorRef<number | "crash">[]) => Promise<T>) {
  const system = startSystem({ name: "bench", world: realWorld(), log })
  counts.started = 0
  system.spawn({ id: "parent", actor: parent, config: children, mailbox: unlimited })
  await until(() => counts.started === children)
  const all = Array.from({ length: children }, (_, n) => refTo<number | "crash">(`/parent/${n}`))
  try {
    return await use(system, all)
  } finally {
    await system.stop()
  }
}

/** Messages a second. */
function rate(children: number, messages: number, to: (all: ActorRef<number>[], n: number) => ActorRef<number>) {
  return () =>
    withTree(children, async (system, all) => {
      counts.handled = 0
      const startMs = performance.now()
      for (let n = 0; n < messages; n++) system.send(to(all, n), 1)
      await until(() => counts.handled === messages)
      return (messages / (performance.now() - startMs)) * 1_000
    })
}

function nactRate(children: number, messages: number, toParent: boolean) {
  return async () => {
    const system = startNact()
    let handled = 0
    const count = (sum: number, by: number) => {
      handled++
      return sum + by
    }
    const top = spawnNact(system, count, "parent", { initialState: 0 })
    const all = Array.from({ length: children }, (_, n) => spawnNact(top, count, `${n}`, { initialState: 0 }))
    const startMs = performance.now()
    for (let n = 0; n < messages; n++) dispatch(toParent ? top : (all[n % children] ?? top), 1)
    await until(() => handled === messages)
    const perSecond = (messages / (performance.now() - startMs)) * 1_000
    for (const child of all) stopNact(child)
    stopNact(top)
    return perSecond
  }
}

/** Restarts a second: every child crashes once, all at the same time. */
const restarts = () =>
  withTree(many, async (system, all) => {
    counts.started = 0
    const startMs = performance.now()
    for (const child of all) system.send(child, "crash")
    await until(() => counts.started === many)
    return (many / (performance.now() - startMs)) * 1_000
  })

const spawns = async () => {
  const startMs = performance.now()
  return withTree(many, () => Promise.resolve((many / (performance.now() - startMs)) * 1_000))
}

/** What is reachable: what earlier rows left behind goes in more than one round. */
async function heapBytes(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.()
    await turn()
  }
  return process.memoryUsage().heapUsed
}
/** Heap bytes of an idle actor. */
const memory = async () => {
  const before = await heapBytes()
  return withTree(many, async () => ((await heapBytes()) - before) / many)
}
const nactMemory = async () => {
  const system = startNact()
  const keep = (sum: number) => sum
  const top = spawnNact(system, keep, "parent", { initialState: 0 })
  const before = await heapBytes()
  const all = Array.from({ length: many }, (_, n) => spawnNact(top, keep, `${n}`, { initialState: 0 }))
  const each = ((await heapBytes()) - before) / many
  for (const child of all) stopNact(child)
  stopNact(top)
  return each
}

type Ball = { readonly left: number; readonly replyTo: ActorRef<Ball> }
const player: Actor<undefined, undefined, Ball> = {
  kind: "player",
  start: () => undefined,
  receive(state, { left, replyTo }, context) {
    counts.handled++
    if (left > 0) context.send(replyTo, { left: left - 1, replyTo: context.self })
    return state
  },
}
const exchanges = 100_000
/** Microseconds for there and back. */
const pingPong = async () => {
  const system = startSystem({ name: "bench", world: realWorld(), log })
  const a = system.spawn({ id: "a", actor: player, config: undefined })
  const b = system.spawn({ id: "b", actor: player, config: undefined })
  await turn()
  counts.handled = 0
  const startMs = performance.now()
  system.send(a, { left: exchanges, replyTo: b })
  await until(() => counts.handled === exchanges + 1)
  const microseconds = ((performance.now() - startMs) * 2_000) / exchanges
  await system.stop()
  return microseconds
}
const nactPingPong = async () => {
  const system = startNact()
  let handled = 0
  const play = (_: undefined, { left, to, self }: NactBall): undefined => {
    handled++
    if (left > 0) dispatch(to(), { left: left - 1, to: self, self: to })
  }
  type NactBall = { left: number; to: () => NactRef; self: () => NactRef }
  const a = spawnNact(system, play, "a")
  const b = spawnNact(system, play, "b")
  const startMs = performance.now()
  dispatch(a, { left: exchanges, to: () => b, self: () => a })
  await until(() => handled === exchanges + 1)
  return ((performance.now() - startMs) * 2_000) / exchanges
}

/** nact's own reference type is an empty class: any object will do. */
type NactRef = object
type Question = { readonly replyTo: ActorRef<number> }
const answerer: Actor<undefined, undefined, Question> = {
  kind: "answerer",
  start: () => undefined,
  receive(state, { replyTo }, context) {
    context.send(replyTo, 1)
    return state
  },
}
async function latencies(ask: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = []
  for (let n = 0; n < 20_000; n++) {
    const startMs = performance.now()
    await ask()
    all.push((performance.now() - startMs) * 1_000)
  }
  return all.toSorted((a, b) => a - b)
}
const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
const ask = (share: number) => async () => {
  const system = startSystem({ name: "bench", world: realWorld(), log })
  const ref = system.spawn({ id: "a", actor: answerer, config: undefined })
  const sorted = await latencies(() => system.ask<Question, number>(ref, (replyTo) => ({ replyTo }), 1_000))
  await system.stop()
  return quantile(sorted, share)
}
const nactAsk = (share: number) => async () => {
  const system = startNact()
  const ref = spawnNact(
    system,
    (_: undefined, { replyTo }: { replyTo: NactRef }): undefined => dispatch(replyTo, 1) as undefined,
    "a",
  )
  const sorted = await latencies(() => query(ref, (replyTo: NactRef) => ({ replyTo }), 1_000))
  return quantile(sorted, share)
}

/** Milliseconds that a 10 ms timer comes late while all actors are always busy. */
const lateness = async () => {
  const system = startSystem({ name: "bench", world: realWorld(), log })
  const busy: Actor<undefined, undefined, "go"> = {
    kind: "busy",
    start: (_config, context) => context.send(context.self, "go") as undefined,
    receive(state, message, context) {
      context.send(context.self, message)
      return state
    },
  }
  for (let n = 0; n < many; n++) system.spawn({ id: `${n}`, actor: busy, config: undefined })
  await new Promise((resolve) => setTimeout(resolve, 200))
  const late: number[] = []
  for (let n = 0; n < 30; n++) {
    const startMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 10))
    late.push(performance.now() - startMs - 10)
  }
  await system.stop()
  return median(late)
}

const number = (value: number) =>
  value >= 10_000 ? Math.round(value).toLocaleString("en").replaceAll(",", " ") : value.toFixed(value < 10 ? 2 : 0)
const rows: [string, string, () => Promise<number>, (() => Promise<number>)?][] = [
  ["idle actor, heap", "bytes", memory, nactMemory],
  ["messages to one actor", "1/s", rate(1, 200_000, (all) => all[0] ?? refTo("/")), nactRate(1, 200_000, false)],
  ["… to one of 10 000 children", "1/s", rate(many, 200_000, (all) => all[7] ?? refTo("/"))],
  [
    "… to all of 10 000 children in turn",
    "1/s",
    rate(many, 200_000, (all, n) => all[n % many] ?? refTo("/")),
    nactRate(many, 200_000, false),
  ],
  ["… to the parent of 10 000 children", "1/s", rate(many, 200_000, () => refTo("/parent")), nactRate(many, 500, true)],
  ["spawn, 10 000 children", "1/s", spawns],
  ["restarts, 10 000 children", "1/s", restarts],
  ["ping-pong, there and back", "µs", pingPong, nactPingPong],
  ["ask, median", "µs", ask(0.5), nactAsk(0.5)],
  ["ask, 99th percentile", "µs", ask(0.99), nactAsk(0.99)],
  ["10 ms timer, late, 10 000 busy actors", "ms", lateness],
]

if (globalThis.gc === undefined) {
  const { setFlagsFromString } = await import("node:v8")
  const { runInNewContext } = await import("node:vm")
  setFlagsFromString("--expose-gc")
  globalThis.gc = runInNewContext("gc") as NodeJS.GCFunction
}
console.log(`${"".padEnd(40)}${"ours".padStart(14)}${"nact".padStart(14)}  unit`)
for (const [name, unit, ours, theirs] of rows) {
  const own = number(await medianOf(ours))
  const other = theirs === undefined ? "" : number(await medianOf(theirs))
  console.log(`${name.padEnd(40)}${own.padStart(14)}${other.padStart(14)}  ${unit}`)
}
