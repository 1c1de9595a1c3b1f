import test from "ava"
import { addrOf, aliveAt, at, Desk } from "./desk.ts"

const source = { sourceAddr: Uint8Array.of(10, 0, 0, 1), sourcePort: 7946, sourceNode: "self" }
const noSource = { sourceAddr: undefined, sourcePort: 0, sourceNode: "" }

/** Whom the next tick probes, after the wrap that a new ring begins with may have been used up. */
function probing(desk: Desk): Desk {
  desk.after(1000).timer("probe")
  if (!desk.state.probe) desk.after(1000).timer("probe")
  return desk
}

test("a probe pings one member, says where the answer goes, and sets its two deadlines", (t) => {
  const desk = probing(new Desk().with("b"))
  t.deepEqual(desk.sent(), [{ to: at("b"), messages: [{ kind: "ping", node: "b", seqNo: 1, ...source }] }])
  t.like(desk.timers(), { probe: 1000, "probe-timeout": 500, "probe-deadline": 1000 })
})

test("gossip rides along with a ping", (t) => {
  const desk = new Desk()
  desk.hear(aliveAt("b", 1))
  t.deepEqual(
    probing(desk)
      .sent()[0]
      ?.messages.map(({ kind }) => kind),
    ["ping", "alive", "alive"],
  )
})

test("a suspect is told the accusation with the ping, and nothing else, under a checksum", (t) => {
  const desk = new Desk().with("b")
  desk.hear({ kind: "suspect", node: "b", incarnation: 1, from: "c" }).hear(aliveAt("c", 1))
  desk.state = { ...desk.state, ring: ["b", "self"], ringIndex: 0 }
  desk.after(1000).timer("probe")
  t.deepEqual(desk.sent(), [
    {
      to: at("b"),
      messages: [
        { kind: "ping", node: "b", seqNo: 1, ...source },
        { kind: "suspect", node: "b", incarnation: 1, from: "self" },
      ],
    },
  ])
  t.true(desk.of("send")[0]?.checksum)
})

test("an ack by its number alone ends the probe and improves the score", (t) => {
  const desk = new Desk().with("b")
  desk.state = { ...desk.state, score: 2 }
  probing(desk).after(10).hear({ kind: "ack", seqNo: 1, payload: undefined })
  t.is(desk.state.score, 1)
  t.is(desk.state.probe, undefined)
  t.deepEqual(desk.cancelled(), ["probe-timeout", "probe-deadline"])
  t.is(desk.hear({ kind: "ack", seqNo: 1, payload: undefined }).effects.length, 0, "the number is used up")
})

test("an ack after the timeout still counts", (t) => {
  const desk = probing(new Desk().with("b", "c", "d"))
  const { target } = desk.state.probe ?? { target: "" }
  desk.after(500).timer("probe-timeout").after(400).hear({ kind: "ack", seqNo: 1, payload: undefined })
  desk.after(100).timer("probe-deadline")
  t.is(desk.node(target).state, "alive")
})

test("at the timeout three others are asked with the same number, and TCP is tried for what time is left", (t) => {
  const desk = probing(new Desk().with("b", "c", "d", "e", "f"))
  const target = desk.state.probe?.target ?? ""
  desk.after(500).timer("probe-timeout")
  const sent = desk.sent()
  t.is(sent.length, 3)
  t.is(new Set(sent.map(({ to }) => to)).size, 3)
  for (const { to, messages } of sent) {
    t.not(to, at(target))
    t.deepEqual(messages, [
      { kind: "indirect-ping", seqNo: 1, target: addrOf(target), port: 7946, node: target, nack: true, ...source },
    ])
  }
  const [tcp] = desk.of("open")
  t.like(tcp, { timeoutMs: 500, message: { kind: "ping", node: target, seqNo: 1 } })
  t.is(`${tcp?.to.address}:${tcp?.to.port}`, at(target))
})

test("who does not know nacks or TCP pings is not asked for them", (t) => {
  const desk = new Desk().with("b", "c")
  const old = { vsn: Uint8Array.of(1, 2, 2, 0, 0, 0) }
  probing(desk.change("b", old).change("c", old)).after(500).timer("probe-timeout")
  t.like(desk.sent()[0]?.messages[0], { kind: "indirect-ping", nack: false })
  t.deepEqual(desk.of("open"), [])
})

