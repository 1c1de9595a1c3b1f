// Gossip has been split for so long that it has forgotten who leads: the wire has not.
import test from "ava"
import { livenessSettings } from "../../cluster/liveness/settings.ts"
import {
  answering,
  type Desired,
  type Effect,
  type Event,
  initialState,
  type Member,
  type State,
  type Watched,
} from "../../cluster/liveness/state.ts"
import { step } from "../../cluster/liveness/step.ts"
import { ip } from "../arp/frames.ts"
import { type Cluster, cluster } from "./cluster.ts"

const eventsOf = ({ lines }: Cluster, fromMs: number) =>
  lines.filter(({ atMs }) => atMs >= fromMs).flatMap(({ fields }) => (fields["event"] === "takeOver" ? [fields] : []))

async function split(seed: number, forMs: number): Promise<Cluster> {
  const it = cluster(seed)
  await it.settled()
  await it.answeredBy("charlie", 1000)
  it.cutGossip("charlie")
  await it.sim.runFor(forMs)
  const status = await it.status("bravo")
  if (status === undefined || typeof status.gossip === "string") throw new Error("no gossip")
  const known = status.gossip.members.map(({ name }) => name)
  if (known.includes("charlie")) throw new Error("gossip has not forgotten it")
  return it
}

const faults = [
  {
    what: "its process dies",
    cause: "speaker-hung",
    withinMs: 700,
    how: (it: Cluster) => it.sim.network.killProcess("charlie"),
  },
  {
    what: "it hangs",
    cause: "speaker-hung",
    withinMs: 700,
    how: (it: Cluster) => it.sim.network.pause("charlie", "process"),
  },
  {
    what: "its machine is gone",
    cause: "node-gone",
    withinMs: 400,
    how: (it: Cluster) => it.sim.network.kill("charlie"),
  },
  {
    what: "its link goes down",
    cause: "node-gone",
    withinMs: 400,
    how: (it: Cluster) => it.sim.network.setLink("charlie", "eth0", false),
  },
] as const

for (const [i, { what, cause, withinMs, how }] of faults.entries()) {
  test(`forgotten, and ${what}: replaced as quickly as any leader, by the same evidence`, async (t) => {
    for (const forMs of [60_000, 64_000 + 7 * i, 200_000]) {
      const it = await split(i + 1, forMs)
      const fromMs = it.sim.nowMs()
      how(it)
      t.true((await it.answeredBy("bravo", 2000)) < withinMs, `after ${forMs} ms`)
      t.like(eventsOf(it, fromMs), [{ from: "charlie", cause }])
    }
  })
}

test("forgotten, and pauses for 300 ms every second: it keeps its address", async (t) => {
  const it = await split(5, 60_000)
  const fromMs = it.sim.nowMs()
  for (let i = 0; i < 15; i++) {
    it.sim.network.pause("charlie", "process")
    await it.sim.runFor(300)
    it.sim.network.resume("charlie")
    await it.sim.runFor(700)
    t.deepEqual(await it.client.ask(ip("192.0.2.10"), it.sim), ["charlie"])
  }
  t.deepEqual(eventsOf(it, fromMs), [])
  t.deepEqual((await it.status("bravo"))?.liveness?.wire?.yielded, ["192.0.2.10"])
})

test("in a ring of its own by its key: its kernel still says that its process is dead", async (t) => {
  const it = cluster(6, { keyOf: (host) => (host === "charlie" ? "one" : "other") })
  await it.settled()
  await it.sim.runFor(60_000)
  await it.answeredBy("charlie", 1000)
  const fromMs = it.sim.nowMs()
  it.sim.network.killProcess("charlie")
  t.true((await it.answeredBy("bravo", 2000)) < 400)
  t.like(eventsOf(it, fromMs), [{ from: "charlie", cause: "process-dead" }])
})

