// The host under test: a process whose main thread parses JSON without pause, and a responder beside it.
// host.ts troupe|c busy|idle [path of the C responder]. Says which process the responder is in when it is started.
import { spawn } from "node:child_process"
import { once } from "node:events"
import type { Layer2Command } from "../../actors/announcer/layer2/messages.ts"
import { descriptorTable } from "../../io/descriptors.ts"
import type { Actor, Log } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { startSystem } from "../../supervision/system.ts"

const quiet: Log = { debug: () => {}, info: () => {}, warn: console.error, error: console.error }
const entries = Array.from({ length: 100 }, (_, i) => ({ ip: `192.0.2.${100 + i}`, interfaces: "all" as const }))

const parent: Actor<undefined, ActorRef<Layer2Command>, "up"> = {
  kind: "speaker",
  start: (_, context) =>
    context.spawnThread({
      id: "layer2",
      entry: {
        kind: "module",
        url: new URL("./thread.ts", import.meta.url).href,
        config: { descriptors: descriptorTable() },
      },
      started: () => "up",
    }),
  receive(layer2, _, context) {
    context.send(layer2, { kind: "table", entries })
    return layer2
  },
}

async function startC(program: string): Promise<number> {
  const child = spawn(program, ["eth0"], { stdio: ["ignore", "pipe", "inherit"] })
  process.on("exit", () => child.kill())
  process.on("SIGTERM", () => process.exit())
  await once(child.stdout, "data")
  return child.pid ?? 0
}

function startTroupe(): number {
  const system = startSystem({ name: "bench", world: realWorld(), log: quiet })
  system.spawn({ id: "speaker", actor: parent, config: undefined })
  return process.pid
}

/** A list of Pods as the API server gives it, 10 MB. */
function listResponse(): string {
  const labels = { app: "web", "pod-template-hash": "6d4cf56db6", "topology.kubernetes.io/zone": "z1" }
  const item = (i: number) => ({
    metadata: { name: `web-${i}`, namespace: "default", uid: `${i}`, labels },
    spec: { i },
  })
  const items: unknown[] = []
  const size = JSON.stringify(item(10_000)).length
  while (items.length * size < 10e6) items.push(item(items.length))
  return JSON.stringify({ kind: "PodList", items })
}

const [which, load, program = ""] = process.argv.slice(2)
const pid = which === "c" ? await startC(program) : startTroupe()
process.stdout.write(`${JSON.stringify({ pid })}\n`)

const text = listResponse()
const parse = () => {
  JSON.parse(text)
  setImmediate(parse)
}
// The table has to be there before the first parse, which takes its time.
setTimeout(() => (load === "busy" ? parse() : undefined), 1000)
setInterval(() => {}, 1e6)
