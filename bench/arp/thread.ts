// The packet thread, wired as the speaker wires it.
import {
  type Layer2Config,
  type Layer2Message,
  type Layer2State,
  layer2Actor,
} from "../../actors/announcer/layer2/layer2.ts"
import { packetPort } from "../../io/packet-port.ts"
import { createRawLoop } from "../../io/raw-loop.ts"
import type { Log } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { serveThread } from "../../supervision/thread.ts"

const quiet: Log = { debug: () => {}, info: () => {}, warn: console.error, error: console.error }

serveThread<Layer2Config & { readonly descriptors: SharedArrayBuffer }, Layer2State, Layer2Message>(layer2Actor, {
  world({ descriptors }) {
    const loop = createRawLoop(descriptors)
    return realWorld({ timers: loop.timers, immediate: loop.immediate, packets: packetPort(loop) })
  },
  log: () => quiet,
})
