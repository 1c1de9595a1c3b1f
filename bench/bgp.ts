// How long until a router has so many routes, and until it has lost them again: Troupe's session, GoBGP and BIRD as the
// sender, each towards a BIRD of its own, in turn, in the same run.
//
//     node bin/with-node.mjs bench/bgp.ts [short | routes …] [--rounds=N]
//
// 1,000, 10,000 and 100,000 routes in five rounds; `short`: the first two in two. Needs root, bird, gobgp, gobgpd, tcpdump.
//
// Every sender is a process of its own and has all its routes, one set of attributes, before its session opens. The
// receiving BIRD is asked how many it has, over its control socket, as often as it answers.
//
//   session   SYN on the wire (tcpdump's time stamp, the attempt that was taken) → BIRD has all routes. OPEN and KEEPALIVE
//             both ways are in it; how long a sender waits before it tries to connect is not.
//   withdraw  the order → BIRD has none. Troupe: the empty set, to its process. BIRD: its static routes are disabled.
//             GoBGP: the peer that it has learnt them from says goodbye.
//   announce  the order → BIRD has all again, over the open session. Troupe: the whole set, to its process. BIRD: its
//             static routes are enabled. There is no such order for GoBGP: it would have to learn them first.
//   CPU       of the sender's process for session and withdrawal; memory: resident at the end, and at most.
//   wire      UPDATEs and their octets, as captured in one more round.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { addLink, Bird, cleanUp, type Link, obstacle } from "../test/session/routers.ts"
import { until } from "../test/session/system.ts"
import { BirdControl } from "./bgp/bird-control.ts"
import { used } from "./bgp/process.ts"
import { asns, birdSender, gobgpSender, type Sender, troupeSender } from "./bgp/senders.ts"
import { machine, median, printTable, spread } from "./bgp/statistics.ts"
import { SynWatch } from "./bgp/syn-watch.ts"
import { countUpdates, type WireCount } from "./bgp/wire-count.ts"
import { takeNumbersAnd } from "./support/arguments.ts"

if (obstacle !== undefined) {
  console.log(`bench/bgp: skipped, ${obstacle}`)
  process.exit(0)
}
const { short, numbers: asked, option } = takeNumbersAnd("rounds")
const counts = asked.length > 0 ? asked : short ? [1_000, 10_000] : [1_000, 10_000, 100_000]
const rounds = option ?? (short ? 2 : 5)

interface Line {
  readonly sender: Sender
  readonly link: Link
  readonly receiver: Bird
  readonly control: BirdControl
  readonly syns: SynWatch
}

interface Measured {
  readonly session: number[]
  readonly withdraw: number[]
  readonly announce: number[]
  readonly cpuMs: number[]
}

const directory = mkdtempSync(path.join(tmpdir(), "troupe-bench-"))
const lines: Line[] = []

async function line(link: Link, peerAsn: number, sender: Sender): Promise<void> {
  const receiver = new Bird(link, { asn: asns.receiver, peerAsn })
  await receiver.start()
  const control = await BirdControl.open(receiver.control)
  lines.push({ sender, link, receiver, control, syns: new SynWatch(link) })
}

const nowMs = (): number => performance.timeOrigin + performance.now()

/** From now on. */
async function untilImported({ control, sender }: Line, count: number): Promise<number> {
  const startMs = nowMs()
  while ((await control.imported("speaker")) !== count) {
    await sender.nudge?.()
    if (nowMs() - startMs > 120_000) throw new Error(`BIRD does not come to ${count} routes`)
  }
  return nowMs()
}

async function round(one: Line, count: number, into: Measured | undefined): Promise<void> {
  const { sender, syns } = one
  await sender.prepare(count)
  const before = used(sender.pid).cpuMs
  sender.connect()
  const fullMs = await untilImported(one, count)
  await sleep(200)
  const synMs = syns.lastBefore(fullMs)
  if (synMs === undefined) throw new Error("no SYN was seen")
  into?.session.push(fullMs - synMs)
  const orderMs = nowMs()
  sender.withdraw()
  into?.withdraw.push((await untilImported(one, 0)) - orderMs)
  await sleep(100)
  into?.cpuMs.push(used(sender.pid).cpuMs - before)
  if (sender.announce !== undefined && into !== undefined) {
    const againMs = nowMs()
    sender.announce()
    into.announce.push((await untilImported(one, count)) - againMs)
  }
  sender.disconnect()
  await until(
    "the session to end",
    async () => !/Established/.test(await one.control.ask("show protocols all speaker")),
  )
}

