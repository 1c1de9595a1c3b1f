import test from "ava"
import type { Layer2Command } from "../../actors/announcer/layer2/messages.ts"
import { type SpeakerMessage, speakerActor } from "../../actors/speaker.ts"
import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipCommand } from "../../cluster/messages.ts"
import type { Actor, Log, ThreadEntry } from "../../supervision/actor.ts"
import { type Simulator, simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem, type System } from "../../supervision/system.ts"
import { node } from "../announcer/facts.ts"
import { MemoryClusterApi } from "../support/memory-cluster-api.ts"
import { plain, pods, put } from "./harness.ts"

/** Three speakers on three simulated hosts, with the real gossip between them. Their layer 2 is a table to look at. */

const hosts = ["alpha", "bravo", "charlie"]
// Led by charlie, charlie, bravo, alpha; after them come bravo, bravo, alpha, charlie.
const addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"]
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const addressOf = (host: string) => `10.0.0.${hosts.indexOf(host) + 1}`

interface Ring {
  readonly sim: Simulator
  /** What each living host answers for. */
  readonly tables: Map<string, readonly string[]>
  /** Every table that was told: who, and what. */
  readonly told: { readonly host: string; readonly ips: readonly string[] }[]
  readonly systems: Map<string, System>
  start(host: string): void
  die(host: string): void
  /** Exactly these hosts answer, one for each address, in the order of `addresses`. */
  led(...by: readonly string[]): boolean
}

function ring(seed: number): Ring {
  const sim = simulate(seed, { network: { loss: 0.02 } })
  const cluster = new MemoryClusterApi()
  for (const host of hosts) cluster.putNode(node(host))
  cluster.configure(plain)
  cluster.putSpeakerPods(pods(...hosts.map(addressOf)))
  for (const [i, address] of addresses.entries()) put(cluster, `web-${i}`, address)
  const tables = new Map<string, readonly string[]>()
  const told: { host: string; ips: readonly string[] }[] = []
  const systems = new Map<string, System>()

  const table = (host: string): ThreadEntry<Layer2Command> => {
    const actor: Actor<unknown, unknown, Layer2Command> = {
      kind: "table",
      start: () => void tables.set(host, []),
      receive(_, message) {
        if (message.kind !== "table") return
        const ips = message.entries.map(({ ip }) => ip)
        tables.set(host, ips)
        told.push({ host, ips })
      },
    }
    return { kind: "inline", actor, config: undefined }
  }
  const idle: Actor<unknown, unknown, { readonly kind: string }> = { kind: "idle", start() {}, receive() {} }
  const gossip = (host: string): ThreadEntry<GossipCommand> => ({
    kind: "inline",
    actor: gossipActor,
    config: { name: host, bindAddress: addressOf(host), bindPort: 7946, profile: "lan", secretKey: "hush" },
  })

  return {
    sim,
    tables,
    told,
    systems,
    start(host) {
      const world = sim.world(host, { addresses: [addressOf(host)] })
      const system = startSystem({ name: host, world, log: silent })
      systems.set(host, system)
      system.spawn({
        id: "speaker",
        actor: speakerActor,
        config: {
          nodeName: host,
          api: cluster,
          memberlistLabels: "component=speaker",
          threads: {
            gossip: gossip(host),
            layer2: table(host),
            bgp: { kind: "inline", actor: idle, config: undefined },
          },
        },
      })
    },
    die(host) {
      sim.network.kill(host)
      tables.delete(host)
    },
    led: (...by) =>
      addresses.every((address, i) => {
        const holders = [...tables].filter(([, ips]) => ips.includes(address)).map(([host]) => host)
        return holders.length === 1 && holders[0] === by[i]
      }),
  }
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

test("each address has one speaker; the next takes over from the dead and gives back to the living", async (t) => {
  for (const seed of seeds) {
    const it = ring(seed)
    for (const host of hosts) it.start(host)
    await it.sim.runUntil(() => it.led("charlie", "charlie", "bravo", "alpha"), { withinMs: 10_000 })
    for (const { host, ips } of it.told) {
      const wrong = ips.filter((ip) => ["charlie", "charlie", "bravo", "alpha"][addresses.indexOf(ip)] !== host)
      t.deepEqual(wrong, [], `seed ${seed}: nobody answered for another, not even for a moment`)
    }

    const before = it.told.length
    it.die("charlie")
    await it.sim.runUntil(() => it.led("bravo", "bravo", "bravo", "alpha"), { withinMs: 30_000 })

    it.start("charlie")
    await it.sim.runUntil(() => it.led("charlie", "charlie", "bravo", "alpha"), { withinMs: 30_000 })
    for (const { host, ips } of it.told.slice(before)) {
      if (host === "bravo") t.true(ips.includes("192.0.2.12"), `seed ${seed}: bravo's own stayed`)
      if (host === "alpha") t.true(ips.includes("192.0.2.13"), `seed ${seed}: alpha's own stayed`)
      if (host === "charlie") t.false(ips.includes("192.0.2.12"), `seed ${seed}: charlie came back knowing the others`)
    }
  }
})

test("a gossip thread that dies on one node moves no address", async (t) => {
  for (const seed of seeds) {
    const it = ring(seed)
    for (const host of hosts) it.start(host)
    await it.sim.runUntil(() => it.led("charlie", "charlie", "bravo", "alpha"), { withinMs: 10_000 })
    const before = it.told.length
    t.true(await it.systems.get("charlie")?.kill("/speaker/cluster"))
    await it.sim.runFor(60_000)
    t.is(it.told.length, before, `seed ${seed}`)
    t.true(it.led("charlie", "charlie", "bravo", "alpha"))
  }
})

test("who leaves in an orderly way is followed before it has gone", async (t) => {
  for (const seed of seeds) {
    const it = ring(seed)
    for (const host of hosts) it.start(host)
    await it.sim.runUntil(() => it.led("charlie", "charlie", "bravo", "alpha"), { withinMs: 10_000 })
    const leaving = it.systems
      .get("charlie")
      ?.ask<SpeakerMessage, { kind: "shut-down" }>(
        refTo("/speaker"),
        (replyTo) => ({ kind: "shutdown", replyTo }),
        2000,
      )
    const left = await it.sim.settle(leaving ?? Promise.reject(new Error("charlie runs")), { withinMs: 2000 })
    t.true(left.ok, `seed ${seed}`)
    const answering = (host: string) => it.tables.get(host)?.includes("192.0.2.10")
    t.true(answering("charlie"), `seed ${seed}: still there`)
    t.true(answering("bravo"), `seed ${seed}: already there`)
  }
})
