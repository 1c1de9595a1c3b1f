import type { Layer2Command, Layer2Report } from "../../actors/announcer/layer2/messages.ts"
import type { SpeakerMetrics, SpeakerStatus } from "../../actors/announcer/messages.ts"
import type { BfdCommand, BfdReport } from "../../actors/bfd/messages.ts"
import type { BgpCommand, BgpReport } from "../../actors/session/messages.ts"
import { type SpeakerConfig, speakerActor } from "../../actors/speaker.ts"
import type { GossipCommand, Member, Members } from "../../cluster/messages.ts"
import type { SpeakerPodFacts } from "../../config/facts.ts"
import type { Actor, Log, ThreadEntry } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { startSystem } from "../../supervision/system.ts"
import type { World } from "../../supervision/world.ts"
import { endpoints, ip, node, service } from "../announcer/facts.ts"
import { bgpNamed, l2Named, peerNamed, poolNamed } from "../support/configuration.ts"
import { MemoryClusterApi } from "../support/memory-cluster-api.ts"

/** What a thread heard: one list for each of its lives. */
type Heard<M> = M[][]

interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error"
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Harness {
  readonly gossip?: "off"
  /** The actors that can run do so in an order of this seed, rather than first come, first served. */
  readonly seed?: number
}

/**
 * A speaker on virtual time, with threads that write down what they are told. Time passes only in `pass`; between two
 * calls everything that can happen without time has happened.
 */
export async function speaker(over: Partial<SpeakerConfig> & Harness = {}) {
  const cluster = new MemoryClusterApi()
  const time = virtualTime(over.seed)
  const lines: LogLine[] = []
  const system = startSystem({ name: "speaker", world: time.world, log: logTo(lines) })
  const layer2 = recorder<Layer2Command, Layer2Report>()
  const bgp = recorder<BgpCommand, BgpReport>()
  const gossip = recorder<GossipCommand, Members>()
  const bfd = recorder<BfdCommand, BfdReport>()
  const { gossip: withGossip, seed: _, ...config } = over

  for (const name of ["alpha", "bravo", "charlie"]) cluster.putNode(node(name))
  cluster.putSpeakerPods(pods("10.0.0.1", "10.0.0.2", "10.0.0.3"))
  cluster.configure(plain)

  const root = system.spawn({
    id: "speaker",
    actor: speakerActor,
    config: {
      nodeName: "charlie",
      api: cluster,
      memberlistLabels: "app=metallb,component=speaker",
      threads: {
        layer2: layer2.entry,
        bgp: bgp.entry,
        bfd: bfd.entry,
        ...(withGossip === "off" ? {} : { gossip: gossip.entry }),
      },
      ...config,
    },
  })

  /** Until nothing more happens without time passing. */
  const quiet = async () => {
    for (let still = 0, before = -1; still < 10; ) {
      await new Promise(setImmediate)
      const { messages, actors, restarts } = system.counters()
      const now = messages + actors + restarts
      still = now === before ? still + 1 : 0
      before = now
    }
  }
  await quiet()

  const report = async <M>(to: { readonly subscriber: ActorRef<M> | undefined }, message: M) => {
    if (to.subscriber !== undefined) system.send(to.subscriber, message)
    await quiet()
  }
  return {
    cluster,
    system,
    root,
    lines,
    layer2: layer2.heard,
    bgp: bgp.heard,
    gossip: gossip.heard,
    bfd: bfd.heard,
    quiet,
    /** Lets virtual time go by, step by step. */
    async pass(ms: number) {
      await time.pass(ms, quiet)
    },
    async change(how: (cluster: MemoryClusterApi) => void) {
      how(cluster)
      await quiet()
    },
    members: (...names: readonly (string | Member)[]) =>
      report(gossip, {
        kind: "members",
        members: names.map((name) => (typeof name === "string" ? member(name) : name)),
      }),
    /** Without waiting: of alpha and bravo those named are alive, the others dead. */
    memberStates(others: readonly string[]) {
      const states = ["alpha", "bravo"].map((name) => member(name, others.includes(name) ? "alive" : "dead"))
      if (gossip.subscriber !== undefined) {
        system.send(gossip.subscriber, { kind: "members", members: [...states, member("charlie")] })
      }
    },
    layer2Report: (over: Partial<Layer2Report>) => report(layer2, { ...noReport, ...over }),
    bgpReport: (report_: BgpReport) => report(bgp, report_),
    bfdReport: (sessions: BfdReport["sessions"]) =>
      report(bfd, { kind: "bfd-report", sessions, dropped: {}, refused: 0 }),
    async kill(path: string) {
      if (!(await system.kill(path))) throw new Error(`nobody lives at ${path}`)
      await time.pass(1000, quiet)
    },
    table: () => lastOf(layer2.heard, "table")?.entries,
    addresses: () => lastOf(layer2.heard, "table")?.entries.map(({ ip }) => ip),
    peers: () => lastOf(bgp.heard, "peers")?.peers,
    watched: () => lastOf(bfd.heard, "sessions")?.sessions,
    paths: () => lastOf(bgp.heard, "paths")?.paths,
    events: () => cluster.events.map(({ reason, message }) => `${reason}: ${message}`),
    logged: (message: string) => lines.filter((line) => line.message === message).map(({ fields }) => fields),
    async status(): Promise<SpeakerStatus> {
      const asked = await system.ask<{ kind: "status"; replyTo: ActorRef<SpeakerStatus> }, SpeakerStatus>(
        root,
        (replyTo) => ({ kind: "status", replyTo }),
        1000,
      )
      if (!asked.ok) throw new Error(JSON.stringify(asked.error))
      return asked.value
    },
    async metrics(): Promise<SpeakerMetrics> {
      const asked = await system.ask<{ kind: "metrics"; replyTo: ActorRef<SpeakerMetrics> }, SpeakerMetrics>(
        root,
        (replyTo) => ({ kind: "metrics", replyTo }),
        1000,
      )
      if (!asked.ok) throw new Error(JSON.stringify(asked.error))
      return asked.value
    },
  }
}

