// Whole speakers with a witness: parted on layer 2, both announce, and it is seen; nothing else waits for it.
import test from "ava"
import { leftByWitness, type OnSplit } from "../../actors/announcer/left.ts"
import type { WitnessConflict } from "../../cluster/witness/messages.ts"
import { type Cluster, cluster, web } from "../liveness/cluster.ts"
import { member, put, speaker } from "../speaker/harness.ts"
import { MemoryWitness } from "./memory-store.ts"

const seeds = [1, 2, 3]

async function bySeed(onSplit: OnSplit, story: (it: Cluster, memory: MemoryWitness, seed: number) => Promise<void>) {
  for (const seed of seeds) {
    const made: MemoryWitness[] = []
    const it = cluster(seed, {
      witness(nowMs) {
        const memory = new MemoryWitness(nowMs)
        made.push(memory)
        return { store: memory.store(), onSplit }
      },
    })
    await it.settled()
    await it.answeredBy("charlie", 1000)
    const [memory] = made
    if (memory !== undefined) await story(it, memory, seed)
  }
}
const part = (it: Cluster) => {
  for (const other of ["alpha", "bravo"]) it.sim.network.partition("charlie", other)
}
const answering = async (it: Cluster) => (await it.client.ask(web, it.sim)).toSorted()
const splits = (it: Cluster) => it.api.events.filter(({ reason }) => reason === "brainSplit")

test("parted: each side serves its clients, and both nodes are named; healed, one is left and the witness agrees", async (t) => {
  await bySeed("settle", async (it, memory, seed) => {
    t.deepEqual(memory.holders(web), ["charlie"])
    part(it)
    await it.sim.runFor(20_000)
    t.deepEqual(await answering(it), ["bravo", "charlie"], `seed ${seed}`)
    const events = splits(it)
    t.is(events.length, 2, `seed ${seed}: one from each`)
    for (const { type, message } of events) {
      t.is(type, "Warning")
      t.regex(
        message,
        /^brain split: node "(bravo|charlie)" \(02:.*\) and node "(bravo|charlie)" \(02:.*\) both announce/,
      )
      t.true(message.includes("bravo") && message.includes("charlie"))
    }
    for (const host of ["bravo", "charlie"]) {
      const witness = (await it.status(host))?.witness
      t.like(witness, { up: true, claims: 1, left: [], counts: { splits: 1 } }, `seed ${seed}: ${host}`)
      t.is(witness?.conflicts.length, 1)
    }
    it.sim.network.heal()
    await it.answeredBy("charlie", 70_000)
    await it.sim.runFor(10_000)
    t.deepEqual(memory.holders(web), ["charlie"], `seed ${seed}`)
    t.deepEqual((await it.status("charlie"))?.witness?.conflicts, [])
  })
})

test("fence: the older claim gives way, and comes back when the newer one has gone", async (t) => {
  await bySeed("fence", async (it, memory, seed) => {
    part(it)
    await it.sim.runFor(20_000)
    t.deepEqual(await answering(it), ["bravo"], `seed ${seed}`)
    t.deepEqual((await it.status("charlie"))?.witness?.left, [web])
    t.deepEqual(memory.holders(web), ["bravo"])
    t.is(it.said("leftByWitness").length, 1)
    it.sim.network.killProcess("bravo")
    it.sim.network.killProcess("alpha")
    const tookMs = await it.answeredBy("charlie", 15_000)
    t.true(tookMs > 2000, `seed ${seed}: its claim has to end first`)
    t.deepEqual((await it.status("charlie"))?.witness?.left, [])
  })
})

test("fence, and the witness goes away: what was left is answered for again", async (t) => {
  await bySeed("fence", async (it, memory, seed) => {
    part(it)
    await it.sim.runFor(20_000)
    t.deepEqual(await answering(it), ["bravo"], `seed ${seed}`)
    memory.mode = "hangs"
    await it.sim.runFor(60_000)
    t.deepEqual(await answering(it), ["bravo", "charlie"], `seed ${seed}`)
    t.is((await it.status("charlie"))?.witness?.up, false)
  })
})

for (const mode of ["refuses", "hangs"] as const) {
  test(`a witness that ${mode} from the start: fail-over is as fast, and nothing is withdrawn`, async (t) => {
    for (const seed of seeds) {
      const it = cluster(seed, {
        witness(nowMs) {
          const memory = new MemoryWitness(nowMs)
          memory.mode = mode
          return { store: memory.store(), onSplit: "fence" }
        },
      })
      await it.settled()
      await it.answeredBy("charlie", 1000)
      it.sim.network.killProcess("charlie")
      const tookMs = await it.answeredBy("bravo", 1000)
      t.true(tookMs < 400, `seed ${seed}: ${tookMs}`)
      await it.sim.runFor(30_000)
      t.deepEqual(await answering(it), ["bravo"])
      t.is((await it.status("bravo"))?.witness?.up, false)
      t.is(it.lines.filter(({ host, fields }) => host === "bravo" && fields["op"] === "witness").length, 1)
    }
  })
}

