import test from "ava"
import { type Broadcast, takeBroadcasts } from "../../cluster/machine/broadcasts.ts"
import { encodeMessage } from "../../protocols/memberlist/message.ts"
import { addrOf, aliveAt, at, Desk, tableEntry } from "./desk.ts"

const waiting = (key: string, length: number, transmits: number, order: number): Broadcast => ({
  key,
  bytes: new Uint8Array(length).fill(order),
  transmits,
  order,
  farewell: false,
  accuses: false,
})
const orders = (messages: readonly Uint8Array[]) => messages.map((bytes) => bytes[0])

test("taken first: the least sent, among those the longest, among those the newest", (t) => {
  const queue = [waiting("a", 10, 1, 1), waiting("b", 10, 0, 2), waiting("c", 20, 0, 3), waiting("d", 10, 0, 4)]
  t.deepEqual(orders(takeBroadcasts(queue, 1000, 4).messages), [3, 4, 2, 1])
})

test("what does not fit makes room for what does; each costs its length and two", (t) => {
  const queue = [waiting("a", 100, 0, 1), waiting("b", 30, 0, 2), waiting("c", 20, 0, 3)]
  t.deepEqual(orders(takeBroadcasts(queue, 54, 4).messages), [2, 3])
  t.deepEqual(orders(takeBroadcasts(queue, 53, 4).messages), [2])
  t.deepEqual(orders(takeBroadcasts(queue, 21, 4).messages), [])
})

test("sent as often as the limit says, then gone", (t) => {
  let queue: readonly Broadcast[] = [waiting("a", 10, 0, 1)]
  for (let i = 1; i <= 4; i++) {
    const taken = takeBroadcasts(queue, 100, 4)
    t.is(taken.messages.length, 1)
    t.is(taken.finished.length, i === 4 ? 1 : 0)
    queue = taken.queue
  }
  t.deepEqual(queue, [])
})

test("news about a node replaces older news about it", (t) => {
  const desk = new Desk().with("b", "c")
  desk.hear({ kind: "suspect", node: "b", incarnation: 1, from: "c" }).hear(aliveAt("b", 2))
  t.deepEqual(
    desk.state.queue.map(({ bytes }) => [...bytes]),
    [[...encodeMessage(aliveAt("b", 2))]],
  )
})

test("a packet is planned for 1400 bytes, encryption included", (t) => {
  const desk = new Desk({}, 29)
  for (let i = 0; i < 60; i++)
    desk.hear({
      ...aliveAt("b", 1),
      node: `node-with-a-rather-long-name-${i}`,
      addr: Uint8Array.of(10, 1, 0, i),
    } as ReturnType<typeof aliveAt>)
  desk.timer("gossip")
  t.true(desk.of("send").length > 0)
  for (const { payload } of desk.of("send")) t.true(payload.length > 1200 && payload.length <= 1400 - 29)
})

test("a gossip tick: three members at most, never oneself, never who left, the dead only for a while", (t) => {
  const desk = new Desk().with("b", "c", "d", "e", "f")
  desk.hear({ kind: "dead", node: "d", incarnation: 1, from: "d" })
  desk.hear({ kind: "dead", node: "e", incarnation: 1, from: "b" })
  const told = new Set<string>()
  const ticks = (count: number) => {
    told.clear()
    for (let i = 0; i < count; i++) {
      desk
        .quiet()
        .hear(aliveAt("f", 2 + desk.state.queued))
        .timer("gossip")
      const sent = desk.sent()
      t.true(sent.length <= 3)
      for (const { to } of sent) told.add(to)
    }
  }
  ticks(40)
  t.deepEqual([...told].sort(), [at("b"), at("c"), at("e"), at("f")])
  desk.after(30_001)
  ticks(40)
  t.deepEqual([...told].sort(), [at("b"), at("c"), at("f")])
})

test("nothing to say, nothing sent", (t) => {
  t.deepEqual(new Desk().with("b").timer("gossip").sent(), [])
})

test("a checksum only for who understands protocol 5", (t) => {
  const desk = new Desk().with("b").hear(aliveAt("b", 2)).timer("gossip")
  t.deepEqual(
    desk.of("send").map(({ checksum }) => checksum),
    [true],
  )
  desk.change("b", { vsn: Uint8Array.of(1, 4, 2, 0, 0, 0) }).timer("gossip")
  t.deepEqual(
    desk.of("send").map(({ checksum }) => checksum),
    [false],
  )
})

test("leaving: done when the good-bye has been sent as often as it is to be", (t) => {
  const desk = new Desk().with("b", "c").put({ kind: "leave" })
  t.is(desk.node("self").state, "left")
  t.is(desk.timers()["leave"], 1000)
  desk.timer("gossip")
  t.deepEqual(desk.of("left"), [])
  desk.timer("gossip")
  t.deepEqual(desk.of("left"), [{ kind: "left", complete: true }])
  t.deepEqual(desk.put({ kind: "leave" }).of("left"), [{ kind: "left", complete: true }], "asked again, answered again")
})

test("leaving: after a second in any case, and alone at once", (t) => {
  const desk = new Desk().with("b").put({ kind: "leave" }).after(1000).timer("leave")
  t.deepEqual(desk.of("left"), [{ kind: "left", complete: false }])
  t.deepEqual(new Desk().put({ kind: "leave" }).of("left"), [{ kind: "left", complete: true }])
})

test("leaving: what others gossip back is not refuted", (t) => {
  const desk = new Desk().with("b").put({ kind: "leave" })
  const { incarnation } = desk.node("self")
  desk.hear({ kind: "dead", node: "self", incarnation: incarnation + 1, from: "self" })
  desk.hear({ kind: "suspect", node: "self", incarnation: incarnation + 2, from: "b" })
  t.is(desk.node("self").state, "left")
})

