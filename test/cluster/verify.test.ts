// What others say of themselves, and whether they answer now: the real actor on simulated machines.
import test from "ava"
import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipCommand, Member, Members, Verified } from "../../cluster/messages.ts"
import { decodeMark, encodeMark } from "../../cluster/speaker-mark.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { ip } from "../announcer/facts.ts"

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }
const mac = "02:00:00:00:00:0a"

test("marks: there and back, and whatever else stands in Meta", (t) => {
  for (const macs of [[], [mac], [mac, "ff:ff:ff:ff:ff:fe"]])
    t.deepEqual(decodeMark(encodeMark({ version: 1, macs })), { version: 1, macs })
  t.true(encodeMark({ version: 1, macs: Array<string>(200).fill(mac) }).length <= 512)
  t.deepEqual(decodeMark(Uint8Array.of(0x54, 0x72, 2)), { version: 2, macs: [] })
  for (const other of [undefined, [], [0x54], [0x54, 0x72], [0x54, 0x72, 0], [0x54, 0x72, 1, 2, 3], [1, 2, 3]])
    t.is(decodeMark(other && Uint8Array.from(other)), undefined, String(other))
})

interface Machine {
  members: readonly Member[]
  readonly verified: Verified[]
  send(command: GossipCommand): void
  verify(name: string, timeoutMs: number, at?: Ip): void
}

function ring(seed: number, names: readonly string[]) {
  const sim = simulate(seed)
  const addresses = names.map((_, i) => `10.0.0.${i + 1}`)
  const machines = new Map<string, Machine>()
  for (const [i, name] of names.entries()) {
    const address = addresses[i] ?? ""
    const system = startSystem({ name, world: sim.world(name, { addresses: [address] }), log: quiet })
    const verified: Verified[] = []
    const machine: Machine = {
      members: [],
      verified,
      send: (command) => system.send(refTo<GossipCommand>("/owner/gossip"), command),
      verify: (other, timeoutMs, at) =>
        machine.send({
          kind: "verify",
          name: other,
          timeoutMs,
          replyTo: refTo<Verified>("/owner"),
          ...(at && { at: { address: at, port: 7946 } }),
        }),
    }
    machines.set(name, machine)
    const owner: Actor<null, null, Members | Verified | { kind: "started"; gossip: ActorRef<GossipCommand> }> = {
      kind: "owner",
      start(_, context) {
        context.spawn({
          id: "gossip",
          actor: gossipActor,
          config: { name, bindAddress: address, bindPort: 7946, profile: "lan", mark: { version: 1, macs: [] } },
          started: (gossip) => ({ kind: "started", gossip }),
        })
        return null
      },
      receive(state, message, context) {
        if (message.kind === "members") machine.members = message.members
        else if (message.kind === "verified") verified.push(message)
        else {
          context.send(message.gossip, { kind: "subscribe", subscriber: context.self })
          context.send(message.gossip, { kind: "peers", addresses })
        }
        return state
      },
    }
    system.spawn({ id: "owner", actor: owner, config: null })
  }
  const at = (name: string): Machine => {
    const machine = machines.get(name)
    if (machine === undefined) throw new Error(name)
    return machine
  }
  return { sim, at }
}

test("what a member says of itself reaches all, and changes with it", async (t) => {
  const { sim, at } = ring(1, ["a", "b", "c"])
  await sim.runUntil(() => at("c").members.length === 3, { withinMs: 10_000 })
  t.deepEqual(at("c").members[0]?.mark, { version: 1, macs: [] })
  at("a").send({ kind: "mark", mark: { version: 1, macs: [mac] } })
  await sim.runUntil(() => ["a", "b", "c"].every((name) => at(name).members[0]?.mark?.macs[0] === mac), {
    withinMs: 2000,
  })
  t.true(at("c").members.every(({ state }) => state === "alive"))
})

