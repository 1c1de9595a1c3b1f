// Make before break, rule by rule: what another node leads is answered for until that one is heard.
import test from "ava"
import { livenessSettings } from "../../cluster/liveness/settings.ts"
import {
  type Answering,
  answering,
  type Desired,
  type Effect,
  type Event,
  initialState,
  type State,
  type Watched,
} from "../../cluster/liveness/state.ts"
import { step } from "../../cluster/liveness/step.ts"
import { ip } from "../arp/frames.ts"

const vip = ip("192.0.2.200")
const mac = { us: "02:00:00:00:00:02", next: "02:00:00:00:00:01", stranger: "02:00:00:00:00:ee" }
const own: Watched = { ip: vip, role: "own", before: [] }
const former: Watched = { ip: vip, role: "former", before: [] }
const standby: Watched = { ip: vip, role: "standby", before: ["next"] }

function scene(liveness = true) {
  let state: State = initialState(livenessSettings)
  let nowMs = 1000
  const effects: Effect[] = []
  const give = (event: Event) => {
    const [next, more] = step(state, event, nowMs)
    state = next
    effects.push(...more)
  }
  const desired = (...addresses: readonly Watched[]): Desired => ({
    self: "us",
    mac: mac.us,
    members: [{ name: "next", address: ip("10.0.0.1"), port: 7946, macs: [mac.next], state: "alive" }],
    addresses,
    liveness,
    strangers: "defend",
  })
  return {
    tell: (...addresses: readonly Watched[]) => give({ kind: "desired", desired: desired(...addresses) }),
    adopt: (adopt: Answering, ...addresses: readonly Watched[]) =>
      give({ kind: "desired", desired: desired(...addresses), adopt }),
    claim: (by: string) => give({ kind: "heard", ip: vip, mac: by, gratuitous: true }),
    pass(ms: number) {
      const endMs = nowMs + ms
      while (state.dueMs <= endMs) {
        nowMs = Math.max(nowMs, state.dueMs)
        give({ kind: "tick" })
      }
      nowMs = endMs
    },
    lingers: () => answering(state).lingering?.has(vip) === true,
    takes: () => answering(state).taken.has(vip),
    yields: () => answering(state).yielded.has(vip),
    announced: () => effects.some(({ kind }) => kind === "announce"),
    handedOver: () =>
      effects.flatMap((effect) =>
        effect.kind === "happened" && effect.happening.what === "handed-over" ? [effect.happening] : [],
      ),
  }
}

for (const [name, after] of [
  ["a node that is no candidate any more", former],
  ["a node that comes second now", standby],
] as const)
  for (const liveness of [true, false])
    test(`${name} answers until the next leader is heard${liveness ? "" : ", with MetalLB's speakers in the ring"}`, (t) => {
      const it = scene(liveness)
      it.tell(own)
      it.tell(after)
      t.true(it.lingers())
      it.pass(300)
      // Told again, for the sake of something else.
      it.tell(after)
      t.true(it.lingers())
      it.claim(mac.next)
      it.pass(49)
      t.true(it.lingers(), "a question may be under way")
      it.pass(2)
      t.false(it.lingers() || it.takes())
      t.deepEqual(it.handedOver(), [{ what: "handed-over", ip: vip, to: "next", mac: mac.next, afterMs: 300 }])
      t.false(it.announced())
      it.tell(after)
      t.false(it.lingers() || it.takes())
    })

test("nobody is heard: two seconds, whatever else is told meanwhile", (t) => {
  const it = scene()
  it.tell(own)
  it.tell(former)
  it.pass(1500)
  it.tell(former)
  it.pass(499)
  t.true(it.lingers())
  it.pass(2)
  t.false(it.lingers())
  t.deepEqual(it.handedOver(), [{ what: "handed-over", ip: vip, afterMs: 2000 }])
})

test("a better node came back and is slow to begin: a candidate answers for it, up to ten seconds", (t) => {
  const it = scene()
  it.tell(own)
  it.tell(standby)
  it.pass(9999)
  t.true(it.lingers())
  it.pass(2)
  t.false(it.lingers() || it.takes())
})

test("who takes it need not be known", (t) => {
  const it = scene()
  it.tell(own)
  it.tell(former)
  it.claim(mac.stranger)
  it.pass(51)
  t.false(it.lingers())
  t.deepEqual(it.handedOver(), [{ what: "handed-over", ip: vip, mac: mac.stranger, afterMs: 0 }])
})

test("our own announcement, which the segment sends back, is not the next leader's", (t) => {
  const it = scene()
  it.tell(own)
  it.tell(former)
  it.claim(mac.us)
  t.true(it.lingers())
})

test("what was not answered for is not begun", (t) => {
  const it = scene()
  it.tell(former)
  t.false(it.lingers() || it.takes())
  const other = scene()
  other.tell(standby)
  other.tell(former)
  t.false(other.lingers() || other.takes())
})

test("what was taken over is handed over too", (t) => {
  const it = scene()
  it.adopt({ taken: new Set([vip]), yielded: new Set() }, standby)
  t.true(it.takes())
  it.tell(former)
  t.true(it.lingers())
})

test("the next leader was heard before we knew: it is not contradicted, and what it said counts", (t) => {
  const it = scene()
  it.tell(own)
  it.claim(mac.next)
  it.pass(100)
  it.tell(former)
  t.true(it.lingers())
  it.pass(101)
  t.false(it.lingers() || it.announced())
  t.deepEqual(it.handedOver(), [{ what: "handed-over", ip: vip, to: "next", mac: mac.next, afterMs: 50 }])
  // A claim that nothing explains is contradicted.
  const other = scene()
  other.tell(own)
  other.claim(mac.next)
  other.pass(149)
  t.false(other.announced())
  other.pass(2)
  t.true(other.announced())
})

test("nobody is left to hand over to: it ends at once", (t) => {
  const it = scene()
  it.tell(own)
  it.tell()
  t.false(it.lingers())
})

test("it is ours again before anybody was heard: it never stopped", (t) => {
  const it = scene()
  it.tell(own)
  it.tell(former)
  it.tell(own)
  t.false(it.lingers() || it.yields())
  it.pass(5000)
  t.false(it.yields())
  t.deepEqual(it.handedOver(), [])
})

test("a watch that begins anew goes on where the one before it was", (t) => {
  const it = scene()
  it.adopt({ taken: new Set(), yielded: new Set(), lingering: new Set([vip]) }, former)
  t.true(it.lingers())
  it.pass(2001)
  t.false(it.lingers())
})
