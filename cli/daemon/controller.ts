import type {
  AllocatorMessage,
  AllocatorMetrics,
  WriterMessage,
  WriterMetrics,
} from "../../actors/allocator/messages.ts"
import { type ControllerCommand, controllerActor } from "../../actors/controller.ts"
import { accessCheck } from "../../kubernetes/client/access.ts"
import { kubernetesClusterApi } from "../../kubernetes/client/cluster-api.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { Complaint } from "../complaint.ts"
import { controllerFlags } from "../flags/daemon.ts"
import {
  type AtWork,
  controllerClientMetrics,
  controllerMetrics,
  controllerWork,
  leaderMetrics,
} from "./controller-metrics.ts"
import { ensureGossipKey } from "./gossip-key.ts"
import { fenced, leadership } from "./leadership.ts"
import { commonMetrics, eventMetrics, scrape } from "./metrics.ts"
import { begin, runUntilStopped } from "./run.ts"
import { startWebhooks, webhookMode } from "./webhooks.ts"
import { workMetrics, workOf } from "./work-metrics.ts"

const answerWithinMs = 2_000
/** Longer than writes under way may take to end. */
const standByWithinMs = 20_000

/** `troupe controller`: gives the exit code. */
export async function controllerMain(args: readonly string[]): Promise<number> {
  const begun = begin("controller", "assigns addresses to Services of type LoadBalancer", controllerFlags, args)
  if (!begun) return 0
  const { flags, log, namespace } = begun
  const mode = webhookMode(flags)
  const kubeconfig = flags.text("kubeconfig")
  const cluster = await loadCluster(kubeconfig === "" ? {} : { kubeconfig })
  if (!cluster.ok) throw new Complaint(`failed to create k8s client: ${cluster.error}`)
  try {
    await ensureGossipKey(cluster.value, begun)
  } catch (error) {
    await cluster.value.close()
    throw error
  }
  const api = kubernetesClusterApi(cluster.value, { namespace, podName: flags.text("pod-name"), log })
  const system = startSystem({ name: "controller", world: realWorld(), log })
  const loadBalancerClass = flags.text("lb-class")
  const assigning = mode !== "onlywebhook"
  const lead = leadership(cluster.value, begun)
  let synced = false
  if (assigning) {
    // A standby follows the cluster too, so that it can take over without reading everything first.
    api.watch({ services: true, configuration: true }, { synced: () => (synced = true) })
    const config = { api: fenced(api, lead.leading), namespace, leading: () => lead.role() === "leader" }
    const controller = system.spawn({
      id: "controller",
      actor: controllerActor,
      config: { ...config, ...(loadBalancerClass === "" ? {} : { loadBalancerClass }) },
    })
    lead.start({
      started: () => system.send<ControllerCommand>(controller, { kind: "lead" }),
      async stopped() {
        await system.ask<ControllerCommand, unknown>(
          controller,
          (replyTo) => ({ kind: "stand-by", replyTo }),
          standByWithinMs,
        )
      },
    })
  }
  // Whoever assigns addresses reports what is valid; this one answers for the object.
  if (!assigning) api.keepConfigurationState()
  const webhooks = startWebhooks(mode, cluster.value, begun)
  const allocator = refTo<AllocatorMessage>("/controller/allocator")
  const writer = refTo<WriterMessage>("/controller/writer")
  const allocatorMetrics = async () => {
    if (!assigning) return undefined
    const asked = await system.ask<AllocatorMessage, AllocatorMetrics>(
      allocator,
      (replyTo) => ({ kind: "metrics", replyTo }),
      answerWithinMs,
    )
    return asked.ok ? asked.value : undefined
  }
  const askAtWork = async (): Promise<AtWork | undefined> => {
    const own = await allocatorMetrics()
    if (own === undefined) return undefined
    const asked = await system.ask<WriterMessage, WriterMetrics>(
      writer,
      (replyTo) => ({ kind: "metrics", replyTo }),
      answerWithinMs,
    )
    return asked.ok ? { allocator: own, writer: asked.value } : undefined
  }
  let ready = false
  try {
    return await runUntilStopped({
      begun,
      system,
      healthHost: "0.0.0.0",
      notReady: async () => {
        if (assigning && lead.role() === "standby")
          return synced ? undefined : "the API server has not told everything yet"
        ready ||= !assigning || ((await allocatorMetrics())?.ready ?? false)
        return ready ? undefined : "not every Service has been looked at yet"
      },
      readyText: () => (assigning && lead.role() === "standby" ? "standby" : "ok"),
      metrics: () =>
        scrape(async (to) => {
          commonMetrics(to, system, cluster.value)
          const atWork = await askAtWork()
          controllerClientMetrics(to, atWork)
          if (atWork) controllerMetrics(to, atWork.allocator)
          const writes = api.writeCounts()
          workMetrics(to, [
            ...(atWork ? controllerWork(atWork) : []),
            workOf("PoolStatusController", writes.ipaddresspools),
            workOf("ConfigurationStateController", writes.configurationstates),
            ...(webhooks?.work() ?? []),
          ])
          eventMetrics(to, api.eventCounts())
          if (assigning) leaderMetrics(to, lead)
          webhooks?.metrics(to)
        }),
      access: accessCheck({ cluster: cluster.value, nonResourceURL: "/metrics" }),
      handlers: [],
      beforeStop: () => lead.stop(),
    })
  } finally {
    await lead.stop()
    await webhooks?.stop()
    await api.stop()
    await cluster.value.close()
  }
}