test("a sync: our own table as it was goes back, with the join flag of the request", (t) => {
  for (const join of [true, false]) {
    const table = { kind: "push-pull", join, nodes: [tableEntry("z")], userState: new Uint8Array() } as const
    const desk = new Desk().with("b").request(table)
    const [answer] = desk.of("answer")
    t.is(answer?.message.kind, "push-pull")
    if (answer?.message.kind !== "push-pull") return
    t.is(answer.message.join, join)
    t.deepEqual(answer.message.nodes.map(({ name, state }) => `${name} ${state}`).sort(), ["b 0", "self 0"])
    t.is(desk.node("z").state, "alive")
  }
})

test("a sync every interval, the first after one to two, rarer in a large ring", (t) => {
  const first = new Desk().timers()["push-pull"] ?? 0
  t.true(first >= 30_000 && first < 60_000)
  const desk = new Desk().with("b").timer("push-pull")
  t.is(desk.timers()["push-pull"], 30_000)
  t.like(desk.of("open")[0], { message: { kind: "push-pull", join: false }, timeoutMs: 10_000 })
  for (let i = 0; i < 60; i++) desk.hear({ ...aliveAt("b", 1), node: `n${i}` } as ReturnType<typeof aliveAt>)
  t.is(desk.timer("push-pull").timers()["push-pull"], 60_000)
  t.is(new Desk({ pushPullIntervalMs: 0 }).timers()["push-pull"], undefined)
})

test("a stream ping is answered if it is for us, else the stream is closed", (t) => {
  const ping = { kind: "ping", seqNo: 8, sourceAddr: undefined, sourcePort: 0, sourceNode: "" } as const
  const desk = new Desk()
  t.deepEqual(desk.request({ ...ping, node: "self" }).of("answer")[0]?.message, {
    kind: "ack",
    seqNo: 8,
    payload: undefined,
  })
  t.deepEqual(desk.request({ ...ping, node: "other" }).of("close"), [{ kind: "close", exchange: "in/1" }])
  t.deepEqual(desk.request({ kind: "error", error: "?" }).of("close"), [{ kind: "close", exchange: "in/1" }])
})

const peer = (name: string) => ({ address: addrOf(name).join("."), port: 7946 })
const failAll = (desk: Desk) => {
  let opened = desk.of("open")
  while (opened.length > 0) {
    const next = []
    for (const { exchange } of opened) {
      desk.put({ kind: "no-reply", exchange, reason: "refused" })
      next.push(...desk.of("open"))
    }
    opened = next
  }
  return desk
}

test("joining: whoever is missing is asked, four at a time; members and oneself are not", (t) => {
  const names = ["b", "c", "d", "e", "f", "g"]
  const desk = new Desk()
    .with("b")
    .put({ kind: "peers", peers: [...names.map(peer), { address: "10.0.0.1", port: 7946 }] })
  t.deepEqual(
    desk.of("open").map(({ to }) => to),
    ["c", "d", "e", "f"].map(peer),
  )
  t.true(desk.of("open").every(({ message }) => message.kind === "push-pull" && message.join))
  const exchange = desk.of("open")[0]?.exchange ?? ""
  const table = ["c", "d", "e", "f", "g"].map((name) => tableEntry(name))
  desk.put({
    kind: "reply",
    exchange,
    message: { kind: "push-pull", join: true, nodes: table, userState: new Uint8Array() },
  })
  t.deepEqual(desk.of("open"), [], "g has been introduced meanwhile")
})

test("joining: asked again soon, then ever more rarely, at most once a minute", (t) => {
  const desk = new Desk().put({ kind: "peers", peers: [peer("b")] })
  const delays: number[] = []
  for (let i = 0; i < 9; i++) {
    failAll(desk)
    t.deepEqual(desk.of("join-ended"), [
      { kind: "join-ended", expected: 1, joined: 0, errors: ["10.0.0.11:7946: refused"] },
    ])
    const delay = desk.timers()["join"] ?? 0
    delays.push(delay)
    desk.after(delay).timer("join")
  }
  for (const [i, delay] of delays.entries()) {
    const planned = Math.min(60_000, 1000 * 2 ** i)
    t.true(delay >= 0.8 * planned && delay <= 1.2 * planned, `round ${i}: ${delay} ms`)
  }
})

test("joining: an error in words and a table that does not fit are failures", (t) => {
  const foreign = { ...tableEntry("z"), vsn: Uint8Array.of(6, 9, 6, 0, 0, 0) }
  for (const message of [
    { kind: "error", error: "no" },
    { kind: "push-pull", join: true, nodes: [foreign], userState: new Uint8Array() },
  ] as const) {
    const desk = new Desk().put({ kind: "peers", peers: [peer("b")] })
    desk.put({ kind: "reply", exchange: desk.of("open")[0]?.exchange ?? "", message })
    t.like(desk.of("join-ended")[0], { joined: 0, expected: 1 })
    t.false(desk.state.nodes.has("z"))
  }
})

test("the table has a limit", (t) => {
  const desk = new Desk()
  const nodes = Array.from({ length: 8200 }, (_, i) => ({ ...tableEntry("b"), name: `n${i}` }))
  desk.request({ kind: "push-pull", join: false, nodes, userState: new Uint8Array() })
  t.is(desk.state.nodes.size, 8192)
  t.is(desk.of("refused").filter(({ what }) => what === "table-full").length, 9)
})