test("kills and returns without a partition are no split", async (t) => {
  await bySeed("fence", async (it, _, seed) => {
    for (const _round of [1, 2]) {
      it.sim.network.killProcess("charlie")
      await it.answeredBy("bravo", 1000)
      await it.sim.runFor(9000)
      it.start("charlie")
      await it.answeredBy("charlie", 15_000)
      await it.sim.runFor(9000)
    }
    t.deepEqual(splits(it), [], `seed ${seed}`)
    t.deepEqual(it.said("leftByWitness"), [], `seed ${seed}`)
  })
})

test("settle: while gossip reaches the other one the older claim gives way; called dead, each serves", async (t) => {
  let nowMs = 0
  const memory = new MemoryWitness(() => nowMs)
  const wire = { liveness: false, strangers: "defend" } as const
  const it = await speaker({ wire, witness: { store: memory.store(), onSplit: "settle" } })
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      nowMs += 500
      await it.pass(500)
    }
  }
  await it.change((api) => put(api, "web", web))
  await it.members("alpha", "bravo", "charlie")
  await it.layer2Report({ macs: ["02:00:00:00:00:0c"] })
  await pass(5000)
  t.deepEqual(it.addresses(), [web])
  t.deepEqual(memory.holders(web), ["charlie"])
  // bravo goes by other facts, and announces the same address.
  const store = memory.store()
  const renew = async (epoch?: number) =>
    store.exchange({ node: "bravo", macs: ["02:00:00:00:00:0b"], ttlMs: 5000 }, [
      { ip: web, what: { kind: "claim", ...(epoch !== undefined && { epoch }) } },
    ])
  await renew()
  const both = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      await pass(1000)
      await renew(2)
    }
  }
  await both(15)
  t.deepEqual(it.addresses(), [web], "gossip might only not know yet")
  await both(10)
  t.deepEqual(it.addresses(), [])
  t.true(it.events().some((event) => event.startsWith('brainSplit: brain split: node "charlie" (02:00:00:00:00:0c)')))
  t.deepEqual(memory.holders(web), ["bravo"])
  t.deepEqual((await it.status()).witness?.left, [web])
  await it.members("alpha", member("bravo", "dead"), "charlie")
  t.deepEqual(it.addresses(), [web])
  await it.kill("/speaker/witness")
  await pass(2000)
  t.deepEqual(memory.holders(web), ["bravo", "charlie"], "a witness actor that begins anew is told again")
})

const conflict = (over: Partial<WitnessConflict> = {}): WitnessConflict => ({
  ip: web,
  node: "bravo",
  macs: [],
  epoch: 2,
  ownEpoch: 1,
  ...over,
})
const rows: readonly (readonly [string, WitnessConflict, OnSplit, number | undefined, boolean])[] = [
  ["report: never", conflict(), "report", 99_000, false],
  ["settle: the newer one has been reached by gossip all the while", conflict(), "settle", 20_000, true],
  ["settle: gossip might only not know yet", conflict(), "settle", 19_999, false],
  ["settle: it is cut off", conflict(), "settle", undefined, false],
  ["settle: ours is newer", conflict({ epoch: 1, ownEpoch: 2 }), "settle", 99_000, false],
  ["fence: cut off or not", conflict(), "fence", undefined, true],
  ["one epoch, from a store that has forgotten: the first by name stays", conflict({ epoch: 1 }), "fence", 0, true],
  ["one epoch, and we are first", conflict({ epoch: 1, node: "delta" }), "fence", 0, false],
]
for (const [name, given, onSplit, reachedMs, left] of rows) {
  test(`what is left to others: ${name}`, (t) => {
    const about = { self: "charlie", onSplit, reachedMs: () => reachedMs }
    t.deepEqual([...leftByWitness(new Set(), [given], about)], left ? [web] : [])
  })
}

test("what is left stays so while the other one's claim lives", (t) => {
  const about = { self: "charlie", onSplit: "settle", reachedMs: () => 0 } as const
  const { ownEpoch: _, ...watched } = conflict()
  t.deepEqual([...leftByWitness(new Set([web]), [watched], about)], [web])
  t.deepEqual([...leftByWitness(new Set(), [watched], about)], [])
  t.deepEqual([...leftByWitness(new Set([web]), [], about)], [])
  const cut = { ...about, reachedMs: () => undefined }
  t.deepEqual([...leftByWitness(new Set([web]), [watched], cut)], [], "nor when it is cut off since")
})
