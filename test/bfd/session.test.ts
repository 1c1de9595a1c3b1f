import test from "ava"
import fc from "fast-check"
import type { Packet, State } from "../../protocols/bfd/packet.ts"
import {
  type Effect,
  type Event,
  farewellMs,
  newSession,
  type Session,
  type Settings,
  step,
} from "../../protocols/bfd/session.ts"
import { detectionTimeUs } from "../../protocols/bfd/timing.ts"

const settings: Settings = { desiredMinTxUs: 50_000, requiredMinRxUs: 60_000, detectMultiplier: 3, passive: false }
/** The jitter takes nothing away, but for a rounding. */
const full = 2 ** 32 - 1
const ours = 11
const theirs = 22

const packet = (state: State, more: Partial<Packet> = {}): Packet => ({
  diagnostic: 0,
  state,
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 5,
  myDiscriminator: theirs,
  yourDiscriminator: ours,
  desiredMinTxUs: 100_000,
  requiredMinRxUs: 40_000,
  requiredMinEchoRxUs: 0,
  ...more,
})
const hear = (state: State, more: Partial<Packet> = {}): Event => ({ kind: "received", packet: packet(state, more) })
const expire = (timer: "transmit" | "detect" | "echo" | "echo-detect"): Event => ({ kind: "timer", timer })

/** Effects in one line each, as a person would read them. */
function brief(effect: Effect): string {
  switch (effect.kind) {
    case "send": {
      const { state, poll, final, diagnostic, desiredMinTxUs, requiredMinRxUs, yourDiscriminator } = effect.packet
      const bits = `${poll ? " P" : ""}${final ? " F" : ""}`
      return `send ${state}${bits} diag ${diagnostic} tx ${desiredMinTxUs / 1000} rx ${requiredMinRxUs / 1000} to ${yourDiscriminator}`
    }
    case "send-echo":
      return `echo ${effect.sequence}`
    case "set-timer":
      return `${effect.timer} in ${Math.round(effect.afterMs)}`
    case "cancel-timer":
      return `no ${effect.timer}`
    case "state-changed":
      return `${effect.from} -> ${effect.to}`
  }
}

/** Plays the events and gives the state after the last of them with what that one led to. */
function play(from: Session, ...events: readonly Event[]): { session: Session; did: string[] } {
  let session = from
  let did: string[] = []
  for (const event of events) {
    const [next, effects] = step(session, event, full)
    session = next
    did = effects.map(brief)
  }
  return { session, did }
}

const enable: Event = { kind: "enable" }
const begun = (more: Partial<Settings> = {}): Session =>
  play(newSession({ ...settings, ...more }, ours), enable).session
/** Up, and the Poll Sequence that follows is over. */
const up = (more: Partial<Settings> = {}, peer: Partial<Packet> = {}): Session =>
  play(begun(more), hear("down", peer), hear("up", peer), hear("up", { final: true, ...peer })).session

test("§6.8.3: not Up, it sends at most once a second", (t) => {
  t.deepEqual(play(newSession(settings, ours), enable).did, [
    "admin-down -> down",
    "send down diag 0 tx 1000 rx 60 to 0",
    "transmit in 1000",
  ])
  t.deepEqual(play(begun({ desiredMinTxUs: 2_000_000 }), expire("transmit")).did, [
    "send down diag 0 tx 2000 rx 60 to 0",
    "transmit in 2000",
  ])
})

test("§6.2: the three-way handshake, by the side that is heard first", (t) => {
  const first = play(begun(), hear("down", { yourDiscriminator: 0 }))
  t.deepEqual(first.did, [
    "down -> init",
    `send init diag 0 tx 1000 rx 60 to ${theirs}`,
    "transmit in 1000",
    "detect in 500",
  ])
  const second = play(first.session, hear("init"))
  t.deepEqual(second.did, [
    "init -> up",
    `send up P diag 0 tx 50 rx 60 to ${theirs}`,
    "transmit in 50",
    "detect in 500",
  ])
})

