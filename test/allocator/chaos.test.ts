import test from "ava"
import type { TreeNode } from "../../supervision/introspection.ts"
import { dualStack, service } from "../support/service.ts"
import type { Random } from "../../supervision/world.ts"
import { simulate, type Simulator } from "../../supervision/simulated-world.ts"
import { until } from "../supervision/help.ts"
import { run, type Running, troubleWrites } from "./running.ts"

const SEEDS = 100
const pathsOf = (node: TreeNode): string[] => [node.path, ...node.children.flatMap(pathsOf)]

/** Every status a Service ever had, in order. Between two different ones it changed hands. */
function watchHands(running: Running): Map<string, string[]> {
  const hands = new Map<string, string[]>()
  const check = running.api.onService
  running.api.onService = (key, facts) => {
    check(key, facts)
    if (facts === undefined) return void hands.delete(key)
    const now = facts.ingress.map(({ ip }) => ip).join(" ")
    const before = hands.get(key) ?? []
    if (before.at(-1) !== now) hands.set(key, [...before, now])
  }
  return hands
}

/** The same addresses under other names: nobody has to move. */
const split = { a1: ["10.0.0.0/28"], a2: ["10.0.0.16/28"], b: ["10.0.1.0/27", "fc00::/123"], d: ["10.0.2.0/28"] }
const pools = { a: ["10.0.0.0/27"], b: ["10.0.1.0/27", "fc00::/123"], c: ["10.0.2.0/28"] }

for (const victim of [
  "/controller",
  "/controller/api",
  "/controller/writer",
  "/controller/allocator",
  "/controller/allocator/pools/a",
  "/controller/allocator/services/ns/s0",
])
  test(`${victim} dies: everyone keeps what they have, and life goes on`, async (t) => {
    const running = run(pools)
    const { api, addresses, system, doubles, metrics } = running
    const hands = watchHands(running)
    const keys = Array.from({ length: 12 }, (_, i) => `ns/s${i}`)
    for (const key of keys) api.putService(service(key))
    await until(() => keys.every((key) => addresses(key) !== ""))
    const before = keys.map(addresses)
    for (let round = 0; round < 3; round++) {
      await until(() => system.kill(victim))
      const late = `ns/late${round}`
      api.putService(service(late))
      await until(() => addresses(late) !== "")
    }
    await until(async () => (await metrics()).pools.reduce((n, { inUse }) => n + inUse, 0n) === 15n)
    await system.stop()
    t.deepEqual(keys.map(addresses), before)
    t.deepEqual(doubles, [])
    for (const [key, all] of hands) t.true(all.length <= 2, `${key}: ${all.join(" → ")}`)
  })

interface Chaos {
  readonly simulator: Simulator
  readonly random: Random
  readonly running: Running
}

function pick<T>({ random }: Chaos, all: readonly T[]): T | undefined {
  return all[random.u32() % Math.max(all.length, 1)]
}
const chance = ({ random }: Chaos, share: number): boolean => random.u32() / 2 ** 32 < share

async function oneThingHappens(chaos: Chaos, step: number, kills: Map<string, number>): Promise<void> {
  const { simulator, random } = chaos
  const { api, system } = chaos.running
  const keys = [...api.services.keys()]
  const present = chance(chaos, 0.5) ? keys.at(-1) : pick(chaos, keys)
  const choice = random.u32() % 100
  if (choice < 35) {
    if (api.services.size < 40) api.putService(service(`ns/s${step}`, chance(chaos, 0.3) ? dualStack : {}))
  } else if (choice < 45 && present !== undefined) api.deleteService(present)
  else if (choice < 55 && present !== undefined) api.changeService(present, { labels: { step: String(step) } })
  else if (choice < 60) chaos.running.pools(chance(chaos, 0.5) ? split : pools)
  else if (choice < 80) {
    const tree = await simulator.settle(system.snapshot(), { withinMs: 1_000 })
    // Each only a few times: whoever dies over and over is waited for longer and longer, and that is right.
    const path = pick(
      chaos,
      pathsOf(tree).filter((path) => path !== "/" && (kills.get(path) ?? 0) < 3),
    )
    if (path === undefined) return
    kills.set(path, (kills.get(path) ?? 0) + 1)
    const killed = system.kill(path, "chaos")
    // More arrive while it is away and when it comes back.
    for (let more = random.u32() % 6; more > 0; more--) {
      await simulator.runFor(random.u32() % 10)
      if (api.services.size < 40) api.putService(service(`ns/s${step}-${more}`))
    }
    await simulator.settle(killed, { withinMs: 1_000 })
  } else await simulator.runFor(random.u32() % 60)
  // On to the next while this one is still being dealt with.
  let stepsLeft = random.u32() % 40
  await simulator.runUntil(() => stepsLeft-- <= 0, { withinMs: 30 }).catch(() => undefined)
}

