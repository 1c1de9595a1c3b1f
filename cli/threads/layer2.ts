import {
  type Layer2Config,
  type Layer2Message,
  type Layer2State,
  layer2Actor,
} from "../../actors/announcer/layer2/layer2.ts"
import { packetPort } from "../../io/packet-port.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"
import { threadLog } from "./log.ts"

export interface Layer2ThreadConfig extends Layer2Config {
  /** `descriptorTable()`: the sockets of an incarnation that was terminated are closed by the next. */
  readonly descriptors: SharedArrayBuffer
}

serveThread<Layer2ThreadConfig, Layer2State, Layer2Message>(layer2Actor, {
  world({ descriptors }) {
    const loop = createRawLoop(descriptors)
    return realWorld({ timers: loop.timers, immediate: loop.immediate, packets: packetPort(loop) })
  },
  log: () => threadLog(import.meta.url),
})
