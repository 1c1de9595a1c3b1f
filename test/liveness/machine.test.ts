// The machine of one segment, rule by rule. Time is a number.
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

const vip = ip("192.0.2.200")
const mac = {
  us: "02:00:00:00:00:02",
  first: "02:00:00:00:00:01",
  third: "02:00:00:00:00:03",
  stranger: "02:00:00:00:00:ee",
}
const member = (name: "first" | "third", over: Partial<Member> = {}): Member => ({
  name,
  address: ip(name === "first" ? "10.0.0.1" : "10.0.0.3"),
  port: 7946,
  macs: [mac[name]],
  state: "alive",
  ...over,
})
const standby: Watched = { ip: vip, role: "standby", before: ["first"] }
const own: Watched = { ip: vip, role: "own", before: [] }
const desiredOf = (addresses: readonly Watched[], over: Partial<Desired> = {}): Desired => ({
  self: "second",
  mac: mac.us,
  members: [member("first"), member("third")],
  addresses,
  liveness: true,
  strangers: "defend",
  ...over,
})

/** A machine whose ticks come when they are due, and a world that answers as it is told to. */
function scene(desired: Desired) {
  let state: State = initialState(livenessSettings)
  let nowMs = 1000
  const effects: Effect[] = []
  const answers = {
    first: true,
    kernels: new Set(["10.0.0.1", "10.0.0.3"]),
    port: "accepts" as "accepts" | "refused",
    gossip: "alive" as "alive" | "silent",
  }
  const give = (event: Event) => {
    const [next, more] = step(state, event, nowMs)
    state = next
    effects.push(...more)
    const replies = more.flatMap((effect): Event[] => {
      if (effect.kind === "probe" && answers.first && effect.to !== mac.third)
        return [{ kind: "heard", ip: effect.ip, mac: effect.to ?? mac.first, gratuitous: false }]
      if (effect.kind === "ask-kernel" && answers.kernels.has(effect.address))
        return [
          {
            kind: "heard",
            ip: effect.address,
            mac: effect.address === "10.0.0.1" ? mac.first : mac.third,
            gratuitous: false,
          },
        ]
      if (effect.kind === "connect" && (answers.kernels.has(effect.address) || answers.port === "refused"))
        return [{ kind: "connected", name: effect.name, outcome: answers.port }]
      if (effect.kind === "verify") return [{ kind: "verified", name: effect.name, outcome: answers.gossip }]
      return []
    })
    for (const reply of replies) give(reply)
  }
  give({ kind: "desired", desired })
  return {
    answers,
    effects,
    give,
    get state() {
      return state
    },
    get answering() {
      return answering(state)
    },
    claim: (by: string, gratuitous = true) => give({ kind: "heard", ip: vip, mac: by, gratuitous }),
    desire: (next: Desired) => give({ kind: "desired", desired: next }),
    pass(ms: number) {
      const endMs = nowMs + ms
      while (state.dueMs <= endMs) {
        nowMs = Math.max(nowMs, state.dueMs)
        give({ kind: "tick" })
      }
      nowMs = endMs
    },
    /** No tick comes meanwhile. */
    sleep(ms: number) {
      nowMs += ms
      give({ kind: "tick" })
    },
    took: () => answering(state).taken.has(vip),
    happenings: () => effects.flatMap((effect) => (effect.kind === "happened" ? [effect.happening.what] : [])),
    announced: (how?: "burst" | "once") =>
      effects.filter((effect) => effect.kind === "announce" && (how === undefined || effect.how === how)).length,
    probes: () => effects.flatMap((effect) => (effect.kind === "probe" ? [effect] : [])),
  }
}

test("a leader that was never heard is never accused", (t) => {
  const it = scene(desiredOf([standby]))
  it.answers.first = false
  const fresh = scene(desiredOf([standby], { members: [member("first", { macs: [] }), member("third")] }))
  fresh.answers.first = false
  fresh.answers.kernels.clear()
  fresh.answers.port = "refused"
  fresh.pass(20_000)
  t.false(fresh.took())
})

test("probes go to the leader's MAC alone, twenty a second", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  it.effects.length = 0
  it.pass(1000)
  t.is(it.probes().length, 20)
  t.true(it.probes().every(({ to }) => to === mac.first))
})

