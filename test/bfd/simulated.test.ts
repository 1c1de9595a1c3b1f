import test from "ava"
import { bfdActor } from "../../actors/bfd/bfd.ts"
import {
  bfdKey,
  type BfdCommand,
  type BfdReport,
  type BfdSessionReport,
  type DesiredBfdSession,
} from "../../actors/bfd/messages.ts"
import type { Actor } from "../../supervision/actor.ts"
import { type Simulator, simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem, type System } from "../../supervision/system.ts"
import { recordingLog } from "../supervision/help.ts"

const profile = { transmitInterval: 50, receiveInterval: 50, detectMultiplier: 3 }

interface Node {
  readonly system: System
  readonly reports: BfdReport[]
  /** As after a restart of the whole actor. */
  tellAgain(...sessions: DesiredBfdSession[]): void
  want(...sessions: DesiredBfdSession[]): void
  session(): BfdSessionReport | undefined
}

function node(sim: Simulator, name: string, address: string, peer: string): Node {
  const system = startSystem({ name, world: sim.world(name, { addresses: [address] }), log: recordingLog() })
  const reports: BfdReport[] = []
  const subscriber: Actor<undefined, undefined, BfdReport> = {
    kind: "subscriber",
    start: () => undefined,
    receive(_state, report) {
      reports.push(report)
      return undefined
    },
  }
  const bfd = refTo<BfdCommand>("/bfd")
  system.spawn({ id: "bfd", actor: bfdActor, config: undefined })
  const ref = system.spawn({ id: "subscriber", actor: subscriber, config: undefined })
  system.send(bfd, { kind: "subscribe", subscriber: ref })
  const key = bfdKey({ peer, multihop: false })
  return {
    system,
    reports,
    tellAgain(...sessions) {
      system.send(bfd, { kind: "subscribe", subscriber: ref })
      system.send(bfd, { kind: "sessions", sessions })
    },
    want: (...sessions) => system.send(bfd, { kind: "sessions", sessions }),
    session: () => reports.at(-1)?.sessions.find((each) => each.key === key),
  }
}

const to = (peer: string, more: Partial<DesiredBfdSession["profile"]> = {}): DesiredBfdSession => ({
  peer,
  multihop: false,
  profile: { ...profile, ...more },
})

/** BFD's packets have no numbers: it relies on a path that keeps their order, so each takes equally long here. */
const steady = [0.5, 0.5] as const

async function pair(seed: number, loss = 0): Promise<{ sim: Simulator; a: Node; b: Node }> {
  const sim = simulate(seed, { network: { loss, delayMs: steady } })
  const a = node(sim, "a", "10.0.0.1", "10.0.0.2")
  const b = node(sim, "b", "10.0.0.2", "10.0.0.1")
  a.want(to("10.0.0.2"))
  b.want(to("10.0.0.1"))
  await sim.runUntil(() => a.session()?.state === "up" && b.session()?.state === "up", { withinMs: 30_000 })
  return { sim, a, b }
}

for (let seed = 1; seed <= 20; seed++) {
  test(`seed ${seed}: up; a cut is seen by both within the detection time; up again when it heals`, async (t) => {
    const { sim, a, b } = await pair(seed)
    await sim.runUntil(() => a.session()?.detectionTimeMs === 150 && b.session()?.detectionTimeMs === 150, {
      withinMs: 5_000,
    })
    const cutMs = sim.nowMs()
    sim.network.partition("a", "b")
    await sim.runUntil(() => a.session()?.state === "down" && b.session()?.state === "down", { withinMs: 5_000 })
    t.true(sim.nowMs() - cutMs <= 151, `${sim.nowMs() - cutMs}`)
    t.is(a.session()?.lastDown?.diagnostic, "control detection time expired")
    sim.network.heal()
    await sim.runUntil(() => a.session()?.state === "up" && b.session()?.state === "up", { withinMs: 10_000 })
    t.is(a.session()?.counters.sessionDownEvents, 1)
    t.is(a.session()?.counters.pathLosses, 1)
  })
}

test("a minute without loss: no flap, and no more packets than the interval allows", async (t) => {
  const { sim, a, b } = await pair(7)
  await sim.runFor(60_000)
  for (const { counters } of [a.session(), b.session()].flatMap((session) => session ?? [])) {
    t.is(counters.sessionDownEvents, 0)
    t.true(
      counters.controlPacketOutput > 1_200 && counters.controlPacketOutput < 1_650,
      `${counters.controlPacketOutput}`,
    )
  }
})

