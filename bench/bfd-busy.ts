// BFD while the machine has other things to do: does it call a path lost that is not, and how soon does it know of one
// that is? `node bin/with-node.mjs bench/bfd-busy.ts [short | seconds rounds]`; needs root and BIRD.
//
// 600 s and 60 rounds; `short`: 20 s and 5. Two speakers side by side, each with its BFD thread and one session with a
// BIRD in another network namespace: 50 ms × 3, and 10 ms × 3. All the while
//
//   - the main thread of each speaker does nothing but count,
//   - one core is kept busy by a process at ordinary priority, which is pinned to it,
//
// so that with two cores there is more to do than can be done. BFD threads have asked for real-time priority, as always,
// and BIRD is given the same: what is judged is who keeps time. False downs are counted by the speaker, and BIRD is asked
// since when it has had the session up.
//
//   detected  SIGSTOP to BIRD → the thread knows. A main thread that is busy hears of it later; the time is the thread's.
import { spawn } from "node:child_process"
import { loadavg } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import type { BfdSessionId, BfdSessionReport } from "../actors/bfd/messages.ts"
import { until } from "../test/io/namespaces.ts"
import { address, type Bird, Network, withoutBird } from "../test/bfd/network.ts"
import { machine, median, percentile, printTable } from "./bgp/statistics.ts"
import { takeNumbers } from "./support/arguments.ts"

if (withoutBird !== undefined) {
  console.log(`bench/bfd-busy: skipped, ${withoutBird}`)
  process.exit(0)
}
const { short, numbers } = takeNumbers(2)
const [seconds = short ? 20 : 600, rounds = short ? 5 : 60] = numbers
const id: BfdSessionId = { peer: address.client, multihop: false }

interface Side {
  readonly intervalMs: number
  readonly net: Network
  readonly bird: Bird
}

async function side(intervalMs: number): Promise<Side> {
  const net = new Network(`busy${intervalMs}`)
  networks.push(net)
  const bird = await net.bird(
    "client",
    `interface "eth0" { interval ${intervalMs} ms; multiplier 3; }; neighbor ${address.host} dev "eth0";`,
  )
  const profile = { transmitInterval: intervalMs, receiveInterval: intervalMs, detectMultiplier: 3 }
  net.tell({ kind: "sessions", sessions: [{ ...id, profile }] })
  await net.settled(id, 200)
  return { intervalMs, net, bird }
}

interface Kind {
  readonly kind?: string
}
const count = ({ net }: Side, kind: string): number =>
  net.speaker.lines.filter((line) => (line as Kind).kind === kind).length

/** Keeps the main thread busy; the answer comes when it is no longer. */
function block(one: Side, ms: number): () => Promise<unknown> {
  const before = count(one, "unblocked")
  one.net.tell({ kind: "block", ms })
  return () => until(() => count(one, "unblocked") > before, ms + 60_000)
}

/** Counters come once a second: two packets more than those of a moment ago were heard since. */
async function fresh({ net }: Side): Promise<BfdSessionReport> {
  const heard = net.session(id)?.counters.controlPacketInput ?? 0
  return net.reached(id, ({ counters }) => counters.controlPacketInput > heard + 2, 60_000)
}

const upSince = ({ bird }: Side): string => /Up\s+(\S+)/.exec(bird.ask("show", "bfd", "sessions"))?.[1] ?? "not up"

interface Lost {
  readonly msg?: string
  readonly ts?: string
  readonly reason?: string
}
/** The thread's own log: it does not wait for the main thread. */
const losses = ({ net }: Side): readonly Lost[] =>
  net.speaker.lines.filter((line) => (line as Lost).msg === "BFD session down") as Lost[]

async function steady(one: Side): Promise<readonly string[]> {
  const before = await fresh(one)
  const lostBefore = losses(one).length
  const birdBefore = upSince(one)
  const unblocked = block(one, seconds * 1000)
  await unblocked()
  // What the thread has reported meanwhile has to be read first.
  await sleep(5_000)
  const after = await fresh(one)
  const lost = losses(one).slice(lostBefore)
  for (const { ts, reason } of lost) console.log(`${one.intervalMs} ms × 3: down at ${ts}: ${reason}`)
  const grown = (pick: (counters: BfdSessionReport["counters"]) => number): string =>
    String(pick(after.counters) - pick(before.counters))
  return [
    `${one.intervalMs} ms × 3`,
    grown(({ controlPacketOutput }) => controlPacketOutput),
    grown(({ controlPacketInput }) => controlPacketInput),
    String(lost.length),
    birdBefore === upSince(one) ? birdBefore : `${birdBefore}, then ${upSince(one)}`,
  ]
}

async function detections(one: Side): Promise<readonly number[]> {
  const took: number[] = []
  const { net, bird, intervalMs } = one
  for (let round = 0; round < rounds; round++) {
    const before = await net.settled(id, 200)
    const unblocked = block(one, 1_000)
    // Not always at the same time after a packet.
    await sleep(200 + (round % 10) * (intervalMs / 10))
    const stoppedMs = performance.timeOrigin + performance.now()
    process.kill(bird.program.pid, "SIGSTOP")
    await unblocked()
    const down = await net.reached(id, ({ counters }) => counters.pathLosses > before.counters.pathLosses, 60_000)
    process.kill(bird.program.pid, "SIGCONT")
    took.push((down.lastDown?.atMs ?? Number.NaN) - stoppedMs)
    await net.reached(
      id,
      ({ state, transmitIntervalMs }) => state === "up" && transmitIntervalMs === intervalMs,
      60_000,
    )
    await sleep(300)
  }
  return took
}

const networks: Network[] = []
const burner = spawn("sh", ["-c", 'exec taskset -c 0 "$0" -e "for (;;);"', process.execPath], { stdio: "ignore" })
const loads: number[] = []
const sampling = setInterval(() => loads.push(loadavg()[0] ?? 0), 5_000)
try {
  const sides = await Promise.all([side(50), side(10)])
  const startMs = performance.now()
  const rows = await Promise.all(sides.map(steady))
  console.log(
    `main threads blocked, one core kept busy, ${((performance.now() - startMs) / 1000).toFixed(0)} s; ${machine()}`,
  )
  printTable(["", "packets out", "in", "false downs", "BIRD: up since"], rows)
  const found = await Promise.all(sides.map(detections))
  console.log(`\ndetected after SIGSTOP to BIRD, ${rounds} rounds, the same load`)
  printTable(
    ["", "median ms", "p99 ms", "least", "most"],
    found.map((took, i) => [
      `${sides[i]?.intervalMs} ms × 3`,
      median(took).toFixed(0),
      percentile(took, 0.99).toFixed(0),
      Math.min(...took).toFixed(0),
      Math.max(...took).toFixed(0),
    ]),
  )
  console.log(`load average meanwhile: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`)
} finally {
  clearInterval(sampling)
  burner.kill("SIGKILL")
  for (const net of networks) await net.down()
}
