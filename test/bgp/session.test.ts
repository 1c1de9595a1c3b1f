import test from "ava"
import fc from "fast-check"
import { fault, notification } from "../../protocols/bgp/notification.ts"
import { openFor } from "../../protocols/bgp/open.ts"
import {
  type Effect,
  type Event,
  newSession,
  openWaitMs,
  type Session,
  type SessionConfig,
  stableMs,
  type State,
  step,
} from "../../protocols/bgp/session.ts"
import { describeWhy } from "../../protocols/bgp/why.ts"
import { hex, ip } from "./goldens.ts"

const config: SessionConfig = {
  myASN: 64512,
  peerASN: 64513,
  holdSeconds: 90,
  retry: { firstMs: 1000, maxMs: 120_000 },
}
/** The jitter takes nothing away. */
const full = 2 ** 32 - 1
const peerOpen = openFor(64513, 30, ip("192.0.2.2"))
const opened: Event = { kind: "tcp-opened", local: ip("192.0.2.1") }
const admin = notification(6, 2)

/** Effects in one line each, as a person would read them. */
function brief(effect: Effect): string {
  switch (effect.kind) {
    case "send":
      return effect.message.kind === "notification"
        ? `send NOTIFICATION ${effect.message.code}/${effect.message.subcode}`
        : `send ${effect.message.kind.toUpperCase()}`
    case "set-timer":
      return `${effect.timer} in ${effect.afterMs}`
    case "state-changed":
      return effect.to + (effect.why === undefined ? "" : `: ${describeWhy(effect.why)}`)
    case "refresh":
      return `refresh ${effect.family}`
    case "connect":
    case "close":
    case "cancel-timers":
      return effect.kind
  }
}

function run(events: readonly Event[], from: Session = newSession(config), random = full): [Session, string[]] {
  let session = from
  let effects: readonly Effect[] = []
  for (const event of events) [session, effects] = step(session, event, random)
  return [session, effects.map(brief)]
}

const upTo: Readonly<Record<State, readonly Event[]>> = {
  idle: [],
  connect: [{ kind: "start" }],
  active: [{ kind: "start" }, { kind: "tcp-closed", error: "refused" }],
  "open-sent": [{ kind: "start" }, opened],
  "open-confirm": [{ kind: "start" }, opened, { kind: "open", open: peerOpen }],
  established: [{ kind: "start" }, opened, { kind: "open", open: peerOpen }, { kind: "keepalive" }],
}
const inState = (state: State): Session => run(upTo[state])[0]
const bad = fault(3, 10, "prefix length 99 is longer than 32")

