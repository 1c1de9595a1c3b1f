import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { bfdKey, type BfdReport, type BfdSessionId, type BfdSessionReport } from "../../actors/bfd/messages.ts"
import { missing, type Program, until, Wire } from "../io/namespaces.ts"
import type { SpeakerCommand } from "./programs/speaker.ts"

const frr = "/usr/lib/frr"
export const withoutBird = missing("bird", "birdc")
export const withoutFrr = missing("vtysh") ?? (existsSync(`${frr}/bfdd`) ? undefined : "needs FRR's bfdd")

export const address = {
  host: "192.0.2.2",
  client: "192.0.2.1",
  host6: "2001:db8::2",
  client6: "2001:db8::1",
  /** Behind the client, which forwards. */
  far: "198.51.100.2",
} as const

/** As our thread asks for itself: what is judged is who keeps time, not what else this machine has to do. */
const preferred = spawnSync("chrt", ["-r", "1", "true"]).status === 0 ? ["chrt", "-r", "1"] : []

const ip = (...args: readonly string[]): void => void execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] })

/** The host with the thread under test, the client beside it, and what lies behind the client. */
export class Network {
  readonly wire: Wire
  readonly far: string
  readonly speaker: Program
  readonly #directory = mkdtempSync(path.join(tmpdir(), "troupe-test-"))
  readonly #routers: Program[] = []

  constructor(name: string, program = new URL("./programs/speaker.ts", import.meta.url)) {
    this.wire = new Wire(name)
    this.far = `troupe-test-${process.pid}-${name}-f`
    this.wire.up()
    const { host, client } = this.wire
    ip("-n", host, "addr", "add", `${address.host}/24`, "dev", "eth0")
    ip("-n", host, "addr", "add", `${address.host6}/64`, "dev", "eth0", "nodad")
    ip("netns", "add", this.far)
    ip("-n", this.far, "link", "set", "lo", "up")
    ip("link", "add", "eth1", "netns", client, "type", "veth", "peer", "name", "eth0", "netns", this.far)
    ip("-n", client, "addr", "add", "198.51.100.1/24", "dev", "eth1")
    ip("-n", this.far, "addr", "add", `${address.far}/24`, "dev", "eth0")
    ip("-n", client, "link", "set", "eth1", "up")
    ip("-n", this.far, "link", "set", "eth0", "up")
    ip("-n", host, "route", "add", "198.51.100.0/24", "via", address.client)
    ip("-n", this.far, "route", "add", "192.0.2.0/24", "via", "198.51.100.1")
    for (const namespace of [host, client]) {
      const forward = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0"]
      execFileSync("ip", ["netns", "exec", namespace, "sysctl", "-qw", ...forward])
    }
    this.speaker = this.wire.start(program)
  }

  tell(command: SpeakerCommand): void {
    this.speaker.tell(command)
  }

  link(state: "up" | "down"): void {
    ip("-n", this.wire.client, "link", "set", "eth0", state)
  }

  /** The session as the latest report has it. */
  session(id: BfdSessionId): BfdSessionReport | undefined {
    return this.report()?.sessions.find(({ key }) => key === bfdKey(id))
  }

  report(): BfdReport | undefined {
    return this.speaker.lines.findLast((line) => (line as BfdReport).kind === "bfd-report") as BfdReport | undefined
  }