function deviceOf(link: Link): string {
  const found = JSON.parse(execFileSync("ip", ["-j", "addr"], { encoding: "utf8" })) as {
    readonly ifname: string
    readonly addr_info: readonly { readonly local?: string }[]
  }[]
  return found.find(({ addr_info }) => addr_info.some(({ local }) => local === link.ours))?.ifname ?? ""
}

async function capture(one: Line, count: number): Promise<WireCount> {
  const file = path.join(directory, `${one.sender.name}-${count}.pcap`)
  const filter = `dst host ${one.link.theirs} and tcp dst port 179`
  const flags = ["-i", deviceOf(one.link), "-w", file, "-s", "0", "-B", "65536", "--immediate-mode", "-U", filter]
  const tcpdump: ChildProcess = spawn("tcpdump", flags, { stdio: ["ignore", "ignore", "pipe"] })
  await new Promise<void>((resolve) =>
    tcpdump.stderr?.on("data", (text) => /listening on/.test(String(text)) && resolve()),
  )
  await round(one, count, undefined)
  await sleep(500)
  const gone = new Promise((resolve) => tcpdump.once("exit", resolve))
  tcpdump.kill("SIGINT")
  await gone
  return countUpdates(file)
}

const perPrefix = (octets: number, count: number): string => (octets / count).toFixed(2)

async function table(count: number): Promise<void> {
  const measured = new Map<Sender, Measured>()
  for (const { sender } of lines) measured.set(sender, { session: [], withdraw: [], announce: [], cpuMs: [] })
  // The first is to warm up: code that is not compiled yet, pages that were never touched.
  for (let i = 0; i <= rounds; i++) {
    for (const one of lines) await round(one, count, i === 0 ? undefined : measured.get(one.sender))
  }
  const rows: string[][] = []
  for (const one of lines) {
    const { session, withdraw, announce, cpuMs } = measured.get(one.sender) ?? ({} as Measured)
    const { announcing, withdrawing } = await capture(one, count)
    const { residentMiB, peakMiB } = used(one.sender.pid)
    rows.push([
      one.sender.name,
      spread(session),
      spread(withdraw),
      spread(announce),
      median(cpuMs).toFixed(0),
      `${residentMiB.toFixed(0)} (${peakMiB.toFixed(0)})`,
      `${announcing.messages}, ${perPrefix(announcing.bytes, count)}`,
      `${withdrawing.messages}, ${perPrefix(withdrawing.bytes, count)}`,
    ])
  }
  console.log(`\n${count} routes, ${rounds} rounds: median (least–most); ${machine()}`)
  printTable(
    ["", "session ms", "withdraw ms", "announce ms", "CPU ms", "MiB (peak)", "UPDATEs, octets/route", "… withdrawing"],
    rows,
  )
  const ratio = (pick: (of: Measured) => number[], name: string): string => {
    const of = (wanted: string): number[] =>
      [...measured].flatMap(([sender, found]) => (sender.name === wanted ? pick(found) : []))
    return (median(of("Troupe")) / median(of(name))).toFixed(2)
  }
  console.log(
    `Troupe's session takes ${ratio(({ session }) => session, "GoBGP")} of GoBGP's time, ${ratio(({ session }) => session, "BIRD")} of BIRD's;` +
      ` its withdrawal ${ratio(({ withdraw }) => withdraw, "GoBGP")} and ${ratio(({ withdraw }) => withdraw, "BIRD")};` +
      ` announcing again ${ratio(({ announce }) => announce, "BIRD")} of BIRD's`,
  )
}

try {
  const [first, second, third] = [addLink(), addLink(), addLink()]
  await line(first, asns.troupe, troupeSender(first))
  await line(second, asns.gobgp, gobgpSender(second, first.ours, directory))
  mkdirSync(path.join(directory, "bird"))
  await line(third, asns.bird, await birdSender(third, path.join(directory, "bird")))
  const version = /BIRD (\S+)/.exec(lines[0]?.receiver.ask("show", "status") ?? "")?.[1] ?? "?"
  const gobgp = execFileSync("gobgpd", ["--version"], { encoding: "utf8" }).trim()
  console.log(`BIRD ${version}, ${gobgp}, Node ${process.version}`)
  for (const count of counts) await table(count)
} finally {
  for (const { sender, control, syns } of lines) {
    control.close()
    syns.close()
    await sender.stop()
  }
  cleanUp()
  rmSync(directory, { recursive: true, force: true })
}