/** RFC 4271 §8.2.2, row by row: state, event, what comes of it. Cells not named here do nothing (see the test below). */
const cells: readonly [state: State, event: Event, next: State, effects: string[]][] = [
  ["idle", { kind: "start" }, "connect", ["connect", "connect"]],
  [
    "idle",
    { kind: "stop", notification: admin },
    "idle",
    ["close", "cancel-timers", "idle: stopped: Cease/Administrative Shutdown"],
  ],

  ["connect", opened, "open-sent", ["send OPEN", `hold in ${openWaitMs}`, "open-sent"]],
  [
    "connect",
    { kind: "tcp-closed", error: "refused" },
    "active",
    ["close", "cancel-timers", "retry in 0", "active: refused"],
  ],
  [
    "connect",
    { kind: "stop", notification: admin },
    "idle",
    ["close", "cancel-timers", "idle: stopped: Cease/Administrative Shutdown"],
  ],

  ["active", { kind: "retry-timer" }, "connect", ["connect", "connect"]],
  ["active", opened, "open-sent", ["send OPEN", `hold in ${openWaitMs}`, "open-sent"]],
  [
    "active",
    { kind: "stop", notification: admin },
    "idle",
    ["close", "cancel-timers", "idle: stopped: Cease/Administrative Shutdown"],
  ],

  [
    "open-sent",
    { kind: "open", open: peerOpen },
    "open-confirm",
    ["send KEEPALIVE", "cancel-timers", "hold in 30000", "keepalive in 10000", "open-confirm"],
  ],
  [
    "open-sent",
    { kind: "tcp-closed" },
    "active",
    ["close", "cancel-timers", "retry in 0", "active: peer closed the connection"],
  ],
  [
    "open-sent",
    { kind: "hold-timer" },
    "idle",
    [
      "send NOTIFICATION 4/0",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: peer took the connection and sent no OPEN (TTL security on one side only looks like this); sent NOTIFICATION Hold Timer Expired",
    ],
  ],
  [
    "open-sent",
    { kind: "notification", notification: notification(2, 1) },
    "idle",
    [
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: peer sent NOTIFICATION OPEN Message Error/Unsupported Version Number",
    ],
  ],
  [
    "open-sent",
    { kind: "keepalive" },
    "idle",
    [
      "send NOTIFICATION 5/1",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: KEEPALIVE from the peer in state open-sent; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in OpenSent State",
    ],
  ],
  [
    "open-sent",
    { kind: "update" },
    "idle",
    [
      "send NOTIFICATION 5/1",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: UPDATE from the peer in state open-sent; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in OpenSent State",
    ],
  ],
  [
    "open-sent",
    { kind: "route-refresh", refresh: { kind: "route-refresh", afi: 1, safi: 1, subtype: 0 } },
    "idle",
    [
      "send NOTIFICATION 5/1",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: ROUTE-REFRESH from the peer in state open-sent; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in OpenSent State",
    ],
  ],
  [
    "open-sent",
    { kind: "fault", fault: fault(1, 1, "marker is not all ones") },
    "idle",
    [
      "send NOTIFICATION 1/1",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: marker is not all ones; sent NOTIFICATION Message Header Error/Connection Not Synchronized",
    ],
  ],
  [
    "open-sent",
    { kind: "stop", notification: admin },
    "idle",
    ["send NOTIFICATION 6/2", "close", "cancel-timers", "idle: stopped: Cease/Administrative Shutdown"],
  ],

  ["open-confirm", { kind: "keepalive" }, "established", ["hold in 30000", `stable in ${stableMs}`, "established"]],
  ["open-confirm", { kind: "keepalive-timer" }, "open-confirm", ["send KEEPALIVE", "keepalive in 10000"]],
  [
    "open-confirm",
    { kind: "hold-timer" },
    "idle",
    [
      "send NOTIFICATION 4/0",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: peer sent an OPEN and no answer to ours (TTL security on one side only looks like this); sent NOTIFICATION Hold Timer Expired",
    ],
  ],
  [
    "open-confirm",
    { kind: "tcp-closed", error: "ECONNRESET" },
    "idle",
    ["close", "cancel-timers", "retry in 0", "idle: connection lost: ECONNRESET"],
  ],
  [
    "open-confirm",
    { kind: "open", open: peerOpen },
    "idle",
    [
      "send NOTIFICATION 5/2",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: OPEN from the peer in state open-confirm; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in OpenConfirm State",
    ],
  ],
  [
    "open-confirm",
    { kind: "update" },
    "idle",
    [
      "send NOTIFICATION 5/2",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: UPDATE from the peer in state open-confirm; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in OpenConfirm State",
    ],
  ],
  [
    "open-confirm",
    { kind: "route-refresh", refresh: { kind: "route-refresh", afi: 1, safi: 1, subtype: 0 } },
    "idle",
    [
      "send NOTIFICATION 5/2",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: ROUTE-REFRESH from the peer in state open-confirm; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in OpenConfirm State",
    ],
  ],
  [
    "open-confirm",
    { kind: "notification", notification: notification(6, 5) },
    "idle",
    ["close", "cancel-timers", "retry in 0", "idle: peer sent NOTIFICATION Cease/Connection Rejected"],
  ],
  [
    "open-confirm",
    { kind: "fault", fault: bad },
    "idle",
    [
      "send NOTIFICATION 3/10",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: prefix length 99 is longer than 32; sent NOTIFICATION UPDATE Message Error/Invalid Network Field",
    ],
  ],
  [
    "open-confirm",
    { kind: "stop", notification: admin },
    "idle",
    ["send NOTIFICATION 6/2", "close", "cancel-timers", "idle: stopped: Cease/Administrative Shutdown"],
  ],

  ["established", { kind: "keepalive" }, "established", ["hold in 30000"]],
  ["established", { kind: "update" }, "established", ["hold in 30000"]],
  ["established", { kind: "keepalive-timer" }, "established", ["send KEEPALIVE", "keepalive in 10000"]],
  [
    "established",
    { kind: "hold-timer" },
    "idle",
    [
      "send NOTIFICATION 4/0",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: peer was silent for the hold time; sent NOTIFICATION Hold Timer Expired",
    ],
  ],
  [
    "established",
    { kind: "tcp-closed", error: "ECONNRESET" },
    "idle",
    ["close", "cancel-timers", "retry in 0", "idle: connection lost: ECONNRESET"],
  ],
  [
    "established",
    { kind: "open", open: peerOpen },
    "idle",
    [
      "send NOTIFICATION 5/3",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: OPEN from the peer in state established; sent NOTIFICATION Finite State Machine Error/Receive Unexpected Message in Established State",
    ],
  ],
  [
    "established",
    { kind: "notification", notification: notification(6, 2, hex("03627965")) },
    "idle",
    ["close", "cancel-timers", "retry in 0", 'idle: peer sent NOTIFICATION Cease/Administrative Shutdown ("bye")'],
  ],
  [
    "established",
    { kind: "fault", fault: bad },
    "idle",
    [
      "send NOTIFICATION 3/10",
      "close",
      "cancel-timers",
      "retry in 0",
      "idle: prefix length 99 is longer than 32; sent NOTIFICATION UPDATE Message Error/Invalid Network Field",
    ],
  ],
  [
    "established",
    { kind: "stop", notification: admin },
    "idle",
    ["send NOTIFICATION 6/2", "close", "cancel-timers", "idle: stopped: Cease/Administrative Shutdown"],
  ],
]
for (const [state, event, next, effects] of cells) {
  test(`RFC 4271 §8.2.2: ${state}, ${event.kind} → ${next}`, (t) => {
    const [session, found] = run([event], inState(state))
    t.deepEqual([session.state, found], [next, effects])
  })
}

