import test, { type ExecutionContext } from "ava"
import type { ServiceStatusWrite } from "../../../config/cluster-api.ts"
import type { ServiceFacts } from "../../../config/facts.ts"
import { kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { objectAt } from "../../../kubernetes/client/json.ts"
import { withStatus } from "../../../kubernetes/client/status-write.ts"
import { connectTo, fakeApi, hurried, json, memoryLog, type Request, status, until } from "./fake-api.ts"

const services = "/api/v1/services"
const web = {
  metadata: { name: "web", namespace: "shop", annotations: { theirs: "kept", ours: "old" }, finalizers: ["theirs/x"] },
  spec: { type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] },
  status: { conditions: [{ type: "theirs" }], loadBalancer: { ingress: [{ ip: "192.168.1.1", ipMode: "VIP" }] } },
}
const isPut = ({ method }: Request) => method === "PUT"

async function start(t: ExecutionContext, { watching = true } = {}) {
  const fake = await fakeApi()
  fake.put(services, web)
  const time = hurried(20)
  const cluster = await connectTo(fake, { time })
  const api = kubernetesClusterApi(cluster, { namespace: "metallb-system", log: memoryLog(), time })
  t.teardown(async () => {
    await api.stop()
    await cluster.close()
    await fake.close()
  })
  let seen: ServiceFacts | undefined
  if (watching) {
    await new Promise<void>((resolve) =>
      api.watch({ services: true }, { service: (_, facts) => (seen = facts), synced: resolve }),
    )
  }
  const wanted = (more: Partial<ServiceStatusWrite> = {}): ServiceStatusWrite => ({
    key: "shop/web",
    uid: "uid-web",
    resourceVersion: seen?.resourceVersion ?? "101",
    ingress: ["192.168.1.1", "fd00::1"],
    annotations: { "metallb.io/ip-allocated-from-pool": "blue", ours: undefined },
    ...more,
  })
  return { fake, api, cluster, wanted, facts: () => seen }
}

test("one PUT on the status with the whole object: addresses that stay keep their fields, annotations come and go", async (t) => {
  const { fake, api, wanted } = await start(t)
  fake.intercept(isPut, (response, socket) => {
    const body = JSON.parse(fake.requests.findLast(isPut)?.body ?? "{}") as { metadata: object }
    json({ ...body, metadata: { ...body.metadata, resourceVersion: "555" } })(response, socket)
  })
  t.deepEqual(await api.writeServiceStatus(wanted()), { kind: "written", resourceVersion: "555" })
  const puts = fake.requests.filter(({ method }) => method !== "GET")
  t.is(puts.length, 1)
  t.is(puts[0]?.url.pathname, "/api/v1/namespaces/shop/services/web/status")
  t.deepEqual(JSON.parse(puts[0]?.body ?? ""), {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      ...web.metadata,
      uid: "uid-web",
      resourceVersion: wanted().resourceVersion,
      annotations: { theirs: "kept", "metallb.io/ip-allocated-from-pool": "blue" },
    },
    spec: web.spec,
    status: {
      conditions: [{ type: "theirs" }],
      loadBalancer: { ingress: [{ ip: "192.168.1.1", ipMode: "VIP" }, { ip: "fd00::1" }] },
    },
  })

  // The watch has not told of it yet, and the next decision builds on what was written.
  fake.intercept(isPut, json({ metadata: { name: "web", uid: "uid-web", resourceVersion: "556" } }))
  const next = await api.writeServiceStatus(wanted({ resourceVersion: "555", ingress: [] }))
  t.deepEqual(next, { kind: "written", resourceVersion: "556" })
  const second = JSON.parse(fake.requests.findLast(isPut)?.body ?? "") as { status: object; metadata: object }
  t.deepEqual(second.status, { conditions: [{ type: "theirs" }], loadBalancer: {} })
  t.like(second.metadata, { resourceVersion: "555" })
})

test("decided on an older version, or on another Service of that name: nothing is sent", async (t) => {
  const { fake, api, wanted, facts } = await start(t)
  const old = wanted()
  fake.put(services, { ...web, spec: { type: "ClusterIP" } })
  await until(() => facts()?.type === "ClusterIP", "the newer version")
  t.deepEqual(await api.writeServiceStatus(old), { kind: "conflict" })
  t.deepEqual(await api.writeServiceStatus(wanted({ uid: "another" })), { kind: "gone" })
  t.false(fake.requests.some(isPut))
})