const cells: readonly (readonly [from: State, heard: State, to: State])[] = [
  ["admin-down", "admin-down", "admin-down"],
  ["admin-down", "down", "admin-down"],
  ["admin-down", "init", "admin-down"],
  ["admin-down", "up", "admin-down"],
  ["down", "admin-down", "down"],
  ["down", "down", "init"],
  ["down", "init", "up"],
  ["down", "up", "down"],
  ["init", "admin-down", "down"],
  ["init", "down", "init"],
  ["init", "init", "up"],
  ["init", "up", "up"],
  ["up", "admin-down", "down"],
  ["up", "down", "down"],
  ["up", "init", "up"],
  ["up", "up", "up"],
]
const startOf: Readonly<Record<State, () => Session>> = {
  "admin-down": () => newSession(settings, ours),
  down: () => begun(),
  init: () => play(begun(), hear("down")).session,
  up: () => up(),
}
for (const [from, heard, to] of cells) {
  test(`§6.8.6: ${from}, and the peer says ${heard}: ${to}`, (t) => {
    const before = startOf[from]()
    t.is(before.state, from)
    t.is(play(before, hear(heard)).session.state, to)
  })
}

test("§6.8.6: AdminDown discards packets, a Poll in them too", (t) => {
  t.deepEqual(play(play(up(), { kind: "disable" }).session, hear("up", { poll: true })).did, [])
})

test("§6.8.6: the diagnostic of a session that the peer took down is 3", (t) => {
  const { did, session } = play(up(), hear("down", { diagnostic: 1 }))
  t.deepEqual(did.slice(0, 2), ["up -> down", `send down diag 3 tx 1000 rx 60 to ${theirs}`])
  t.is(session.remote?.diagnostic, 1)
})

test("§6.8.4: silence for a detection time, and the session is Down with diagnostic 1, the peer forgotten", (t) => {
  const before = up()
  t.is(detectionTimeUs(before), 5 * 100_000)
  const { did, session } = play(before, expire("detect"))
  t.deepEqual(did, ["up -> down", "send down diag 1 tx 1000 rx 60 to 0", "transmit in 1000"])
  t.is(session.remote, undefined)
})

test("§6.8.4: the detection time goes by the slower of what the peer sends and what we take", (t) => {
  t.is(detectionTimeUs(up({ requiredMinRxUs: 400_000 })), 5 * 400_000)
  t.is(detectionTimeUs(up({}, { desiredMinTxUs: 700_000 })), 5 * 700_000)
})

test("§6.8.7: the interval is the greater of ours and the peer's, shortened by chance by up to a quarter", (t) => {
  const slow = up({}, { requiredMinRxUs: 90_000 })
  const afterMs = (random: number, session: Session): number => {
    const timer = step(session, expire("transmit"), random)[1].find(({ kind }) => kind === "set-timer")
    return timer?.kind === "set-timer" ? timer.afterMs : Number.NaN
  }
  t.is(afterMs(0, slow), 67.5)
  t.is(Math.round(afterMs(full, slow)), 90)
  t.is(Math.round(afterMs(full, up({ detectMultiplier: 1 }))), 45, "one lost packet is fatal: at most 90 percent")
})

test("§6.8.7: no periodic packets to a peer that wants none", (t) => {
  const asked = play(up(), hear("up", { requiredMinRxUs: 0 }))
  t.deepEqual(asked.did, ["no transmit", "detect in 500"])
  t.deepEqual(play(asked.session, hear("up", { requiredMinRxUs: 40_000 })).did, ["transmit in 50", "detect in 500"])
})

test("§6.8.7: no periodic packets to a peer in demand mode once both are Up, but for a Poll Sequence", (t) => {
  const quiet = play(up(), hear("up", { demand: true }))
  t.deepEqual(quiet.did, ["no transmit", "detect in 500"])
  const changed = play(quiet.session, { kind: "settings", settings: { ...settings, requiredMinRxUs: 30_000 } })
  t.deepEqual(changed.did, [`send up P diag 0 tx 50 rx 30 to ${theirs}`, "transmit in 50"])
  t.deepEqual(play(changed.session, hear("up", { demand: true, final: true })).did, ["no transmit", "detect in 500"])
})

test("§6.8.7: a Poll is answered at once, without respect to timer or state, with the Poll bit clear", (t) => {
  for (const from of ["down", "init", "up"] as const) {
    const { did } = play(startOf[from](), hear(from === "down" ? "up" : from, { poll: true, requiredMinRxUs: 0 }))
    t.true(
      did.some((line) => / F diag/.test(line) && !line.includes(" P")),
      from,
    )
  }
})

