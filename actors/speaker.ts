import type { GossipCommand } from "../cluster/messages.ts"
import type { ClusterApi } from "../config/cluster-api.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { Actor, Context, ThreadEntry } from "../supervision/actor.ts"
import type { ActorRef } from "../supervision/reference.ts"
import type { WitnessStore } from "../cluster/witness/messages.ts"
import { witnessActor } from "../cluster/witness/witness.ts"
import { announcerActor } from "./announcer/announcer.ts"
import type { DrainStatus, Prepared } from "./announcer/drain-messages.ts"
import type { OnSplit } from "./announcer/left.ts"
import type { HandedOver, Layer2Command } from "./announcer/layer2/messages.ts"
import type { AnnouncerCommand, LastTold, SpeakerMetrics, SpeakerStatus } from "./announcer/messages.ts"
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
  /** Sees out of the network's way who else announces what this node does. Absent: there is none. */
  readonly witness?: { readonly store: WitnessStore; readonly onSplit: OnSplit }
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
  /** Hand over what this node announces, and take nothing until told otherwise; outlives every actor below. */
  | { readonly kind: "drain"; readonly drained: boolean }
  | { readonly kind: "drain-status"; readonly replyTo: ActorRef<DrainStatus> }
  /** Orderly end: nothing new is announced, gossip, BGP and BFD say good-bye, then the answer. Then stop the system. */
  | { readonly kind: "shutdown"; readonly replyTo: ActorRef<{ readonly kind: "shut-down" }> }

type Thread = "gossip" | "layer2" | "bgp" | "bfd" | "witness"
type Message =
  | SpeakerMessage
  | { readonly kind: "thread-started"; readonly thread: Thread }
  | { readonly kind: "announcer-started" }
  | { readonly kind: "api-started" }
  | { readonly kind: "api-gone" }
  | { readonly kind: "accepted"; readonly snapshot: Snapshot }
  | ({ readonly kind: "told" } & LastTold)

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
  /** What the threads were told last: likewise. */
  readonly lastTold: LastTold
  /** By command: likewise. */
  readonly drained: boolean
}

/**
 *     /speaker
 *      ├ cluster     thread: gossip, when there is one
 *      ├ layer2      thread: ARP and NDP
 *      ├ bgp         thread: BGP sessions
 *      ├ bfd         thread: BFD sessions, when there is one
 *      ├ witness     claims in a store, when there is one
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
    const witness =
      config.witness &&
      context.spawn({
        id: "witness",
        actor: witnessActor,
        config: { nodeName, store: config.witness.store },
        started: started("witness"),
      })
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
        ...(witness && config.witness && { witness: { ref: witness, onSplit: config.witness.onSplit } }),
        ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
        ...(ignoreExcludeLoadBalancer === undefined ? {} : { ignoreExcludeLoadBalancer }),
        ...(config.wire === undefined ? {} : { wire: config.wire }),
        settleMs: config.settleMs ?? 2000,
      },
      // A whole cluster is told at once; a fact that found no room would be missing until the next change.
      mailbox: { capacity: 1_000_000, overflow: "drop-newest" },
      started: () => ({ kind: "announcer-started" }),
    })
    return {
      config,
      gossip,
      layer2,
      bgp,
      bfd,
      announcer,
      api: undefined,
      lastValid: undefined,
      lastTold: {},
      drained: false,
    }
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "thread-started":
        context.send(state.announcer, message)
        return state
      case "announcer-started":
        if (state.drained) context.send(state.announcer, { kind: "drain", drained: true })
        if (state.lastValid !== undefined) {
          context.send(state.announcer, { kind: "last-valid", snapshot: state.lastValid })
        }
        context.send(state.announcer, { kind: "last-told", ...state.lastTold })
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
      case "told": {
        const { kind: _, ...told } = message
        return { ...state, lastTold: { ...state.lastTold, ...told } }
      }
      case "drain":
        context.send(state.announcer, message)
        return { ...state, drained: message.drained }
      case "drain-status":
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

/** How long the others have who were not heard, since nobody listens. */
const handOverMs = 250
/** How long the announcer may take to decide who comes next, for all Services. */
const prepareMs = 500

/**
 * Make before break. First the layer 2 thread learns what it hands over, then gossip and the routers that we leave; what
 * was ours is answered for until the next leader is heard. Whom nobody can follow is not waited for.
 */
async function shutDown(
  state: SpeakerState,
  replyTo: ActorRef<{ readonly kind: "shut-down" }>,
  context: Context<Message>,
): Promise<SpeakerState> {
  const { gossip, api, config } = state
  const leaveMs = config.leaveMs ?? 1200
  context.log.info("starting shutdown", { op: "shutdown" })
  if (api !== undefined) context.stop(api)
  const prepared = await prepare(state, context)
  await Promise.all([
    gossip && context.ask<GossipCommand, { kind: "left" }>(gossip, (replyTo) => ({ kind: "leave", replyTo }), leaveMs),
    sayGoodbyeToRouters(state, leaveMs, context),
    prepared && handOver(state, prepared, leaveMs, context),
  ])
  if (gossip !== undefined && prepared === undefined)
    await new Promise<void>((done) => void context.world.timers.after(handOverMs, done))
  context.log.info("done", { op: "shutdown" })
  context.send(replyTo, { kind: "shut-down" })
  return state
}

/** Undefined: nobody listens on the wire, or the announcer is not there; what is answered for stays as it is to the end. */
async function prepare(
  { config, gossip, layer2, announcer }: SpeakerState,
  context: Context<Message>,
): Promise<Prepared | undefined> {
  if (config.wire !== undefined && gossip !== undefined) {
    const make = (replyTo: ActorRef<Prepared>): AnnouncerCommand => ({ kind: "leave", replyTo })
    const prepared = await context.ask<AnnouncerCommand, Prepared>(announcer, make, prepareMs)
    if (prepared.ok) return prepared.value
  }
  // So that nothing wakes BGP up again.
  context.stop(announcer)
  if (config.wire !== undefined) context.send(layer2, { kind: "leaving" })
  return undefined
}

async function handOver(
  { layer2 }: SpeakerState,
  { followed, alone }: Prepared,
  leaveMs: number,
  context: Context<Message>,
): Promise<void> {
  const where = { op: "shutdown", event: "handOver" }
  if (alone.length > 0) {
    const [service] = alone
    context.log.warn("no other node can announce these services", { ...where, services: alone.length, service })
  }
  if (followed === 0) return
  const { clock } = context.world
  const fromMs = clock.monotonicMs()
  const done = await context.ask<Layer2Command, HandedOver>(
    layer2,
    (replyTo) => ({ kind: "tell-when-handed-over", replyTo }),
    leaveMs,
  )
  const tookMs = Math.round(clock.monotonicMs() - fromMs)
  if (done.ok) context.log.info("addresses are handed over", { ...where, services: followed, tookMs })
  else context.log.warn("not every address was heard to be taken over", { ...where, services: followed, tookMs })
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
