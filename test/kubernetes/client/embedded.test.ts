import test, { type ExecutionContext } from "ava"
import { writeFileSync } from "node:fs"
import path from "node:path"
import type { Watched } from "../../../config/cluster-api.ts"
import type { ConfigurationFacts, ServiceFacts } from "../../../config/facts.ts"
import { kubernetesClusterApi } from "../../../kubernetes/client/cluster-api.ts"
import { objectAt, textOf } from "../../../kubernetes/client/json.ts"
import { loadCluster } from "../../../kubernetes/client/load.ts"
import { type EmbeddedApiOptions, startEmbeddedApi } from "../../../kubernetes/embedded/index.ts"
import { conversions } from "../../../kubernetes/resources/convert.ts"
import { definitions } from "../../../kubernetes/resources/definitions.ts"
import { hurried, kubeconfig, memoryLog, temporaryDirectory, until } from "./fake-api.ts"

/** The client against the lab's API server: what is written by one is read by the other. */
async function start(t: ExecutionContext, more: Partial<EmbeddedApiOptions> = {}) {
  const server = await startEmbeddedApi({ listen: [{}], definitions, conversions, ...more })
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "metallb-system" } })
  const file = path.join(temporaryDirectory(), "config")
  writeFileSync(file, kubeconfig(server.url))
  const time = hurried(20)
  const cluster = await loadCluster({ kubeconfig: file, time })
  if (!cluster.ok) throw new Error(cluster.error)
  const log = memoryLog()
  const api = kubernetesClusterApi(cluster.value, { namespace: "metallb-system", log, time })
  t.teardown(async () => {
    await api.stop()
    await until(() => server.counts().watches === 0, "no watch open after stop")
    await cluster.value.close()
    await server.close()
  })
  const services = new Map<string, ServiceFacts>()
  let configuration: ConfigurationFacts | undefined
  const watch = (wanted: Watched) =>
    new Promise<void>((synced) => {
      api.watch(wanted, {
        service(key, facts) {
          if (facts === undefined) services.delete(key)
          else services.set(key, facts)
        },
        configuration: (facts) => (configuration = facts),
        synced,
      })
    })
  return { server, api, log, services, watch, configuration: () => configuration, cluster: cluster.value }
}

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default", annotations: { ours: "old" } },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
})
const pool = (name: string, address: string) => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name, namespace: "metallb-system" },
  spec: { addresses: [address] },
})

test("an address written to a Service is there for everybody, with the annotation; a second write needs the new version", async (t) => {
  const { server, api, services, watch } = await start(t)
  server.objects.put(service("web"))
  await watch({ services: true })
  const web = services.get("default/web")
  if (web === undefined) return t.fail("web was not told")
  t.is(web.type, "LoadBalancer")
  const write = {
    key: web.key,
    uid: web.uid,
    resourceVersion: web.resourceVersion,
    ingress: ["192.168.1.1"],
    annotations: { "metallb.io/ip-allocated-from-pool": "blue", ours: undefined },
  }
  const first = await api.writeServiceStatus(write)
  t.is(first.kind, "written")
  const stored = server.objects.get("v1", "Service", "web", "default")
  t.like(objectAt(stored, "status"), { loadBalancer: { ingress: [{ ip: "192.168.1.1" }] } })
  t.deepEqual(objectAt(stored, "metadata", "annotations"), { "metallb.io/ip-allocated-from-pool": "blue" })
  await until(() => services.get("default/web")?.ingress[0]?.ip === "192.168.1.1", "the address told back")
  t.deepEqual(await api.writeServiceStatus(write), { kind: "conflict" })

  const written = services.get("default/web")
  const cleared = { ...write, resourceVersion: written?.resourceVersion ?? "", ingress: [] }
  t.is((await api.writeServiceStatus(cleared)).kind, "written")
  await until(() => services.get("default/web")?.ingress.length === 0, "no address told back")
  server.objects.delete("v1", "Service", "web", "default")
  await until(() => !services.has("default/web"), "gone")
  t.deepEqual(await api.writeServiceStatus(cleared), { kind: "gone" })
})

test("a Service without an address says why, and what it says is told back", async (t) => {
  const { server, api, services, watch } = await start(t)
  server.objects.put(service("web"))
  await watch({ services: true })
  const write = (more: object) => {
    const { key, uid, resourceVersion } = services.get("default/web") ?? { key: "", uid: "", resourceVersion: "" }
    return api.writeServiceStatus({ key, uid, resourceVersion, ingress: [], annotations: {}, ...more })
  }
  const allocated = { status: "False", reason: "NoPool", message: "no pool has a free address" } as const
  t.is((await write({ conditions: { "troupe.dev/allocated": allocated } })).kind, "written")
  const told = () => services.get("default/web")?.conditions
  await until(() => told() !== undefined, "the condition told back")
  t.deepEqual(told(), { "troupe.dev/allocated": allocated })
  t.is((await write({ conditions: { "troupe.dev/allocated": undefined } })).kind, "written")
  await until(() => told() === undefined, "no condition")
  t.pass()
})