test("suspects and the dead are not asked to help", (t) => {
  const desk = new Desk().with("b", "c", "d")
  desk.hear({ kind: "suspect", node: "c", incarnation: 1, from: "d" })
  desk.hear({ kind: "dead", node: "d", incarnation: 1, from: "b" }).quiet()
  desk.state = { ...desk.state, ring: ["b", "c", "d", "self"], ringIndex: 0 }
  desk.after(1000).timer("probe").after(500).timer("probe-timeout")
  t.deepEqual(desk.sent(), [])
})

test("without an answer the target is suspected, at the incarnation it had, at the deadline and no sooner", (t) => {
  const desk = probing(new Desk().with("b", "c"))
  const target = desk.state.probe?.target ?? ""
  desk.after(500).timer("probe-timeout").after(500)
  t.is(desk.node(target).state, "alive")
  desk.timer("probe-deadline")
  t.is(desk.node(target).state, "suspect")
  t.deepEqual(desk.state.suspicions.get(target)?.accusers, ["self"])
})

test("an accusation at an old incarnation is no accusation", (t) => {
  const desk = probing(new Desk().with("b"))
  desk.hear(aliveAt("b", 2)).after(1000).timer("probe-deadline")
  t.is(desk.node("b").state, "alive")
})

for (const { others, nacks, worse } of [
  { others: [], nacks: 0, worse: 1 },
  { others: ["c", "d", "e"], nacks: 0, worse: 3 },
  { others: ["c", "d", "e"], nacks: 2, worse: 1 },
  { others: ["c", "d", "e"], nacks: 3, worse: 0 },
  { others: ["c", "d", "e"], nacks: 9, worse: 0 },
]) {
  test(`failed, ${others.length} asked, ${nacks} nacks: the score rises by ${worse}`, (t) => {
    const desk = new Desk().with("b", ...others)
    desk.state = { ...desk.state, ring: ["b", ...others, "self"], ringIndex: 0 }
    desk.after(1000).timer("probe").after(500).timer("probe-timeout")
    for (let i = 0; i < nacks; i++) desk.hear({ kind: "nack", seqNo: 1 })
    desk.after(500).timer("probe-deadline")
    t.is(desk.state.score, worse)
  })
}

test("the score has bounds", (t) => {
  const desk = new Desk().with("b")
  for (const [score, accusations, after] of [
    [0, 0, 0],
    [6, 3, 7],
  ] as const) {
    desk.state = { ...desk.state, score }
    for (let i = 0; i < accusations; i++) desk.hear({ kind: "suspect", node: "self", incarnation: 99 + i, from: "b" })
    t.is(desk.state.score, after)
  }
})

test("a node in doubt of itself gives more time: (score + 1) intervals", (t) => {
  const desk = new Desk().with("b")
  desk.state = { ...desk.state, score: 2 }
  t.like(probing(desk).timers(), { "probe-timeout": 500, "probe-deadline": 3000 })
})

test("TCP that worked saves the target, and is said", (t) => {
  const desk = probing(new Desk().with("b"))
  desk.after(500).timer("probe-timeout")
  const exchange = desk.of("open")[0]?.exchange ?? ""
  desk.after(10).put({ kind: "reply", exchange, message: { kind: "ack", seqNo: 1, payload: undefined } })
  t.truthy(desk.state.probe, "it is looked at only at the deadline")
  desk.after(490).timer("probe-deadline")
  t.is(desk.node("b").state, "alive")
  t.deepEqual(desk.of("late-success"), [{ kind: "late-success", node: "b" }])
})

test("TCP that failed, or answered another number, saves nobody", (t) => {
  for (const answer of [undefined, { kind: "ack", seqNo: 9, payload: undefined }] as const) {
    const desk = probing(new Desk().with("b"))
    desk.after(500).timer("probe-timeout")
    const exchange = desk.of("open")[0]?.exchange ?? ""
    desk.put(answer ? { kind: "reply", exchange, message: answer } : { kind: "no-reply", exchange, reason: "refused" })
    desk.after(500).timer("probe-deadline")
    t.is(desk.node("b").state, "suspect")
  }
})

