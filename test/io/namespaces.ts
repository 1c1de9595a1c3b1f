import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Why tests with network namespaces cannot run here; undefined when they can. */
export function missing(...programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return "needs root"
  const absent = ["ip", ...programs].filter((name) => spawnSync("which", [name]).status !== 0)
  return absent.length === 0 ? undefined : `needs ${absent.join(", ")}`
}

export interface Program {
  /** One JSON value a line, as the program wrote them so far. */
  readonly lines: unknown[]
  readonly pid: number
  tell(command: unknown): void
  /** The first line so far or to come that fits. */
  line<T>(fits: (line: T) => boolean, withinMs?: number): Promise<T>
  stop(): Promise<void>
}

/**
 * Two hosts on a wire: `host` with the program under test and `client`, joined by a veth pair named `eth0` in both. The
 * names carry the process id, so that test files run side by side.
 */
export class Wire {
  readonly host: string
  readonly client: string
  readonly #programs: Program[] = []

  constructor(name: string) {
    this.host = `troupe-test-${process.pid}-${name}-h`
    this.client = `troupe-test-${process.pid}-${name}-c`
  }

  static readonly hostMac = "02:00:00:00:00:0a"
  static readonly clientMac = "02:00:00:00:00:0b"

  up(): void {
    for (const namespace of [this.host, this.client]) {
      ip("netns", "add", namespace)
      ip("-n", namespace, "link", "set", "lo", "up")
      // No waiting for duplicate address detection: link-local addresses are there at once.
      execFileSync("ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"])
    }
    this.plug()
    this.addressClient()
  }

  addressClient(): void {
    ip("-n", this.client, "addr", "add", "192.0.2.1/24", "dev", "eth0")
    ip("-n", this.client, "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
  }

  /** The pair of interfaces, as after `unplug` or at first; both up. */
  plug(): void {
    const [host, client] = [this.host, this.client]
    const peer = ["peer", "name", "eth0", "address", Wire.clientMac, "netns", client]
    ip("link", "add", "eth0", "address", Wire.hostMac, "netns", host, "type", "veth", ...peer)
    for (const namespace of [host, client]) ip("-n", namespace, "link", "set", "eth0", "up")
  }

  unplug(): void {
    ip("-n", this.host, "link", "del", "eth0")
  }

  async down(): Promise<void> {
    for (const program of this.#programs) await program.stop()
    for (const namespace of [this.host, this.client]) spawnSync("ip", ["netns", "del", namespace])
  }

  /** What the command printed; rejected when it failed. */
  onHost = (...command: readonly string[]): Promise<string> => inside(this.host, command)
  onClient = (...command: readonly string[]): Promise<string> => inside(this.client, command)
  /** For programs whose exit status says that nobody answered: what it printed, in any case. */
  async clientTries(...command: readonly string[]): Promise<string> {
    try {
      return await this.onClient(...command)
    } catch (error) {
      if (error instanceof Error && "stdout" in error && typeof error.stdout === "string") return error.stdout
      throw error
    }
  }

  /** A TypeScript program in the host's namespace that takes JSON lines and gives JSON lines. */
  start(script: URL, ...args: readonly string[]): Program {
    const program = startInside(this.host, [process.execPath, script.pathname, ...args])
    this.#programs.push(program)
    return program
  }

  /** Any command in the client's namespace; its output lines come as strings. */
  watch(...command: readonly string[]): Program {
    const program = startInside(this.client, command)
    this.#programs.push(program)
    return program
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] })
}

async function inside(namespace: string, command: readonly string[]): Promise<string> {
  return (await run("ip", ["netns", "exec", namespace, ...command], { timeout: 30_000 })).stdout
}

function startInside(namespace: string, command: readonly string[]): Program {
  const child = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["pipe", "pipe", "inherit"] })
  const exited = once(child, "exit")
  const lines: unknown[] = []
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(parsed(line)))
  child.stdin.on("error", () => {})
  return {
    lines,
    pid: child.pid ?? 0,
    tell: (command) => child.stdin.write(`${JSON.stringify(command)}\n`),
    async line<T>(fits: (line: T) => boolean, withinMs = 15_000) {
      const found = await until(() => lines.find((line) => fits(line as T)), withinMs)
      if (found === undefined) throw new Error(`not seen within ${withinMs} ms; lines: ${JSON.stringify(lines)}`)
      return found as T
    },
    async stop() {
      child.kill()
      await exited
    },
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return line
  }
}

/** The first value that is not undefined and not false, or undefined when the time is over. */
export async function until<T>(look: () => T | Promise<T>, withinMs = 15_000): Promise<T | undefined> {
  const endMs = performance.now() + withinMs
  do {
    const value = await look()
    if (value !== undefined && value !== false) return value
    await sleep(20)
  } while (performance.now() < endMs)
  return undefined
}
