import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { until } from "./system.ts"

/** Real routers, each in a network namespace of its own, joined to this one by a veth pair. */
export interface Link {
  readonly namespace: string
  /** Our end, and theirs. */
  readonly ours: string
  readonly theirs: string
}

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0
const missing = ["ip", "bird", "birdc", "gobgpd", "gobgp"].filter((program) => !has(program))
/** Why these tests cannot run here, if so. */
export const obstacle: string | undefined =
  process.getuid?.() !== 0 ? "needs root" : missing.length > 0 ? `needs ${missing.join(", ")}` : undefined

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

const links: Link[] = []
const running = new Set<ChildProcess>()
const directories: string[] = []

/** 100.64.0.0/10 is for use inside a provider's network: nobody's route is in the way. One /30 for each link. */
export function addLink(): Link {
  const index = links.length
  const { pid } = process
  const base = `100.${64 + ((pid >> 8) & 63)}.${pid & 255}`
  const link: Link = {
    namespace: `troupe-test-${pid}-${index}`,
    ours: `${base}.${index * 4 + 1}`,
    theirs: `${base}.${index * 4 + 2}`,
  }
  const device = `tb${pid}x${index}`
  run("ip", "netns", "add", link.namespace)
  links.push(link)
  run("ip", "link", "add", device, "type", "veth", "peer", "name", "up0", "netns", link.namespace)
  run("ip", "addr", "add", `${link.ours}/30`, "dev", device)
  run("ip", "link", "set", device, "up")
  run("ip", "-n", link.namespace, "addr", "add", `${link.theirs}/30`, "dev", "up0")
  run("ip", "-n", link.namespace, "link", "set", "up0", "up")
  run("ip", "-n", link.namespace, "link", "set", "lo", "up")
  return link
}

/** All processes, namespaces and files that came from here. */
export function cleanUp(): void {
  for (const child of running) {
    child.kill("SIGCONT")
    child.kill("SIGKILL")
  }
  for (const { namespace } of links) run("ip", "netns", "delete", namespace)
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}

/** A program in the link's namespace. `ip netns exec` becomes the program, so the process is the program. */
function start(link: Link, command: string, args: readonly string[]): ChildProcess {
  const child = spawn("ip", ["netns", "exec", link.namespace, command, ...args], { stdio: "ignore" })
  running.add(child)
  child.once("exit", () => running.delete(child))
  return child
}

function directory(): string {
  const made = mkdtempSync(path.join(tmpdir(), "troupe-test-"))
  directories.push(made)
  return made
}

export interface BirdOptions {
  readonly asn: number
  readonly peerAsn: number
  readonly holdSeconds?: number
  readonly port?: number
  /** Lines inside the `protocol bgp`. */
  readonly extra?: string
  /** Lines inside its IPv4 channel. */
  readonly channel?: string
}

export class Bird {
  readonly link: Link
  readonly #directory = directory()
  #child: ChildProcess | undefined

  constructor(link: Link, options: BirdOptions) {
    this.link = link
    const { asn, peerAsn, holdSeconds = 90, port = 179, extra = "", channel = "" } = options
    writeFileSync(
      path.join(this.#directory, "bird.conf"),
      `router id ${link.theirs};
protocol device {}
protocol bgp speaker {
  local ${link.theirs} port ${port} as ${asn};
  neighbor ${link.ours} as ${peerAsn};
  passive; hold time ${holdSeconds};
  error wait time 1, 2;
  ${extra}
  ipv4 { import all; export none; ${channel} };
}
`,
    )
  }

  async start(): Promise<void> {
    const at = (name: string): string => path.join(this.#directory, name)
    this.#child = start(this.link, "bird", ["-f", "-c", at("bird.conf"), "-s", at("ctl"), "-P", at("pid")])
    await until("BIRD answers", () => this.ask("show", "status").includes("up and running"))
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child
    child?.kill(signal)
    await until("BIRD is gone", () => child?.exitCode !== null || child.signalCode !== null)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** BIRD's control socket, for who asks more often than a `birdc` can be started. */
  get control(): string {
    return path.join(this.#directory, "ctl")
  }

  ask(...command: string[]): string {
    return spawnSync("birdc", ["-s", this.control, ...command], { encoding: "utf8" }).stdout
  }

  /** Everything BIRD knows of one route: next hop, AS path, communities. Empty when it is not there. */
  route(prefix: string): string {
    const shown = this.ask("show", "route", "all", prefix)
    return shown.includes(prefix) ? shown : ""
  }

  /** `3 of 3 routes for 3 networks in table master4` */
  count(): number {
    return Number(/^(\d+) of/m.exec(this.ask("show", "route", "count"))?.[1] ?? -1)
  }

  established(): boolean {
    return this.ask("show", "protocols", "all", "speaker").includes("Established")
  }
}

export class GoBgp {
  readonly link: Link
  readonly #configuration = path.join(directory(), "gobgpd.toml")
  #child: ChildProcess | undefined

  constructor(link: Link, options: { readonly asn: number; readonly peerAsn: number; readonly holdSeconds?: number }) {
    this.link = link
    writeFileSync(
      this.#configuration,
      `[global.config]
  as = ${options.asn}
  router-id = "${link.theirs}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${link.ours}"
    peer-as = ${options.peerAsn}
  [neighbors.timers.config]
    hold-time = ${options.holdSeconds ?? 90}
  [neighbors.transport.config]
    passive-mode = true
`,
    )
  }

  async start(): Promise<void> {
    this.#child = start(this.link, "gobgpd", [
      "-f",
      this.#configuration,
      "--api-hosts",
      "127.0.0.1:50051",
      "--pprof-disable",
    ])
    await until("GoBGP answers", () => this.ask("global").includes("AS:"))
  }

  async stop(): Promise<void> {
    const child = this.#child
    child?.kill("SIGTERM")
    await until("GoBGP is gone", () => child?.exitCode !== null || child.signalCode !== null)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** The namespace has a loopback of its own, so the port is nobody else's. */
  ask(...command: string[]): string {
    return spawnSync("ip", ["netns", "exec", this.link.namespace, "gobgp", "-p", "50051", ...command], {
      encoding: "utf8",
    }).stdout
  }
}
