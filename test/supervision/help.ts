import type { Actor, Context, Log, SupervisionPolicy } from "../../supervision/actor.ts"
import type { TreeNode } from "../../supervision/introspection.ts"
import { realWorld } from "../../supervision/real-world.ts"
import { type Simulator, simulate } from "../../supervision/simulated-world.ts"
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

/** An actor written as a few functions, its messages functions to run inside it. */
export type Inside = (context: Context<Inside>) => void | Promise<void>
export function scripted(options: {
  readonly supervision?: SupervisionPolicy
  readonly start?: Inside
  readonly stop?: () => void | Promise<void>
}): Actor<undefined, undefined, Inside> {
  const { supervision, start, stop } = options
  return {
    kind: "scripted",
    ...(supervision === undefined ? {} : { supervision }),
    async start(_config, context) {
      await start?.(context)
      return undefined
    },
    receive(_state, run, context) {
      return run(context) as undefined
    },
    ...(stop === undefined ? {} : { stop }),
  }
}

export interface Simulated extends Running {
  readonly sim: Simulator
}
export function simulated(seed = 1): Simulated {
  const sim = simulate(seed)
  const log = recordingLog()
  const dead: DeadLetter[] = []
  const world = sim.world("host")
  const system = startSystem({ name: "test", world, log, deadLetter: (letter) => void dead.push(letter) })
  return { sim, system, log, dead }
}

/** The node of the tree at that path. */
export async function nodeAt({ system }: Running, path: string): Promise<TreeNode | undefined> {
  const find = (node: TreeNode): TreeNode | undefined =>
    node.path === path ? node : node.children.map(find).find((found) => found !== undefined)
  return find(await system.snapshot())
}
