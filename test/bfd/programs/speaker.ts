// The BFD thread under a parent that tells it again what should be after a restart. Driven by JSON lines; logs and
// reports are JSON lines.
import { readdirSync } from "node:fs"
import { createInterface } from "node:readline"
import type { BfdCommand, BfdReport, DesiredBfdSession } from "../../../actors/bfd/messages.ts"
import type { BfdThreadConfig } from "../../../cli/threads/bfd.ts"
import { descriptorTable } from "../../../io/descriptors.ts"
import type { Actor, Context, Log, ThreadEntry } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import { refTo, startSystem } from "../../../supervision/system.ts"

export type SpeakerCommand =
  | { readonly kind: "sessions"; readonly sessions: readonly DesiredBfdSession[] }
  | { readonly kind: "kill"; readonly path: string }
  | { readonly kind: "shutdown" }
  | { readonly kind: "snapshot" }
  /** Keeps this thread busy. */
  | { readonly kind: "block"; readonly ms: number }

type Message =
  | { readonly kind: "sessions"; readonly sessions: readonly DesiredBfdSession[] }
  | { readonly kind: "up" }
  | BfdReport

interface State {
  readonly bfd: ActorRef<BfdCommand>
  readonly sessions: readonly DesiredBfdSession[] | undefined
}

const tell = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
const logged = (level: string) => (msg: string, fields?: Readonly<Record<string, unknown>>) =>
  tell({ ...fields, level, msg })
const log: Log = { debug: () => {}, info: logged("info"), warn: logged("warn"), error: logged("error") }

const speaker: Actor<ThreadEntry<BfdCommand>, State, Message> = {
  kind: "speaker",
  start: (entry, context) => ({
    bfd: context.spawnThread({ id: "bfd", entry, started: () => ({ kind: "up" }) }),
    sessions: undefined,
  }),
  receive(state, message, context) {
    switch (message.kind) {
      case "sessions": {
        const next = { ...state, sessions: message.sessions }
        tellSessions(next, context)
        return next
      }
      case "up":
        tell({ kind: "up" })
        tellSessions(state, context)
        context.send(state.bfd, { kind: "subscribe", subscriber: context.self })
        return state
      case "bfd-report":
        tell({ ...message })
        return state
      default:
        return message satisfies never
    }
  },
}

function tellSessions({ bfd, sessions }: State, context: Context<Message>): void {
  if (sessions !== undefined) context.send(bfd, { kind: "sessions", sessions })
}

const config: BfdThreadConfig = { descriptors: descriptorTable(), logLevel: "info" }
const entry: ThreadEntry<BfdCommand> = {
  kind: "module",
  url: new URL("../../../cli/threads/bfd.ts", import.meta.url).href,
  config,
}
const system = startSystem({ name: "test", world: realWorld(), log })
system.spawn({ id: "speaker", actor: speaker, config: entry })

async function perform(command: SpeakerCommand): Promise<void> {
  switch (command.kind) {
    case "sessions":
      return system.send(refTo<Message>("/speaker"), command)
    case "kill":
      return tell({ kind: "killed", there: await system.kill(command.path) })
    case "shutdown": {
      const make = (replyTo: ActorRef<{ readonly kind: "shut-down" }>): BfdCommand => ({ kind: "shutdown", replyTo })
      const answer = await system.ask(refTo<BfdCommand>("/speaker/bfd"), make, 10_000)
      return tell({ kind: "shut-down", ok: answer.ok })
    }
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