for (const [leaders, each] of [
  [10, 20],
  [16, 12.5],
  [40, 10],
] as const)
  test(`${leaders} leaders are probed ${each} times a second each`, (t) => {
    const numbers = Array.from({ length: leaders }, (_, i) => i + 10)
    const macOf = (number: number) => `02:00:00:00:01:${number.toString(16).padStart(2, "0")}`
    const members = numbers.map(
      (number): Member => ({
        ...member("first"),
        name: `node-${number}`,
        address: ip(`10.0.0.${number}`),
        macs: [macOf(number)],
      }),
    )
    const addresses = numbers.map(
      (number): Watched => ({
        ip: ip(`192.0.2.${number}`),
        role: "standby",
        before: [`node-${number}`],
      }),
    )
    const it = scene(desiredOf(addresses, { members }))
    for (const number of numbers)
      it.give({ kind: "heard", ip: ip(`192.0.2.${number}`), mac: macOf(number), gratuitous: true })
    it.pass(1000)
    it.effects.length = 0
    it.pass(4000)
    t.is(it.probes().length, 4 * each * leaders)
  })

test("a dead process is replaced within a probe, an answer's time and a last question to all", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(50 + 40 + 30 + 3 * 5)
  t.true(it.took())
  const last = it.effects.filter((effect) => effect.kind === "probe").slice(-1)
  t.is(last[0]?.to, undefined)
})

test("the last question is answered by somebody else: nothing is taken", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(110)
  it.claim(mac.third, false)
  it.pass(200)
  t.false(it.took())
})

test("whoever comes later in the order waits a step for each that comes before", (t) => {
  const third = { ...standby, before: ["first", "third"] }
  const it = scene(desiredOf([third]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(200)
  t.false(it.took())
  it.pass(150)
  t.true(it.took())
})

test("who slept forgets every doubt, and needs new misses", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, gossip: "silent" })
  it.pass(400)
  it.sleep(300)
  t.true(it.happenings().includes("paused"))
  it.pass(400)
  t.false(it.took(), "the silence from before does not count")
  it.pass(100)
  t.true(it.took())
})

test("back on the wire: one answer is enough to yield", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(300)
  t.true(it.took())
  it.answers.first = true
  it.pass(110)
  t.false(it.took())
  t.deepEqual(it.happenings(), ["taken-over", "yielded"])
})

test("gossip agrees afterwards: nothing changes on the wire", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(300)
  it.effects.length = 0
  it.desire(
    desiredOf([{ ...own, before: ["first"] }], { members: [member("first", { state: "dead" }), member("third")] }),
  )
  t.deepEqual([it.answering.taken.size, it.answering.yielded.size], [0, 0])
  t.is(it.announced(), 0)
})

test("gossip calls the leader dead while it answers: it keeps the address, and the split is told once", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  const split = desiredOf([{ ...own, before: ["first"] }], {
    members: [member("first", { state: "dead" }), member("third")],
  })
  it.desire(split)
  t.true(it.answering.yielded.has(vip))
  it.pass(5000)
  t.deepEqual(it.happenings(), ["brain-split"])
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(300)
  t.false(it.answering.yielded.has(vip), "and when it dies, this node answers")
})

test("a good-bye is believed though it still answers", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  it.desire(
    desiredOf([{ ...own, before: ["first"] }], { members: [member("first", { state: "left" }), member("third")] }),
  )
  t.is(it.answering.yielded.size, 0)
})

test("a claim after a good-bye: it has begun again, whatever gossip is told meanwhile", (t) => {
  const gone = desiredOf([{ ...own, before: ["first"] }], { members: [member("first", { state: "left" })] })
  const it = scene(gone)
  it.pass(1000)
  t.is(it.answering.yielded.size, 0, "a reply is no claim")
  it.claim(mac.first)
  for (let i = 0; i < 5; i++) {
    it.pass(1000)
    it.desire(gone)
    t.true(it.answering.yielded.has(vip))
  }
  it.answers.first = false
  it.answers.port = "refused"
  it.pass(2000)
  it.desire(gone)
  t.is(it.answering.yielded.size, 0)
})

test("claims: the better one is yielded to at once, the worse one contradicted at length once in ten seconds", (t) => {
  const better = scene(desiredOf([{ ...own, before: ["first"] }], { members: [member("first", { state: "dead" })] }))
  better.claim(mac.first)
  t.true(better.answering.yielded.has(vip))

  const worse = scene(desiredOf([own]))
  for (let i = 0; i < 25; i++) {
    worse.claim(mac.third)
    worse.pass(1000)
  }
  t.is(worse.announced("burst"), 3)
  t.is(worse.announced("once"), 12, "and briefly every two seconds")
  t.is(worse.state.counts.contests, 25)
  t.is(worse.answering.yielded.size, 0)
})