test("§6.1: passive, it says nothing before the peer does, and nothing again once the peer is silent", (t) => {
  const first = play(newSession({ ...settings, passive: true }, ours), enable)
  t.deepEqual(first.did, ["admin-down -> down"])
  const heard = play(first.session, hear("down", { yourDiscriminator: 0 }))
  t.true(heard.did.includes("transmit in 1000"))
  const lost = play(heard.session, expire("detect"))
  t.deepEqual(lost.did, ["init -> down", "no transmit"])
})

test("§6.8.3: to send more slowly waits for the Final; to expect less often does not", (t) => {
  const asked = play(up(), {
    kind: "settings",
    settings: { ...settings, desiredMinTxUs: 200_000, requiredMinRxUs: 200_000 },
  })
  t.deepEqual(asked.did, [`send up P diag 0 tx 200 rx 200 to ${theirs}`, "transmit in 50"])
  t.is(detectionTimeUs(asked.session), 5 * 200_000)
  t.deepEqual(play(asked.session, expire("transmit")).did, [
    `send up P diag 0 tx 200 rx 200 to ${theirs}`,
    "transmit in 50",
  ])
  const agreed = play(asked.session, hear("up", { final: true }), expire("transmit"))
  t.deepEqual(agreed.did, [`send up diag 0 tx 200 rx 200 to ${theirs}`, "transmit in 200"])
})

test("§6.8.3: to send faster is at once; to expect more often waits for the Final", (t) => {
  const before = up({ desiredMinTxUs: 200_000, requiredMinRxUs: 200_000 })
  const asked = play(before, {
    kind: "settings",
    settings: { ...settings, desiredMinTxUs: 50_000, requiredMinRxUs: 150_000 },
  })
  t.deepEqual(asked.did, [`send up P diag 0 tx 50 rx 150 to ${theirs}`, "transmit in 50"])
  t.is(detectionTimeUs(asked.session), 5 * 200_000)
  t.is(detectionTimeUs(play(asked.session, hear("up", { final: true })).session), 5 * 150_000)
})

test("§6.5: a change during a Poll Sequence begins another", (t) => {
  const change = (requiredMinRxUs: number): Event => ({ kind: "settings", settings: { ...settings, requiredMinRxUs } })
  const twice = play(up(), change(200_000), change(300_000), hear("up", { final: true }), expire("transmit"))
  t.deepEqual(twice.did, [`send up P diag 0 tx 50 rx 300 to ${theirs}`, "transmit in 50"])
  const done = play(twice.session, hear("up", { final: true }), expire("transmit"))
  t.deepEqual(done.did, [`send up diag 0 tx 50 rx 300 to ${theirs}`, "transmit in 50"])
})

test("the same settings again say nothing; another multiplier is said at once without a Poll", (t) => {
  t.deepEqual(play(up(), { kind: "settings", settings }).did, [])
  const { did } = play(up(), { kind: "settings", settings: { ...settings, detectMultiplier: 4 } })
  t.deepEqual(did, [`send up diag 0 tx 50 rx 60 to ${theirs}`, "transmit in 50"])
})

test("§6.8.16: AdminDown is said at once with diagnostic 7, and for as long as the peer may wait for us", (t) => {
  t.is(farewellMs(up()), 150)
  t.is(farewellMs(begun()), 0)
  const { did, session } = play(up(), { kind: "disable" })
  t.deepEqual(did, [
    "up -> admin-down",
    `send admin-down diag 7 tx 1000 rx 60 to ${theirs}`,
    "transmit in 1000",
    "no detect",
  ])
  t.deepEqual(play(session, enable).did, [
    "admin-down -> down",
    "send down diag 0 tx 1000 rx 60 to 0",
    "transmit in 1000",
  ])
})

test("§6.8.9: echoes while Up and while the peer loops them, at the slower of both rates", (t) => {
  const offer = { requiredMinEchoRxUs: 30_000 }
  const start = play(begun({ echoIntervalUs: 20_000 }), hear("down", offer))
  t.false(start.did.some((line) => line.startsWith("echo")))
  const active = play(start.session, hear("up", offer))
  t.deepEqual(active.did.slice(-3), ["echo 1", "echo in 30", "detect in 500"])
  t.deepEqual(play(active.session, hear("up")).did.slice(-2), ["no echo", "no echo-detect"])
})