test("TCP pings can be turned off", (t) => {
  const desk = probing(new Desk({ disableTcpPings: true }).with("b"))
  t.deepEqual(desk.after(500).timer("probe-timeout").of("open"), [])
})

test("a tick during a slow probe is not lost: the next probe follows at once, ticks stay on whole intervals", (t) => {
  const desk = new Desk().with("b", "c")
  desk.state = { ...desk.state, score: 1, ring: ["b", "c", "self"], ringIndex: 0 }
  desk.after(1000).timer("probe")
  desk.after(1003).timer("probe")
  t.deepEqual(desk.sent(), [])
  t.is(desk.timers()["probe"], 997)
  desk.after(997).timer("probe-deadline")
  t.like(desk.sent()[0], { to: at("c") })
})

test("whoever wakes long after the deadline accuses nobody", (t) => {
  const desk = probing(new Desk().with("b"))
  desk.after(10_000).timer("probe-deadline")
  t.is(desk.node("b").state, "alive")
  t.is(desk.state.score, 1)
})

test("a suspicion that ran out while we slept waits one interval more", (t) => {
  const desk = new Desk().with("b")
  desk.hear({ kind: "suspect", node: "b", incarnation: 1, from: "c" })
  t.is(desk.timers()["suspicion/b"], 4000)
  desk.after(60_000).timer("suspicion/b")
  t.is(desk.node("b").state, "suspect")
  t.is(desk.timers()["suspicion/b"], 1000)
  desk.after(1000).timer("suspicion/b")
  t.is(desk.node("b").state, "dead")
  t.deepEqual(
    desk.of("member-event").map(({ event }) => event),
    ["leave"],
  )
})

test("who was cut off and is back accuses nobody: those in doubt are told, and given time", (t) => {
  const desk = new Desk().with("b", "c")
  desk.hear({ kind: "suspect", node: "b", incarnation: 1, from: "c" })
  t.is(desk.state.queue.length, 1)
  desk.after(3900).hear(aliveAt("c", 1))
  t.is(desk.state.queue.length, 0)
  const accusation = { kind: "suspect", node: "b", from: "self", incarnation: 1 } as const
  t.like(desk.sent(), [{ to: at("b"), messages: [accusation] }])
  t.is(desk.timers()["suspicion/b"], 4000)
  desk.after(2000).hear(aliveAt("c", 1))
  t.is(desk.effects.length, 0, "once")
  desk.after(2000).timer("suspicion/b")
  t.is(desk.node("b").state, "dead", "it had its time")
})

test("a suspicion timer of an entry that changed since does nothing", (t) => {
  const desk = new Desk().with("b")
  desk.hear({ kind: "suspect", node: "b", incarnation: 1, from: "c" }).hear(aliveAt("b", 2))
  t.true(desk.cancelled().includes("suspicion/b"))
  desk.after(4000).timer("suspicion/b")
  t.is(desk.node("b").state, "alive")
})

test("the round: each member once, suspects too, the dead and those who left not, oneself never", (t) => {
  const desk = new Desk().with("b", "c", "d", "e")
  desk.hear({ kind: "suspect", node: "c", incarnation: 1, from: "b" })
  desk.hear({ kind: "dead", node: "d", incarnation: 1, from: "b" })
  desk.hear({ kind: "dead", node: "e", incarnation: 1, from: "e" }).quiet()
  const probed: string[] = []
  for (let round = 0; round < 40; round++) {
    desk.after(10).timer("probe")
    // A tick that comes past the end, and to nobody worth probing within a ring's length, is idle.
    const { probe } = desk.state
    if (!probe) continue
    probed.push(probe.target)
    desk.hear({ kind: "ack", seqNo: probe.seqNo, payload: undefined })
  }
  t.deepEqual([...new Set(probed)].sort(), ["b", "c"])
  const [b, c] = ["b", "c"].map((name) => probed.filter((target) => target === name).length)
  t.true(probed.length > 20 && Math.abs((b ?? 0) - (c ?? 0)) <= 1)
})

