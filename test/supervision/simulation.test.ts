import test from "ava"
import fc from "fast-check"
import type { Actor } from "../../supervision/actor.ts"
import type { TreeNode } from "../../supervision/introspection.ts"
import { type Simulator, simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem, type System } from "../../supervision/system.ts"
import type { PacketSocket, TcpConnection, UdpPort, World } from "../../supervision/world.ts"
import { recordingLog } from "./help.ts"

const withinMs = 600_000

function systemOn(world: World): System {
  return startSystem({ name: "simulated", world, log: recordingLog() })
}

/** Greets the others by UDP, and crashes now and then. */
const greeter: Actor<{ readonly address: string }, UdpPort, "greet" | Uint8Array> = {
  kind: "greeter",
  async start({ address }, context) {
    const opened = await context.world.network.openUdp(
      { address, port: 7 },
      { datagram: (bytes) => context.send(context.self, bytes), error: () => {} },
    )
    if (!opened.ok) throw new Error(opened.error.message)
    context.timers.every("greet", 100, "greet")
    return opened.value
  },
  receive(port, message, context) {
    if (context.world.random.u32() % 50 === 0) throw new Error("chance")
    const others = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    if (message === "greet") for (const address of others) port.send(Uint8Array.of(1, 2, 3), { address, port: 7 })
    return port
  },
  stop: (port) => port.close(),
}
const house: Actor<{ readonly address: string }, undefined, never> = {
  kind: "house",
  supervision: {
    strategy: "one_for_one",
    intensity: { restarts: 1_000, withinMs: 1_000 },
    backoff: { minMs: 10, maxMs: 100, jitter: 0.5 },
  },
  start({ address }, context) {
    context.spawn({ id: "greeter", actor: greeter, config: { address } })
    return undefined
  },
  receive: (state) => state,
}

async function greetings(seed: number): Promise<readonly string[]> {
  const sim = simulate(seed, { network: { loss: 0.1 } })
  const systems = ["a", "b", "c"].map((name) => systemOn(sim.world(name)))
  systems.forEach((system, at) => {
    system.spawn({ id: "house", actor: house, config: { address: `10.0.0.${at + 1}` } })
  })
  await sim.runFor(1_000)
  sim.network.partition("a", "b")
  sim.network.pause("c")
  await sim.runFor(500)
  sim.network.heal()
  sim.network.resume("c")
  await sim.runFor(500)
  for (const system of systems) await sim.settle(system.stop(), { withinMs })
  return sim.trace
}

test("the same seed gives the same run, another seed another", async (t) => {
  const different = new Set<string>()
  for (let seed = 1; seed <= 100; seed++) {
    const [first, second] = [await greetings(seed), await greetings(seed)]
    t.true(first.length > 300)
    if (first.join("\n") !== second.join("\n")) t.fail(`seed ${seed} gave two traces`)
    different.add(first.join("\n"))
  }
  t.is(different.size, 100)
})

test("hours pass in no time, and a wait that is in vain names the seed", async (t) => {
  const sim = simulate(42)
  const world = sim.world("a")
  const rang: number[] = []
  world.timers.after(3_600_000, () => void rang.push(world.clock.monotonicMs()))
  world.timers.after(60_000, () => rang.push(-1))()
  const before = world.clock.wallMs()
  await sim.runUntil(() => rang.length > 0, { withinMs: 4_000_000 })
  t.deepEqual(rang, [3_600_000])
  t.is(world.clock.wallMs() - before, 3_600_000)
  await t.throwsAsync(
    sim.runUntil(() => false, { withinMs: 100 }),
    { message: /seed 42: not within 100 ms/ },
  )
  t.is(sim.nowMs(), 3_600_100)
})

