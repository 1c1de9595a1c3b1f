import { randomFillSync } from "node:crypto"
import { connectTcp, listenTcp } from "./real-tcp.ts"
import { openUdp } from "./real-udp.ts"
import type { Cancel, DatagramPort, Network, NetworkError, PacketPort, Random, World } from "./world.ts"

/** Parts of the world that a thread brings itself, such as packet sockets and the timers that go with them. */
export type WorldParts = Partial<Omit<World, "network">> & { readonly network?: Partial<Network> }

/** This machine: its clock, its random numbers, its network by Node. */
export function realWorld(parts: WorldParts = {}): World {
  return {
    clock: parts.clock ?? { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    timers: parts.timers ?? { after },
    immediate: parts.immediate ?? soon,
    random: parts.random ?? cryptographic(),
    network: { openUdp, listenTcp, connectTcp, ...parts.network },
    packets: parts.packets ?? noPackets,
    datagrams: parts.datagrams ?? noDatagrams,
    ...(parts.routing === undefined ? {} : { routing: parts.routing }),
    ...(parts.interleave === undefined ? {} : { interleave: parts.interleave }),
  }
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const longestMs = 2 ** 31 - 1

function after(delayMs: number, run: () => void): Cancel {
  let handle: NodeJS.Timeout
  const arm = (leftMs: number) => {
    const stepMs = Math.min(leftMs, longestMs)
    handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs)
  }
  arm(delayMs)
  return () => clearTimeout(handle)
}

function soon(run: () => void): Cancel {
  const handle = setImmediate(run)
  return () => clearImmediate(handle)
}

/** Drawn from the system in blocks: one call each would cost as much as the actor that asks. */
function cryptographic(): Random {
  const block = new Uint32Array(256)
  let left = 0
  return {
    u32() {
      if (left === 0) {
        randomFillSync(block)
        left = block.length
      }
      return block[--left] ?? 0
    },
    bytes: (length) => randomFillSync(new Uint8Array(length)),
  }
}

const lacking = (what: string): { readonly ok: false; readonly error: NetworkError } => ({
  ok: false,
  error: { code: "ENOSYS", message: `this thread was given no ${what}` },
})
const unavailable = lacking("packet sockets")
const noPackets: PacketPort = {
  interfaces: () => unavailable,
  watchInterfaces: () => unavailable,
  open: () => unavailable,
}
const noDatagrams: DatagramPort = { open: () => lacking("datagram sockets") }
