import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../cli/main.ts", import.meta.url))

export interface Program {
  /** Unique in the lab: `node-1`, `controller`. */
  readonly name: string
  /** Network namespace to run in; absent: the machine's own. */
  readonly namespace?: string
  readonly command: string
  readonly args: readonly string[]
}

/** `troupe` as another process on the same Node. */
export const troupe = (...args: readonly string[]): Pick<Program, "command" | "args"> => ({
  command: process.execPath,
  args: [main, ...args],
})

export interface ProcessTable {
  /** Starts it, and again whenever it ends, as a kubelet would, until told otherwise. */
  start(program: Program): void
  /** `kill -9`, and it stays down until `start`ed again. False when it was not running. */
  kill(name: string): Promise<boolean>
  isRunning(name: string): boolean
  pid(name: string): number | undefined
  restarts(name: string): number
  /** SIGTERM to all, SIGKILL to those that do not go. */
  stopAll(): Promise<void>
}

interface Entry {
  readonly program: Program
  child: ChildProcess | undefined
  wanted: boolean
  restarts: number
  startedMs: number
}

/** Everything the lab runs. Output goes to `<directory>/<name>.log`; no child outlives the lab: its standard input ends. */
export function processTable(directory: string, on: { exited(name: string, how: string): void }): ProcessTable {
  const entries = new Map<string, Entry>()

  function launch(entry: Entry): void {
    const { program } = entry
    const log = fs.openSync(`${directory}/${program.name}.log`, "a")
    const [command, args] =
      program.namespace === undefined
        ? [program.command, program.args]
        : ["ip", ["netns", "exec", program.namespace, program.command, ...program.args]]
    const child = spawn(command, [...args], { stdio: ["pipe", log, log], detached: true })
    fs.closeSync(log)
    entry.child = child
    // For the next lab of this name, should this one be killed.
    fs.writeFileSync(`${directory}/${program.name}.pid`, `${child.pid ?? 0}\n`)
    entry.startedMs = performance.now()
    child.stdin?.on("error", () => undefined)
    const ended = (how: string) => {
      if (entry.child !== child) return
      entry.child = undefined
      if (!entry.wanted) return
      on.exited(program.name, how)
      // A program that lasted is started again at once, one that did not after a second: no hot loop.
      const delayMs = performance.now() - entry.startedMs > 5_000 ? 0 : 1_000
      setTimeout(() => {
        if (!entry.wanted || entry.child) return
        entry.restarts++
        launch(entry)
      }, delayMs)
    }
    child.on("error", (error) => ended(error.message))
    child.on("exit", (code, signal) => ended(signal ?? `exit code ${code}`))
  }

  const gone = (entry: Entry): Promise<void> =>
    new Promise((resolve) => {
      if (!entry.child || entry.child.exitCode !== null || entry.child.signalCode !== null) return resolve()
      entry.child.once("exit", () => resolve())
    })

  return {
    start(program) {
      const before = entries.get(program.name)
      if (before?.child) return
      const entry: Entry = { program, child: undefined, wanted: true, restarts: before?.restarts ?? 0, startedMs: 0 }
      entries.set(program.name, entry)
      launch(entry)
    },
    async kill(name) {
      const entry = entries.get(name)
      if (!entry?.child) return false
      entry.wanted = false
      const done = gone(entry)
      entry.child.kill("SIGKILL")
      await done
      return true
    },
    isRunning: (name) => entries.get(name)?.child !== undefined,
    pid: (name) => entries.get(name)?.child?.pid,
    restarts: (name) => entries.get(name)?.restarts ?? 0,
    async stopAll() {
      const all = [...entries.values()]
      for (const entry of all) {
        entry.wanted = false
        entry.child?.kill("SIGTERM")
      }
      const late = setTimeout(() => {
        for (const entry of all) entry.child?.kill("SIGKILL")
      }, 3_000)
      await Promise.all(all.map(gone))
      clearTimeout(late)
    },
  }
}
