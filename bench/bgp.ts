// How long until a router has 10,000 routes: Troupe's session and GoBGP, each towards a BIRD of its own, in turn, in the
// same run. `node bin/with-node.mjs bench/bgp.ts [routes] [rounds]`; needs root, bird, gobgp and gobgpd.
//
// Both speakers have all their routes before the session opens: Troupe's actor, in its own thread, is told them with the
// peer; GoBGP learnt them beforehand over a session from Troupe. BIRD is asked over its control socket, as often as it
// answers:
//
//   session   SYN on the wire (tcpdump's time stamp, the attempt that was taken) → BIRD counts all routes. OPEN and
//             KEEPALIVE both ways are in it; how long a speaker waits before it tries to connect is not.
//   change    one more route is ordered → BIRD counts it. For Troupe the order is the whole new set, sent from another
//             thread. For GoBGP it includes starting its client program (`gobgp global rib add`), so the time of a client
//             that changes nothing (`gobgp global`) is printed beside it.
//   wire      one more route is ordered → its UPDATE has arrived at a socket that reads nothing else, over loopback. The
//             order is the whole new set, sent from another thread than the sessions'. There is no such number for GoBGP:
//             its routes come through a client program.
//
// Bytes are TCP payload towards BIRD as the kernel counts them (`ss -i`, bytes_acked) for a session that opened and sent
// everything once; UPDATEs are each speaker's own count, End-of-RIB included.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { DesiredPeer, RouteGroup } from "../actors/session/messages.ts"
import { addLink, Bird, cleanUp, type Link, obstacle } from "../test/session/routers.ts"
import { startSpeaker, until } from "../test/session/system.ts"
import { BirdControl } from "./bgp/bird-control.ts"
import { Sink } from "./bgp/sink.ts"

const count = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 7)
const changes = 20
const ourAsn = 64512
const birdAsn = 64513
const gobgpAsn = 64600
const feedPort = 17_900 + (process.pid % 1_000)
const apiPort = feedPort + 1_000

if (obstacle !== undefined) {
  console.log(`bench/bgp: skipped, ${obstacle}`)
  process.exit(0)
}