  async reached(
    id: BfdSessionId,
    so: (session: BfdSessionReport) => boolean,
    withinMs = 20_000,
  ): Promise<BfdSessionReport> {
    const found = await until(() => {
      const session = this.session(id)
      return session !== undefined && so(session) ? session : undefined
    }, withinMs)
    if (found === undefined) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(this.report())}`)
    return found
  }

  /**
   * Up, and some seconds old. In its first second a thread's code is still being compiled, by helpers that a busy machine
   * may not run for longer than three intervals.
   */
  settled(id: BfdSessionId, packets = 80): Promise<BfdSessionReport> {
    return this.reached(id, ({ state, counters }) => state === "up" && counters.controlPacketInput > packets, 60_000)
  }

  /** `protocol`: lines inside of the protocol BFD; `beside`: other protocols. */
  async bird(where: "client" | "far", protocol: string, beside = ""): Promise<Bird> {
    const at = (name: string): string => path.join(this.#directory, `${where}-${name}`)
    writeFileSync(at("bird.conf"), configurationOf(protocol) + beside)
    const program = this.#router(where, "bird", "-f", "-c", at("bird.conf"), "-s", at("ctl"), "-P", at("pid"))
    const bird: Bird = {
      program,
      ask: (...command) => spawnSync("birdc", ["-s", at("ctl"), ...command], { encoding: "utf8" }).stdout,
      configure(changed) {
        writeFileSync(at("bird.conf"), configurationOf(changed) + beside)
        bird.ask("configure")
      },
    }
    if (!(await until(() => bird.ask("show", "status").includes("up and running")))) throw new Error("no BIRD")
    return bird
  }

  /** FRR's bfdd with its zebra, which tells it of interfaces; `bgp`: the configuration of its bgpd, if there is one. */
  async frr(where: "client" | "far", configuration: readonly string[], bgp?: readonly string[]): Promise<Frr> {
    const directory = mkdtempSync(path.join(this.#directory, "frr-"))
    const at = (name: string): string => path.join(directory, name)
    writeFileSync(at("frr.conf"), `${configuration.join("\n")}\n`)
    writeFileSync(at("empty.conf"), "")
    // The daemons become the user frr.
    execFileSync("chmod", ["755", this.#directory])
    execFileSync("chown", ["-R", "frr:frrvty", directory])
    const common = ["--vty_socket", directory, "-z", at("zserv"), "-A", "127.0.0.1", "-P", "0"]
    this.#router(where, `${frr}/zebra`, ...common, "-i", at("zebra.pid"), "-f", at("empty.conf"))
    const vtysh = (...commands: readonly string[]): string => {
      const flags = commands.flatMap((command) => ["-c", command])
      const command = ["vtysh", "--vty_socket", directory, ...flags]
      return spawnSync("ip", ["netns", "exec", this.wire.client, ...command], { encoding: "utf8" }).stdout
    }
    if (!(await until(() => existsSync(at("zserv"))))) throw new Error("no zebra")
    const control = ["--bfdctl", at("bfdd.sock")]
    const program = this.#router(
      where,
      `${frr}/bfdd`,
      ...common,
      ...control,
      "-i",
      at("bfdd.pid"),
      "-f",
      at("frr.conf"),
    )
    if (!(await until(() => vtysh("show bfd peers").includes("BFD Peers")))) throw new Error("no bfdd")
    if (bgp !== undefined) {
      writeFileSync(at("bgpd.conf"), `${bgp.join("\n")}\n`)
      // `-n`: not in a namespace of zebra's. `-S`: as the user it is.
      this.#router(where, `${frr}/bgpd`, ...common, "-n", "-S", "-i", at("bgpd.pid"), "-f", at("bgpd.conf"))
      if (!(await until(() => vtysh("show bgp summary json").includes("{")))) throw new Error("no bgpd")
    }
    return { program, vtysh }
  }

  #router(where: "client" | "far", ...command: readonly string[]): Program {
    const inside = where === "far" ? ["nsenter", `--net=/run/netns/${this.far}`] : []
    const program = this.wire.watch(...inside, ...preferred, ...command)
    this.#routers.push(program)
    return program
  }

  async down(): Promise<void> {
    // A router that is stopped does not hear that it is to end.
    for (const { pid } of this.#routers) {
      try {
        process.kill(pid, "SIGCONT")
      } catch {
        // It has ended by itself.
      }
    }
    await this.wire.down()
    spawnSync("ip", ["netns", "del", this.far])
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

export interface Bird {
  readonly program: Program
  ask(...command: readonly string[]): string
  configure(protocol: string): void
}
export interface Frr {
  readonly program: Program
  vtysh(...commands: readonly string[]): string
}

const configurationOf = (protocol: string): string => `router id 192.0.2.1;
protocol device {}
protocol bfd {
  ${protocol}
}
`
