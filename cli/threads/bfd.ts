import { bfdActor } from "../../actors/bfd/bfd.ts"
import { packetPort } from "../../io/packet-port.ts"
import { preferThisThread } from "../../io/priority.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import { datagramPort } from "../../io/udp-socket.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { type ThreadCommon, threadLog } from "./thread.ts"

export interface BfdThreadConfig extends ThreadCommon {
  /** `descriptorTable()`: the sockets of an incarnation that was terminated are closed by the next. */
  readonly descriptors: SharedArrayBuffer
}

serveThread(bfdActor, {
  world({ descriptors }: BfdThreadConfig) {
    // Refused without CAP_SYS_NICE, and everything works; on a node that is short of CPU, small intervals are then at risk.
    preferThisThread()
    const loop = createRawLoop(descriptors)
    return realWorld({
      timers: loop.timers,
      immediate: loop.immediate,
      packets: packetPort(loop),
      datagrams: datagramPort(loop),
    })
  },
  log: (_, config: BfdThreadConfig) => threadLog(config),
})
