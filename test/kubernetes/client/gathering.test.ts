// Many Services move at once: the first hundred are told by themselves, the others together.
import test from "ava"
import type { ServiceEvent } from "../../../config/cluster-api.ts"
import { eventRecorder } from "../../../kubernetes/client/events.ts"
import { gathering, type NodeEvent } from "../../../kubernetes/client/gathering.ts"
import type { Time } from "../../../kubernetes/client/time.ts"
import { connectTo, fakeApi, hurried, until } from "./fake-api.ts"

const event = (i: number, more: Partial<ServiceEvent> = {}): ServiceEvent => ({
  key: `shop/web-${i}`,
  uid: `u${i}`,
  type: "Normal",
  reason: "nodeAssigned",
  message: 'announcing from node "alpha" with protocol "layer2"',
  component: "metallb-speaker",
  gatherOn: "alpha",
  ...more,
})

/** A clock that stands still until told otherwise, and one timer after the other. */
function scene() {
  let nowMs = 0
  let timers: { readonly atMs: number; readonly run: () => void }[] = []
  const time: Time = {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run }
      timers.push(timer)
      return () => void (timers = timers.filter((one) => one !== timer))
    },
    random: () => 0.5,
  }
  const told: NodeEvent[] = []
  const it = gathering(time, (one) => told.push(one))
  return {
    it,
    told,
    pass: (ms: number) => {
      nowMs += ms
      const due = timers.filter(({ atMs }) => atMs <= nowMs)
      timers = timers.filter(({ atMs }) => atMs > nowMs)
      for (const { run } of due) run()
    },
    alone: (count: number, more: Partial<ServiceEvent> = {}, from = 0) =>
      Array.from({ length: count }, (_, i) => it.alone(event(from + i, more))).filter(Boolean).length,
  }
}

test("a thousand at once: a hundred by themselves, the others in one Event of the Node", (t) => {
  const { alone, told, pass } = scene()
  t.is(alone(1000), 100)
  t.deepEqual(told, [])
  pass(1000)
  t.deepEqual(told, [
    {
      node: "alpha",
      type: "Normal",
      reason: "nodeAssigned",
      component: "metallb-speaker",
      message: `900 more Services without an Event of their own, as shop/web-100: announcing from node "alpha" with protocol "layer2"`,
    },
  ])
  // A second has brought ten more.
  t.is(alone(11), 10)
  pass(1000)
  t.regex(told[1]?.message ?? "", /^1 more Service without an Event of their own, as shop\/web-10:/)
  pass(60_000)
  t.is(told.length, 2)
  t.is(alone(101), 100)
})

test("kinds do not hold each other back; what is not to be gathered never is", (t) => {
  const { it, alone } = scene()
  t.is(alone(150), 100)
  t.is(alone(150, { reason: "takenOver" }), 100)
  t.is(alone(150, { gatherOn: "bravo" }), 100)
  const { gatherOn: _, ...single } = event(1)
  t.true(Array.from({ length: 500 }, () => it.alone(single)).every(Boolean))
})

test("stopped, it tells nothing more", (t) => {
  const { it, alone, told, pass } = scene()
  alone(200)
  it.stop()
  pass(5000)
  t.deepEqual(told, [])
})

test("the Node's Event, as the API server gets it", async (t) => {
  const fake = await fakeApi()
  const time = hurried(100)
  const cluster = await connectTo(fake, { time })
  const recorder = eventRecorder(cluster, time)
  t.teardown(async () => {
    await recorder.stop()
    await cluster.close()
    await fake.close()
  })
  for (let i = 0; i < 300; i++) recorder.record(event(i))
  await until(
    () => recorder.counts().gathered > 0 && recorder.counts().written === 301 - recorder.counts().gathered,
    "all",
  )
  const sent = fake.requests.filter(({ url }) => url.pathname === "/api/v1/namespaces/default/events")
  const body = JSON.parse(sent[0]?.body ?? "{}") as Record<string, unknown>
  t.is(sent.length, 1)
  t.like(body, {
    involvedObject: { apiVersion: "v1", kind: "Node", name: "alpha", uid: "alpha" },
    reason: "nodeAssigned",
    type: "Normal",
    count: 1,
  })
  t.like(body["metadata"], { namespace: "default" })
})
