import type { GossipCommand } from "../cluster/messages.ts"
import type { ClusterApi } from "../config/cluster-api.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { Actor, Context, ThreadEntry } from "../supervision/actor.ts"
import type { ActorRef } from "../supervision/reference.ts"
import { announcerActor } from "./announcer/announcer.ts"
import type { Layer2Command } from "./announcer/layer2/messages.ts"
import type { AnnouncerCommand, SpeakerMetrics, SpeakerStatus } from "./announcer/messages.ts"
import { apiActor } from "./api.ts"
import type { BfdCommand } from "./bfd/messages.ts"
import type { BgpCommand, RoutesReport } from "./session/messages.ts"

export interface SpeakerConfig {
  readonly nodeName: string
  readonly api: ClusterApi
  readonly threads: {
    /** Absent: no gossip; every node that the API server knows counts as alive. */
    readonly gossip?: ThreadEntry<GossipCommand>
    readonly layer2: ThreadEntry<Layer2Command>
    readonly bgp: ThreadEntry<BgpCommand>
    /** Absent: no path to a peer is watched. */
    readonly bfd?: ThreadEntry<BfdCommand>
  }
  readonly loadBalancerClass?: string
  readonly ignoreExcludeLoadBalancer?: boolean
  /** What is done about others heard on the wire; only with gossip. Absent: nobody listens. */
  readonly wire?: { readonly liveness: boolean; readonly strangers: "defend" | "cease" }
  /** Label selector of the speaker Pods, whose addresses gossip joins. */
  readonly memberlistLabels?: string
  /** How long gossip that has just begun may take to hear of the other speakers before elections count with it. */
  readonly settleMs?: number
  /** How long leaving may take, for gossip and the routers at the same time. A Pod has two seconds. */
  readonly leaveMs?: number
}

export type SpeakerMessage =
  | { readonly kind: "status"; readonly replyTo: ActorRef<SpeakerStatus> }
  | { readonly kind: "metrics"; readonly replyTo: ActorRef<SpeakerMetrics> }
  /** What the BGP peer of that name has from this node. */
  | { readonly kind: "routes"; readonly name: string; readonly replyTo: ActorRef<RoutesReport> }
  /** Orderly end: nothing new is announced, gossip, BGP and BFD say good-bye, then the answer. Then stop the system. */
  | { readonly kind: "shutdown"; readonly replyTo: ActorRef<{ readonly kind: "shut-down" }> }

type Thread = "gossip" | "layer2" | "bgp" | "bfd"
type Message =
  | SpeakerMessage
  | { readonly kind: "thread-started"; readonly thread: Thread }
  | { readonly kind: "announcer-started" }
  | { readonly kind: "api-started" }
  | { readonly kind: "api-gone" }
  | { readonly kind: "accepted"; readonly snapshot: Snapshot }

interface SpeakerState {
  readonly config: SpeakerConfig
  readonly gossip: ActorRef<GossipCommand> | undefined
  readonly layer2: ActorRef<Layer2Command>
  readonly bgp: ActorRef<BgpCommand>
  readonly bfd: ActorRef<BfdCommand> | undefined
  readonly announcer: ActorRef<AnnouncerCommand>
  readonly api: ActorRef<never> | undefined
  /** The configuration last accepted: outlives the announcer. */
  readonly lastValid: Snapshot | undefined
}

/**
 *     /speaker
 *      ├ cluster     thread: gossip, when there is one
 *      ├ layer2      thread: ARP and NDP
 *      ├ bgp         thread: BGP sessions
 *      ├ bfd         thread: BFD sessions, when there is one
 *      ├ announcer   who announces what
 *      │  └ <namespace>~<name>   one per Service
 *      └ api         watches
 *
 * None of the threads takes another child with it: a new incarnation is told by the announcer what should be. The API
 * actor alone goes with the announcer, because it has to tell a new one everything; it is replaced by hand below, since
 * `rest_for_one` would hold for the threads as well.
 */
