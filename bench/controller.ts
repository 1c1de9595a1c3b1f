/*
 * The controller with many Services, over the lab's API server in a process of its own:
 * `node bin/with-node.mjs bench/controller.ts [--services 10000]`, a multiple of 100 up to 25,600. Both share the
 * machine's processors.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import v8 from "node:v8"
import vm from "node:vm"
import type { AllocatorMessage, AllocatorMetrics } from "../actors/allocator/messages.ts"
import { controllerActor } from "../actors/controller.ts"
import { kubernetesClusterApi } from "../kubernetes/client/cluster-api.ts"
import { loadCluster } from "../kubernetes/client/load.ts"
import { type EmbeddedApi, startEmbeddedApi } from "../kubernetes/embedded/index.ts"
import { definitions } from "../kubernetes/resources/definitions.ts"
import { realWorld } from "../supervision/real-world.ts"
import { refTo, startSystem } from "../supervision/system.ts"
import { refuse, takeOptions } from "./support/arguments.ts"

const namespace = "metallb-system"
const poolCount = 100

type Order =
  | { readonly kind: "create"; readonly from: number; readonly to: number; readonly pool?: string }
  | { readonly kind: "delete"; readonly from: number; readonly to: number }
  | { readonly kind: "pool"; readonly name: string; readonly addresses: readonly string[] }
  | { readonly kind: "count" }
interface Counted {
  readonly ms: number
  readonly withAddress: number
  readonly addresses: number
}

async function serveApi(): Promise<void> {
  const limits = { historyEvents: 200_000, maxObjects: 200_000, maxEvents: 100_000 }
  const api = await startEmbeddedApi({ listen: [{}], definitions, ...limits })
  api.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
  process.on("message", (order: Order) => {
    void obey(api, order).then((counted) => process.send?.(counted))
  })
  process.send?.(api.url)
}

async function obey(api: EmbeddedApi, order: Order): Promise<Counted> {
  const startMs = performance.now()
  const held: string[] = []
  switch (order.kind) {
    case "create":
      for (let i = order.from; i < order.to; i++) {
        api.objects.create(service(i, order.pool ?? `p${String(i % poolCount).padStart(2, "0")}`))
        if (i % 50 === 0) await new Promise(setImmediate)
      }
      break
    case "delete":
      for (let i = order.from; i < order.to; i++) {
        api.objects.delete("v1", "Service", `s${i}`, "default")
        if (i % 50 === 0) await new Promise(setImmediate)
      }
      break
    case "pool":
      api.objects.put({
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { name: order.name, namespace },
        spec: { addresses: order.addresses },
      })
      break
    case "count":
      for (const one of api.objects.list("v1", "Service", "default") as unknown as Written[])
        held.push(...(one.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip))
      break
  }
  return { ms: performance.now() - startMs, withAddress: held.length, addresses: new Set(held).size }
}

interface Written {
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip: string }[] } }
}

const service = (i: number, pool: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: `s${i}`, namespace: "default", annotations: { "metallb.io/address-pool": pool } },
  spec: {
    type: "LoadBalancer",
    allocateLoadBalancerNodePorts: false,
    selector: { app: `s${i}` },
    ports: [{ name: "http", port: 80, targetPort: 8080 }],
  },
})

async function measure(services: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ["api"], { execArgv: [] })
  const [url] = (await once(child, "message")) as [string]
  const order = async (what: Order): Promise<Counted> => {
    child.send(what)
    const [counted] = (await once(child, "message")) as [Counted]
    return counted
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-bench-"))
  const kubeconfig = path.join(directory, "kubeconfig")
  const named = (name: string, rest: object) => [{ name, ...rest }]
  fs.writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: named("c", { cluster: { server: url } }),
      users: named("u", { user: {} }),
      contexts: named("x", { context: { cluster: "c", user: "u" } }),
      "current-context": "x",
    }),
  )
  const rows: string[][] = []
  try {
    for (let i = 0; i < poolCount; i++)
      await order({ kind: "pool", name: `p${String(i).padStart(2, "0")}`, addresses: [`10.1.${i}.0/24`] })
    let controller = await start(kubeconfig)
    await controller.until(({ ready }) => ready)

    controller.begin()
    const creating = order({ kind: "create", from: 0, to: services })
    await controller.written(services)
    rows.push(controller.row(`${services} Services created at once`, { services }))
    const { ms: createMs } = await creating
    await controller.until(({ services: { assigned } }) => assigned === services)
    await controller.quiet()
    rows.push(controller.row("… until nothing is to be done any more", { services }))
    const { withAddress, addresses } = await order({ kind: "count" })
    const peakMiB = process.resourceUsage().maxRSS / 1024
    const liveMiB = liveHeap() / 1024 / 1024

    await controller.stop()
    controller = await start(kubeconfig)
    controller.begin()
    await controller.until(({ ready }) => ready)
    await controller.quiet()
    rows.push(controller.row(`restart with ${services} assigned: ready`, { services }))

    controller.begin()
    await order({ kind: "pool", name: "p07", addresses: ["10.1.7.0/24", "10.2.7.0/28"] })
    await controller.until(({ pools }) => pools.some(({ pool, total }) => pool === "p07" && total === 272n))
    await controller.until(({ pools }) => pools.every(({ inUse }) => inUse === BigInt(services / poolCount)))
    await controller.quiet()
    rows.push(controller.row("one of 100 pools changes", { services: services / poolCount }))

    controller.begin()
    const deleting = order({ kind: "delete", from: 0, to: services })
    await controller.until(({ pools }) => pools.every(({ inUse }) => inUse === 0n))
    const { ms: deleteMs } = await deleting
    await controller.quiet()
    rows.push(controller.row(`${services} Services deleted at once`, { services }))

    const half = Math.min(1_000, Math.floor(services / 2))
    const [a, b] = [services, services + 2 * half]
    await order({ kind: "pool", name: "small", addresses: [`10.3.0.0-10.3.${(half - 1) >> 8}.${(half - 1) & 255}`] })
    await order({ kind: "create", from: a, to: b, pool: "small" })
    await controller.until(({ services: { assigned, waiting } }) => assigned === half && waiting === half)
    await controller.quiet()
    controller.begin()
    await order({ kind: "delete", from: a, to: a + half })
    await controller.until(({ services: { assigned, waiting } }) => assigned === half && waiting === 0)
    await controller.quiet()
    rows.push(controller.row(`${half} wait, ${half} addresses come free`, { services: half }))
    await controller.stop()

    console.log(table([head, ...rows]))
    console.log(`the API server took ${createMs.toFixed(0)} ms to create and ${deleteMs.toFixed(0)} ms to delete them`)
    console.log(`${withAddress} Services had an address, ${addresses} addresses in all`)
    console.log(`with all of them: peak memory ${peakMiB.toFixed(0)} MiB, live heap ${liveMiB.toFixed(0)} MiB`)
  } finally {
    fs.rmSync(directory, { recursive: true })
    child.kill()
  }
}

const head = ["", "seconds", "turns", "writes", "Events", "other calls", "calls per Service", "delay p99 ms", "max ms"]

async function start(kubeconfig: string) {
  const log = { debug: quietly, info: quietly, warn: loudly, error: loudly }
  const cluster = await loadCluster({ kubeconfig })
  if (!cluster.ok) throw new Error(cluster.error)
  const api = kubernetesClusterApi(cluster.value, { namespace, log })
  const system = startSystem({ name: "bench", world: realWorld(), log })
  system.spawn({ id: "controller", actor: controllerActor, config: { api, namespace } })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const allocator = refTo<AllocatorMessage>("/controller/allocator")
  const metrics = async (): Promise<AllocatorMetrics | undefined> => {
    const asked = await system.ask<AllocatorMessage, AllocatorMetrics>(
      allocator,
      (replyTo) => ({ kind: "metrics", replyTo }),
      60_000,
    )
    return asked.ok ? asked.value : undefined
  }
  const calls = () => {
    const sum = { writes: 0, events: 0, others: 0 }
    for (const { verb, resource, count } of cluster.value.counters()) {
      if (resource === "services/status") sum.writes += count
      else if (resource === "events") sum.events += count
      else if (verb !== "watch" && verb !== "list") sum.others += count
    }
    return sum
  }
  let startedMs = 0
  let doneMs = 0
  let before = { ...calls(), turns: 0 }
  let turns = 0
  return {
    begin() {
      startedMs = performance.now()
      before = { ...calls(), turns }
      delay.reset()
    },
    async until(holds: (metrics: AllocatorMetrics) => boolean) {
      for (;;) {
        const now = await metrics()
        turns = now?.turns ?? turns
        if (now && holds(now)) return void (doneMs = performance.now())
        await setTimeout(50)
      }
    },
    async written(count: number) {
      while (calls().writes - before.writes < count) await setTimeout(20)
      doneMs = performance.now()
      turns = (await metrics())?.turns ?? turns
    },
    /** No call and no turn for two seconds. */
    async quiet() {
      for (let was = ""; ; ) {
        turns = (await metrics())?.turns ?? turns
        const now = JSON.stringify([calls(), turns])
        if (now === was) return
        was = now
        await setTimeout(2_000)
      }
    },
    row(what: string, { services }: { readonly services: number }): string[] {
      const { writes, events, others } = calls()
      const made = [writes - before.writes, events - before.events, others - before.others] as const
      const sum = made.reduce((a, b) => a + b)
      const seconds = ((doneMs - startedMs) / 1000).toFixed(2)
      const ms = (ns: number) => (ns / 1e6).toFixed(1)
      const numbers = [turns - before.turns, ...made].map(String)
      return [what, seconds, ...numbers, (sum / services).toFixed(2), ms(delay.percentile(99)), ms(delay.max)]
    },
    async stop() {
      await system.stop()
      await api.stop()
      await cluster.value.close()
    },
  }
}

function liveHeap(): number {
  v8.setFlagsFromString("--expose-gc")
  const collect = vm.runInNewContext("gc") as () => void
  collect()
  return process.memoryUsage().heapUsed
}

function quietly(): void {}
const said = new Set<string>()
function loudly(message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  if (said.has(message)) return
  said.add(message)
  console.error(message, fields)
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  const cell = (text: string, i: number) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))
  return rows.map((row) => row.map(cell).join("  ")).join("\n")
}

if (process.argv[2] === "api") await serveApi()
else {
  const { services } = takeOptions({ services: 10_000 })
  // Every pool gets as many, and has 256 addresses.
  if (services === 0 || services % poolCount !== 0 || services > poolCount * 256)
    refuse(`--services: not a multiple of ${poolCount} up to ${poolCount * 256}: ${services}`)
  await measure(services)
}
