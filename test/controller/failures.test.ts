import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import test, { type ExecutionContext } from "ava"
import type { AllocatorMessage, AllocatorMetrics } from "../../actors/allocator/messages.ts"
import { controllerActor } from "../../actors/controller.ts"
import { kubernetesClusterApi } from "../../kubernetes/client/cluster-api.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { realTime, type Time } from "../../kubernetes/client/time.ts"
import { startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { recordingLog, until } from "../supervision/help.ts"
import { addresses, doubles, namespace, pool, service } from "./processes.ts"

/** The controller's tree over the real client and the lab's API server, all in this process. */
async function start(t: ExecutionContext, time: Time = realTime) {
  const server = await startEmbeddedApi({ listen: [{}], definitions })
  server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
  server.objects.put(pool("p", "10.0.0.0/24"))
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-failures-"))
  const kubeconfig = path.join(directory, "config")
  fs.writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: server.url } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  )
  const cluster = await loadCluster({ kubeconfig, time })
  if (!cluster.ok) throw new Error(cluster.error)
  const log = recordingLog()
  const api = kubernetesClusterApi(cluster.value, { namespace, log, time })
  const system = startSystem({ name: "test", world: realWorld(), log })
  system.spawn({ id: "controller", actor: controllerActor, config: { api, namespace } })
  // Every address that a Service ever had, by uid: one that it keeps shows once.
  const had = new Map<string, string[]>()
  api.watch(
    { services: true },
    {
      service(_, facts) {
        const address = facts?.ingress[0]?.ip
        if (facts === undefined || address === undefined) return
        const all = had.get(facts.uid) ?? []
        if (all.at(-1) !== address) had.set(facts.uid, [...all, address])
      },
      synced() {},
    },
  )
  const metrics = async () => {
    const asked = await system.ask<AllocatorMessage, AllocatorMetrics>(
      refTo("/controller/allocator"),
      (replyTo) => ({ kind: "metrics", replyTo }),
      10_000,
    )
    return asked.ok ? asked.value : undefined
  }
  t.teardown(async () => {
    await system.stop()
    await api.stop()
    await cluster.value.close()
    await server.close()
    fs.rmSync(directory, { recursive: true })
  })
  const writes = () =>
    cluster.value
      .counters()
      .filter(({ resource }) => resource === "services/status")
      .reduce((sum, { count }) => sum + count, 0)
  const failures = () => log.lines.filter(({ message }) => message === "failed to update service")
  await until(async () => (await metrics())?.ready === true)
  return { server, api, system, log, had, metrics, writes, failures }
}

const isStatusWrite = (method: string, at: string) => method === "PUT" && /\/services\/[^/]+\/status$/.test(at)
const served = (server: Parameters<typeof addresses>[0], count: number) => {
  const all = [...addresses(server).values()]
  return all.length === count && all.every((address) => address !== "")
}

