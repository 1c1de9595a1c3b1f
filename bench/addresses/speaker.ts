// A speaker of a node that has so many Services: gossip and packet thread as the daemon has them, Kubernetes in memory.
// `node speaker.ts NODE ADDRESSES`; the nodes are node-1, node-2, node-3 of a lab. Ends when its input does.
import type { Layer2ThreadConfig } from "../../cli/threads/layer2.ts"
import type { GossipThreadConfig } from "../../cli/threads/gossip.ts"
import { speakerActor } from "../../actors/speaker.ts"
import type { BgpCommand } from "../../actors/session/messages.ts"
import { markVersion } from "../../cluster/speaker-mark.ts"
import { descriptorTable } from "../../io/descriptors.ts"
import { layout } from "../../lab/layout.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { startSystem } from "../../supervision/system.ts"
import { ip, node } from "../../test/announcer/facts.ts"
import { pods, put } from "../../test/speaker/harness.ts"
import { l2Named, nothing, poolNamed } from "../../test/support/configuration.ts"
import { MemoryClusterApi } from "../../test/support/memory-cluster-api.ts"
import { addressesLedBy, network } from "./plan.ts"

const [name = "", count = "1"] = process.argv.slice(2)
const { nodes } = layout("addresses", 3)
const address = nodes.find((each) => each.name === name)?.address ?? ""
const cluster = new MemoryClusterApi()
for (const each of nodes) cluster.putNode(node(each.name, { internalIPs: [ip(each.address)] }))
cluster.configure({
  ...nothing,
  pools: [poolNamed("first", { addresses: [network] })],
  l2Advertisements: [l2Named("l2", {})],
})
cluster.putSpeakerPods(pods(...nodes.map((each) => each.address)))
for (const [i, each] of addressesLedBy("node-1", "node-2", Number(count)).entries()) put(cluster, `web-${i}`, each)

const silent = (): void => {}
const told = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
  process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`)
const log: Log = { debug: silent, info: silent, warn: silent, error: told("error") }
const idle: Actor<unknown, unknown, BgpCommand> = { kind: "idle", start() {}, receive() {} }
const thread = (file: string, config: unknown) =>
  ({ kind: "module", url: new URL(`../../cli/threads/${file}`, import.meta.url).href, config }) as const
const gossip: GossipThreadConfig = {
  logLevel: "error",
  name,
  bindAddress: address,
  bindPort: 7946,
  profile: "lan",
  silentUntilPeers: true,
  mark: { version: markVersion, macs: [] },
}
const layer2: Layer2ThreadConfig = { logLevel: "error", descriptors: descriptorTable(), excludeInterfaces: "^lo$" }
startSystem({ name, world: realWorld(), log }).spawn({
  id: "speaker",
  actor: speakerActor,
  config: {
    nodeName: name,
    api: cluster,
    memberlistLabels: "component=speaker",
    wire: { liveness: true, strangers: "defend" },
    threads: {
      gossip: thread("gossip.ts", gossip),
      layer2: thread("layer2.ts", layer2),
      bgp: { kind: "inline", actor: idle, config: undefined },
    },
  },
})
process.stdin.resume()
process.stdin.on("end", () => process.exit(0))
