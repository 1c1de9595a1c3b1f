import { type Layer2Config, layer2Actor } from "../../actors/announcer/layer2/layer2.ts"
import { packetPort } from "../../io/packet-port.ts"
import { preferThisThread } from "../../io/priority.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { type ThreadCommon, threadLog } from "./thread.ts"

export interface Layer2ThreadConfig extends Layer2Config, ThreadCommon {
  /** `descriptorTable()`: the sockets of an incarnation that was terminated are closed by the next. */
  readonly descriptors: SharedArrayBuffer
}

serveThread(layer2Actor, {
  world({ descriptors }: Layer2ThreadConfig) {
    // Refused without CAP_SYS_NICE, and everything works; with it, answers and probes are punctual on a node that is busy.
    preferThisThread()
    const loop = createRawLoop(descriptors)
    return realWorld({ timers: loop.timers, immediate: loop.immediate, packets: packetPort(loop) })
  },
  log: (_, config: Layer2ThreadConfig) => threadLog(config),
})
