import test, { type ExecutionContext } from "ava"
import type { ServiceEvent } from "../../../config/cluster-api.ts"
import { eventRecorder } from "../../../kubernetes/client/events.ts"
import { objectAt, textOf } from "../../../kubernetes/client/json.ts"
import type { Time } from "../../../kubernetes/client/time.ts"
import { connectTo, fakeApi, hurried, type Request, status, until } from "./fake-api.ts"

const event = (more: Partial<ServiceEvent> = {}): ServiceEvent => ({
  key: "shop/web",
  uid: "u1",
  type: "Normal",
  reason: "IPAllocated",
  message: 'Assigned IP ["192.168.1.1"]',
  component: "metallb-controller",
  ...more,
})
const isEvent = ({ url }: Request) => url.pathname.startsWith("/api/v1/namespaces/shop/events")

async function start(t: ExecutionContext) {
  const fake = await fakeApi()
  let offsetMs = 0
  const quick = hurried(100)
  const time: Time = {
    ...quick,
    wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) + offsetMs,
    monotonicMs: () => offsetMs,
  }
  const cluster = await connectTo(fake, { time })
  const recorder = eventRecorder(cluster, time)
  t.teardown(async () => {
    await recorder.stop()
    await cluster.close()
    await fake.close()
  })
  const sent = () => fake.requests.filter(isEvent)
  const bodies = () => sent().map(({ method, body }) => ({ method, body: JSON.parse(body) as Record<string, unknown> }))
  const settled = (written: number) => until(() => recorder.counts().written === written, `${written} written`)
  return { fake, recorder, sent, bodies, settled, pass: (ms: number) => (offsetMs += ms) }
}

test("an Event as kubectl describe shows it; the same again raises its count", async (t) => {
  const { recorder, sent, bodies, settled, pass } = await start(t)
  recorder.record(event())
  await settled(1)
  const [created] = bodies()
  const name = textOf(objectAt(created?.body, "metadata")["name"])
  t.regex(name, /^web\.[0-9a-f]{16}$/)
  t.is(created?.method, "POST")
  t.deepEqual(created?.body, {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: "shop" },
    involvedObject: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web", uid: "u1" },
    type: "Normal",
    reason: "IPAllocated",
    message: 'Assigned IP ["192.168.1.1"]',
    source: { component: "metallb-controller" },
    reportingComponent: "metallb-controller",
    reportingInstance: "",
    firstTimestamp: "2026-01-02T03:04:05Z",
    lastTimestamp: "2026-01-02T03:04:05Z",
    count: 1,
  })
  pass(60_000)
  recorder.record(event())
  recorder.record(event({ reason: "Other" }))
  await settled(3)
  t.deepEqual(bodies()[1], { method: "PATCH", body: { count: 2, lastTimestamp: "2026-01-02T03:05:05Z" } })
  t.is(sent()[1]?.url.pathname, `/api/v1/namespaces/shop/events/${name}`)
  t.is(sent()[1]?.headers["content-type"], "application/strategic-merge-patch+json")
  t.is(bodies()[2]?.method, "POST")
})

test("a flood about one Service stops at 25; another Service is not held back; five minutes bring one more", async (t) => {
  const { recorder, bodies, settled, pass } = await start(t)
  for (let i = 0; i < 100; i++) recorder.record(event())
  recorder.record(event({ key: "shop/other", uid: "u2" }))
  await settled(26)
  t.is(recorder.counts().suppressed, 75)
  pass(300_000)
  recorder.record(event())
  recorder.record(event())
  await settled(27)
  t.is(recorder.counts().suppressed, 76)
  // What was held back is in the count.
  t.is(bodies().at(-1)?.body["count"], 101)
  recorder.record(event())
  pass(300_000)
  recorder.record(event())
  await settled(28)
  t.is(bodies().at(-1)?.body["count"], 104)
})

test("an Event that the server has forgotten is made anew", async (t) => {
  const { fake, recorder, bodies, settled } = await start(t)
  recorder.record(event())
  await settled(1)
  fake.intercept(isEvent, status(404, "NotFound", "events not found"))
  recorder.record(event())
  await settled(2)
  t.deepEqual(
    bodies().map(({ method }) => method),
    ["POST", "PATCH", "POST"],
  )
  t.is(bodies()[2]?.body["count"], 2)
})

test("a server in trouble is asked again; one that refuses is not; both are counted", async (t) => {
  const { fake, recorder, sent, settled } = await start(t)
  fake.intercept(isEvent, status(500, "InternalError", "etcd is away"))
  fake.intercept(isEvent, (_, socket) => socket.resetAndDestroy())
  recorder.record(event())
  await settled(1)
  t.is(sent().length, 3)
  fake.intercept(isEvent, status(403, "Forbidden", "namespace is terminating"))
  recorder.record(event({ reason: "Other" }))
  await until(() => recorder.counts().lost === 1, "one lost")
  t.is(sent().length, 4)
})

test("more than fits in the queue is lost and counted, not kept", async (t) => {
  const { fake, recorder } = await start(t)
  fake.intercept(isEvent, () => {})
  for (let i = 0; i < 20_004 + 100; i++) recorder.record(event({ key: `shop/s${i}`, uid: `u${i}` }))
  // One of each of four lanes is on its way, twenty thousand wait.
  t.is(recorder.counts().lost, 100)
})
