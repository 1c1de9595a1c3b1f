import { gossipActor } from "../../cluster/gossip.ts"
import type { GossipConfig } from "../../cluster/gossip-config.ts"
import type { GossipCommand } from "../../cluster/messages.ts"
import type { Log } from "../../supervision/actor.ts"
import { simulate } from "../../supervision/simulated-world.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import type { World } from "../../supervision/world.ts"
import type { Measured } from "./ring.ts"

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
/** What a loopback interface counts besides the payload: Ethernet, IP and UDP headers. */
const udpHeaderBytes = 42
/** A TCP connection costs about so many packets besides those with data, each with so many bytes of headers. */
const tcpPackets = 8
const tcpHeaderBytes = 66

/** A ring on the simulated clock; the CPU time is of this process, so the simulator's share is in it. */
export async function simulatedRing(size: number, seconds: number): Promise<Measured> {
  const sim = simulate(1)
  let [bytes, packets] = [0, 0]
  const count = (length: number, more = 1) => {
    bytes += length
    packets += more
  }
  const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${(i & 255) + 1}`
  for (let i = 0; i < size; i++) {
    const world = counting(sim.world(`node-${i}`, { addresses: [address(i)] }), count)
    const system = startSystem({ name: `node-${i}`, world, log: silent })
    const config: GossipConfig = {
      name: `node-${i}`,
      bindAddress: address(i),
      bindPort: 7946,
      profile: "lan",
      secretKey: "a ring to be measured",
    }
    system.spawn({ id: "gossip", actor: gossipActor, config })
    await sim.runFor(5)
    if (i > 0) system.send(refTo<GossipCommand>("/gossip"), { kind: "peers", addresses: [address(0)] })
  }
  await sim.runFor(30_000)
  const before = { bytes, packets }
  const cpu = process.cpuUsage()
  await sim.runFor(seconds * 1000)
  const { user, system } = process.cpuUsage(cpu)
  return { bytes: bytes - before.bytes, packets: packets - before.packets, cpuSeconds: (user + system) / 1e6 }
}

function counting(world: World, count: (bytes: number, packets?: number) => void): World {
  const { network } = world
  return {
    ...world,
    network: {
      ...network,
      async openUdp(at, on) {
        const opened = await network.openUdp(at, on)
        if (!opened.ok) return opened
        const { value } = opened
        const send: typeof value.send = (bytes, to) => {
          count(bytes.length + udpHeaderBytes)
          value.send(bytes, to)
        }
        return { ok: true, value: { ...value, send } }
      },
      connectTcp(to, on) {
        count(tcpPackets * tcpHeaderBytes, tcpPackets)
        const connection = network.connectTcp(to, {
          ...on,
          data(bytes) {
            count(bytes.length + tcpHeaderBytes)
            on.data(bytes)
          },
        })
        return Object.assign(Object.create(connection) as typeof connection, {
          send(bytes: Uint8Array) {
            count(bytes.length + tcpHeaderBytes)
            return connection.send(bytes)
          },
          end: () => connection.end(),
          destroy: () => connection.destroy(),
        })
      },
    },
  }
}
