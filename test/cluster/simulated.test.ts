import test from "ava"
import { gossipActor, type GossipMessage } from "../../cluster/gossip.ts"
import type { Member, Members } from "../../cluster/messages.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { simulate, type Simulator } from "../../supervision/simulated-world.ts"
import { startSystem, type System } from "../../supervision/system.ts"

/** Whole rings of the real actor on simulated machines: sockets, timers and crashes included. */
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

interface Machine {
  readonly name: string
  readonly address: string
  system: System
  members: readonly Member[]
  /** Every state that it ever told of another, in order. */
  readonly told: string[]
}

type OwnerMessage = Members | { readonly kind: "started"; readonly gossip: ActorRef<GossipMessage> }

/** As the speaker's tree does it: the child is told again what should be, each time it begins anew. */
function owner(machine: Machine, peers: readonly string[]): Actor<null, null, OwnerMessage> {
  return {
    kind: "owner",
    start(_, context) {
      context.spawn({
        id: "gossip",
        actor: gossipActor,
        config: {
          name: machine.name,
          bindAddress: machine.address,
          bindPort: 7946,
          secretKey: "secret",
          profile: "lan",
        },
        started: (gossip) => ({ kind: "started", gossip }),
      })
      return null
    },
    receive(state, message, context) {
      if (message.kind === "started") {
        context.send(message.gossip, { kind: "subscribe", subscriber: context.self })
        context.send(message.gossip, { kind: "peers", addresses: peers })
      } else {
        for (const { name, state: is } of message.members)
          if (machine.members.find((member) => member.name === name)?.state !== is) machine.told.push(`${name} ${is}`)
        machine.members = message.members
      }
      return state
    },
  }
}

interface Ring {
  readonly simulator: Simulator
  readonly machines: Machine[]
  readonly boot: (machine: Machine) => void
  readonly at: (index: number) => Machine
  readonly agreed: () => boolean
}

function ring(seed: number, size: number, loss = 0): Ring {
  const simulator = simulate(seed, { network: { loss } })
  const machines: Machine[] = []
  const boot = (machine: Machine): void => {
    const world = simulator.world(machine.name, { addresses: [machine.address] })
    machine.system = startSystem({ name: machine.name, world, log: quiet })
    machine.system.spawn({
      id: "owner",
      actor: owner(
        machine,
        machines.map(({ address }) => address),
      ),
      config: null,
    })
  }
  for (let i = 0; i < size; i++)
    machines.push({ name: `m${i}`, address: `10.0.0.${i + 1}`, members: [], told: [] } as unknown as Machine)
  for (const machine of machines) boot(machine)
  const at = (index: number): Machine => {
    const machine = machines[index]
    if (!machine) throw new Error(`no machine ${index}`)
    return machine
  }
  const agreed = () =>
    machines.every(({ members }) => members.length === size && members.every(({ state }) => state === "alive"))
  return { simulator, machines, boot, at, agreed }
}

const stateOf = ({ members }: Machine, name: string) => members.find((member) => member.name === name)?.state
const deaths = (machines: readonly Machine[]) =>
  machines.flatMap(({ name, told }) =>
    told.filter((what) => / (dead|left)$/.test(what)).map((what) => `${name}: ${what}`),
  )

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: a ring forms, loses power in one place, takes it back`, async (t) => {
    const { simulator, machines, boot, at, agreed } = ring(seed, 5)
    await simulator.runUntil(agreed, { withinMs: 3000 })
    await simulator.runFor(20_000)
    t.deepEqual(deaths(machines), [])

    const rest = machines.slice(1)
    simulator.network.kill("m0")
    await simulator.runUntil(() => rest.every((machine) => stateOf(machine, "m0") === "dead"), { withinMs: 14_000 })
    boot(at(0))
    await simulator.runUntil(agreed, { withinMs: 5000 })
    t.deepEqual(
      deaths(machines).filter((what) => !what.endsWith("m0 dead")),
      [],
    )
  })

  test(`seed ${seed}: an actor that crashes is a member again before anyone misses it`, async (t) => {
    const { simulator, machines, at, agreed } = ring(seed, 4)
    await simulator.runUntil(agreed, { withinMs: 3000 })
    t.true(await simulator.settle(at(2).system.kill("/owner/gossip", "a test"), { withinMs: 1000 }))
    await simulator.runFor(30_000)
    t.true(agreed())
    t.deepEqual(deaths(machines), [])
  })

  test(`seed ${seed}: a machine that stood still is dropped and returns, and accuses nobody on waking`, async (t) => {
    const { simulator, machines, at, agreed } = ring(seed, 5)
    await simulator.runUntil(agreed, { withinMs: 3000 })
    await simulator.runFor(seed * 333)
    simulator.network.pause("m4")
    const others = machines.slice(0, 4)
    await simulator.runUntil(() => others.every((machine) => stateOf(machine, "m4") === "dead"), { withinMs: 14_000 })
    simulator.network.resume("m4")
    await simulator.runUntil(agreed, { withinMs: 40_000 })
    t.deepEqual(deaths([at(4)]), [])
    t.deepEqual(
      deaths(others).filter((what) => !what.endsWith("m4 dead")),
      [],
    )
  })

  test(`seed ${seed}: cut off for two minutes, then healed`, async (t) => {
    const { simulator, at, machines, agreed } = ring(seed, 4)
    await simulator.runUntil(agreed, { withinMs: 3000 })
    simulator.network.partition("m3")
    await simulator.runFor(120_000)
    for (const machine of machines.slice(0, 3))
      t.false(machine.members.some(({ name, state }) => name === "m3" && state === "alive"))
    t.is(stateOf(at(3), "m3"), "alive")
    simulator.network.heal()
    await simulator.runUntil(agreed, { withinMs: 75_000 })
    t.pass()
  })

  test(`seed ${seed}: a tenth of all packets lost, and nobody is thought dead`, async (t) => {
    const { simulator, machines, agreed } = ring(seed, 5, 0.1)
    await simulator.runUntil(agreed, { withinMs: 60_000 })
    await simulator.runFor(120_000)
    t.deepEqual(deaths(machines), [])
  })
}

test("same seed, same run, to the packet", async (t) => {
  const run = async () => {
    const { simulator } = ring(11, 4, 0.05)
    await simulator.runFor(20_000)
    return simulator.trace
  }
  const [first, second] = [await run(), await run()]
  t.true(first.length > 1000)
  t.deepEqual(first, second)
})