export const speakerActor: Actor<SpeakerConfig, SpeakerState, Message> = {
  kind: "speaker",
  supervision: {
    strategy: "one_for_one",
    // A thread that cannot start (a port in use, a capability missing) must not end what the other threads do.
    // One that has run for a few seconds is back at once the next time.
    intensity: { restarts: Number.POSITIVE_INFINITY, withinMs: 5_000 },
    backoff: { minMs: 20, maxMs: 5_000, jitter: 0.2 },
  },
  start(config, context) {
    const { threads, nodeName, api, loadBalancerClass, ignoreExcludeLoadBalancer } = config
    const started = (thread: Thread) => (): Message => ({ kind: "thread-started", thread })
    const gossip =
      threads.gossip && context.spawnThread({ id: "cluster", entry: threads.gossip, started: started("gossip") })
    const layer2 = context.spawnThread({ id: "layer2", entry: threads.layer2, started: started("layer2") })
    const bgp = context.spawnThread({ id: "bgp", entry: threads.bgp, started: started("bgp") })
    const bfd = threads.bfd && context.spawnThread({ id: "bfd", entry: threads.bfd, started: started("bfd") })
    const announcer = context.spawn({
      id: "announcer",
      actor: announcerActor,
      config: {
        nodeName,
        api,
        ...(gossip === undefined ? {} : { gossip }),
        layer2,
        bgp,
        ...(bfd === undefined ? {} : { bfd }),
        keeper: context.self,
        ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
        ...(ignoreExcludeLoadBalancer === undefined ? {} : { ignoreExcludeLoadBalancer }),
        ...(config.wire === undefined ? {} : { wire: config.wire }),
        settleMs: config.settleMs ?? 2000,
      },
      // A whole cluster is told at once; a fact that found no room would be missing until the next change.
      mailbox: { capacity: 1_000_000, overflow: "drop-newest" },
      started: () => ({ kind: "announcer-started" }),
    })
    return { config, gossip, layer2, bgp, bfd, announcer, api: undefined, lastValid: undefined }
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "thread-started":
        context.send(state.announcer, message)
        return state
      case "announcer-started":
        if (state.lastValid !== undefined) {
          context.send(state.announcer, { kind: "last-valid", snapshot: state.lastValid })
        }
        if (state.api !== undefined) context.stop(state.api)
        return { ...state, api: spawnApi(state, context) }
      case "api-started":
        if (state.api !== undefined) context.watch(state.api, () => ({ kind: "api-gone" }))
        return state
      case "api-gone":
        context.send(state.announcer, message)
        return state
      case "accepted":
        return { ...state, lastValid: message.snapshot }
      case "status":
      case "metrics":
        context.send(state.announcer, message)
        return state
      case "routes":
        context.send(state.bgp, message)
        return state
      case "shutdown":
        return shutDown(state, message.replyTo, context)
    }
  },
}

function spawnApi({ config, announcer }: SpeakerState, context: Context<Message>): ActorRef<never> {
  const labelSelector = config.memberlistLabels
  return context.spawn({
    id: "api",
    actor: apiActor,
    config: {
      api: config.api,
      watched: {
        services: true,
        endpoints: true,
        configuration: true,
        passwordSecrets: true,
        nodes: true,
        ...(labelSelector === undefined ? {} : { speakerPods: { labelSelector } }),
      },
      subscriber: announcer,
    },
    started: () => ({ kind: "api-started" }),
  })
}

/** How long ARP and NDP are still answered once the others know that we leave: for the one who takes over. */
const handOverMs = 250

/** Make before break: the table stays to the end. The announcer goes first, so that nothing wakes BGP up again. */
async function shutDown(
  state: SpeakerState,
  replyTo: ActorRef<{ readonly kind: "shut-down" }>,
  context: Context<Message>,
): Promise<SpeakerState> {
  const { gossip, layer2, announcer, api, config } = state
  const leaveMs = config.leaveMs ?? 1200
  context.log.info("starting shutdown", { op: "shutdown" })
  if (api !== undefined) context.stop(api)
  context.stop(announcer)
  if (config.wire !== undefined) context.send(layer2, { kind: "leaving" })
  await Promise.all([
    gossip && context.ask<GossipCommand, { kind: "left" }>(gossip, (replyTo) => ({ kind: "leave", replyTo }), leaveMs),
    sayGoodbyeToRouters(state, leaveMs, context),
  ])
  if (gossip !== undefined) await new Promise<void>((done) => void context.world.timers.after(handOverMs, done))
  context.log.info("done", { op: "shutdown" })
  context.send(replyTo, { kind: "shut-down" })
  return state
}

/** BGP first: a router that hears BFD end before it may take the path for lost. */
async function sayGoodbyeToRouters({ bgp, bfd }: SpeakerState, leaveMs: number, context: Context<Message>) {
  const { clock } = context.world
  const untilMs = clock.monotonicMs() + leaveMs
  type Done = { readonly kind: "shut-down" }
  await context.ask<BgpCommand, Done>(bgp, (replyTo) => ({ kind: "shutdown", replyTo }), leaveMs)
  if (bfd === undefined) return
  const leftMs = Math.max(leastForBfdMs, untilMs - clock.monotonicMs())
  await context.ask<BfdCommand, Done>(bfd, (replyTo) => ({ kind: "shutdown", replyTo }), leftMs)
}

/** Even if BGP took all the time: a few packets that say AdminDown. */
const leastForBfdMs = 100
