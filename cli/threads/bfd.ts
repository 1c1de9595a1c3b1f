import { bfdActor, type BfdMessage, type BfdState } from "../../actors/bfd/bfd.ts"
import { packetPort } from "../../io/packet-port.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import { datagramPort } from "../../io/udp-socket.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { threadLog } from "./log.ts"

export interface BfdThreadConfig {
  /** `descriptorTable()`: the sockets of an incarnation that was terminated are closed by the next. */
  readonly descriptors: SharedArrayBuffer
}

serveThread<BfdThreadConfig, BfdState, BfdMessage>(bfdActor, {
  world({ descriptors }) {
    const loop = createRawLoop(descriptors)
    return realWorld({
      timers: loop.timers,
      immediate: loop.immediate,
      packets: packetPort(loop),
      datagrams: datagramPort(loop),
    })
  },
  log: () => threadLog(import.meta.url),
})
