// A speaker's layer 2 part, as the speaker has it: a parent that holds the table and tells it again after a restart.
// Driven by JSON lines; logs, reports and answers are JSON lines. `--inline` runs all of it in this thread.
import { createInterface } from "node:readline"
import { layer2Actor } from "../../../actors/announcer/layer2/layer2.ts"
import type { Layer2Command, Layer2Entry, Layer2Report } from "../../../actors/announcer/layer2/messages.ts"
import { descriptorTable } from "../../../io/descriptors.ts"
import { packetPort } from "../../../io/packet-port.ts"
import { createRawLoop } from "../../../io/raw-loop.ts"
import type { Actor, Context, Log, ThreadEntry } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import { refTo, startSystem } from "../../../supervision/system.ts"

export type SpeakerCommand =
  | { readonly kind: "table"; readonly entries: readonly Layer2Entry[] }
  | { readonly kind: "kill"; readonly path: string }
  | { readonly kind: "snapshot" }
  /** Keeps this thread busy. */
  | { readonly kind: "block"; readonly ms: number }

const tell = (line: Readonly<Record<string, unknown>>) => process.stdout.write(`${JSON.stringify(line)}\n`)
const logged = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
  tell({ kind: "log", level, msg: message, ...fields })
}
const log: Log = { debug: logged("debug"), info: logged("info"), warn: logged("warn"), error: logged("error") }

type SpeakerMessage =
  | { readonly kind: "table"; readonly entries: readonly Layer2Entry[] }
  | { readonly kind: "up" }
  | Layer2Report

interface SpeakerState {
  readonly layer2: ActorRef<Layer2Command>
  readonly entries: readonly Layer2Entry[] | undefined
}

function tellTable({ layer2, entries }: SpeakerState, context: Context<SpeakerMessage>): void {
  if (entries !== undefined) context.send(layer2, { kind: "table", entries })
}

const speaker: Actor<ThreadEntry<Layer2Command>, SpeakerState, SpeakerMessage> = {
  kind: "speaker",
  start: (entry, context) => ({
    layer2: context.spawnThread({ id: "layer2", entry, started: () => ({ kind: "up" }) }),
    entries: undefined,
  }),
  receive(state, message, context) {
    switch (message.kind) {
      case "table": {
        const next = { ...state, entries: message.entries }
        tellTable(next, context)
        return next
      }
      case "up":
        tell({ kind: "up" })
        tellTable(state, context)
        context.send(state.layer2, { kind: "subscribe", subscriber: context.self })
        return state
      case "layer2-report":
        tell({ ...message })
        return state
      default:
        return message satisfies never
    }
  },
}

const inline = process.argv.includes("--inline")
const config = { excludeInterfaces: "^(lo|skip.*)$" }
const loop = inline ? createRawLoop() : undefined
const world =
  loop === undefined
    ? realWorld()
    : realWorld({ timers: loop.timers, immediate: loop.immediate, packets: packetPort(loop) })
const entry: ThreadEntry<Layer2Command> = inline
  ? { kind: "inline", actor: layer2Actor as Actor<unknown, unknown, Layer2Command>, config }
  : {
      kind: "module",
      url: new URL("./layer2-thread.ts", import.meta.url).href,
      config: { layer2: config, descriptors: descriptorTable() },
    }

const system = startSystem({ name: "test", world, log })
system.spawn({ id: "speaker", actor: speaker, config: entry })

async function perform(command: SpeakerCommand): Promise<void> {
  switch (command.kind) {
    case "table":
      return system.send(refTo<SpeakerMessage>("/speaker"), command)
    case "kill":
      return void tell({ kind: "killed", there: await system.kill(command.path) })
    case "snapshot":
      return void tell({ kind: "snapshot", tree: await system.snapshot() })
    case "block": {
      const endMs = performance.now() + command.ms
      tell({ kind: "blocked" })
      while (performance.now() < endMs);
      return void tell({ kind: "unblocked" })
    }
    default:
      return command satisfies never
  }
}

async function stop(): Promise<void> {
  await system.stop()
  tell({ kind: "stopped" })
  loop?.stop()
}

createInterface({ input: process.stdin })
  .on("line", (line) => void perform(JSON.parse(line) as SpeakerCommand))
  .on("close", () => void stop())
