import type { ControllerMessage } from "../../actors/controller.ts"
import { controllerActor } from "../../actors/controller.ts"
import type { AllocatorMetrics, Explanation } from "../../actors/allocator/messages.ts"
import { type System, refTo, startSystem } from "../../supervision/system.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { World } from "../../supervision/world.ts"
import { MemoryClusterApi } from "../support/memory-cluster-api.ts"
import { type PoolSpecs, poolFactsOf } from "../support/pools.ts"
import { recordingLog } from "../supervision/help.ts"

/** A controller over a cluster in memory, and what a user would look at. */
export interface Running {
  readonly api: MemoryClusterApi
  readonly system: System
  readonly log: ReturnType<typeof recordingLog>
  readonly addresses: (key: string) => string
  readonly pools: (specs: PoolSpecs) => void
  /** Waits for the allocator when it is not there just now. */
  readonly metrics: () => Promise<AllocatorMetrics>
  readonly explain: (key: string) => Promise<Explanation | undefined>
  /** Status objects that two Services share without leave; kept up to date with every write. */
  readonly doubles: string[]
}

export interface RunOptions {
  readonly loadBalancerClass?: string
  /** What the cluster holds before the controller starts. */
  readonly before?: (api: MemoryClusterApi) => void
  readonly world?: World
}

export function run(pools: PoolSpecs, options: RunOptions = {}): Running {
  const api = new MemoryClusterApi()
  const doubles: string[] = []
  api.onService = () => void doubles.push(...doublesIn(api))
  api.configure({ pools: poolFactsOf(pools) })
  options.before?.(api)
  const log = recordingLog()
  const system = startSystem({ name: "test", world: options.world ?? realWorld(), log })
  const { loadBalancerClass } = options
  system.spawn({
    id: "controller",
    actor: controllerActor,
    config: { api, ...(loadBalancerClass && { loadBalancerClass }) },
  })
  const allocator = refTo<ControllerMessage>("/controller/allocator")
  const ask = async <R>(make: (replyTo: ActorRef<R>) => ControllerMessage): Promise<R> => {
    for (;;) {
      const asked = await system.ask<ControllerMessage, R>(allocator, make, 5_000)
      if (asked.ok) return asked.value
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return {
    api,
    system,
    log,
    doubles,
    addresses: (key) => (api.services.get(key)?.ingress ?? []).map(({ ip }) => ip).join(" "),
    pools: (specs) => api.configure({ pools: poolFactsOf(specs) }),
    metrics: () => ask<AllocatorMetrics>((replyTo) => ({ kind: "metrics", replyTo })),
    explain: (key) => ask<Explanation | undefined>((replyTo) => ({ kind: "explain", key, replyTo })),
  }
}

function doublesIn(api: MemoryClusterApi): string[] {
  const holders = new Map<string, string[]>()
  for (const { key, ingress, annotations } of api.services.values())
    for (const { ip } of ingress)
      if (annotations["metallb.io/allow-shared-ip"] === undefined) holders.set(ip, [...(holders.get(ip) ?? []), key])
  return [...holders].filter(([, keys]) => keys.length > 1).map(([ip, keys]) => `${ip}: ${keys.join(" ")}`)
}

/** Writes and their answers take their time, and some fail or come too late. */
export function troubleWrites(api: MemoryClusterApi, { random, timers }: World): void {
  const pause = () => new Promise<void>((resolve) => void timers.after(random.u32() % 40, resolve))
  api.beforeWrite = async () => {
    await pause()
    const fate = random.u32() % 10
    return fate === 0 ? { kind: "failed", message: "busy" } : fate === 1 ? { kind: "conflict" } : undefined
  }
  api.beforeAnswer = pause
}