async function openUdp(sim: Simulator, world: World, address: string, got: string[]): Promise<UdpPort> {
  const handlers = { datagram: (bytes: Uint8Array) => void got.push(Buffer.from(bytes).toString()), error: () => {} }
  const opened = await sim.settle(world.network.openUdp({ address, port: 7 }, handlers), { withinMs: 1 })
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

test("datagrams: partitions cut, pauses delay, loss loses, a killed host is silent until it starts anew", async (t) => {
  const sim = simulate(1)
  const got: string[] = []
  const a = await openUdp(sim, sim.world("a"), "0.0.0.0", [])
  await openUdp(sim, sim.world("b"), "10.0.0.2", got)
  const say = async (text: string) => {
    a.send(Buffer.from(text), { address: "10.0.0.2", port: 7 })
    await sim.runFor(10)
  }
  await say("one")
  sim.network.partition("a", "b")
  await say("lost")
  sim.network.heal("a", "b")
  sim.network.pause("b")
  await say("two")
  t.deepEqual(got, ["one"])
  sim.network.resume("b")
  await sim.runFor(1)
  sim.network.shape({ loss: 1 })
  await say("lost")
  sim.network.shape({ loss: 0 })
  sim.network.kill("b")
  await say("lost")
  const reborn = sim.world("b")
  await say("nobody listens")
  await openUdp(sim, reborn, "10.0.0.2", got)
  await say("three")
  t.deepEqual(got, ["one", "two", "three"])
  t.like(await reborn.network.openUdp({ address: "10.0.0.2", port: 7 }, { datagram() {}, error() {} }), {
    ok: false,
    error: { code: "EADDRINUSE" },
  })
  t.like(await reborn.network.openUdp({ address: "10.0.0.9", port: 7 }, { datagram() {}, error() {} }), {
    ok: false,
    error: { code: "EADDRNOTAVAIL" },
  })
})

interface Talk {
  readonly events: string[]
  readonly connection: TcpConnection
}
function dial(world: World, port: number, timeoutMs = 1_000): Talk {
  const events: string[] = []
  const connection = world.network.connectTcp(
    { address: "10.0.0.2", port, timeoutMs },
    {
      opened: () => void events.push("opened"),
      data: (bytes) => void events.push(Buffer.from(bytes).toString()),
      closed: (error) => void events.push(`closed ${error?.code ?? ""}`.trim()),
    },
  )
  return { events, connection }
}

test("streams: in order through loss and a short partition, refused, timed out, reset by a restart", async (t) => {
  const sim = simulate(2, { network: { loss: 0.3 } })
  const [a, b] = [sim.world("a"), sim.world("b")]
  const heard: string[] = []
  await b.network.listenTcp(
    { address: "0.0.0.0", port: 179 },
    {
      connection: (connection) => ({
        opened: () => void connection.send(Buffer.from("welcome")),
        data: (bytes) => void heard.push(Buffer.from(bytes).toString()),
        closed: (error) => void heard.push(`closed ${error?.code ?? ""}`.trim()),
      }),
      error: () => {},
    },
  )
  const first = dial(a, 179, 30_000)
  for (let n = 0; n < 20; n++) first.connection.send(Buffer.from(`${n},`))
  await sim.runUntil(() => heard.join("").endsWith("19,"), { withinMs: 30_000 })
  t.is(heard.join(""), Array.from({ length: 20 }, (_, n) => `${n},`).join(""))
  await sim.runUntil(() => first.events.includes("welcome"), { withinMs: 30_000 })
  sim.network.partition("a")
  first.connection.send(Buffer.from("late"))
  await sim.runFor(5_000)
  t.not(heard.at(-1), "late")
  sim.network.heal()
  await sim.runUntil(() => heard.at(-1) === "late", { withinMs: 30_000 })
  first.connection.end()
  await sim.runUntil(() => first.events.at(-1) === "closed" && heard.at(-1) === "closed", { withinMs: 30_000 })

  const refused = dial(a, 180, 30_000)
  await sim.runUntil(() => refused.events.length === 1, { withinMs: 60_000 })
  t.deepEqual(refused.events, ["closed ECONNREFUSED"])

  sim.network.shape({ loss: 0 })
  const second = dial(a, 179)
  await sim.runUntil(() => second.events.includes("welcome"), { withinMs: 1_000 })
  sim.network.kill("b")
  const unanswered = dial(a, 179)
  second.connection.send(Buffer.from("?"))
  await sim.runFor(2_000)
  t.deepEqual(unanswered.events, ["closed ETIMEDOUT"])
  t.is(second.events.at(-1), "welcome")
  sim.world("b")
  await sim.runUntil(() => second.events.at(-1) === "closed ECONNRESET", { withinMs: 60_000 })
})

test("frames: to all, to one, to a joined group; not to oneself, not over a dead link", (t) => {
  const sim = simulate(3)
  const heard: string[] = []
  const join = (host: string) => {
    const { packets } = sim.world(host)
    const interfaces = packets.interfaces()
    const card = interfaces.ok ? interfaces.value[0] : undefined
    if (card === undefined) throw new Error("no interface")
    const opened = packets.open(
      { interfaceIndex: card.index, frames: "arp" },
      { frame: (bytes) => void heard.push(`${host} ${bytes[14]}`), error: () => {} },
    )
    if (!opened.ok) throw new Error(opened.error.message)
    return { socket: opened.value, mac: card.mac }
  }
  const hosts = { a: join("a"), b: join("b"), c: join("c") }
  const say = async (socket: PacketSocket, to: Uint8Array, mark: number) => {
    const frame = new Uint8Array(42)
    frame.set(to, 0)
    frame.set([0x08, 0x06, mark], 12)
    // A request.
    frame[21] = 1
    const sent = socket.send(frame)
    await sim.runFor(5)
    return sent.ok ? heard.splice(0).sort() : sent.error.code
  }
  const broadcast = new Uint8Array(6).fill(0xff)
  const group = Uint8Array.of(0x33, 0x33, 0, 0, 0, 9)
  return (async () => {
    t.deepEqual(await say(hosts.a.socket, broadcast, 1), ["b 1", "c 1"])
    t.deepEqual(await say(hosts.a.socket, hosts.b.mac, 2), ["b 2"])
    hosts.c.socket.joinGroup(group)
    t.deepEqual(await say(hosts.a.socket, group, 3), ["c 3"])
    sim.network.setLink("b", "eth0", false)
    t.deepEqual(await say(hosts.a.socket, broadcast, 4), ["c 4"])
    t.is(await say(hosts.b.socket, broadcast, 5), "ENETDOWN")
    sim.network.partition("a", "c")
    t.deepEqual(await say(hosts.a.socket, broadcast, 6), [])
  })()
})

interface Plan {
  readonly id: string
  readonly strategy: "one_for_one" | "one_for_all" | "rest_for_one"
  readonly failStarts: number
  readonly slowMs: number
  readonly children: readonly Plan[]
}
const plans = fc.letrec<{ plan: Plan; children: readonly Plan[] }>((tie) => ({
  children: fc.uniqueArray(tie("plan"), { maxLength: 3, selector: (plan) => plan.id }),
  plan: fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    strategy: fc.constantFrom("one_for_one", "one_for_all", "rest_for_one"),
    failStarts: fc.nat(2),
    slowMs: fc.constantFrom(0, 0, 30),
    children: fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.constant([]), tie("children")),
  }),
})).plan

