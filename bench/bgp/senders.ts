import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import path from "node:path"
import { fileURLToPath } from "node:url"
import type { Link } from "../../test/session/routers.ts"
import { startSpeaker, until } from "../../test/session/system.ts"
import { BirdControl } from "./bird-control.ts"
import { prefixes } from "./prefixes.ts"
import type { SenderCommand, SenderReport } from "./troupe-sender.ts"

/** Someone who announces to a BIRD at the other end of its link. All orders are given and forgotten. */
export interface Sender {
  readonly name: string
  readonly pid: number
  /** Has so many routes ready; the session is not open. */
  prepare(routes: number): Promise<void>
  connect(): void
  withdraw(): void
  /** All of them again, over the session that is open; undefined: there is no such order. */
  announce?: () => void
  disconnect(): void
  /** Done again and again while it is waited for. */
  nudge?: () => Promise<unknown>
  stop(): Promise<void>
}

export const asns = { troupe: 64512, gobgp: 64600, bird: 64700, receiver: 64513 } as const

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGKILL")
  await once(child, "exit")
}

export function troupeSender(link: Link): Sender {
  const program = fileURLToPath(new URL("troupe-sender.ts", import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] })
  let report: SenderReport = { state: "idle", sent: 0 }
  createInterface({ input: child.stdout }).on("line", (line) => (report = JSON.parse(line) as SenderReport))
  let count = 0
  const peer = { address: link.theirs, port: 179, myASN: asns.troupe, peerASN: asns.receiver }
  const tell = (command: SenderCommand): void => void child.stdin.write(`${JSON.stringify(command)}\n`)
  return {
    name: "Troupe",
    pid: child.pid ?? 0,
    async prepare(routes) {
      count = routes
      await until("Troupe is idle", () => report.state === "idle")
    },
    connect: () => tell({ peer, routes: count }),
    withdraw: () => tell({ peer, routes: 0 }),
    announce: () => tell({ peer, routes: count }),
    disconnect: () => tell({ routes: 0 }),
    stop: () => ended(child),
  }
}

/** Learns its routes from a Troupe beforehand, and withdraws them when that one says goodbye. */
export function gobgpSender(link: Link, feedFrom: string, directory: string): Sender {
  const feedPort = 17_900 + (process.pid % 1_000)
  const apiPort = feedPort + 1_000
  const configuration = path.join(directory, "gobgpd.toml")
  writeFileSync(
    configuration,
    `[global.config]
  as = ${asns.gobgp}
  router-id = "${link.ours}"
  port = ${feedPort}
  local-address-list = ["${link.ours}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${feedFrom}"
    peer-as = ${asns.troupe}
  [neighbors.transport.config]
    passive-mode = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${link.theirs}"
    peer-as = ${asns.receiver}
    admin-down = true
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
`,
  )
  const flags = ["-f", configuration, "--api-hosts", `127.0.0.1:${apiPort}`, "--pprof-disable", "--disable-stdlog"]
  const child = spawn("gobgpd", flags, { stdio: "ignore" })
  const ask = (...args: string[]): string => execFileSync("gobgp", ["-p", `${apiPort}`, ...args], { encoding: "utf8" })
  const feeder = startSpeaker()
  const feed = (routes: number): void =>
    feeder.want({
      name: "gobgp",
      // From another address of this machine: GoBGP takes no route whose next hop is itself or the loopback.
      session: {
        myASN: asns.troupe,
        peerASN: asns.gobgp,
        address: link.ours,
        port: feedPort,
        sourceAddress: feedFrom,
        holdSeconds: 90,
      },
      routes: [{ localPref: 0, communities: ["65000:1"], prefixes: prefixes(routes) }],
    })
  const knows = (routes: number): boolean => {
    try {
      return new RegExp(`Destination: ${routes},`).test(ask("global", "rib", "summary"))
    } catch {
      return false
    }
  }
  return {
    name: "GoBGP",
    pid: child.pid ?? 0,
    async prepare(routes) {
      feed(routes)
      await until("GoBGP has the routes", () => knows(routes), 120_000)
    },
    connect: () => void ask("neighbor", link.theirs, "enable"),
    withdraw: () => feeder.want(),
    disconnect: () => void ask("neighbor", link.theirs, "disable"),
    async stop() {
      await feeder.system.stop()
      await ended(child)
    },
  }
}

/**
 * Static routes, enabled and disabled as a whole. Idle, BIRD 2.0.12 now and then leaves the last of its routes unsent for
 * up to three seconds, until something wakes its loop: so it is asked for its status all the while.
 */
export async function birdSender(link: Link, directory: string): Promise<Sender> {
  const at = (file: string): string => path.join(directory, file)
  const configure = (routes: number): void =>
    writeFileSync(
      at("bird.conf"),
      `router id ${link.ours};
protocol device {}
protocol static services {
  ipv4;
${prefixes(routes)
  .map((prefix) => `  route ${prefix} unreachable;`)
  .join("\n")}
}
protocol bgp receiver {
  disabled;
  local ${link.ours} port ${19_500 + (process.pid % 1_000)} as ${asns.bird};
  strict bind on;
  neighbor ${link.theirs} as ${asns.receiver};
  hold time 90; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import none; next hop self; export filter { bgp_community.add((65000, 1)); accept; }; };
}
`,
    )
  configure(1)
  const child = spawn("bird", ["-f", "-c", at("bird.conf"), "-s", at("bird.ctl"), "-P", at("bird.pid")], {
    stdio: "ignore",
  })
  let control: BirdControl | undefined
  await until("BIRD answers", async () => {
    control = await BirdControl.open(at("bird.ctl")).catch(() => undefined)
    return control !== undefined
  })
  const tell = (command: string): void => void control?.ask(command)
  return {
    name: "BIRD",
    pid: child.pid ?? 0,
    async prepare(routes) {
      configure(routes)
      await control?.ask("configure")
      await control?.ask("enable services")
      await until("BIRD has the routes", async () => (await control?.routes()) === routes, 120_000)
    },
    connect: () => tell("enable receiver"),
    withdraw: () => tell("disable services"),
    announce: () => tell("enable services"),
    disconnect: () => tell("disable receiver"),
    nudge: async () => control?.ask("show status"),
    async stop() {
      control?.close()
      await ended(child)
    },
  }
}
