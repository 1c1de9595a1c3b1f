import { type ChildProcess, spawn } from "node:child_process"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { get } from "../cli/get.ts"

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url))

export interface Daemon {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  readonly lines: () => readonly Readonly<Record<string, unknown>>[]
  /** What it answers on its debug socket; undefined while it does not. */
  readonly ask: (path: string) => Promise<string | undefined>
}

export interface DaemonOptions {
  /** Where its debug socket is, by the daemon's name. */
  readonly directory: string
  readonly name: string
  readonly program: "controller" | "speaker"
  /** Network namespace to run in; absent: this one. */
  readonly networkNamespace?: string
  readonly args: readonly string[]
}

/** The real program, as a Pod would run it; whoever starts it ends it. */
export function startDaemon({ directory, name, program, networkNamespace, args }: DaemonOptions): Daemon {
  const socketPath = path.join(directory, `${name}.sock`)
  const own = ["--port=0", "--health-probe-port=0", `--debug-socket=${socketPath}`]
  const line = [process.execPath, main, program, ...own, ...args]
  const inside = networkNamespace === undefined ? [] : ["ip", "netns", "exec", networkNamespace]
  const [command = "", ...rest] = [...inside, ...line]
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"], env: { PATH: process.env["PATH"] } })
  let out = ""
  child.stdout.on("data", (data) => {
    out += String(data)
  })
  return {
    child,
    ended: new Promise((resolve) => child.on("close", (code) => resolve(code))),
    lines: () =>
      out
        .split("\n")
        .slice(0, -1)
        .map((text) => JSON.parse(text) as Record<string, unknown>),
    async ask(path) {
      const answer = await get({ socketPath }, path).catch(() => undefined)
      return answer?.body
    },
  }
}
