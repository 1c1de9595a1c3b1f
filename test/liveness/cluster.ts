import { layer2Actor, type Layer2Message } from "../../actors/announcer/layer2/layer2.ts"
import type { Layer2Command } from "../../actors/announcer/layer2/messages.ts"
import type { DrainStatus } from "../../actors/announcer/drain-messages.ts"
import type { SpeakerMetrics, SpeakerStatus } from "../../actors/announcer/messages.ts"
import { type SpeakerConfig, type SpeakerMessage, speakerActor } from "../../actors/speaker.ts"
import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipCommand } from "../../cluster/messages.ts"
import { markVersion } from "../../cluster/speaker-mark.ts"
import { arpRequestFrame, decodeArpClaim } from "../../protocols/arp/claim.ts"
import { gratuitousFrames } from "../../protocols/arp/gratuitous.ts"
import { formatMac } from "../../protocols/ethernet/mac.ts"
import type { Ip } from "../../protocols/ip.ts"
import type { NodeFacts } from "../../config/facts.ts"
import type { Actor, Log, ThreadEntry } from "../../supervision/actor.ts"
import { simulate } from "../../supervision/simulated-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { refTo, startSystem, type System } from "../../supervision/system.ts"
import type { World } from "../../supervision/world.ts"
import { ip, node } from "../announcer/facts.ts"
import { plain, pods, put } from "../speaker/harness.ts"
import { poolNamed } from "../support/configuration.ts"
import { MemoryClusterApi } from "../support/memory-cluster-api.ts"

/**
 * Whole speakers on simulated machines: real gossip, the real announcer and the real packet actors, on one segment with
 * a client that asks by ARP.
 */
const named = ["alpha", "bravo", "charlie", "delta", "echo"]
export const hostNames = (size: number): readonly string[] =>
  Array.from({ length: size }, (_, i) => named[i] ?? `node-${String(i + 1).padStart(2, "0")}`)
/** With alpha, bravo and charlie it is led by charlie, and bravo comes next. */
export const web = ip("192.0.2.10")
const pool6 = "2001:db8::/112"