const addressesIn = (api: Running["api"]) =>
  new Set([...api.services.values()].flatMap(({ ingress }) => ingress.map(({ ip }) => ip)))

for (let seed = 1; seed <= SEEDS; seed++)
  test.serial(`actors die at random while Services come and go; seed ${seed}`, async (t) => {
    const simulator = simulate(seed)
    const world = simulator.world("controller")
    const running = run(pools, { world })
    const { api, addresses, system, doubles, metrics } = running
    const chaos: Chaos = { simulator, random: world.random, running }
    const hands = watchHands(running)
    troubleWrites(api, world)
    const kills = new Map<string, number>()
    for (let step = 0; step < 150; step++) await oneThingHappens(chaos, step, kills)
    api.beforeWrite = () => undefined
    const everyone = () => [...api.services.keys()].every((key) => addresses(key) !== "")
    await simulator.runUntil(everyone, { withinMs: 120_000 })
    await simulator.runFor(5_000)
    const { pools: counted } = await simulator.settle(metrics(), { withinMs: 60_000 })
    t.is(
      counted.reduce((n, { inUse }) => n + inUse, 0n),
      BigInt(addressesIn(api).size),
    )
    t.deepEqual(doubles, [], "an address was given twice")
    // A dual-stack Service may be given its second address later; nobody ever loses or changes one.
    for (const [key, all] of hands)
      for (const [i, now] of all.entries()) t.true(now.startsWith(all[i - 1] ?? ""), `${key}: ${all.join(" → ")}`)
    t.true(kills.size > 5)
    await simulator.settle(system.stop(), { withinMs: 60_000 })
  })

test("what a pool granted to a Service that died at once comes back", async (t) => {
  for (let steps = 1; steps <= 40; steps++) {
    const simulator = simulate(steps)
    const { api, addresses, system, metrics } = run(pools, { world: simulator.world("controller") })
    await simulator.runFor(100)
    api.putService(service("ns/web", { annotations: { "metallb.io/address-pool": "a" } }))
    let left = steps
    await simulator.runUntil(() => left-- <= 0, { withinMs: 1_000 }).catch(() => undefined)
    api.changeService("ns/web", { annotations: { "metallb.io/address-pool": "b" } })
    await simulator.settle(system.kill("/controller/allocator/services/ns/web"), { withinMs: 1_000 })
    await simulator.runUntil(() => addresses("ns/web") === "10.0.1.0", { withinMs: 10_000 })
    await simulator.runFor(1_000)
    const seen = await simulator.settle(metrics(), { withinMs: 1_000 })
    t.deepEqual(
      seen.pools.map(({ pool, inUse }) => `${pool} ${inUse}`),
      ["a 0", "b 1", "c 0"],
      `after ${steps} steps`,
    )
    await simulator.settle(system.stop(), { withinMs: 10_000 })
  }
})

test("while a pool is away, those who wait for it do not wake each other", async (t) => {
  const simulator = simulate(1)
  const { api, addresses, system } = run({ a: ["10.0.0.0/32"] }, { world: simulator.world("controller") })
  for (const key of ["ns/a", "ns/b", "ns/c"]) api.putService(service(key))
  await simulator.runFor(100)
  await simulator.settle(system.kill("/controller/allocator/pools/a"), { withinMs: 1_000 })
  api.putService(service("ns/d"))
  const steps = simulator.trace.length
  await simulator.runUntil(() => simulator.trace.length > steps + 5_000 || simulator.nowMs() > 1_000, {
    withinMs: 2_000,
  })
  t.true(simulator.trace.length < steps + 5_000)
  t.is(["ns/a", "ns/b", "ns/c", "ns/d"].map(addresses).join(""), "10.0.0.0")
  await simulator.settle(system.stop(), { withinMs: 10_000 })
})
