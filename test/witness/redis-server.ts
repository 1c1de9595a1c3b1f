import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"

const run = promisify(execFile)

/** A real Redis on a Unix socket in a directory of its own; nothing is kept when it ends. */
export class RedisServer {
  readonly #directory = mkdtempSync(join(tmpdir(), "troupe-redis-"))
  readonly #options: readonly string[]
  #process: ChildProcess | undefined

  constructor(...options: readonly string[]) {
    this.#options = options
  }

  get socket(): string {
    return join(this.#directory, "redis.sock")
  }
  get url(): string {
    return `unix://${this.socket}`
  }

  async start(): Promise<this> {
    const quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", this.#directory]
    const args = ["--port", "0", "--unixsocket", this.socket, ...quiet, ...this.#options]
    this.#process = spawn("redis-server", args, { stdio: "ignore" })
    // Its socket is there before it listens.
    const answers = async () => ((await this.cli("PING").catch(() => "")) === "" ? undefined : true)
    await until(() => (this.running ? answers() : true), "Redis does not answer")
    return this
  }

  /** Lives, and has not ended at once as one does whose port is taken. */
  get running(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null
  }

  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    child.kill("SIGKILL")
    await exited
    rmSync(this.socket, { force: true })
  }

  async cli(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-s", this.socket, ...args])
    return stdout.trim()
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** What it gives once that is something; generous, since the machine may be slow. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, otherwise: string): Promise<T> {
  const untilMs = performance.now() + 30_000
  while (performance.now() < untilMs) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(20)
  }
  throw new Error(otherwise)
}