const everyEvent: readonly Event[] = [
  { kind: "start" },
  { kind: "stop", notification: admin },
  { kind: "retry-timer" },
  { kind: "hold-timer" },
  { kind: "keepalive-timer" },
  { kind: "stable-timer" },
  opened,
  { kind: "tcp-closed" },
  { kind: "open", open: peerOpen },
  { kind: "keepalive" },
  { kind: "update" },
  { kind: "route-refresh", refresh: { kind: "route-refresh", afi: 1, safi: 1, subtype: 0 } },
  { kind: "notification", notification: admin },
  { kind: "fault", fault: bad },
]
test("every other cell does nothing and changes no state", (t) => {
  const decided = new Set(cells.map(([state, event]) => `${state} ${event.kind}`))
  for (const state of Object.keys(upTo) as State[]) {
    for (const event of everyEvent) {
      if (decided.has(`${state} ${event.kind}`)) continue
      const [session, effects] = run([event], inState(state))
      t.deepEqual([session.state, effects], [state, []], `${state} ${event.kind}`)
    }
  }
})

const openChecks: readonly [
  name: string,
  open: typeof peerOpen,
  ours: Partial<SessionConfig>,
  code: string,
  because: string,
][] = [
  ["§6.2 Bad Peer AS", openFor(65001, 30, ip("192.0.2.2")), {}, "2/2", "unexpected peer ASN 65001, want 64513"],
  [
    "RFC 6793 §4.1: the capability says the real AS number",
    openFor(4200000001, 30, ip("192.0.2.2")),
    { peerASN: 23456 },
    "2/2",
    "unexpected peer ASN 4200000001, want 23456",
  ],
  [
    "§6.2 Unacceptable Hold Time",
    openFor(64513, 2, ip("192.0.2.2")),
    {},
    "2/6",
    "hold time of 2 s, must be 0 or at least 3",
  ],
  ["§6.2 Bad BGP Identifier", openFor(64513, 30, ip("0.0.0.0")), {}, "2/3", "peer's BGP identifier is 0.0.0.0"],
  [
    "RFC 6286 §2.2: an internal peer with our identifier",
    openFor(64512, 30, ip("192.0.2.1")),
    { peerASN: 64512 },
    "2/3",
    "peer has our BGP identifier 192.0.2.1",
  ],
]
for (const [name, open, ours, code, because] of openChecks) {
  test(`OPEN refused: ${name}`, (t) => {
    const [session, effects] = run(
      [{ kind: "start" }, opened, { kind: "open", open }],
      newSession({ ...config, ...ours }),
    )
    t.is(session.state, "idle")
    t.is(effects[0], `send NOTIFICATION ${code}`)
    t.true(effects.at(-1)?.startsWith(`idle: ${because}; sent NOTIFICATION OPEN Message Error/`), effects.at(-1))
  })
}

