import test from "ava"
import { collide, type Collision } from "../../protocols/bgp/collision.ts"
import type { Negotiated } from "../../protocols/bgp/negotiation.ts"
import { newSession, type Session, type State } from "../../protocols/bgp/session.ts"
import type { Ip } from "../../protocols/ip.ts"

const config = { myASN: 64512, peerASN: 64513, holdSeconds: 90, retry: { firstMs: 1000, maxMs: 120_000 } } as const
const session = (state: State, ours = "10.0.0.1", theirs = "10.0.0.2", peerASN = 64513): Session => {
  const negotiated = { peerIdentifier: theirs as Ip, peerASN } as Negotiated
  const open = state === "open-confirm" || state === "established"
  return { ...newSession(config), started: true, state, identifier: ours as Ip, ...(open ? { negotiated } : {}) }
}

const states: readonly State[] = ["idle", "connect", "active", "open-sent", "open-confirm", "established"]
const table: Readonly<Record<State, readonly [sent: Collision, confirm: Collision, established: Collision]>> = {
  idle: ["second", "second", "second"],
  active: ["second", "second", "second"],
  connect: ["both", "second", "second"],
  "open-sent": ["both", "both", "second"],
  // The other side has the higher identifier and has opened the second one.
  "open-confirm": ["both", "second", "second"],
  established: ["first", "first", "first"],
}
for (const state of states)
  test(`the first is in ${state}`, (t) => {
    const results = (["open-sent", "open-confirm", "established"] as const).map((second) =>
      collide(session(state), session(second), false),
    )
    t.deepEqual(results, [...table[state]])
  })

for (const [ours, theirs, peerASN, want] of [
  ["10.0.0.2", "10.0.0.1", 64513, "first"],
  ["10.0.0.1", "10.0.0.2", 64513, "second"],
  // As numbers, not as text.
  ["9.0.0.1", "10.0.0.1", 64513, "second"],
  ["192.0.2.1", "200.0.0.1", 64513, "second"],
  // RFC 6286 §2.3.
  ["10.0.0.1", "10.0.0.1", 64513, "second"],
  ["10.0.0.1", "10.0.0.1", 64511, "first"],
] as const)
  test(`both confirmed, we ${ours}, they ${theirs} in AS ${peerASN}`, (t) => {
    const both = session("open-confirm", ours, theirs, peerASN)
    t.is(collide(both, both, false), want)
  })

test("where the peer has opened both, the later one counts, unless the first is established", (t) => {
  for (const state of ["open-sent", "open-confirm"] as const)
    t.is(collide(session(state), session("open-sent"), true), "second")
  t.is(collide(session("established"), session("open-sent"), true), "first")
})
