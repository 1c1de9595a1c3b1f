// The witness actor on virtual time: what it claims, what it finds, and that nothing waits for it.
import test from "ava"
import { rivalOf } from "../../cluster/witness/judge.ts"
import type { WitnessClaim, WitnessCommand, WitnessReport } from "../../cluster/witness/messages.ts"
import { type WitnessMessage, witnessActor } from "../../cluster/witness/witness.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import { simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { MemoryWitness } from "./memory-store.ts"

const web = "192.0.2.10"

async function witnesses(...names: readonly string[]) {
  const sim = simulate(1)
  const memory = new MemoryWitness(() => sim.nowMs())
  const lines: string[] = []
  const nodes = new Map(
    names.map((name) => {
      const say = (message: string) => void lines.push(`${name}: ${message}`)
      const log: Log = { debug() {}, info: say, warn: say, error: say }
      const system = startSystem({ name, world: sim.world(name), log })
      const reports: WitnessReport[] = []
      const owner: Actor<null, null, WitnessReport | { readonly kind: "started" }> = {
        kind: "owner",
        start(_, context) {
          context.spawn({
            id: "witness",
            actor: witnessActor,
            config: { nodeName: name, store: memory.store() },
            started: () => ({ kind: "started" }),
          })
          return null
        },
        receive(state, message, context) {
          if (message.kind === "witness-report") reports.push(message)
          else context.send(refTo<WitnessCommand>("/owner/witness"), { kind: "subscribe", subscriber: context.self })
          return state
        },
      }
      system.spawn({ id: "owner", actor: owner, config: null })
      const tell = (message: WitnessMessage) => system.send(refTo<WitnessMessage>("/owner/witness"), message)
      return [
        name,
        {
          reports,
          last: () => reports.at(-1),
          announce: (claim: readonly string[], watch: readonly string[] = []) =>
            tell({ kind: "announced", macs: [`mac-${name}`], claim, watch }),
        },
      ]
    }),
  )
  const node = (name: string) => {
    const found = nodes.get(name)
    if (found === undefined) throw new Error(name)
    return found
  }
  await sim.runFor(10)
  return { sim, memory, lines, node }
}

test("what is announced is claimed, and released when it is not", async (t) => {
  const { sim, memory, node } = await witnesses("alpha")
  node("alpha").announce([web, "2001:db8::1"])
  await sim.runFor(50)
  t.like(node("alpha").last(), { up: true, claims: 2, conflicts: [] })
  t.deepEqual(memory.holders(web), ["alpha"])
  await sim.runFor(60_000)
  t.deepEqual(memory.holders(web), ["alpha"], "renewed")
  node("alpha").announce(["2001:db8::1"])
  await sim.runFor(50)
  t.deepEqual(memory.holders(web), [])
  t.is(node("alpha").last()?.claims, 1)
})

test("two who announce one address: both see it, once, and when it is over", async (t) => {
  const { sim, node, lines } = await witnesses("alpha", "bravo")
  node("alpha").announce([web])
  await sim.runFor(10_000)
  node("bravo").announce([web])
  await sim.runFor(2500)
  t.deepEqual(node("alpha").last()?.conflicts, [], "it may be a hand-over")
  await sim.runFor(3000)
  t.deepEqual(node("alpha").last()?.conflicts, [{ ip: web, node: "bravo", macs: ["mac-bravo"], epoch: 2, ownEpoch: 1 }])
  t.deepEqual(node("bravo").last()?.conflicts, [{ ip: web, node: "alpha", macs: ["mac-alpha"], epoch: 1, ownEpoch: 2 }])
  await sim.runFor(60_000)
  t.is(node("alpha").last()?.counts.splits, 1)
  t.is(lines.filter((line) => line.includes("brain split")).length, 2)
  node("alpha").announce([], [web])
  await sim.runFor(3000)
  t.deepEqual(node("alpha").last()?.conflicts, [{ ip: web, node: "bravo", macs: ["mac-bravo"], epoch: 2 }])
  t.deepEqual(node("bravo").last()?.conflicts, [])
  node("bravo").announce([])
  await sim.runFor(3000)
  t.deepEqual(node("alpha").last()?.conflicts, [])
})

test("who hands over in time, or dies, is in nobody's way", async (t) => {
  const { sim, node } = await witnesses("alpha", "bravo", "charlie")
  node("alpha").announce([web])
  await sim.runFor(10_000)
  node("bravo").announce([web])
  await sim.runFor(1500)
  node("alpha").announce([])
  await sim.runFor(10_000)
  sim.network.killProcess("bravo")
  node("charlie").announce([web])
  await sim.runFor(20_000)
  for (const name of ["alpha", "bravo", "charlie"]) {
    t.true(
      node(name).reports.every(({ conflicts }) => conflicts.length === 0),
      name,
    )
  }
})