export type Speaker = Awaited<ReturnType<typeof speaker>>

const addressOf: Readonly<Record<string, string>> = { alpha: "10.0.0.1", bravo: "10.0.0.2", charlie: "10.0.0.3" }

export const member = (name: string, state: Member["state"] = "alive"): Member => ({
  name,
  address: addressOf[name] ?? "10.0.0.99",
  port: 7946,
  state,
})

/** One pool, announced both ways to one peer. */
export const plain = {
  pools: [poolNamed("first", { addresses: ["192.0.2.0/24"] })],
  l2Advertisements: [l2Named("l2", {})],
  bgpAdvertisements: [bgpNamed("bgp", {})],
  peers: [peerNamed("router", { myASN: 64500, peerASN: 64501, peerAddress: "10.0.0.254" })],
}

export const pods = (...podIPs: readonly string[]): SpeakerPodFacts[] =>
  podIPs.map((podIP, i) => ({ name: `speaker-${i}`, podIP }))

/** A Service of that name with its address and, unless it has others, one ready endpoint on alpha. */
export function put(
  cluster: MemoryClusterApi,
  name: string,
  address: string,
  over: Parameters<typeof service>[0] = {},
): void {
  const key = `default/${name}`
  const facts = service({ key, name, ingress: [{ ip: ip(address) }], ...over })
  if (cluster.services.has(key)) cluster.changeService(key, facts)
  else cluster.putService(facts)
  if (!cluster.endpoints.has(key)) cluster.putEndpoints({ ...endpoints("alpha"), key })
}

interface Recorder<M, R> {
  readonly heard: Heard<M>
  readonly entry: ThreadEntry<M>
  /** Whom this life was told to report to. */
  readonly subscriber: ActorRef<R> | undefined
}

interface Subscribe<R> {
  readonly kind: "subscribe"
  readonly subscriber: ActorRef<R>
}

function recorder<M extends { readonly kind: string }, R>(): Recorder<M, R> {
  const heard: Heard<M> = []
  const state: { subscriber: ActorRef<R> | undefined } = { subscriber: undefined }
  const actor: Actor<unknown, unknown, M> = {
    kind: "recorder",
    start() {
      state.subscriber = undefined
      heard.push([])
      return undefined
    },
    receive(_, message, context) {
      heard.at(-1)?.push(message)
      if (message.kind === "subscribe") state.subscriber = (message as M & Subscribe<R>).subscriber
      if ("replyTo" in message) {
        const kind = message.kind === "leave" ? "left" : "shut-down"
        context.send(message.replyTo as ActorRef<{ kind: string }>, { kind })
      }
      return undefined
    },
  }
  return {
    heard,
    entry: { kind: "inline", actor, config: undefined },
    get subscriber() {
      return state.subscriber
    },
  }
}

/** In the present life. */
function lastOf<M extends { readonly kind: string }, K extends M["kind"]>(heard: Heard<M>, kind: K) {
  return heard.at(-1)?.findLast((message): message is Extract<M, { readonly kind: K }> => message.kind === kind)
}

const noReport: Layer2Report = {
  kind: "layer2-report",
  interfaces: ["eth0"],
  requestsReceived: {},
  responsesSent: {},
  gratuitousSent: {},
}

function logTo(lines: LogLine[]): Log {
  const at =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields })
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }
}

function virtualTime(seed?: number) {
  let nowMs = 0
  const due = new Set<{ readonly atMs: number; readonly run: () => void }>()
  const next = () =>
    [...due].reduce<{ atMs: number; run: () => void } | undefined>(
      (first, timer) => (first === undefined || timer.atMs < first.atMs ? timer : first),
      undefined,
    )
  const world = realWorld({
    clock: { monotonicMs: () => nowMs, wallMs: () => 1_700_000_000_000 + nowMs },
    timers: {
      after(delayMs, run) {
        const timer = { atMs: nowMs + delayMs, run }
        due.add(timer)
        return () => void due.delete(timer)
      },
    },
    random: { u32: () => 2 ** 31, bytes: (length) => new Uint8Array(length) },
    ...(seed === undefined ? {} : { interleave: true, immediate: shuffled(seed) }),
  })
  return {
    world,
    async pass(ms: number, quiet: () => Promise<void>) {
      const untilMs = nowMs + ms
      await quiet()
      for (let timer = next(); timer !== undefined && timer.atMs <= untilMs; timer = next()) {
        due.delete(timer)
        nowMs = Math.max(nowMs, timer.atMs)
        timer.run()
        await quiet()
      }
      nowMs = untilMs
    },
  }
}

/** Whatever waits for its turn, in an order that the seed decides. */
function shuffled(seed: number): World["immediate"] {
  const waiting: (() => void)[] = []
  let state = seed >>> 0
  return (run) => {
    waiting.push(run)
    setImmediate(() => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      const [chosen] = waiting.splice(Math.floor((state / 2 ** 32) * waiting.length), 1)
      chosen?.()
    })
    return () => {
      const at = waiting.indexOf(run)
      if (at >= 0) waiting.splice(at, 1)
    }
  }
}
