import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { until } from "./system.ts"

/** Real routers, each in a network namespace of its own, joined to this one by a veth pair. */
export interface Link {
  readonly namespace: string
  /** Our end, and theirs. */
  readonly ours: string
  readonly theirs: string
  readonly ours6: string
  readonly theirs6: string
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

/**
 * 100.64.0.0/10 and fd00::/8 are for use inside a network: nobody's route is in the way. One /30 and one /64 for each
 * link; without IPv4 on our side where the test wants that.
 */
export function addLink({ ipv4 = true }: { readonly ipv4?: boolean } = {}): Link {
  const index = links.length
  const { pid } = process
  const base = `100.${64 + ((pid >> 8) & 63)}.${pid & 255}`
  const link: Link = {
    namespace: `troupe-test-${pid}-${index}`,
    ours: `${base}.${index * 4 + 1}`,
    theirs: `${base}.${index * 4 + 2}`,
    ours6: `fd64:${pid.toString(16)}:${index + 1}::1`,
    theirs6: `fd64:${pid.toString(16)}:${index + 1}::2`,
  }
  const device = `tb${pid}x${index}`
  run("ip", "netns", "add", link.namespace)
  links.push(link)
  run("ip", "link", "add", device, "type", "veth", "peer", "name", "up0", "netns", link.namespace)
  if (ipv4) run("ip", "addr", "add", `${link.ours}/30`, "dev", device)
  run("ip", "addr", "add", `${link.ours6}/64`, "dev", device, "nodad")
  run("ip", "link", "set", device, "up")
  run("ip", "-n", link.namespace, "addr", "add", `${link.theirs}/30`, "dev", "up0")
  run("ip", "-n", link.namespace, "addr", "add", `${link.theirs6}/64`, "dev", "up0", "nodad")
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
  /** It connects to us on this port, and does not only wait. */
  readonly connectTo?: number
  /** Lines inside the `protocol bgp`. */
  readonly extra?: string
  /** Protocols beside it. */
  readonly beside?: string
  /** Lines inside its channels. */
  readonly channel?: string
  readonly families?: readonly Family[]
  /** What carries the session. */
  readonly over?: Family
}

type Family = "ipv4" | "ipv6"

export class Bird {
  readonly link: Link
  readonly #directory = directory()
  #child: ChildProcess | undefined

