// A ring among neighbours that mean harm, or know no better: what they say is dropped and counted, and the ring goes on.
import test from "ava"
import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipConfig } from "../../cluster/gossip-config.ts"
import type { GossipCommand, GossipCounters, Member, Members } from "../../cluster/messages.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { targets } from "./decoders.ts"
import { Mutator } from "./mutator.ts"

interface Node {
  states(): Record<string, Member["state"]>
  addressOf(name: string): string | undefined
  counters(): Promise<GossipCounters>
}

function scene(seed: number) {
  const sim = simulate(seed)
  const crashes: string[] = []
  const start = (host: string, address: string, over: Partial<GossipConfig>, peers: readonly string[]): Node => {
    const log: Log = {
      debug() {},
      info() {},
      warn() {},
      error(message, fields) {
        if (message === "actor crashed") crashes.push(JSON.stringify(fields))
      },
    }
    const system = startSystem({ name: host, world: sim.world(host, { addresses: [address] }), log })
    let members: readonly Member[] = []
    const listener: Actor<null, null, Members> = {
      kind: "listener",
      start: () => null,
      receive(state, message) {
        members = message.members
        return state
      },
    }
    const subscriber = system.spawn({ id: "listener", actor: listener, config: null })
    const config = { name: host, bindAddress: address, bindPort: 7946, profile: "lan" as const, ...over }
    system.spawn({ id: "gossip", actor: gossipActor, config })
    const gossip: ActorRef<GossipCommand> = refTo("/gossip")
    system.send(gossip, { kind: "subscribe", subscriber })
    system.send(gossip, { kind: "peers", addresses: peers })
    return {
      states: () => Object.fromEntries(members.map(({ name, state }) => [name, state])),
      addressOf: (name) => members.find((member) => member.name === name)?.address,
      async counters() {
        const asked = system.ask<GossipCommand, GossipCounters>(
          gossip,
          (replyTo) => ({ kind: "counters", replyTo }),
          5000,
        )
        const answer = await sim.settle(asked, { withinMs: 6000 })
        if (!answer.ok) throw new Error(answer.error.kind)
        return answer.value
      },
    }
  }
  return { sim, start, crashes }
}

const both = ["10.0.0.1", "10.0.0.2"]

test("a ring with another key on the same network: neither hears of the other, and each counts what it hears", async (t) => {
  const { sim, start, crashes } = scene(1)
  const all = [...both, "10.0.0.3"]
  const a = start("a", "10.0.0.1", { secretKey: "one" }, all)
  start("b", "10.0.0.2", { secretKey: "one" }, all)
  const c = start("c", "10.0.0.3", { secretKey: "two" }, all)
  await sim.runFor(120_000)
  t.deepEqual(a.states(), { a: "alive", b: "alive" })
  t.deepEqual(c.states(), { c: "alive" })
  const faults = (await c.counters()).faults
  t.true(
    Object.keys(faults).some((fault) => fault.startsWith("stream-") || fault.startsWith("packet-")),
    JSON.stringify(faults),
  )
  t.deepEqual(crashes, [])
})

test("a member with our name: the name stays where it was, and both are told", async (t) => {
  const { sim, start, crashes } = scene(2)
  const a = start("a", "10.0.0.1", {}, both)
  const b = start("b", "10.0.0.2", {}, both)
  await sim.runFor(5000)
  const twin = start("twin", "10.0.0.3", { name: "a" }, both)
  await sim.runFor(60_000)
  t.deepEqual(b.states(), { a: "alive", b: "alive" })
  t.is(b.addressOf("a"), "10.0.0.1")
  const counted = await Promise.all(
    [a, b, twin].map(async (node) => (await node.counters()).faults["name-conflict"] ?? 0),
  )
  t.true(
    counted.some((count) => count > 0),
    counted.join(),
  )
  t.deepEqual(crashes, [])
})

for (const secretKey of ["one", undefined]) {
  const how = secretKey === undefined ? "without a key" : "with a key"
  test(`thousands of bad datagrams and streams, ${how}: the ring goes on`, async (t) => {
    const { sim, start, crashes } = scene(3)
    const over = secretKey === undefined ? {} : { secretKey }
    const a = start("a", "10.0.0.1", over, both)
    const b = start("b", "10.0.0.2", over, both)
    await sim.runFor(5000)
    const { network } = sim.world("mallory", { addresses: ["10.0.0.9"] })
    const opened = await network.openUdp({ address: "10.0.0.9", port: 7946 }, { datagram() {}, error() {} })
    if (!opened.ok) return t.fail(opened.error.message)
    const mutator = new Mutator(4)
    const good = targets.filter(({ name }) => name.startsWith("gossip")).flatMap((target) => target.good)
    for (let i = 0; i < 3000; i++) {
      const bytes = mutator.next(good, 1400)
      opened.value.send(bytes, { address: both[i % 2] ?? "", port: 7946 })
      if (i % 30 === 0) {
        const stream = network.connectTcp(
          { address: both[i % 2] ?? "", port: 7946, timeoutMs: 1000 },
          { opened: () => void stream.send(bytes), data() {}, closed() {} },
        )
      }
      if (i % 10 === 0) await sim.runFor(20)
    }
    await sim.runFor(120_000)
    t.is(a.states()["b"], "alive")
    t.is(b.states()["a"], "alive")
    const { faults } = await a.counters()
    t.true(Object.values(faults).reduce((sum, count) => sum + count, 0) > 500, JSON.stringify(faults))
    t.deepEqual(crashes, [])
  })
}