const vip = ip("192.0.2.200")
const mac = { us: "02:00:00:00:00:02", first: "02:00:00:00:00:01", third: "02:00:00:00:00:03" }
const first: Member = { name: "first", address: ip("10.0.0.1"), port: 7946, macs: [mac.first], state: "alive" }
const third: Member = { name: "third", address: ip("10.0.0.3"), port: 7946, macs: [mac.third], state: "alive" }
const dead: Member = { ...first, state: "dead" }
const standby: Watched = { ip: vip, role: "standby", before: ["first"] }
const own: Watched = { ...standby, role: "own" }

/** One machine that hears `first` answer each question for as long as it is not paused. */
function scene(port: "accepts" | "refused" = "accepts") {
  let state: State = initialState(livenessSettings)
  let nowMs = 1000
  const effects: Effect[] = []
  const world = { answers: true, port }
  const give = (event: Event) => {
    const [next, more] = step(state, event, nowMs)
    state = next
    effects.push(...more)
    for (const effect of more) {
      if (effect.kind === "probe" && world.answers && (effect.to ?? mac.first) === mac.first) claim(false)
      if (effect.kind === "ask-kernel") {
        const of = effect.address === first.address ? mac.first : mac.third
        give({ kind: "heard", ip: effect.address, mac: of, gratuitous: false })
      }
      if (effect.kind === "connect") give({ kind: "connected", name: effect.name, outcome: world.port })
      if (effect.kind === "verify") give({ kind: "verified", name: effect.name, outcome: "silent" })
    }
  }
  const claim = (gratuitous: boolean, by = mac.first) => give({ kind: "heard", ip: vip, mac: by, gratuitous })
  const base: Desired = {
    self: "second",
    mac: mac.us,
    members: [first, third],
    addresses: [standby],
    liveness: true,
    strangers: "defend",
  }
  const desire = (over: Partial<Desired>) => give({ kind: "desired", desired: { ...base, ...over } })
  const pass = (ms: number) => {
    const endMs = nowMs + ms
    for (; state.dueMs <= endMs; give({ kind: "tick" })) nowMs = Math.max(nowMs, state.dueMs)
    nowMs = endMs
  }
  const happenings = () => effects.flatMap((effect) => (effect.kind === "happened" ? [effect.happening] : []))
  desire({})
  pass(1000)
  return {
    world,
    claim,
    desire,
    pass,
    happenings,
    get counts() {
      return state.counts
    },
    get known() {
      return [...state.members.keys()].sort()
    },
    answers: () => state.addresses.get(vip)?.answering === true,
    yields: () => answering(state).yielded.has(vip),
  }
}

test("gossip is asked for one that it may have forgotten with the address that it had", (t) => {
  let state = initialState(livenessSettings)
  const asked: Effect[] = []
  const give = (event: Event, nowMs: number) => {
    const [next, effects] = step(state, event, nowMs)
    state = next
    asked.push(...effects.filter(({ kind }) => kind === "verify"))
  }
  const desired: Desired = {
    self: "second",
    mac: mac.us,
    members: [dead, third],
    addresses: [own],
    liveness: true,
    strangers: "defend",
  }
  give({ kind: "desired", desired: { ...desired, members: [first, third], addresses: [standby] } }, 0)
  give({ kind: "heard", ip: vip, mac: mac.first, gratuitous: false }, 10)
  give({ kind: "desired", desired }, 20)
  for (let nowMs = 25; nowMs < 400; nowMs += 5) if (state.dueMs <= nowMs) give({ kind: "tick" }, nowMs)
  t.like(asked[0], { kind: "verify", name: "first", at: { address: "10.0.0.1", port: 7946 } })
})

test("told everything again while it pauses: not taken before its silence has been judged, and then it is", (t) => {
  const it = scene()
  it.desire({ members: [dead, third], addresses: [own] })
  it.pass(1000)
  t.true(it.yields())
  it.world.answers = false
  for (let i = 0; i < 4; i++) {
    it.pass(100)
    it.desire({ members: [dead, third], addresses: [own] })
    t.true(it.yields(), `${100 * (i + 1)} ms`)
  }
  it.world.answers = true
  it.pass(200)
  it.world.answers = false
  it.pass(1000)
  t.true(it.answers())
  t.is(it.counts.takeovers["speaker-hung"], 1)
})