  constructor(link: Link, options: BirdOptions) {
    this.link = link
    const { asn, peerAsn, holdSeconds = 90, port = 179, extra = "", channel = "", beside = "", over = "ipv4" } = options
    const channels = (options.families ?? ["ipv4"]).map(
      (family) =>
        `${family} { table ${family === "ipv4" ? "master4" : "master6"}; import all; export none; ${channel} };`,
    )
    const { connectTo } = options
    const [theirs, ours] = over === "ipv4" ? [link.theirs, link.ours] : [link.theirs6, link.ours6]
    writeFileSync(
      path.join(this.#directory, "bird.conf"),
      `router id ${link.theirs};
protocol device {}
protocol bgp speaker {
  local ${theirs} port ${port} as ${asn};
  neighbor ${ours} as ${peerAsn};
  ${connectTo === undefined ? "passive;" : `neighbor port ${connectTo}; connect delay time 1; connect retry time 2;`}
  hold time ${holdSeconds};
  error wait time 1, 2;
  ${extra}
  ${channels.join("\n  ")}
}
${beside}
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

const frr = "/usr/lib/frr"
/** Why FRR cannot be had, if so. */
export const frrObstacle: string | undefined =
  obstacle ?? (existsSync(`${frr}/bgpd`) && has("vtysh") ? undefined : "needs FRR's bgpd and vtysh")

export class Frr {
  readonly link: Link
  readonly #directory = directory()
  #child: ChildProcess | undefined
  #zebra: ChildProcess | undefined

  constructor(
    link: Link,
    options: Pick<BirdOptions, "asn" | "peerAsn" | "families" | "over" | "extra" | "connectTo"> & {
      /** Its neighbour is whoever makes itself known on the link by Router Advertisements. */
      readonly unnumbered?: true
    },
  ) {
    this.link = link
    const { asn, peerAsn, families = ["ipv4"], over = "ipv4", extra = "", connectTo, unnumbered } = options
    const ours = unnumbered ? "up0" : over === "ipv4" ? link.ours : link.ours6
    const neighbour = unnumbered
      ? ` neighbor ${ours} interface remote-as external`
      : ` neighbor ${ours} remote-as ${peerAsn}
 neighbor ${ours} ${connectTo === undefined ? "passive" : `port ${connectTo}`}`
    const activated = families.map(
      (family) => ` address-family ${family} unicast
  neighbor ${ours} activate
 exit-address-family`,
    )
    writeFileSync(
      path.join(this.#directory, "bgpd.conf"),
      `router bgp ${asn}
 bgp router-id ${link.theirs}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
${neighbour}
 neighbor ${ours} timers connect 2
 ${extra}
${activated.join("\n")}
`,
    )
  }

  async start(): Promise<void> {
    const at = (name: string): string => path.join(this.#directory, name)
    // zebra tells bgpd of interfaces: without it a link-local next hop is withdrawn.
    execFileSync("chown", ["-R", "frr:frrvty", this.#directory])
    writeFileSync(at("empty.conf"), "")
    const common = ["--vty_socket", this.#directory, "-z", at("zserv"), "-A", "127.0.0.1"]
    this.#zebra = start(this.link, `${frr}/zebra`, [
      ...common,
      "-P",
      "0",
      "-i",
      at("zebra.pid"),
      "-f",
      at("empty.conf"),
    ])
    await until("zebra answers", () => existsSync(at("zserv")))
    const own = ["-P", "0", "-n", "-S", "-f", at("bgpd.conf"), "-i", at("bgpd.pid")]
    this.#child = start(this.link, `${frr}/bgpd`, [...common, ...own])
    await until("FRR answers", () => this.ask("show bgp summary").includes("router identifier"))
  }

  async stop(): Promise<void> {
    const child = this.#child
    child?.kill("SIGTERM")
    await until("FRR is gone", () => child?.exitCode !== null || child.signalCode !== null)
    this.#zebra?.kill("SIGTERM")
  }

  ask(command: string): string {
    return spawnSync("vtysh", ["--vty_socket", this.#directory, "-c", command], { encoding: "utf8" }).stdout
  }

  /** Everything FRR knows of one route. Empty when it is not there. */
  route(prefix: string): string {
    const shown = this.ask(`show bgp ${prefix.includes(":") ? "ipv6" : "ipv4"} unicast ${prefix}`)
    return shown.includes("Paths:") ? shown : ""
  }
}

export class GoBgp {
  readonly link: Link
  readonly #configuration = path.join(directory(), "gobgpd.toml")
  #child: ChildProcess | undefined

  constructor(
    link: Link,
    options: Pick<BirdOptions, "asn" | "peerAsn" | "holdSeconds" | "families" | "over" | "connectTo"> & {
      /** Lines of the neighbour's own configuration. */
      readonly neighbour?: string
    },
  ) {
    this.link = link
    const families = (options.families ?? []).map(
      (family) => `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}-unicast"
`,
    )
    writeFileSync(
      this.#configuration,
      `[global.config]
  as = ${options.asn}
  router-id = "${link.theirs}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${options.over === "ipv6" ? link.ours6 : link.ours}"
    peer-as = ${options.peerAsn}
    ${options.neighbour ?? ""}
  [neighbors.timers.config]
    connect-retry = 2
    idle-hold-time-after-reset = 1
    hold-time = ${options.holdSeconds ?? 90}
  [neighbors.transport.config]
    ${options.connectTo === undefined ? "passive-mode = true" : `remote-port = ${options.connectTo}`}
${families.join("")}`,
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
