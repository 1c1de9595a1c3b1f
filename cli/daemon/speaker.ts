import { compilePattern, type InterfacePattern } from "../../actors/announcer/layer2/selection.ts"
import type { DrainStatus } from "../../actors/announcer/drain-messages.ts"
import type { SpeakerMetrics, SpeakerStatus } from "../../actors/announcer/messages.ts"
import type { RoutesReport } from "../../actors/session/messages.ts"
import { type SpeakerConfig, type SpeakerMessage, speakerActor } from "../../actors/speaker.ts"
import { resolveConfig } from "../../cluster/gossip-config.ts"
import { markVersion } from "../../cluster/speaker-mark.ts"
import { descriptorTable } from "../../io/descriptors.ts"
import { accessCheck } from "../../kubernetes/client/access.ts"
import { kubernetesClusterApi } from "../../kubernetes/client/cluster-api.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { refTo, startSystem, type System } from "../../supervision/system.ts"
import { Complaint } from "../complaint.ts"
import { speakerFlags } from "../flags/daemon.ts"
import type { FlagValues } from "../flags/parse.ts"
import type { BfdThreadConfig } from "../threads/bfd.ts"
import type { BgpThreadConfig } from "../threads/bgp.ts"
import type { GossipThreadConfig } from "../threads/gossip.ts"
import type { Layer2ThreadConfig } from "../threads/layer2.ts"
import { threadModule } from "../threads/thread.ts"
import type { LogLevel } from "../logging.ts"
import { commonMetrics, eventMetrics, scrape } from "./metrics.ts"
import { drainHandler } from "./drain.ts"
import { openWitness } from "../witness/open.ts"
import { begin, runUntilStopped } from "./run.ts"
import { json } from "./serve.ts"
import { excludedInterfaces, gossipSecret, memberlistFromFile } from "./speaker-files.ts"
import { speakerMetrics, speakerWork } from "./speaker-metrics.ts"
import { workMetrics, workOf } from "./work-metrics.ts"

const answerWithinMs = 2_000

/** `troupe speaker`: gives the exit code. */
export async function speakerMain(args: readonly string[]): Promise<number> {
  const begun = begin("speaker", "announces the addresses of Services from this node", speakerFlags, args)
  if (!begun) return 0
  const { flags, log, namespace } = begun
  const nodeName = flags.text("node-name")
  if (nodeName === "") throw new Complaint("must specify --node-name or METALLB_NODE_NAME")
  checkBackend(process.env["METALLB_BGP_TYPE"])
  const threads = threadsOf(flags, nodeName, begun.logLevel)
  if (!threads.gossip) {
    log.info("not starting fast dead node detection (memberlist), need ml-bindaddr / ml-labels config")
    log.info("when memberlist is disabled, the speaker pods must run on all nodes")
  }
  const kubeconfig = flags.text("kubeconfig")
  const cluster = await loadCluster(kubeconfig === "" ? {} : { kubeconfig })
  if (!cluster.ok) throw new Complaint(`failed to create k8s client: ${cluster.error}`)
  const witness = await openWitness(flags, process.env)
  const api = kubernetesClusterApi(cluster.value, { namespace, podName: flags.text("pod-name"), log })
  const system = startSystem({ name: "speaker", world: realWorld(), log })
  const config: SpeakerConfig = {
    nodeName,
    api,
    threads,
    ...(flags.text("lb-class") === "" ? {} : { loadBalancerClass: flags.text("lb-class") }),
    ignoreExcludeLoadBalancer: flags.boolean("ignore-exclude-lb"),
    wire: { liveness: flags.boolean("layer2-liveness"), strangers: strangersOf(flags.text("layer2-conflicts")) },
    ...(witness && { witness }),
    ...(threads.gossip ? { memberlistLabels: flags.text("ml-labels") } : {}),
  }
  system.spawn({ id: "speaker", actor: speakerActor, config })
  const speaker = refTo<SpeakerMessage>("/speaker")
  let synced = false
  const status = async () => {
    const answer = await askSpeaker<SpeakerStatus>(system, speaker, (replyTo) => ({ kind: "status", replyTo }))
    synced ||= answer?.synced ?? false
    return answer
  }
  try {
    return await runUntilStopped({
      begun,
      system,
      healthHost: "127.0.0.1",
      notReady: async () => {
        if (!synced) await status()
        return synced ? undefined : "the API server has not told everything yet"
      },
      metrics: () =>
        scrape(async (to) => {
          commonMetrics(to, system, cluster.value)
          const own = await askSpeaker<SpeakerMetrics>(system, speaker, (replyTo) => ({ kind: "metrics", replyTo }))
          if (own) speakerMetrics(to, own)
          const writes = api.writeCounts()
          workMetrics(to, [
            ...(own ? speakerWork(own) : []),
            workOf("servicel2status", writes.servicel2statuses),
            workOf("servicebgpstatus", writes.servicebgpstatuses),
            workOf("ConfigurationStateController", writes.configurationstates),
          ])
          eventMetrics(to, api.eventCounts())
        }),
      access: accessCheck({ cluster: cluster.value, nonResourceURL: "/metrics" }),
      handlers: [
        async ({ path }) => (path === "/debug/status" ? json((await status()) ?? null) : undefined),
        async ({ path, query }) => {
          if (path !== "/debug/bgp/routes") return undefined
          const name = query.get("peer") ?? ""
          const routes = await askSpeaker<RoutesReport>(system, speaker, (replyTo) => ({
            kind: "routes",
            name,
            replyTo,
          }))
          return json(routes ?? null)
        },
      ],
      socketHandlers: [
        drainHandler({
          status: () => askSpeaker<DrainStatus>(system, speaker, (replyTo) => ({ kind: "drain-status", replyTo })),
          drain: (drained) => system.send(speaker, { kind: "drain", drained }),
        }),
      ],
      async beforeStop() {
        await system.ask<SpeakerMessage, { readonly kind: "shut-down" }>(
          speaker,
          (replyTo) => ({ kind: "shutdown", replyTo }),
          answerWithinMs,
        )
      },
    })
  } finally {
    witness?.store.close()
    await api.stop()
    await cluster.value.close()
  }
}

