import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { GossipConfig } from "../../cluster/gossip-config.ts"
import type { GossipCounters, Member } from "../../cluster/messages.ts"

/** A node of the ring in a process of its own: ours, or the real library's. */
export interface Peer {
  readonly name: string
  readonly address: string
  port: number
  /** Who is a member in its eyes, alive or suspect. */
  members(): string[]
  /** When it saw that one go for the last time, as Date.now() has it; undefined: never. */
  sawGo(name: string): number | undefined
  join(other: Peer): void
  leave(): void
  kill(): void
  /** Ends in order, as its standard input does. */
  end(): Promise<void>
  readonly log: string[]
}

const at = ({ address, port }: Peer): string => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`)

interface Line {
  [key: string]: unknown
  atMs: number
}

const running = new Set<ChildProcessWithoutNullStreams>()
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL")
}

function run(
  command: string,
  args: readonly string[],
  log: string[],
  line: (line: Line) => void,
): ChildProcessWithoutNullStreams {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] })
  running.add(child)
  child.once("exit", (code) => {
    running.delete(child)
    log.push(`exit ${code}`)
  })
  child.stdin.on("error", () => {})
  createInterface({ input: child.stdout }).on("line", (text) => line(JSON.parse(text) as Line))
  createInterface({ input: child.stderr }).on("line", (text) => log.push(text))
  return child
}

function ending(child: ChildProcessWithoutNullStreams): Pick<Peer, "kill" | "end"> {
  return {
    kill: () => void child.kill("SIGKILL"),
    end: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once("exit", () => resolve())
        child.stdin.end()
      }),
  }
}

export interface OurPeer extends Peer {
  readonly seen: Member[]
  states(): Record<string, string>
  counters(): Promise<GossipCounters>
}

export async function startOurs(config: GossipConfig, thread = false): Promise<OurPeer> {
  const log: string[] = []
  const gone = new Map<string, number>()
  let seen: Member[] = []
  let counted: ((counters: GossipCounters) => void) | undefined
  const args = [
    fileURLToPath(new URL("node.ts", import.meta.url)),
    JSON.stringify(config),
    ...(thread ? ["thread"] : []),
  ]
  const child = run(process.execPath, args, log, (line) => {
    if (line["kind"] === "gossip-counters") counted?.(line as unknown as GossipCounters)
    if (line["kind"] !== "members") return
    const next = line["members"] as Member[]
    for (const { name, state } of next) {
      const before = seen.find((member) => member.name === name)
      const went =
        (state === "dead" || state === "left") && before && before.state !== "dead" && before.state !== "left"
      if (went) gone.set(name, line.atMs)
    }
    seen = next
  })
  const peer: OurPeer = {
    name: config.name,
    address: config.bindAddress,
    port: config.bindPort,
    log,
    get seen() {
      return seen
    },
    members: () => seen.filter(({ state }) => state === "alive" || state === "suspect").map(({ name }) => name),
    states: () => Object.fromEntries(seen.map(({ name, state }) => [name, state])),
    sawGo: (name) => gone.get(name),
    join: (other) => child.stdin.write(`peers ${at(other)}\n`),
    leave: () => child.stdin.write("leave\n"),
    counters: () =>
      new Promise((resolve) => {
        counted = resolve
        child.stdin.write("counters\n")
      }),
    ...ending(child),
  }
  await until(
    () => seen.some(({ name }) => name === config.name),
    () => `${config.name} did not start: ${log.join("\n").slice(0, 2000)}`,
  )
  peer.port = seen.find(({ name }) => name === config.name)?.port ?? 0
  return peer
}

export async function startReal(
  binary: string,
  name: string,
  address: string,
  flags: readonly string[],
): Promise<Peer> {
  const log: string[] = []
  const members = new Set<string>()
  const gone = new Map<string, number>()
  let port = 0
  const child = run(binary, ["-name", name, "-bind", address, ...flags], log, (line) => {
    const node = line["node"] as string
    if (line["event"] === "started") port = line["port"] as number
    if (line["event"] === "join") members.add(node)
    if (line["event"] !== "leave") return
    members.delete(node)
    gone.set(node, line.atMs)
  })
  await until(
    () => port > 0,
    () => `${name} did not start: ${log.join("\n").slice(0, 2000)}`,
  )
  return {
    name,
    address,
    port,
    log,
    members: () => [...members],
    sawGo: (other) => gone.get(other),
    join: (other) => child.stdin.write(`join ${at(other)}\n`),
    leave: () => child.stdin.write("leave\n"),
    ...ending(child),
  }
}

/** Waits for what is to come true; the bound is far above what a slow machine needs. */
export async function until(condition: () => boolean, otherwise: () => string, withinMs = 30_000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${otherwise()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const go = process.env["GO"] ?? "go"
export const hasGo = spawnSync(go, ["version"]).status === 0

/** Builds the real node; the binary is removed with `remove`. */
export function buildReal(): { readonly binary: string; remove(): void } {
  const directory = mkdtempSync(path.join(tmpdir(), "troupe-test-memberlist-"))
  const binary = path.join(directory, "peer")
  const source = fileURLToPath(new URL("../peers/memberlist", import.meta.url))
  const build = spawnSync(go, ["build", "-o", binary, "."], { cwd: source, encoding: "utf8" })
  if (build.status !== 0) throw new Error(`go build: ${build.stderr}`)
  return { binary, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
