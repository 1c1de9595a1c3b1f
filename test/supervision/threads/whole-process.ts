import type { Actor } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import { refTo, startSystem } from "../../../supervision/system.ts"
import type { UdpPort } from "../../../supervision/world.ts"
import type { WorkerMessage } from "./worker.ts"

const silent = () => {}
const system = startSystem({
  name: "whole",
  world: realWorld(),
  log: { debug: silent, info: silent, warn: silent, error: silent },
})

const top: Actor<undefined, UdpPort, { readonly replyTo: ActorRef<string> } | "tick" | "crash"> = {
  kind: "top",
  async start(_config, context) {
    context.timers.every("tick", 1, "tick")
    context.timers.set("later", 3_600_000, "tick")
    const url = new URL("./worker.ts", import.meta.url).href
    context.spawnThread<WorkerMessage>({ id: "worker", entry: { kind: "module", url, config: {} } })
    const opened = await context.world.network.openUdp(
      { address: "127.0.0.1", port: 0 },
      { datagram: silent, error: silent },
    )
    if (!opened.ok) throw new Error(opened.error.message)
    return opened.value
  },
  receive(port, message) {
    if (message === "crash") throw new Error("as told")
    return port
  },
  stop: (port) => port.close(),
}

const ref = system.spawn({ id: "top", actor: top, config: undefined })
const worker = refTo<WorkerMessage>("/top/worker")
const answer = () => system.ask<WorkerMessage, number>(worker, (replyTo) => ({ kind: "get", replyTo }), 10_000)
while (!(await answer()).ok) await new Promise((resolve) => setTimeout(resolve, 5))
system.send(ref, "crash")
while (!(await answer()).ok) await new Promise((resolve) => setTimeout(resolve, 5))
void system.ask<{ replyTo: ActorRef<string> }, string>(ref, (replyTo) => ({ replyTo }), 3_600_000)
await system.stop()
process.stdout.write("stopped\n")