test("the configuration as the server completes it: defaults filled in, old peers in the new version", async (t) => {
  const { server, watch, configuration } = await start(t)
  server.objects.put(pool("blue", "192.168.1.0/24"))
  server.objects.put({
    apiVersion: "metallb.io/v1beta1",
    kind: "BGPPeer",
    metadata: { name: "tor", namespace: "metallb-system" },
    spec: { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1", holdTime: "90s" },
  })
  await watch({ configuration: true })
  t.deepEqual(configuration()?.pools, [
    {
      name: "blue",
      labels: {},
      spec: { addresses: ["192.168.1.0/24"], autoAssign: true, avoidBuggyIPs: false },
    },
  ])
  t.like(configuration()?.peers[0], {
    name: "tor",
    spec: { myASN: 64512, peerAddress: "10.0.0.1", holdTime: "90s", keepaliveTime: "0s" },
  })
  t.true(configuration()?.namespaces.some(({ name }) => name === "metallb-system"))
  server.objects.delete("metallb.io/v1beta1", "IPAddressPool", "blue", "metallb-system")
  await until(() => configuration()?.pools.length === 0, "the pool gone")
})

test("an Event is found on its Service, and the same again raises its count", async (t) => {
  const { server, api } = await start(t)
  const web = server.objects.put(service("web"))
  const event = {
    key: "default/web",
    uid: textOf(objectAt(web, "metadata")["uid"]),
    type: "Normal" as const,
    reason: "IPAllocated",
    message: 'Assigned IP ["192.168.1.1"]',
    component: "metallb-controller",
  }
  api.recordEvent(event)
  api.recordEvent(event)
  await until(() => api.eventCounts().written === 2, "both written")
  const events = server.objects.list("v1", "Event", "default")
  t.is(events.length, 1)
  t.like(events[0], { reason: "IPAllocated", count: 2, involvedObject: { kind: "Service", name: "web" } })
})

test("2,000 Services, read in pages, all told", async (t) => {
  const { server, services, watch } = await start(t)
  for (let i = 0; i < 2000; i++) server.objects.create(service(`s${i}`))
  await watch({ services: true })
  // With the server's own.
  t.is(services.size, 2001)
})

test("a third of all requests failing, watches cut and history forgotten: still everything arrives", async (t) => {
  const { server, services, watch, configuration } = await start(t)
  server.objects.put(pool("p0", "10.0.0.0/24"))
  server.chaos.errorRate = 0.33
  const synced = watch({ services: true, configuration: true })
  for (let i = 1; i <= 40; i++) {
    server.objects.put(service(`s${i % 10}`))
    server.objects.put(pool(`p${i % 5}`, `10.${i}.0.0/24`))
    if (i % 7 === 0) server.objects.delete("v1", "Service", `s${i % 10}`, "default")
    if (i % 5 === 0) server.closeWatches()
    if (i % 11 === 0) server.compact()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await synced
  const names = () =>
    server.objects
      .list("v1", "Service")
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}@${metadata.resourceVersion}`)
      .sort()
  const told = () => [...services.values()].map(({ key, resourceVersion }) => `${key}@${resourceVersion}`).sort()
  await until(() => told().join() === names().join(), "the same Services on both sides")
  const addresses = () =>
    configuration()
      ?.pools.map(({ name, spec }) => `${name}=${spec.addresses.join()}`)
      .sort()
  const stored = server.objects
    .list("metallb.io/v1beta1", "IPAddressPool", "metallb-system")
    .map((object) => `${object.metadata.name}=${(objectAt(object, "spec")["addresses"] as string[]).join()}`)
    .sort()
  await until(() => addresses()?.join() === stored.join(), "the same pools on both sides")
  t.pass()
})

test("text for FRR in bgpextras is told to be without effect, to who speaks BGP", async (t) => {
  const { server, log, watch } = await start(t)
  const extras = (text: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "bgpextras", namespace: "metallb-system" },
    data: { extras: text },
  })
  server.objects.put(extras(""))
  const said = () => log.lines.filter((line) => line.includes("bgpextras"))
  await watch({ configuration: true, passwordSecrets: true })
  server.objects.put(extras("route-map x"))
  await until(() => said().length === 1, "it is said")
  t.regex(said()[0] ?? "", /ConfigMap metallb-system\/bgpextras is configuration for FRR: it does nothing here/)

  const other = await start(t)
  other.server.objects.put(extras("route-map x"))
  await other.watch({ configuration: true })
  t.false(other.log.lines.some((line) => line.includes("bgpextras")))
})