test("what the server says becomes an outcome", async (t) => {
  const { fake, api, wanted } = await start(t)
  const outcome = (answer: ReturnType<typeof status>) => {
    fake.intercept(isPut, answer)
    return api.writeServiceStatus(wanted())
  }
  t.deepEqual(await outcome(status(409, "Conflict", "the object has been modified")), { kind: "conflict" })
  t.deepEqual(await outcome(status(404, "NotFound", "services not found")), { kind: "gone" })
  t.deepEqual(await outcome(status(403, "Forbidden", "services/status is forbidden")), {
    kind: "failed",
    message: "services/status is forbidden",
  })
  t.deepEqual(await outcome(status(429, "TooManyRequests", "slow down", { "retry-after": "3" })), {
    kind: "failed",
    message: "slow down",
    retryAfterMs: 3000,
  })
  t.deepEqual(await outcome((_, socket) => socket.resetAndDestroy()), {
    kind: "failed",
    message: `the connection to ${fake.url} broke`,
  })
})

test("without a watch the Service is read first", async (t) => {
  const { fake, api, wanted } = await start(t, { watching: false })
  fake.intercept(
    ({ url }) => url.pathname === "/api/v1/namespaces/shop/services/web",
    json({ ...web, metadata: { ...web.metadata, uid: "uid-web", resourceVersion: "101" } }),
  )
  t.deepEqual(await api.writeServiceStatus(wanted()), { kind: "written", resourceVersion: "101" })
  fake.intercept(
    ({ url }) => url.pathname === "/api/v1/namespaces/shop/services/other",
    status(404, "NotFound", 'services "other" not found'),
  )
  t.deepEqual(await api.writeServiceStatus(wanted({ key: "shop/other" })), { kind: "gone" })
})

test("the same address in another spelling is the same entry", (t) => {
  const service = { status: { loadBalancer: { ingress: [{ ip: "FD00::0001", ipMode: "Proxy" }] } } }
  const write = { key: "shop/web", uid: "", resourceVersion: "", ingress: ["fd00::1"], annotations: {} }
  t.like(withStatus(service, write, 0), {
    status: { loadBalancer: { ingress: [{ ip: "FD00::0001", ipMode: "Proxy" }] } },
  })
})

test("conditions come and go beside those of others; the time is that of the last change of status", (t) => {
  const theirs = { type: "theirs", status: "True", reason: "Theirs", message: "", lastTransitionTime: "then" }
  const write = (conditions: ServiceStatusWrite["conditions"]): ServiceStatusWrite => ({
    key: "shop/web",
    uid: "",
    resourceVersion: "",
    ingress: [],
    annotations: {},
    ...(conditions && { conditions }),
  })
  const none = { status: "False", reason: "PoolExhausted", message: "no free address in pool blue" } as const
  const first = withStatus({ status: { conditions: [theirs] } }, write({ "troupe.dev/allocated": none }), 0)
  const allocated = { type: "troupe.dev/allocated", ...none, lastTransitionTime: "1970-01-01T00:00:00Z" }
  t.deepEqual(first["status"], { loadBalancer: {}, conditions: [theirs, allocated] })

  const reworded = { ...none, message: "no free address in any pool" }
  const second = withStatus(first, write({ "troupe.dev/allocated": reworded }), 60_000)
  t.deepEqual(second["status"], { loadBalancer: {}, conditions: [theirs, { ...allocated, ...reworded }] })

  const found = { status: "True", reason: "Allocated", message: "" } as const
  const third = withStatus(second, write({ "troupe.dev/allocated": found }), 60_000)
  t.like(third, { status: { conditions: [theirs, { ...found, lastTransitionTime: "1970-01-01T00:01:00Z" }] } })
  t.deepEqual(withStatus(third, write({ "troupe.dev/allocated": undefined }), 0)["status"], {
    loadBalancer: {},
    conditions: [theirs],
  })
  t.deepEqual(withStatus(third, write(undefined), 0)["status"], { ...objectAt(third, "status"), loadBalancer: {} })
})