const other = ip("192.0.2.201")
const cutOff = () =>
  desiredOf(
    [vip, other].map((each): Watched => ({ ip: each, role: "own", before: ["first"] })),
    {
      members: [member("first", { state: "dead" }), member("third")],
    },
  )

test("a member that gossip calls dead is asked for what it would have, and a reply is no proof", (t) => {
  const it = scene(cutOff())
  it.answers.first = false
  it.pass(3000)
  const asked = it.probes()
  t.true(asked.length >= 8 && asked.length <= 12, `asked ${asked.length} times in 3 s`)
  t.deepEqual(new Set(asked.map(({ ip: each }) => each)), new Set([vip, other]))
  t.true(asked.some(({ to }) => to === undefined) && asked.some(({ to }) => to === mac.first))
  t.is(it.announced(), 0)

  // Its kernel answers, its speaker is dead: nobody contradicts.
  it.answers.first = true
  it.pass(10_000)
  t.is(it.answering.yielded.size, 0)
  t.true(it.announced("once") >= 5 && it.announced("once") <= 12, `said ${it.announced("once")} times in 10 s`)
})

test("the segment is whole again: a dead member that contradicts gets its address, and is told of all others", (t) => {
  const it = scene(cutOff())
  it.answers.first = false
  it.pass(1000)
  it.claim(mac.first)
  t.deepEqual([...it.answering.yielded], [vip])
  t.is(it.announced("once"), 1, "of the other address")
})

test("a leader that says itself that its link is down is replaced, though it answers gossip and was never heard", (t) => {
  const it = scene(desiredOf([standby], { members: [member("first", { macs: [], unheard: true }), member("third")] }))
  Object.assign(it.answers, { first: false, kernels: new Set(["10.0.0.3"]) })
  it.pass(2000)
  t.deepEqual(it.happenings(), ["taken-over"])
  t.true(it.answering.taken.has(vip))
})

test("who held it in the place of a leader whose link is down, and lets go, leaves it to the next", (t) => {
  const it = scene(desiredOf([standby], { members: [member("first", { macs: [], unheard: true }), member("third")] }))
  Object.assign(it.answers, { first: false, kernels: new Set(["10.0.0.3"]) })
  it.claim(mac.third)
  it.pass(650)
  t.false(it.took(), "it may sleep")
  it.pass(2000)
  t.true(it.took())
})

test("whoever let go for somebody else's sake leaves one that was heard before: its silence means something", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, kernels: new Set(["10.0.0.3"]) })
  it.claim(mac.third)
  it.pass(600)
  t.false(it.took(), "that one may sleep")
  it.answers.gossip = "silent"
  it.pass(1500)
  t.deepEqual(it.happenings(), ["taken-over"])
  t.true(it.took())
})

test("we lead by gossip, yielded to one that it calls dead, and that one lets go: the address is ours again", (t) => {
  const split = desiredOf([{ ...own, before: ["first"] }], {
    members: [member("first", { state: "dead" }), member("third")],
  })
  const it = scene(split)
  it.claim(mac.first)
  it.pass(1000)
  t.true(it.answering.yielded.has(vip))
  it.answers.first = false
  it.pass(600)
  t.true(it.answering.yielded.has(vip), "it may sleep")
  it.pass(400)
  t.is(it.answering.yielded.size, 0)
  t.deepEqual(it.happenings(), ["yielded", "brain-split", "taken-over"])
})

test("claims that cross are no contradiction", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(300)
  it.claim(mac.third)
  it.pass(200)
  t.is(it.announced("burst"), 1)
  it.claim(mac.third)
  t.true(it.took())
  it.pass(200)
  it.claim(mac.third)
  it.pass(200)
  t.false(it.took(), "it insists")
})

