// A speaker's layer 2 part, as the speaker has it: a parent that holds the table and tells it again after a restart.
// Driven by JSON lines; logs, reports and answers are JSON lines.
import { readdirSync } from "node:fs"
import { createInterface } from "node:readline"
import type { Layer2Command, Layer2Entry, Layer2Report } from "../../../actors/announcer/layer2/messages.ts"
import { descriptorTable } from "../../../io/descriptors.ts"
import type { Actor, Context, ThreadEntry } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import { refTo, startSystem } from "../../../supervision/system.ts"
import type { ThreadConfig } from "./layer2-thread.ts"
import { log, tell } from "./log.ts"

export type SpeakerCommand =
  | { readonly kind: "table"; readonly entries: readonly Layer2Entry[] }
  | { readonly kind: "kill"; readonly path: string }
  | { readonly kind: "snapshot" }
  /** Keeps this thread busy. */
  | { readonly kind: "block"; readonly ms: number }

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

/** The argument: more of the thread's configuration, as JSON. */
const more = JSON.parse(process.argv[2] ?? "{}") as Partial<ThreadConfig>
const config: ThreadConfig = { excludeInterfaces: "^(lo|skip.*)$", descriptors: descriptorTable(), ...more }
const entry: ThreadEntry<Layer2Command> = {
  kind: "module",
  url: new URL("./layer2-thread.ts", import.meta.url).href,
  config,
}
const system = startSystem({ name: "test", world: realWorld(), log })
system.spawn({ id: "speaker", actor: speaker, config: entry })

async function perform(command: SpeakerCommand): Promise<void> {
  switch (command.kind) {
    case "table":
      return system.send(refTo<SpeakerMessage>("/speaker"), command)
    case "kill":
      return tell({ kind: "killed", there: await system.kill(command.path) })
    case "snapshot":
      return tell({
        kind: "snapshot",
        tree: await system.snapshot(),
        descriptors: readdirSync("/proc/self/fd").length,
      })
    case "block": {
      const endMs = performance.now() + command.ms
      tell({ kind: "blocked" })
      while (performance.now() < endMs);
      return tell({ kind: "unblocked" })
    }
    default:
      return command satisfies never
  }
}

async function stop(): Promise<void> {
  await system.stop()
  tell({ kind: "stopped" })
}

createInterface({ input: process.stdin })
  .on("line", (line) => void perform(JSON.parse(line) as SpeakerCommand))
  .on("close", () => void stop())
