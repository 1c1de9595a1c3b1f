import type { Log } from "../../supervision/actor.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { type DeadLetter, startSystem, type System } from "../../supervision/system.ts"

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Keeps what was logged instead of printing it. */
export function recordingLog(): Log & { readonly lines: Line[] } {
  const lines: Line[] = []
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields })
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }
}

export interface Running {
  readonly system: System
  readonly log: ReturnType<typeof recordingLog>
  readonly dead: DeadLetter[]
}

export function start(): Running {
  const log = recordingLog()
  const dead: DeadLetter[] = []
  const system = startSystem({ name: "test", world: realWorld(), log, deadLetter: (letter) => void dead.push(letter) })
  return { system, log, dead }
}

/** Waits for what is to come true; the bound is far above what a slow machine needs. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** After everything that is ready to run has run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
