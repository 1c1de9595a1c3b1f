import type { AllocatorMessage, AllocatorMetrics } from "../../actors/allocator/messages.ts"
import { controllerActor } from "../../actors/controller.ts"
import { accessCheck } from "../../kubernetes/client/access.ts"
import { kubernetesClusterApi } from "../../kubernetes/client/cluster-api.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { Complaint } from "../complaint.ts"
import { controllerFlags } from "../flags/daemon.ts"
import { controllerMetrics } from "./controller-metrics.ts"
import { commonMetrics, scrape } from "./metrics.ts"
import { begin, runUntilStopped } from "./run.ts"
import { startWebhooks, webhookMode } from "./webhooks.ts"

const answerWithinMs = 2_000

/** `troupe controller`: gives the exit code. */
export async function controllerMain(args: readonly string[]): Promise<number> {
  const begun = begin("controller", "assigns addresses to Services of type LoadBalancer", controllerFlags, args)
  if (!begun) return 0
  const { flags, log, namespace } = begun
  const mode = webhookMode(flags)
  const kubeconfig = flags.text("kubeconfig")
  const cluster = await loadCluster(kubeconfig === "" ? {} : { kubeconfig })
  if (!cluster.ok) throw new Complaint(cluster.error)
  const api = kubernetesClusterApi(cluster.value, { namespace, log })
  const system = startSystem({ name: "controller", world: realWorld(), log })
  const loadBalancerClass = flags.text("lb-class")
  const assigning = mode !== "onlywebhook"
  if (assigning) {
    system.spawn({
      id: "controller",
      actor: controllerActor,
      config: { api, namespace, ...(loadBalancerClass === "" ? {} : { loadBalancerClass }) },
    })
  }
  const webhooks = startWebhooks(mode, cluster.value, begun)
  const allocator = refTo<AllocatorMessage>("/controller/allocator")
  const allocatorMetrics = async () => {
    if (!assigning) return undefined
    const asked = await system.ask<AllocatorMessage, AllocatorMetrics>(
      allocator,
      (replyTo) => ({ kind: "metrics", replyTo }),
      answerWithinMs,
    )
    return asked.ok ? asked.value : undefined
  }
  let ready = false
  try {
    return await runUntilStopped({
      begun,
      system,
      healthHost: "0.0.0.0",
      notReady: async () => {
        ready ||= !assigning || ((await allocatorMetrics())?.ready ?? false)
        return ready ? undefined : "not every Service has been looked at yet"
      },
      metrics: () =>
        scrape(async (to) => {
          commonMetrics(to, system, cluster.value.counters())
          const own = await allocatorMetrics()
          if (own) controllerMetrics(to, own)
          webhooks?.metrics(to)
        }),
      access: accessCheck({ cluster: cluster.value, nonResourceURL: "/metrics" }),
      handlers: [],
      beforeStop: async () => undefined,
    })
  } finally {
    await webhooks?.stop()
    await api.stop()
    await cluster.value.close()
  }
}
