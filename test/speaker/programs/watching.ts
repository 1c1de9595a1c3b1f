// A speaker with its BGP and BFD threads as the daemon has them, and one Service to announce to the one peer that each
// line names. Prints how both sessions stand, whenever that has changed.
import { createInterface } from "node:readline"
import type { SpeakerStatus } from "../../../actors/announcer/messages.ts"
import type { Layer2Command } from "../../../actors/announcer/layer2/messages.ts"
import { type SpeakerMessage, speakerActor } from "../../../actors/speaker.ts"
import type { BGPPeerSpec, BFDProfileSpec } from "../../../config/facts.ts"
import type { BfdThreadConfig } from "../../../cli/threads/bfd.ts"
import type { BgpThreadConfig } from "../../../cli/threads/bgp.ts"
import { descriptorTable } from "../../../io/descriptors.ts"
import type { Actor, Log } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import { startSystem } from "../../../supervision/system.ts"
import { endpoints, ip, node, service } from "../../announcer/facts.ts"
import { bgpNamed, nothing, peerNamed, poolNamed } from "../../support/configuration.ts"
import { MemoryClusterApi } from "../../support/memory-cluster-api.ts"

export interface Told {
  readonly peer: BGPPeerSpec
  readonly profile: BFDProfileSpec
}

export interface Seen {
  readonly bgp: string | undefined
  /** Unix milliseconds of the last change of `bgp`. */
  readonly sinceMs: number | undefined
  readonly lastError: string | undefined
  readonly bfd: string | undefined
  /** Whom BFD watches, over several hops or one, and how often. */
  readonly watches: string | undefined
  readonly losses: number | undefined
  /** Enough packets were heard that the thread's code is compiled. */
  readonly settled: boolean
}

const silent = (): void => {}
const log: Log = { debug: silent, info: silent, warn: silent, error: silent }
const idle: Actor<unknown, undefined, Layer2Command> = {
  kind: "idle",
  start: () => undefined,
  receive: () => undefined,
}
const thread = (file: string, config: unknown) =>
  ({ kind: "module", url: new URL(`../../../cli/threads/${file}`, import.meta.url).href, config }) as const

const bgp: BgpThreadConfig = { logLevel: "error", retry: { firstMs: 100, maxMs: 500 } }
const bfd: BfdThreadConfig = { logLevel: "error", descriptors: descriptorTable() }
const system = startSystem({ name: "speaker", world: realWorld(), log })
const cluster = new MemoryClusterApi()

function configure({ peer, profile }: Told): void {
  cluster.configure({
    ...nothing,
    pools: [poolNamed("pool", { addresses: ["203.0.113.0/24"] })],
    bgpAdvertisements: [bgpNamed("all", {})],
    peers: [peerNamed("router", { ...peer, bfdProfile: "fast" })],
    bfdProfiles: [{ name: "fast", labels: {}, spec: profile }],
  })
}

let begun = false
function begin(told: Told): void {
  if (begun) return configure(told)
  begun = true
  cluster.putNode(node("here"))
  configure(told)
  const key = "default/web"
  cluster.putService(service({ key, name: "web", ingress: [{ ip: ip("203.0.113.10") }] }))
  cluster.putEndpoints({ ...endpoints("here"), key })
  const threads = {
    layer2: { kind: "inline", actor: idle as Actor<unknown, unknown, Layer2Command>, config: undefined } as const,
    bgp: thread("bgp.ts", bgp),
    bfd: thread("bfd.ts", bfd),
  }
  const speaker = system.spawn({
    id: "speaker",
    actor: speakerActor,
    config: { nodeName: "here", api: cluster, threads },
  })
  let last = ""
  const look = async (): Promise<void> => {
    const asked = await system.ask<SpeakerMessage, SpeakerStatus>(
      speaker,
      (replyTo) => ({ kind: "status", replyTo }),
      1_000,
    )
    if (!asked.ok) return
    const [session, path] = [asked.value.sessions[0], asked.value.bfd[0]]
    const seen: Seen = {
      bgp: session?.state,
      sinceMs: session?.sinceMs,
      lastError: session?.lastError,
      bfd: path?.state,
      watches:
        path &&
        `${path.peer}${path.multihop ? " multihop" : ""}${path.vrf ? ` in ${path.vrf}` : ""} ${path.transmitIntervalMs} ms`,
      losses: path?.counters.pathLosses,
      settled: (path?.counters.controlPacketInput ?? 0) > 80,
    }
    const text = JSON.stringify(seen)
    if (text !== last) process.stdout.write(`${text}\n`)
    last = text
  }
  setInterval(() => void look(), 20)
}

createInterface({ input: process.stdin })
  .on("line", (line) => begin(JSON.parse(line) as Told))
  .on("close", () => process.exit(0))