test("what came between refuses connections in its name: that accuses nobody", (t) => {
  const it = scene()
  it.world.port = "refused"
  it.desire({ members: [dead, third], addresses: [own] })
  it.pass(1000)
  it.world.answers = false
  it.pass(400)
  t.true(it.yields())
  it.world.answers = true
  it.pass(40_000)
  it.world.answers = false
  it.pass(400)
  t.true(it.yields())
  it.pass(600)
  t.is(it.counts.takeovers["speaker-hung"], 1)
})

test("deleted besides, and heard: it is no candidate and no stranger either, until it has been silent for a while", (t) => {
  const it = scene()
  const gone: Partial<Desired> = { members: [third], addresses: [{ ...own, before: [] }], strangers: "cease" }
  it.desire(gone)
  t.true(it.answers(), "Kubernetes says who is a candidate")
  for (let i = 0; i < 5; i++) {
    it.claim(true)
    it.pass(4000)
    it.desire(gone)
  }
  t.true(it.answers(), "a stranger's second claim would have made it cease")
  t.deepEqual(it.known, ["first", "third"])
  t.like(it.counts, { contests: 5, conflicts: 0, remembered: 1 })
  t.like(
    it.happenings().find(({ what }) => what === "brain-split"),
    { node: "first", mac: mac.first },
  )
  it.pass(31_000)
  it.desire(gone)
  t.deepEqual(it.known, ["third"])
  it.claim(true)
  t.is(it.counts.conflicts, 1)
})

test("one that comes with the MAC or address of a forgotten one is the one that counts", (t) => {
  for (const heir of [
    { ...third, macs: [mac.first] },
    { ...third, address: first.address, macs: [] },
  ]) {
    const it = scene()
    it.desire({ members: [heir], addresses: [{ ...own, before: ["third"] }] })
    it.claim(true)
    it.pass(300)
    t.like(it.happenings(), [{ what: "yielded", to: "third" }])
  }
})

test("without liveness, or after a good-bye, nobody is remembered", (t) => {
  const it = scene()
  it.desire({ members: [third], addresses: [{ ...own, before: [] }], liveness: false })
  t.deepEqual(it.known, ["third"])
  const other = scene()
  other.desire({ members: [{ ...first, state: "left" }, third] })
  other.desire({ members: [third], addresses: [{ ...own, before: [] }] })
  t.deepEqual(other.known, ["third"])
})

test("an announcer that has just begun does not know its MACs: those that it named go on", (t) => {
  const it = scene()
  // Of another interface than the one that its node's address is on.
  const other = "02:00:00:00:00:77"
  it.desire({ members: [{ ...first, macs: [mac.first, other] }, third] })
  it.desire({ members: [{ ...dead, macs: [] }, third], addresses: [own] })
  it.world.answers = false
  it.pass(1000)
  t.true(it.answers())
  it.claim(true, other)
  t.true(it.yields())
  t.is(it.counts.conflicts, 0)
})

test("as many are remembered as there is room for, those heard last", (t) => {
  let state = initialState(livenessSettings)
  const desired = (members: readonly Member[], addresses: readonly Watched[]): Event => ({
    kind: "desired",
    desired: { self: "second", mac: mac.us, members, addresses, liveness: true, strangers: "defend" },
  })
  const many = Array.from({ length: 100 }, (_, i): Member => {
    const text = i.toString(16).padStart(2, "0")
    return {
      name: `node-${text}`,
      address: ip(`10.0.1.${i}`),
      port: 7946,
      macs: [`02:00:00:00:01:${text}`],
      state: "dead",
    }
  })
  ;[state] = step(state, desired(many, [{ ...own, before: many.map(({ name }) => name) }]), 0)
  for (const [i, { macs }] of many.entries())
    [state] = step(state, { kind: "heard", ip: vip, mac: macs[0] ?? "", gratuitous: true }, 100 + i)
  ;[state] = step(state, desired([third], [{ ...own, before: [] }]), 1000)
  t.is(state.counts.remembered, 64)
  t.deepEqual([...state.members.keys()].sort(), [...many.slice(36).map(({ name }) => name), "third"])
})