interface Member {
  readonly path: string
  readonly slowMs: number
}
/** Fails its first starts, starts and stops slowly if told so, and keeps a record of who is alive. */
function planned(
  plan: Plan,
  failures: Map<string, number>,
  alive: Map<string, number>,
): Actor<undefined, Member, Blow> {
  const count = (path: string, by: number) => alive.set(path, (alive.get(path) ?? 0) + by)
  return {
    kind: "planned",
    supervision: { strategy: plan.strategy, ...generous },
    async start(_config, context) {
      const { path } = context.self
      if (plan.slowMs > 0) await pause(context.world, plan.slowMs)
      const left = failures.get(path) ?? plan.failStarts
      failures.set(path, left - 1)
      if (left > 0) throw new Error("not yet")
      count(path, 1)
      for (const child of plan.children)
        context.spawn({ id: child.id, actor: planned(child, failures, alive), config: undefined })
      return { path, slowMs: plan.slowMs }
    },
    async receive(_state, message, context) {
      if (message === "late") await pause(context.world, 20)
      throw new Error(message)
    },
    async stop({ path, slowMs }, context) {
      count(path, -1)
      if (slowMs > 0) await pause(context.world, slowMs)
    },
  }
}
type Blow = "crash" | "late"
const pause = (world: World, ms: number) => new Promise<void>((resolve) => void world.timers.after(ms, resolve))
const generous = {
  intensity: { restarts: 10_000, withinMs: 1_000 },
  backoff: { minMs: 5, maxMs: 50, jitter: 0.5 },
}

function allOf(plan: Plan, parent = ""): string[] {
  const path = `${parent}/${plan.id}`
  return [path, ...plan.children.flatMap((child) => allOf(child, path))]
}
function running(node: TreeNode): string[] {
  return [...(node.status === "running" ? [node.path] : []), ...node.children.flatMap(running)]
}

test("whatever crashes, all permanent children run again, each once; and stop leaves nobody", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      plans,
      fc.array(fc.tuple(fc.nat(200), fc.nat(1_000), fc.constantFrom("crash", "late", "kill")), { maxLength: 20 }),
      fc.nat(),
      async (plan, crashes, seed) => {
        const sim = simulate(seed)
        const system = systemOn(sim.world("a"))
        const alive = new Map<string, number>()
        system.spawn({ id: plan.id, actor: planned(plan, new Map(), alive), config: undefined })
        const paths = allOf(plan)
        for (const [waitMs, pick, how] of crashes) {
          await sim.runFor(waitMs)
          const path = paths[pick % paths.length] ?? ""
          if (how === "kill") await sim.settle(system.kill(path), { withinMs })
          else system.send(refTo<Blow>(path), how)
        }
        const expected = ["/", ...paths].sort().join()
        await sim.runUntil(
          async () =>
            running(await system.snapshot())
              .sort()
              .join() === expected,
          { withinMs },
        )
        for (const path of paths) t.is(alive.get(path), 1, path)
        await sim.settle(system.stop(), { withinMs })
        t.is(system.counters().actors, 0)
        for (const path of paths) t.is(alive.get(path), 0, path)
        // What was already in the run queue finds nobody; beyond it there is no timer and no message.
        await sim.runFor(0)
        const steps = sim.trace.length
        await sim.runFor(3_600_000)
        t.is(sim.trace.length, steps)
      },
    ),
    { numRuns: 150 },
  )
})