interface Line {
  readonly atMs: number
  readonly host: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Options {
  readonly hosts?: number
  readonly loss?: number
  readonly addresses?: readonly Ip[]
  /** Hosts whose speaker is like MetalLB's: it says nothing of itself and does not listen. */
  readonly plainHosts?: readonly string[]
  readonly liveness?: boolean
  /** False: there is none, and every node of the cluster counts. */
  readonly gossip?: boolean
  /** The hosts have link-local addresses, and there is a pool of IPv6. */
  readonly ipv6?: boolean
  /** What a host's world is, where it is not the simulator's alone. */
  readonly worldOf?: (host: string, world: World) => World
  /** Of `troupe.dev/election-policy` on the one L2Advertisement. */
  readonly policy?: string
  /** Further addresses of a host's interface. */
  readonly extra?: Readonly<Record<string, readonly string[]>>
  /** Of its gossip; those with another are in another ring. */
  readonly keyOf?: (host: string) => string
  /** What each speaker is given as its witness, on the clock of the simulation. */
  readonly witness?: (nowMs: () => number) => SpeakerConfig["witness"]
}

export function cluster(seed: number, { hosts: size = 3, loss = 0, addresses = [web], ...options }: Options = {}) {
  const hosts = hostNames(size)
  const sim = simulate(seed, { network: { loss } })
  const api = new MemoryClusterApi()
  const addressOf = (host: string) => `10.0.0.${hosts.indexOf(host) + 1}`
  const nodeOf = (host: string, over: Partial<NodeFacts> = {}) =>
    node(host, { internalIPs: [ip(addressOf(host))], ...over })
  for (const host of hosts) api.putNode(nodeOf(host))
  const addressesOf = (host: string) => [
    addressOf(host),
    ...(options.ipv6 === true ? [`fe80::${hosts.indexOf(host) + 1}`] : []),
    ...(options.extra?.[host] ?? []),
  ]
  const annotations = options.policy === undefined ? {} : { "troupe.dev/election-policy": options.policy }
  const l2Advertisements = plain.l2Advertisements.map((each) => ({ ...each, annotations }))
  const pools = [poolNamed("first", { addresses: ["192.0.2.0/24", ...(options.ipv6 === true ? [pool6] : [])] })]
  api.configure({ ...plain, pools, l2Advertisements })
  const witness = options.witness?.(() => sim.nowMs())
  api.putSpeakerPods(pods(...hosts.map(addressOf)))
  for (const [i, address] of addresses.entries()) put(api, `web-${i}`, address)
  const lines: Line[] = []
  const systems = new Map<string, System>()
  const macs = new Map<string, string>()
  const cut = new Set<string>()

  const start = (host: string) => {
    const bare = sim.world(host, { addresses: addressesOf(host) })
    const world = options.worldOf?.(host, bare) ?? bare
    const links = world.packets.interfaces()
    const mac = links.ok ? formatMac(links.value[0]?.mac ?? new Uint8Array()) : ""
    macs.set(mac, host)
    const log = logTo((fields) => lines.push({ atMs: sim.nowMs(), host, fields }))
    const system = startSystem({
      name: host,
      world: cutOff(world, (to) => cut.has(host) || [...cut].some((other) => addressOf(other) === to)),
      log,
    })
    systems.set(host, system)
    const liveness = options.liveness !== false && options.plainHosts?.includes(host) !== true
    const gossip: ThreadEntry<GossipCommand> = {
      kind: "inline",
      actor: gossipActor,
      config: {
        name: host,
        bindAddress: addressOf(host),
        bindPort: 7946,
        profile: "lan",
        silentUntilPeers: true,
        ...(options.keyOf && { secretKey: options.keyOf(host) }),
        ...(liveness ? { mark: { version: markVersion, macs: [] } } : {}),
      },
    }
    const actor = layer2Actor as unknown as Actor<unknown, unknown, Layer2Message>
    const layer2: ThreadEntry<Layer2Command> = {
      kind: "inline",
      actor: actor,
      config: {},
    }
    system.spawn({
      id: "speaker",
      actor: speakerActor,
      config: {
        nodeName: host,
        api,
        memberlistLabels: "component=speaker",
        ...(witness && { witness }),
        threads: {
          ...(options.gossip === false ? {} : { gossip }),
          layer2,
          bgp: { kind: "inline", actor: idle, config: undefined },
        },
        ...(options.plainHosts?.includes(host) === true ? {} : { wire: { liveness, strangers: "defend" } }),
      },
    })
  }

  const clientWorld = sim.world("client", { addresses: ["10.0.0.100"] })
  const client = clientOn(clientWorld, macs)
  const status = async (host: string): Promise<SpeakerStatus | undefined> => {
    const asked = systems
      .get(host)
      ?.ask<SpeakerMessage, SpeakerStatus>(
        refTo<SpeakerMessage>("/speaker"),
        (replyTo) => ({ kind: "status", replyTo }),
        1000,
      )
    const answer = asked && (await sim.settle(asked, { withinMs: 2000 }))
    return answer?.ok === true ? answer.value : undefined
  }
  const drain = (host: string, drained: boolean): void =>
    systems.get(host)?.send(refTo<SpeakerMessage>("/speaker"), { kind: "drain", drained })
  const drainStatus = async (host: string): Promise<DrainStatus> => {
    const make = (replyTo: ActorRef<DrainStatus>): SpeakerMessage => ({ kind: "drain-status", replyTo })
    const asked = systems.get(host)?.ask(refTo<SpeakerMessage>("/speaker"), make, 1000)
    const answer = asked && (await sim.settle(asked, { withinMs: 2000 }))
    if (answer?.ok !== true) throw new Error(`${host} says nothing of its drain`)
    return answer.value
  }
  const metrics = async (host: string): Promise<SpeakerMetrics | undefined> => {
    const asked = systems
      .get(host)
      ?.ask<SpeakerMessage, SpeakerMetrics>(
        refTo<SpeakerMessage>("/speaker"),
        (replyTo) => ({ kind: "metrics", replyTo }),
        1000,
      )
    const answer = asked && (await sim.settle(asked, { withinMs: 2000 }))
    return answer?.ok === true ? answer.value : undefined
  }
  /** The answer to an orderly shutdown, once the program has ended; somebody has to let time go by. */
  const leave = async (host: string): Promise<void> => {
    const system = systems.get(host)
    if (system === undefined) throw new Error(`${host} does not run`)
    await system.ask<SpeakerMessage, { readonly kind: "shut-down" }>(
      refTo<SpeakerMessage>("/speaker"),
      (replyTo) => ({ kind: "shutdown", replyTo }),
      3000,
    )
    sim.network.killProcess(host)
  }
  const shutDown = (host: string): Promise<void> => sim.settle(leave(host), { withinMs: 4000 })
  return {
    sim,
    metrics,
    leave,
    drain,
    drainStatus,
    nodeOf,
    shutDown,
    killActor: async (host: string, path: string) => (await systems.get(host)?.kill(path)) === true,
    api,
    hosts,
    lines,
    random: clientWorld.random,
    client,
    start,
    status,
    addressOf,
    /** Gossip of that host reaches nobody, in neither direction; frames do. */
    cutGossip: (host: string) => void cut.add(host),
    mendGossip: () => cut.clear(),
    said: (event: string) => lines.filter(({ fields }) => fields["event"] === event),
    /** All are up, know each other and listen. */
    async settled() {
      for (const host of hosts) start(host)
      await sim.runFor(6000)
    },
    /** Until exactly that host answers for the address, asked again and again; gives the time. */
    async answeredBy(host: string, withinMs: number, address = web): Promise<number> {
      const fromMs = sim.nowMs()
      while (sim.nowMs() - fromMs < withinMs) {
        const answers = await client.ask(address, sim)
        if (answers.length === 1 && answers[0] === host) return sim.nowMs() - fromMs
      }
      throw new Error(`seed ${seed}: ${host} did not answer for ${address} within ${withinMs} ms`)
    },
  }
}

export type Cluster = ReturnType<typeof cluster>

const idle: Actor<unknown, unknown, { readonly kind: string }> = {
  kind: "idle",
  start: () => undefined,
  receive(state, message, context) {
    if ("replyTo" in message) context.send(message.replyTo as ReturnType<typeof refTo>, { kind: "shut-down" })
    return state
  },
}

/** The world of a machine with a firewall between its gossip port and those addresses. */
function cutOff(world: World, isCut: (address: string) => boolean): World {
  const { network } = world
  return {
    ...world,
    network: {
      ...network,
      async openUdp(at, on) {
        const opened = await network.openUdp(at, {
          ...on,
          datagram: (bytes, from) => void (isCut(from.address) || on.datagram(bytes, from)),
        })
        if (!opened.ok) return opened
        const { value } = opened
        return { ok: true, value: { ...value, send: (bytes, to) => void (isCut(to.address) || value.send(bytes, to)) } }
      },
      connectTcp: (to, on) => network.connectTcp(isCut(to.address) ? { ...to, address: "10.9.9.9" } : to, on),
    },
  }
}

function clientOn(world: World, macs: ReadonlyMap<string, string>) {
  const links = world.packets.interfaces()
  const link = links.ok ? links.value[0] : undefined
  if (link === undefined) throw new Error("no interface")
  let answers: string[] = []
  let asked: string | undefined
  const opened = world.packets.open(
    { interfaceIndex: link.index, frames: "arp-claim" },
    {
      frame(bytes) {
        const claim = decodeArpClaim(bytes)
        if (!claim.ok || claim.value.gratuitous || claim.value.ip !== asked) return
        const mac = formatMac(claim.value.mac)
        answers.push(macs.get(mac) ?? mac)
      },
      error: () => undefined,
    },
  )
  if (!opened.ok) throw new Error(opened.error.message)
  const socket = opened.value
  return {
    mac: link.mac,
    /** Everybody who answers one question, within 10 ms. */
    async ask(address: Ip, sim: { runFor(ms: number): Promise<void> }): Promise<readonly string[]> {
      answers = []
      asked = address
      socket.send(arpRequestFrame({ mac: link.mac, senderIp: ip("10.0.0.100"), target: address, to: undefined }))
      await sim.runFor(10)
      return answers
    },
    /** As a host that was given the same address by mistake. */
    claim(address: Ip) {
      for (const frame of gratuitousFrames(link.mac, address)) socket.send(frame)
    },
  }
}

function logTo(add: (fields: Readonly<Record<string, unknown>>) => void): Log {
  const line = (message: string, fields: Readonly<Record<string, unknown>> = {}) => add({ message, ...fields })
  return { debug() {}, info: line, warn: line, error: line }
}