test("§6.8.5: echoes that fail to return end the session, once one has returned", (t) => {
  const offer = { requiredMinEchoRxUs: 20_000 }
  const active = up({ echoIntervalUs: 20_000 }, offer)
  t.true(active.echo.active)
  t.deepEqual(play(active, expire("echo")).did, ["echo 2", "echo in 20"])
  const returned = play(active, { kind: "echo-received", sequence: active.echo.sequence })
  t.deepEqual(returned.did, ["echo-detect in 60"])
  t.deepEqual(play(active, { kind: "echo-received", sequence: 12345 }).did, [], "none of ours")
  const lost = play(returned.session, expire("echo-detect"))
  t.deepEqual(lost.did.slice(0, 2), ["up -> down", `send down diag 2 tx 1000 rx 60 to ${theirs}`])
  const again = play(lost.session, hear("down", offer), hear("up", offer))
  t.true(again.did.includes("echo-detect in 60"), "it has worked before, so its absence means something from the start")
})

test("whatever happens: one transmit timer runs unless the RFC forbids packets, and the values stay sane", (t) => {
  const anyPacket = fc
    .record({
      state: fc.constantFrom<State>("admin-down", "down", "init", "up"),
      poll: fc.boolean(),
      final: fc.boolean(),
      demand: fc.boolean(),
      detectMultiplier: fc.integer({ min: 1, max: 255 }),
      desiredMinTxUs: fc.constantFrom(0, 1, 50_000, 2 ** 32 - 1),
      requiredMinRxUs: fc.constantFrom(0, 1, 50_000, 2 ** 32 - 1),
      requiredMinEchoRxUs: fc.constantFrom(0, 1, 50_000, 2 ** 32 - 1),
    })
    .map((fields) => hear(fields.state, fields))
  const anyEvent = fc.oneof(
    anyPacket,
    fc.constantFrom<Event>(
      enable,
      { kind: "disable" },
      expire("transmit"),
      expire("detect"),
      expire("echo"),
      expire("echo-detect"),
    ),
    fc
      .record({
        desired: fc.integer({ min: 10, max: 60_000 }),
        required: fc.integer({ min: 10, max: 60_000 }),
        passive: fc.boolean(),
      })
      .map(
        ({ desired, required, passive }): Event => ({
          kind: "settings",
          settings: {
            ...settings,
            desiredMinTxUs: desired * 1000,
            requiredMinRxUs: required * 1000,
            passive,
            echoIntervalUs: 50_000,
          },
        }),
      ),
    fc.nat(5).map((sequence): Event => ({ kind: "echo-received", sequence })),
  )
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.nat(full), (events, random) => {
      let session = begun()
      const running = new Set<string>(["transmit"])
      for (const event of events) {
        // A timer that does not run does not expire.
        if (event.kind === "timer" && !running.delete(event.timer)) continue
        const [next, effects] = step(session, event, random)
        for (const effect of effects) {
          if (effect.kind === "set-timer") running.add(effect.timer)
          if (effect.kind === "cancel-timer") running.delete(effect.timer)
          if (effect.kind === "send" && effect.packet.state !== "up" && effect.packet.desiredMinTxUs < 1_000_000) {
            t.fail("less than a second while not Up")
          }
        }
        session = next
        const { remote, state, poll } = session
        const silent =
          (session.settings.passive && remote === undefined) ||
          remote?.requiredMinRxUs === 0 ||
          (remote?.demand === true && state === "up" && remote.state === "up" && poll === "none")
        if (running.has("transmit") === silent) t.fail(`${JSON.stringify(session)} ${[...running].join()}`)
        if (state === "up" && (!running.has("detect") || remote === undefined)) t.fail("Up without a watch on the peer")
        if (state === "admin-down" && running.has("detect")) t.fail("a watch in AdminDown")
        if (running.has("echo") !== session.echo.active) t.fail("echo timer")
      }
    }),
    { numRuns: 3000 },
  )
  t.pass()
})