test("the server fails in every way while Services come, go and are made anew, and pools die", async (t) => {
  const { server, system, had, metrics, writes, failures } = await start(t)
  Object.assign(server.chaos, { errorRate: 0.3, delayMs: 3 })
  const count = 64
  for (let i = 0; i < count; i++) {
    server.objects.put(service(`s${i}`))
    if (i % 7 === 3) server.objects.delete("v1", "Service", `s${i - 2}`, "default")
    if (i % 7 === 4) server.objects.put(service(`s${i - 3}`))
    if (i % 9 === 0) void system.kill("/controller/allocator/pools/p")
    if (i % 20 === 10) server.compact()
    if (i % 20 === 10) server.closeWatches()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await until(() => served(server, count), 60_000)
  Object.assign(server.chaos, { errorRate: 0, delayMs: 0 })
  await until(async () => (await metrics())?.pools[0]?.inUse === BigInt(count), 60_000)
  t.deepEqual(doubles(server), [])
  for (const all of had.values()) t.is(all.length, 1, all.join(" → "))
  t.true(failures().length > 0)
  for (const { fields } of failures()) t.regex(String(fields["service"]), /^default\/s\d+$/)
  // 73 Services, a third of the writes in vain, each tried again later and later.
  t.true(writes() < 4 * 73, `${writes()} writes`)
})

test("a server that refuses for a while is asked less and less", async (t) => {
  const { server, writes, failures } = await start(t)
  Object.assign(server.chaos, { errorRate: 1, errors: ["internal-error"], applies: isStatusWrite })
  const startMs = performance.now()
  server.objects.put(service("web"))
  await until(() => writes() >= 5)
  // 0.2, 0.4, 0.8 and 1.6 s, each less a fifth at most.
  t.true(performance.now() - startMs > 2_400)
  server.chaos.errorRate = 0
  await until(() => served(server, 1))
  t.deepEqual(failures().map(({ fields }) => [fields["service"], fields["error"]])[0], [
    "default/web",
    "Internal error occurred: injected",
  ])
})

test("Retry-After is kept to", async (t) => {
  const { server, writes } = await start(t)
  Object.assign(server.chaos, { errorRate: 1, errors: ["too-many-requests"], applies: isStatusWrite })
  const startMs = performance.now()
  server.objects.put(service("web"))
  await until(() => writes() === 2)
  // Without it, the second would have come after 0.24 s at most.
  t.true(performance.now() - startMs > 950)
  server.chaos.errorRate = 0
  await until(() => served(server, 1))
})

test("an answer that never comes: the write is tried again and lands once", async (t) => {
  const requestTimeoutMs = 30_000
  const time: Time = {
    ...realTime,
    after: (ms, run) => realTime.after(ms === requestTimeoutMs ? 500 : ms, run),
  }
  const { server, had, failures } = await start(t, time)
  let first = true
  Object.assign(server.chaos, {
    delayMs: 3_000,
    applies: (method: string, at: string) => isStatusWrite(method, at) && first && !(first = false),
  })
  server.objects.put(service("web"))
  await until(() => served(server, 1))
  // The first one reaches the server after all, with a version that is not the present one any more.
  server.objects.put(service("other"))
  await until(() => served(server, 2) && had.size === 2)
  t.deepEqual([...had.values()], [["10.0.0.0"], ["10.0.0.1"]])
  t.deepEqual(
    failures().map(({ fields }) => [fields["service"], fields["error"]]),
    [["default/web", `${server.url} did not answer within 30 s`]],
  )
})

test("deleted and made again between reading and writing: the new one gets its own address", async (t) => {
  const { server, had, writes } = await start(t)
  let uid: string | undefined
  Object.assign(server.chaos, {
    delayMs: 20,
    applies(method: string, at: string) {
      if (!isStatusWrite(method, at) || uid !== undefined) return false
      uid = server.objects.get("v1", "Service", "web", "default")?.metadata.uid
      server.objects.delete("v1", "Service", "web", "default")
      server.objects.create(service("web", { "metallb.io/loadBalancerIPs": "10.0.0.9" }))
      return true
    },
  })
  server.objects.create(service("web"))
  await until(() => addresses(server).get("web") === "10.0.0.9")
  await until(() => writes() === 2)
  t.not(uid, undefined)
  t.false(had.has(uid ?? ""))
})

test("a pool dies in the middle of assigning, again and again", async (t) => {
  const { server, system, had, metrics, writes } = await start(t)
  const count = 100
  for (let i = 0; i < count; i++) {
    server.objects.put(service(`s${i}`))
    if (i % 10 === 0) await system.kill("/controller/allocator/pools/p")
    else await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => served(server, count), 60_000)
  await until(async () => (await metrics())?.pools[0]?.inUse === BigInt(count), 60_000)
  t.deepEqual(doubles(server), [])
  for (const all of had.values()) t.is(all.length, 1, all.join(" → "))
  await until(() => writes() === count)
})