test("with two nodes, the tick that comes to the end of the ring may find oneself and probes nobody", (t) => {
  const desk = new Desk().with("b")
  desk.state = { ...desk.state, ring: ["b", "self"], ringIndex: 1 }
  desk.timer("probe")
  t.is(desk.state.probe, undefined)
})

test("the long dead are forgotten at the end of a round, the recently dead are not", (t) => {
  const desk = new Desk().with("b", "c", "d")
  desk.hear({ kind: "dead", node: "c", incarnation: 1, from: "b" })
  desk.after(20_000).hear({ kind: "dead", node: "d", incarnation: 1, from: "d" })
  desk.after(10_001)
  desk.state = { ...desk.state, ringIndex: desk.state.ring.length }
  desk.timer("probe")
  t.deepEqual([...desk.state.nodes.keys()].sort(), ["b", "d", "self"])
  t.deepEqual([...desk.state.ring].sort(), ["b", "d", "self"])
  t.true(desk.of("members-changed").length > 0)
})

test("a ping for us or for nobody in particular is answered where it says, else where it came from", (t) => {
  const desk = new Desk().with("b")
  const from = { address: "10.0.0.77", port: 1234 }
  const answer = (seqNo: number) => [{ kind: "ack", seqNo, payload: undefined }] as const
  t.deepEqual(desk.hear({ kind: "ping", node: "self", seqNo: 5, ...noSource }, from).sent(), [
    { to: "10.0.0.77:1234", messages: answer(5) },
  ])
  const elsewhere = { sourceAddr: addrOf("b"), sourcePort: 99, sourceNode: "b" }
  t.deepEqual(desk.hear({ kind: "ping", node: "", seqNo: 6, ...elsewhere }, from).sent(), [
    { to: "10.0.0.11:99", messages: answer(6) },
  ])
})

test("a ping for somebody else is not answered", (t) => {
  const desk = new Desk().hear({ kind: "ping", node: "other", seqNo: 5, ...noSource })
  t.deepEqual(desk.sent(), [])
  t.like(desk.of("refused")[0], { what: "not-for-me" })
})

const askedFor = (nack: boolean, port = 7946) =>
  ({ kind: "indirect-ping", seqNo: 70, target: addrOf("c"), port, node: "c", nack, ...noSource }) as const

test("asked to ping: under our own number and name; the ack goes back under theirs", (t) => {
  const desk = new Desk().with("b").hear(askedFor(true), { address: "10.0.0.11", port: 7946 })
  t.deepEqual(desk.sent(), [{ to: at("c"), messages: [{ kind: "ping", node: "c", seqNo: 1, ...source }] }])
  desk.after(100).hear({ kind: "ack", seqNo: 1, payload: undefined })
  t.deepEqual(desk.sent(), [{ to: at("b"), messages: [{ kind: "ack", seqNo: 70, payload: undefined }] }])
  t.is(desk.state.relays.size, 0)
})

test("asked to ping, nothing heard: a nack in time for its purpose, and a late ack is still passed on", (t) => {
  const desk = new Desk().with("b").hear(askedFor(true), { address: "10.0.0.11", port: 7946 })
  t.is(desk.timers()["relay/1"], 400)
  desk.after(400).timer("relay/1")
  t.deepEqual(desk.sent(), [{ to: at("b"), messages: [{ kind: "nack", seqNo: 70 }] }])
  t.is(desk.timers()["relay/1"], 100)
  desk.after(50).hear({ kind: "ack", seqNo: 1, payload: undefined })
  t.like(desk.sent()[0]?.messages[0], { kind: "ack", seqNo: 70 })
})

test("asked to ping without wanting a nack: none is sent, and the matter is forgotten at the timeout", (t) => {
  const desk = new Desk().with("b").hear(askedFor(false, 0))
  t.is(desk.sent()[0]?.to, at("c"), "port 0 means our own")
  t.is(desk.timers()["relay/1"], 500)
  desk.after(500).timer("relay/1")
  t.deepEqual(desk.sent(), [])
  t.is(desk.state.relays.size, 0)
})

test("relayed pings have a limit", (t) => {
  const desk = new Desk().with("b")
  for (let i = 0; i < 1030; i++) desk.hear(askedFor(false))
  t.is(desk.state.relays.size, 1024)
  t.like(desk.of("refused")[0], { what: "relays-full" })
})