test("every state change is told, in order, and none is lost between Up and Up", async (t) => {
  const { sim, a } = await pair(3, 0.25)
  await sim.runFor(120_000)
  let downs = 0
  let last: BfdSessionReport | undefined
  for (const { sessions } of a.reports) {
    const [session] = sessions
    if (session === undefined) continue
    if (last?.state === "up" && session.state !== "up") downs++
    if (last !== undefined) t.true(session.counters.sessionDownEvents >= last.counters.sessionDownEvents)
    last = session
  }
  t.true(downs > 3, "a quarter of the packets lost must end a session now and then")
  t.is(last?.counters.sessionDownEvents, downs)
})

test("two passive sides stay silent", async (t) => {
  const sim = simulate(11)
  const a = node(sim, "a", "10.0.0.1", "10.0.0.2")
  const b = node(sim, "b", "10.0.0.2", "10.0.0.1")
  a.want(to("10.0.0.2", { passiveMode: true }))
  b.want(to("10.0.0.1", { passiveMode: true }))
  await sim.runFor(30_000)
  t.is(a.session()?.counters.controlPacketOutput, 0)
  t.is(b.session()?.diagnostic, "passive: waiting for the peer's first packet")
  b.want(to("10.0.0.1"))
  await sim.runUntil(() => a.session()?.state === "up" && b.session()?.state === "up", { withinMs: 10_000 })
})

test("removed on one side: the other hears AdminDown, and waits without judging the path", async (t) => {
  const { sim, a, b } = await pair(5)
  a.want()
  await sim.runUntil(() => b.session()?.state === "down", { withinMs: 1_000 })
  t.is(b.session()?.diagnostic, "the peer is administratively down")
  t.is(b.session()?.remote?.state, "admin-down")
  t.is(b.session()?.counters.sessionDownEvents, 1)
  t.is(b.session()?.counters.pathLosses, 0)
  await sim.runFor(10_000)
  t.deepEqual(a.reports.at(-1)?.sessions, [])
})

test("settings that cannot work are told with the session; repaired, it comes up", async (t) => {
  const { sim, a, b } = await pair(6)
  a.want(to("10.0.0.2", { transmitInterval: 5 }))
  await sim.runUntil(() => b.session()?.state === "down", { withinMs: 1_000 })
  t.regex(a.session()?.diagnostic ?? "", /transmitInterval 5 /)
  a.want(to("10.0.0.2"))
  await sim.runUntil(() => a.session()?.state === "up" && b.session()?.state === "up", { withinMs: 10_000 })
})

test("more sessions than one thread takes are refused and counted, the others work", async (t) => {
  const sim = simulate(8)
  const a = node(sim, "a", "10.0.0.1", "10.0.0.2")
  const many = Array.from({ length: 520 }, (_, at) => to(`10.0.${1 + (at >> 8)}.${at & 0xff}`, { passiveMode: true }))
  a.want(...many)
  await sim.runUntil(() => a.reports.at(-1)?.refused === 8, { withinMs: 5_000 })
  t.is(a.reports.at(-1)?.sessions.length, 512)
})

test("a session's actor that crashes puts the path in doubt on neither side", async (t) => {
  const { sim, a, b } = await pair(9)
  await sim.settle(a.system.kill("/bfd/10.0.0.2"), { withinMs: 5_000 })
  await sim.runUntil(() => b.session()?.state !== "up", { withinMs: 1_000 })
  await sim.runUntil(() => a.session()?.state === "up" && b.session()?.state === "up", { withinMs: 10_000 })
  for (const each of [a, b]) {
    t.is(each.session()?.counters.sessionDownEvents, 1)
    t.is(each.session()?.counters.pathLosses, 0)
  }
})

test("killed again and again, both sides, by seed: it always comes back", async (t) => {
  for (let seed = 100; seed < 105; seed++) {
    const { sim, a, b } = await pair(seed, 0.02)
    for (let round = 0; round < 5; round++) {
      const one = round % 2 === 0 ? a : b
      await sim.settle(one.system.kill(round % 3 === 0 ? "/bfd" : `/bfd/${one === a ? "10.0.0.2" : "10.0.0.1"}`), {
        withinMs: 5_000,
      })
      await sim.runFor(300)
      a.tellAgain(to("10.0.0.2"))
      b.tellAgain(to("10.0.0.1"))
    }
    await sim.runUntil(() => a.session()?.state === "up" && b.session()?.state === "up", { withinMs: 20_000 })
  }
  t.pass()
})