test("RFC 4271 §4.2: the hold time is the smaller of the two, whoever says it", (t) => {
  for (const [ours, theirs, want] of [
    [90, 30, 30],
    [9, 240, 9],
    [0, 90, 0],
    [90, 0, 0],
  ] as const) {
    const open = openFor(64513, theirs, ip("192.0.2.2"))
    const [session] = run(
      [{ kind: "start" }, opened, { kind: "open", open }],
      newSession({ ...config, holdSeconds: ours }),
    )
    t.is(session.negotiated?.holdSeconds, want)
  }
})

test("RFC 4271 §4.4: with a hold time of 0 there is no KEEPALIVE and no hold timer", (t) => {
  const start = newSession({ ...config, holdSeconds: 0 })
  const [session, effects] = run(upTo["open-confirm"], start)
  t.deepEqual(effects, ["send KEEPALIVE", "cancel-timers", "open-confirm"])
  t.deepEqual(run([{ kind: "keepalive" }], session)[1], [`stable in ${stableMs}`, "established"])
})

test("the OPEN carries the configured router id, else the local address", (t) => {
  const [, first] = step(run([{ kind: "start" }])[0], opened, full)
  t.deepEqual(first[0], { kind: "send", message: openFor(64512, 90, ip("192.0.2.1")) })
  const configured = newSession({ ...config, routerId: ip("10.9.8.7") })
  const [, second] = step(run([{ kind: "start" }], configured)[0], opened, full)
  t.deepEqual(second[0], { kind: "send", message: openFor(64512, 90, ip("10.9.8.7")) })
})

test("failed tries wait 0, 1, 2, 4 … 120 s; the jitter takes a quarter at most (RFC 4271 §10)", (t) => {
  const waits = (random: number): number[] => {
    let [session] = run([{ kind: "start" }])
    return Array.from({ length: 10 }, () => {
      const [next, effects] = step(session, { kind: "tcp-closed", error: "refused" }, random)
      ;[session] = step(next, { kind: "retry-timer" }, random)
      const retry = effects.find((effect) => effect.kind === "set-timer")
      return retry?.kind === "set-timer" ? retry.afterMs / 1000 : -1
    })
  }
  t.deepEqual(waits(full), [0, 1, 2, 4, 8, 16, 32, 64, 120, 120])
  t.deepEqual(waits(0), [0, 0.75, 1.5, 3, 6, 12, 24, 48, 90, 90])
})

test("a session that was up for a while reconnects at once; one that fell at once waits longer each time", (t) => {
  const lost: Event = { kind: "tcp-closed", error: "ECONNRESET" }
  const again: readonly Event[] = [{ kind: "retry-timer" }, ...upTo.established.slice(1)]
  const [flapped] = run([lost, ...again, lost, ...again], inState("established"))
  t.true(run([lost], flapped)[1].includes("retry in 2000"))
  t.true(run([{ kind: "stable-timer" }, lost], flapped)[1].includes("retry in 0"))
})

test("a stopped session stays down until it is started again", (t) => {
  const [stopped] = run([{ kind: "stop", notification: admin }], inState("established"))
  t.is(run([{ kind: "retry-timer" }], stopped)[0].state, "idle")
  t.is(run([{ kind: "start" }], stopped)[0].state, "connect")
})

test("whatever happens: one connection at most, none left behind, and a way up again", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...everyEvent), { maxLength: 60 }),
      fc.nat({ max: full }),
      (events, random) => {
        let session = newSession(config)
        let connections = 0
        let retry = false
        for (const event of events) {
          // A connection can open only where one was asked for, and a closed one is gone.
          if (event.kind === "tcp-opened" && session.state !== "connect") continue
          if (event.kind === "tcp-closed" && connections === 0) continue
          if (event.kind === "retry-timer") {
            if (!retry) continue
            retry = false
          }
          const [next, effects] = step(session, event, random)
          for (const effect of effects) {
            if (effect.kind === "connect") connections++
            if (effect.kind === "close") connections = 0
            if (effect.kind === "cancel-timers") retry = false
            if (effect.kind === "set-timer" && effect.timer === "retry") retry = true
            if (effect.kind === "send" && connections !== 1) return false
          }
          session = next
          const connected = session.state !== "idle" && session.state !== "active"
          if (connections !== (connected ? 1 : 0)) return false
          if (session.started && !connected && !retry) return false
        }
        return true
      },
    ),
    { numRuns: 2000 },
  )
  t.pass()
})