test("a node that stood still for a while, and finds another in its place, is in nobody's way", async (t) => {
  for (const pausedMs of [1500, 2500, 4000, 8000]) {
    const { sim, node } = await witnesses("alpha", "bravo")
    node("alpha").announce([web])
    await sim.runFor(10_000)
    sim.network.pause("alpha", "process")
    await sim.runFor(700)
    node("bravo").announce([web])
    await sim.runFor(pausedMs - 700)
    sim.network.resume("alpha")
    await sim.runFor(1200)
    node("alpha").announce([])
    await sim.runFor(10_000)
    const all = [...node("alpha").reports, ...node("bravo").reports]
    t.true(
      all.every(({ conflicts }) => conflicts.length === 0),
      `${pausedMs} ms`,
    )
  }
})

for (const mode of ["refuses", "hangs"] as const) {
  test(`one that ${mode} is said once, asked ever more rarely, and found again`, async (t) => {
    const { sim, memory, node, lines } = await witnesses("alpha")
    memory.mode = mode
    node("alpha").announce([web])
    await sim.runFor(2500)
    t.is(node("alpha").last()?.up, false)
    await sim.runFor(120_000)
    const { exchanges } = memory
    t.true(exchanges < 25, String(exchanges))
    t.is(lines.filter((line) => line.includes("does not answer")).length, 1)
    node("alpha").announce([web, "192.0.2.11"])
    await sim.runFor(100)
    t.true(memory.exchanges <= exchanges + 1, "what is announced does not hurry it")
    memory.mode = "answers"
    await sim.runFor(25_000)
    t.like(node("alpha").last(), { up: true, claims: 2 })
    t.is(lines.filter((line) => line.includes("answers again")).length, 1)
  })
}

test("a conflict that cannot be confirmed any more is forgotten", async (t) => {
  const { sim, memory, node } = await witnesses("alpha", "bravo")
  for (const name of ["alpha", "bravo"]) node(name).announce([web])
  await sim.runFor(6000)
  t.is(node("alpha").last()?.conflicts.length, 1)
  memory.mode = "refuses"
  await sim.runFor(60_000)
  t.like(node("alpha").last(), { up: false, conflicts: [] })
})

test("one that has forgotten everything is told again", async (t) => {
  const { sim, memory, node } = await witnesses("alpha", "bravo")
  for (const name of ["alpha", "bravo"]) node(name).announce([web])
  await sim.runFor(6000)
  const epochs = () =>
    node("alpha")
      .last()
      ?.conflicts.map(({ epoch, ownEpoch }) => [ownEpoch, epoch])
  const before = epochs()
  memory.forget()
  await sim.runFor(8000)
  t.deepEqual(epochs(), before)
})

test("more addresses than there are claims for", async (t) => {
  const { sim, node } = await witnesses("alpha")
  node("alpha").announce(Array.from({ length: 5000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`))
  await sim.runFor(2000)
  t.like(node("alpha").last(), { up: true, claims: 4096, unclaimed: 904 })
})

const claim = (over: Partial<WitnessClaim>): WitnessClaim => ({
  node: "alpha",
  macs: [],
  epoch: 1,
  sinceMs: 0,
  renewedMs: 10_000,
  ...over,
})
test("the rule: both renewed for three seconds after both had begun; the highest epoch is named", (t) => {
  const own = claim({})
  const rows: readonly (readonly [Partial<WitnessClaim>, boolean])[] = [
    [{ sinceMs: 7000 }, true],
    [{ sinceMs: 7001 }, false],
    [{ sinceMs: -90_000, renewedMs: 2999 }, false],
    [{ sinceMs: -90_000, renewedMs: 3000 }, true],
  ]
  for (const [over, split] of rows) {
    const other = claim({ node: "bravo", ...over })
    t.is(rivalOf({ own, others: [other] }) !== undefined, split, JSON.stringify(over))
  }
  const [older, newer] = [claim({ node: "bravo", epoch: 2 }), claim({ node: "charlie", epoch: 3 })]
  t.is(rivalOf({ own, others: [older, newer] }), newer)
  t.is(rivalOf({ own, others: [] }), undefined)
  t.is(rivalOf({ others: [claim({ sinceMs: 9999 })] })?.node, "alpha", "who watches sees it at once")
})