const grouped = (prefixes: readonly string[]): RouteGroup[] => [{ localPref: 0, communities: ["65000:1"], prefixes }]
const routes = Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`)
const extra = Array.from({ length: changes }, (_, i) => `203.0.113.${i}/32`)

function peer(name: string, address: string, port: number, peerASN: number, prefixes: readonly string[]): DesiredPeer {
  return { name, session: { myASN: ourAsn, peerASN, address, port, holdSeconds: 90 }, routes: grouped(prefixes) }
}

/** Unix milliseconds, with fractions, of each SYN towards port 179 on the link. */
class SynWatch {
  readonly #child: ChildProcess
  readonly seenMs: number[] = []

  constructor({ theirs }: Link) {
    const filter = `dst host ${theirs} and tcp dst port 179 and tcp[tcpflags] == tcp-syn`
    this.#child = spawn("tcpdump", ["-i", "any", "-n", "-tt", "-l", "--immediate-mode", filter], {
      stdio: ["ignore", "pipe", "ignore"],
    })
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      for (const [, seconds] of text.matchAll(/^(\d+\.\d+) /gm)) this.seenMs.push(Number(seconds) * 1000)
    })
  }

  close(): void {
    this.#child.kill()
  }
}

/** From the SYN to BIRD's full count. */
async function sessionMs(bird: BirdControl, watch: SynWatch): Promise<number> {
  while ((await bird.routes()) < count);
  const endMs = performance.timeOrigin + performance.now()
  // tcpdump tells it a moment later.
  await until("SYN", () => watch.seenMs.some((ms) => ms > endMs - 60_000))
  await sleep(200)
  return endMs - Math.max(...watch.seenMs.filter((ms) => ms < endMs))
}

async function changeMs(bird: BirdControl, order: () => unknown): Promise<number> {
  const before = await bird.routes()
  const startMs = performance.now()
  await order()
  while ((await bird.routes()) === before);
  return performance.now() - startMs
}

/** TCP payload that BIRD's side has acknowledged. */
function payloadTo(link: Link): number {
  const shown = execFileSync("ss", ["-tinH", "dst", link.theirs, "and", "dport", "=", ":179"], { encoding: "utf8" })
  return Number(/bytes_acked:(\d+)/.exec(shown)?.[1] ?? 0)
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)
const median = (numbers: readonly number[]): number => sorted(numbers)[numbers.length >> 1] ?? Number.NaN
const show = (numbers: readonly number[]): string =>
  `median ${median(numbers).toFixed(1)} ms  (best ${Math.min(...numbers).toFixed(1)}, worst ${Math.max(...numbers).toFixed(1)}, n=${numbers.length})`

const percentile = (numbers: readonly number[], share: number): number =>
  sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? Number.NaN

/** One Service more, or one less, again and again: milliseconds from the order to the UPDATE. */
async function wireMs(rounds: number): Promise<number[]> {
  const sink = new Sink(birdAsn)
  const port = await sink.listen()
  const one = startSpeaker({ thread: true })
  const took: number[] = []
  const desired = (prefixes: readonly string[]): DesiredPeer => peer("sink", "127.0.0.1", port, birdAsn, prefixes)
  try {
    one.want(desired(routes))
    await until("all routes", () => one.session("sink")?.prefixesSent === count)
    for (let i = 0; i < rounds; i++) {
      const prefixes = i % 2 === 0 ? [...routes, "203.0.113.1/32"] : routes
      const startMs = performance.now()
      await new Promise<void>((resolve) => {
        sink.updated = resolve
        one.want(desired(prefixes))
      })
      took.push(performance.now() - startMs)
      // Services come one by one, not back to back; and the report of the last one is out of the way.
      await sleep(20)
    }
  } finally {
    await one.system.stop()
    sink.close()
  }
  return took
}

const directory = mkdtempSync(path.join(tmpdir(), "troupe-bench-"))
const ours = new Bird(addLink(), { asn: birdAsn, peerAsn: ourAsn })
const theirs = new Bird(addLink(), { asn: birdAsn, peerAsn: gobgpAsn })
const speaker = startSpeaker({ thread: true })
const feeder = startSpeaker()
const watches = [new SynWatch(ours.link), new SynWatch(theirs.link)] as const
const configuration = path.join(directory, "gobgpd.toml")
writeFileSync(
  configuration,
  `[global.config]
  as = ${gobgpAsn}
  router-id = "${theirs.link.ours}"
  port = ${feedPort}
  local-address-list = ["${theirs.link.ours}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${ours.link.ours}"
    peer-as = ${ourAsn}
  [neighbors.transport.config]
    passive-mode = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${theirs.link.theirs}"
    peer-as = ${birdAsn}
    admin-down = true
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
`,
)
const gobgpd = spawn(
  "gobgpd",
  ["-f", configuration, "--api-hosts", `127.0.0.1:${apiPort}`, "--pprof-disable", "--disable-stdlog"],
  { stdio: "ignore" },
)
const gobgp = (...args: string[]): string => execFileSync("gobgp", ["-p", `${apiPort}`, ...args], { encoding: "utf8" })

try {
  await Promise.all([ours.start(), theirs.start()])
  const [first, second] = await Promise.all([BirdControl.open(ours.control), BirdControl.open(theirs.control)])
  // From another address of this machine: GoBGP takes no route whose next hop is itself or the loopback.
  const feed = peer("gobgp", theirs.link.ours, feedPort, gobgpAsn, routes)
  feeder.want({ ...feed, session: { ...feed.session, sourceAddress: ours.link.ours } })
  const learnt = (): boolean => {
    try {
      return gobgp("global", "rib", "summary").includes(`Destination: ${count},`)
    } catch {
      return false
    }
  }
  await until("GoBGP has the routes", learnt, 60_000, () => JSON.stringify(feeder.session("gobgp")))

  const found = { ourSession: [] as number[], gobgpSession: [] as number[] }
  const bytes = { ours: 0, gobgp: 0 }
  const updates = { ours: 0, gobgp: 0 }
  for (let round = 0; round < rounds; round++) {
    const before = speaker.session("bird")?.updatesSent ?? 0
    speaker.want(peer("bird", ours.link.theirs, 179, birdAsn, routes))
    found.ourSession.push(await sessionMs(first, watches[0]))
    await until("report", () => speaker.session("bird")?.prefixesSent === count)
    updates.ours = (speaker.session("bird")?.updatesSent ?? 0) - before
    bytes.ours = payloadTo(ours.link)
    if (round < rounds - 1) speaker.want()

    gobgp("neighbor", theirs.link.theirs, "enable")
    found.gobgpSession.push(await sessionMs(second, watches[1]))
    bytes.gobgp = payloadTo(theirs.link)
    updates.gobgp = Number(/Updates:\s+(\d+)/.exec(gobgp("neighbor", theirs.link.theirs))?.[1] ?? Number.NaN)
    if (round < rounds - 1) gobgp("neighbor", theirs.link.theirs, "disable")
    await until(
      "both gone",
      async () => round === rounds - 1 || ((await first.routes()) === 0 && (await second.routes()) === 0),
    )
  }

  const ourChange: number[] = []
  const gobgpChange: number[] = []
  const gobgpClient: number[] = []
  for (let i = 1; i <= changes; i++) {
    const desired = [...routes, ...extra.slice(0, i)]
    ourChange.push(await changeMs(first, () => speaker.want(peer("bird", ours.link.theirs, 179, birdAsn, desired))))
    const prefix = extra[i - 1] ?? ""
    gobgpChange.push(await changeMs(second, () => gobgp("global", "rib", "add", prefix, "nexthop", theirs.link.ours)))
    const startMs = performance.now()
    gobgp("global")
    gobgpClient.push(performance.now() - startMs)
  }

  const wire = await wireMs(400)
  console.log(`${count} routes, one set of attributes, ${rounds} rounds; BIRD ${birdVersion()}, ${gobgpVersion()}`)
  console.log(`session  Troupe  ${show(found.ourSession)}  ${updates.ours} UPDATEs, ${bytes.ours} bytes`)
  console.log(`session  GoBGP   ${show(found.gobgpSession)}  ${updates.gobgp} UPDATEs, ${bytes.gobgp} bytes`)
  console.log(`change   Troupe  ${show(ourChange)}`)
  console.log(
    `wire     Troupe  median ${median(wire).toFixed(2)} ms, p99 ${percentile(wire, 0.99).toFixed(2)} ms  (best ${Math.min(...wire).toFixed(2)}, worst ${Math.max(...wire).toFixed(2)}, n=${wire.length})`,
  )
  console.log(`change   GoBGP   ${show(gobgpChange)}  of which its client ${median(gobgpClient).toFixed(1)} ms`)
  first.close()
  second.close()
} finally {
  gobgpd.kill("SIGKILL")
  for (const watch of watches) watch.close()
  await Promise.all([speaker.system.stop(), feeder.system.stop()])
  await Promise.all([ours.stop(), theirs.stop()])
  cleanUp()
  rmSync(directory, { recursive: true, force: true })
}

function birdVersion(): string {
  return /BIRD (\S+)/.exec(ours.ask("show", "status"))?.[1] ?? "?"
}

function gobgpVersion(): string {
  return execFileSync("gobgpd", ["--version"], { encoding: "utf8" }).trim()
}