async function askSpeaker<R>(
  system: System,
  speaker: ActorRef<SpeakerMessage>,
  make: (replyTo: ActorRef<R>) => SpeakerMessage,
): Promise<R | undefined> {
  const asked = await system.ask(speaker, make, answerWithinMs)
  return asked.ok ? asked.value : undefined
}

function checkBackend(type: string | undefined): void {
  if (type === undefined || type === "native") return
  if (type === "frr" || type === "frr-k8s") {
    throw new Complaint(`METALLB_BGP_TYPE=${type} is not supported yet: leave it out, or set native`)
  }
  throw new Complaint(`unsupported BGP implementation type: ${type}`)
}

function strangersOf(text: string): "defend" | "cease" {
  if (text === "defend" || text === "cease") return text
  throw new Complaint(`layer2-conflicts: ${JSON.stringify(text)} is neither defend nor cease`)
}

function threadsOf(flags: FlagValues, nodeName: string, logLevel: LogLevel): SpeakerConfig["threads"] {
  const excludeInterfaces = excludedInterfaces()
  const repeatSeconds = flags.number("layer2-repeat-seconds")
  const layer2: Layer2ThreadConfig = {
    logLevel,
    descriptors: descriptorTable(),
    ...(excludeInterfaces === undefined ? {} : { excludeInterfaces }),
    ...(repeatSeconds === 0 ? {} : { repeatSeconds }),
    promiscuousInterfaces: interfacesOf(flags, "layer2-promiscuous", "promiscuousInterfaces"),
    allMulticastInterfaces: interfacesOf(flags, "layer2-allmulti", "allMulticastInterfaces"),
  }
  const bgp: BgpThreadConfig = { logLevel }
  const bfd: BfdThreadConfig = { logLevel, descriptors: descriptorTable() }
  const gossip = gossipConfig(flags, nodeName, logLevel)
  const entry = (file: string, config: unknown) => ({ kind: "module", url: threadModule(file), config }) as const
  return {
    layer2: entry("layer2.ts", layer2),
    bgp: entry("bgp.ts", bgp),
    bfd: entry("bfd.ts", bfd),
    ...(gossip === undefined ? {} : { gossip: entry("gossip.ts", gossip) }),
  }
}

/** An empty text finds no interface. */
function interfacesOf(flags: FlagValues, flag: string, field: InterfacePattern): string {
  const pattern = flags.text(flag)
  const compiled = compilePattern(field, pattern)
  if (!compiled.ok) throw new Complaint(`${flag}: ${compiled.error.message}`)
  return pattern
}

/** Undefined: no gossip. */
function gossipConfig(flags: FlagValues, nodeName: string, logLevel: LogLevel): GossipThreadConfig | undefined {
  const bindAddress = flags.text("ml-bindaddr")
  if (bindAddress === "" || flags.text("ml-labels") === "") return undefined
  const port = flags.text("ml-bindport")
  if (port !== "" && !(/^\d{1,5}$/.test(port) && Number(port) < 65_536)) {
    throw new Complaint(`unable to parse ml-bindport: ${JSON.stringify(port)} is no port`)
  }
  const secretKey = gossipSecret(flags.text("ml-secret-key-path"))
  const config: GossipThreadConfig = {
    logLevel,
    name: nodeName,
    bindAddress,
    bindPort: port === "" ? 7946 : Number(port),
    profile: memberlistFromFile() ?? (flags.boolean("ml-wan-config") ? "wan" : "lan"),
    silentUntilPeers: true,
    ...(secretKey === undefined ? {} : { secretKey }),
    mark: { version: markVersion, macs: [], ...(flags.boolean("layer2-liveness") ? {} : { deaf: true }) },
  }
  const resolved = resolveConfig(config)
  if (!resolved.ok) throw new Complaint(resolved.error)
  return config
}
