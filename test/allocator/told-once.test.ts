import test from "ava"
import { simulate } from "../../supervision/simulated-world.ts"
import type { MemoryClusterApi } from "../support/memory-cluster-api.ts"
import { dualStack, service } from "../support/service.ts"
import { until } from "../supervision/help.ts"
import { run, type Running, troubleWrites } from "./running.ts"

/*
 * A decision is told as it is made, and made again only when what it was made on has changed. While a write is under way
 * the next decision may be waiting behind it: whoever looks meanwhile must know of that one, or it tells it again.
 */

const told = ({ events }: MemoryClusterApi) => events.map(({ key, reason, message }) => `${key} ${reason}: ${message}`)

/** Answers to writes are held back until the result is called. */
function held(api: MemoryClusterApi): () => void {
  let answer = () => {}
  api.beforeAnswer = () => new Promise<void>((resolve) => (answer = resolve))
  return () => {
    api.beforeAnswer = () => undefined
    answer()
  }
}

/** It looks while the write in flight has not come back, and has its address when that has. */
async function looksAgainThen({ api, addresses, metrics, system }: Running, answer: () => void): Promise<void> {
  const { turns } = await metrics()
  api.changeService("ns/web", { labels: { a: "b" } })
  await until(async () => (await metrics()).turns > turns)
  answer()
  await until(() => addresses("ns/web") === "10.0.0.0")
  await system.stop()
}

test("the pool comes while the Service is told that there is none, and the watch is faster than the answer", async (t) => {
  const running = run({})
  const { api, pools } = running
  const answer = held(api)
  api.putService(service("ns/web"))
  await until(() => api.writes.length === 1)
  pools({ p: ["10.0.0.0/30"] })
  await until(() => api.events.length > 0)
  await looksAgainThen(running, answer)
  t.deepEqual(told(api), ['ns/web IPAllocated: Assigned IP ["10.0.0.0"]'])
})

test("a Service that is made anew while its predecessor's status is being written is told once", async (t) => {
  const running = run({ p: ["10.0.0.0/30"] })
  const { api } = running
  const answer = held(api)
  api.putService(service("ns/web"))
  await until(() => api.writes.length === 1)
  api.deleteService("ns/web")
  api.putService(service("ns/web"))
  await until(() => api.events.length === 2)
  await looksAgainThen(running, answer)
  t.deepEqual(told(api), Array(2).fill('ns/web IPAllocated: Assigned IP ["10.0.0.0"]'))
})

const layouts = [
  { a: ["10.0.0.0/27"], b: ["10.0.1.0/27", "fc00::/123"] },
  { a1: ["10.0.0.0/28"], a2: ["10.0.0.16/28"], b: ["10.0.1.0/27", "fc00::/123"] },
  { a: ["10.0.0.0/27"], b: ["10.0.1.0/27", "fc00::/123"], c: ["10.0.2.0/32"] },
]

for (let seed = 1; seed <= 100; seed++)
  test.serial(`nobody is told twice of one address, whatever becomes of the writes; seed ${seed}`, async (t) => {
    const simulator = simulate(seed)
    const world = simulator.world("controller")
    const { api, addresses, pools, system } = run({}, { world })
    troubleWrites(api, world)
    const below = (n: number) => world.random.u32() % n
    for (let step = 0; step < 150; step++) {
      const keys = [...api.services.keys()]
      const key = keys[below(Math.max(keys.length, 1))]
      const choice = below(100)
      if (choice < 40) api.putService(service(`ns/s${below(12)}`, choice < 12 ? dualStack : {}))
      else if (choice < 50 && key !== undefined) api.deleteService(key)
      else if (choice < 70 && key !== undefined) api.changeService(key, { labels: { step: String(step) } })
      else if (choice < 80) pools(layouts[below(layouts.length)] ?? {})
      await simulator.runFor(below(50))
    }
    api.beforeWrite = () => undefined
    pools(layouts[0] ?? {})
    await simulator.runUntil(() => [...api.services.keys()].every((key) => addresses(key) !== ""), {
      withinMs: 120_000,
    })
    const assigned = api.events
      .filter(({ reason }) => reason === "IPAllocated")
      .map(({ uid, message }) => `${uid} ${message}`)
    t.true(assigned.length > 10)
    t.deepEqual(
      assigned.filter((one, i) => assigned.indexOf(one) < i),
      [],
    )
    await simulator.settle(system.stop(), { withinMs: 60_000 })
  })