test("what a member has missed it is told at once by one that exchanges tables with it", async (t) => {
  const { sim, at } = ring(4, ["a", "b", "c"])
  const know = (name: string) => at(name).members[0]?.mark?.macs[0] === mac
  await sim.runUntil(() => ["a", "b", "c"].every((name) => at(name).members.length === 3), { withinMs: 10_000 })
  sim.network.partition("c")
  at("a").send({ kind: "mark", mark: { version: 1, macs: [mac] } })
  await sim.runFor(1500)
  sim.network.heal()
  await sim.runFor(500)
  t.deepEqual(["b", "c"].map(know), [true, false])
  at("c").send({ kind: "sync", name: "nobody" })
  at("c").send({ kind: "sync", name: "c" })
  at("c").send({ kind: "sync", name: "a" })
  await sim.runUntil(() => know("c"), { withinMs: 100 })
  t.pass()
})

test("what was said while one was dead to the other is heard as soon as it speaks again", async (t) => {
  const { sim, at } = ring(5, ["a", "b", "c"])
  const know = (name: string) => at(name).members[0]?.mark?.macs[0] === mac
  const isDead = () => at("a").members.some(({ name, state }) => name === "c" && state === "dead")
  await sim.runUntil(() => ["a", "b", "c"].every((name) => at(name).members.length === 3), { withinMs: 10_000 })
  sim.network.partition("c")
  at("a").send({ kind: "mark", mark: { version: 1, macs: [mac] } })
  await sim.runUntil(isDead, { withinMs: 30_000 })
  t.false(know("c"))
  sim.network.heal()
  await sim.runUntil(() => !isDead(), { withinMs: 10_000 })
  await sim.runUntil(() => know("c"), { withinMs: 300 })
  t.pass()
})

test("a member that answers directly, through others only, or not at all", async (t) => {
  const { sim, at } = ring(2, ["a", "b", "c"])
  await sim.runUntil(() => ["a", "b", "c"].every((name) => at(name).members.length === 3), { withinMs: 10_000 })
  const outcome = async (name: string) => {
    at("a").verified.length = 0
    at("a").verify(name, 60)
    await sim.runFor(80)
    return at("a").verified.map((one) => one.outcome)
  }
  t.deepEqual(await outcome("b"), ["alive"])
  sim.network.partition("a", "b")
  t.deepEqual(await outcome("b"), ["alive"], "c passes it on")
  sim.network.partition("b", "c")
  t.deepEqual(await outcome("b"), ["silent"])
  t.deepEqual(await outcome("nobody"), ["unknown"])
  t.deepEqual(
    at("a").members.map(({ state }) => state),
    ["alive", "alive", "alive"],
    "asking accuses nobody",
  )
})

test("one that the ring has forgotten is asked where it was, directly and through others", async (t) => {
  const { sim, at } = ring(3, ["a", "b", "c"])
  const know = (names: string) =>
    ["a", "c"].every(
      (each) =>
        at(each)
          .members.map(({ name }) => name)
          .join("") === names,
    )
  await sim.runUntil(() => know("abc"), { withinMs: 10_000 })
  for (const name of ["a", "c"]) sim.network.partition(name, "b")
  await sim.runUntil(() => know("ac"), { withinMs: 120_000 })
  const outcome = async (name: string, where?: string) => {
    at("a").verified.length = 0
    at("a").verify(name, 60, where === undefined ? undefined : ip(where))
    await sim.runFor(80)
    return at("a").verified.map((one) => one.outcome)
  }
  t.deepEqual(await outcome("b"), ["unknown"], "nobody knows where it was")
  t.deepEqual(await outcome("b", "10.0.0.2"), ["silent"])
  sim.network.heal("b", "c")
  t.true(know("ac"))
  t.deepEqual(await outcome("b", "10.0.0.2"), ["alive"], "c passes it on, which has forgotten it as well")
  sim.network.heal()
  t.deepEqual(await outcome("b", "10.0.0.2"), ["alive"])
  t.deepEqual(await outcome("d", "10.0.0.2"), ["silent"], "another lives there now")
})