test("sticky: whoever comes first but for our claim, and insists, does not know of it and keeps the address", (t) => {
  const claimed = desiredOf([{ ...own, rivals: ["first"] }])
  const it = scene(claimed)
  it.claim(mac.first)
  it.pass(200)
  it.claim(mac.first)
  it.pass(200)
  t.deepEqual([it.announced("burst"), it.answering.yielded.size], [1, 0], "it is about to hear of our claim")
  it.pass(1000)
  it.claim(mac.first)
  it.pass(200)
  t.true(it.answering.yielded.has(vip))
  it.desire(claimed)
  t.true(it.answering.yielded.has(vip))
  it.claim(mac.third)
  it.pass(500)
  t.true(it.answering.yielded.has(vip))
})

test("sticky: whom we took it from is asked for it for two minutes, and an answer is contradicted", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(300)
  t.true(it.took())
  it.desire(desiredOf([own]))
  it.pass(5000)
  t.is(it.announced(), 0)
  it.answers.first = true
  it.pass(5000)
  t.deepEqual([it.announced("once"), it.answering.yielded.size], [3, 0])
  it.pass(120_000)
  it.effects.length = 0
  it.pass(5000)
  t.deepEqual([it.announced(), it.probes().length], [0, 0])
})

test("one that comes before us, lives and does not answer has its reasons", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  it.answers.first = false
  it.pass(5000)
  t.false(it.took())
})

test("whoever hands over asks for the next leader, who may have nothing to announce", (t) => {
  const it = scene(desiredOf([{ ...own, before: ["first"] }], { members: [member("third")] }))
  it.answers.first = false
  it.pass(100)
  it.desire(desiredOf([standby]))
  t.true(it.answering.lingering?.has(vip))
  it.answers.first = true
  it.pass(400)
  t.is(it.answering.lingering, undefined)
  t.deepEqual(it.happenings(), ["handed-over"])
})

test("a kernel that answers for an address leads nobody: only claims count against gossip's word", (t) => {
  const it = scene(desiredOf([{ ...own, before: ["first"] }], { members: [member("first", { state: "dead" })] }))
  it.claim(mac.first, false)
  t.is(it.answering.yielded.size, 0)
})

test("a stranger: one announcement in ten seconds, or giving up at the second conflict", (t) => {
  const defend = scene(desiredOf([own]))
  for (let i = 0; i < 21; i++) {
    defend.claim(mac.stranger)
    defend.pass(500)
  }
  t.is(defend.effects.filter((effect) => effect.kind === "announce" && effect.how === "once").length, 2)
  t.is(defend.state.counts.conflicts, 21)

  const cease = scene(desiredOf([own], { strangers: "cease" }))
  cease.claim(mac.stranger)
  t.is(cease.answering.yielded.size, 0)
  cease.pass(1000)
  cease.claim(mac.stranger)
  t.true(cease.answering.yielded.has(vip))
  cease.pass(59_000)
  t.true(cease.answering.yielded.has(vip))
  cease.pass(2000)
  t.is(cease.answering.yielded.size, 0)
})

test("members that have not named their MACs are asked before one is called a stranger", (t) => {
  const it = scene(desiredOf([own], { members: [member("third", { macs: [] })], liveness: false }))
  it.claim(mac.third)
  it.pass(300)
  t.is(it.state.counts.conflicts, 0)
  it.claim(mac.stranger)
  it.pass(300)
  t.is(it.state.counts.conflicts, 1)
})

test("switched off: no probes, and what was taken is given back", (t) => {
  const it = scene(desiredOf([standby]))
  it.pass(1000)
  Object.assign(it.answers, { first: false, port: "refused" })
  it.pass(300)
  t.true(it.took())
  it.desire(desiredOf([standby], { liveness: false }))
  t.false(it.took())
  it.effects.length = 0
  it.pass(10_000)
  t.deepEqual(it.effects, [])
})

test("a machine that begins anew goes on with what the one before had taken", (t) => {
  const it = scene(desiredOf([]))
  it.give({ kind: "desired", desired: desiredOf([standby]), adopt: { taken: new Set([vip]), yielded: new Set() } })
  it.answers.first = false
  t.true(it.took() || it.happenings().includes("yielded"))
})

test("the state before a step stays as it was", (t) => {
  const before = initialState(livenessSettings)
  const [after] = step(before, { kind: "desired", desired: desiredOf([standby]) }, 0)
  t.deepEqual(before, initialState(livenessSettings))
  const copy = structuredClone(after)
  step(after, { kind: "tick" }, 10)
  step(after, { kind: "heard", ip: vip, mac: mac.first, gratuitous: true }, 10)
  t.deepEqual(structuredClone(after), copy)
})
