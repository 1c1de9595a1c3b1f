// ARP request to reply, through the whole responder thread (worker, supervision, actor), beside the least that a C
// program can do, on the same veth pair in the same run. `node bin/with-node.mjs bench/arp.ts`; needs root and gcc.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { missing, until, Wire } from "../test/io/namespaces.ts"

const rounds = 1
const latencyCount = 10_000
const pauseUs = 100
const rateSeconds = 2
const window = 64

interface Measured {
  readonly us: number[]
  readonly perSecond: number[]
  lost: number
  asked: number
}
const implementations = ["c", "troupe"] as const
const loads = ["idle", "busy"] as const

const reason = missing("gcc", "arping")
if (reason !== undefined) {
  console.log(`bench/arp: skipped, ${reason}`)
  process.exit(0)
}

const directory = mkdtempSync(path.join(tmpdir(), "troupe-bench-"))
const source = (name: string) => new URL(`./arp/${name}`, import.meta.url).pathname
const binary = (name: string) => path.join(directory, name)
for (const name of ["responder", "prober"]) {
  execFileSync("gcc", ["-O2", "-Wall", "-o", binary(name), source(`${name}.c`)], { stdio: "inherit" })
}

const fresh = (): Measured => ({ us: [], perSecond: [], lost: 0, asked: 0 })
const results = {
  idle: { c: fresh(), troupe: fresh() },
  busy: { c: fresh(), troupe: fresh() },
}

async function measure(which: (typeof implementations)[number], load: (typeof loads)[number]): Promise<void> {
  const wire = new Wire("bench")
  const into = results[load][which]
  try {
    wire.up()
    const host = wire.start(new URL("./arp/host.ts", import.meta.url), which, load, binary("responder"))
    await host.line((line) => line === "ready")
    const answers = async () =>
      (await wire.clientTries("arping", "-c", "1", "-w", "1", "-I", "eth0", "192.0.2.150")).includes("bytes from")
    if ((await until(answers)) === undefined) throw new Error(`${which} does not answer`)
    // Announcements are over and the parsing has begun.
    await sleep(6000)
    const probe = async (...args: readonly string[]) =>
      JSON.parse(await wire.onClient(binary("prober"), "eth0", ...args))
    const latency = (await probe("latency", `${latencyCount}`, `${pauseUs}`)) as { us: number[]; lost: number }
    const rate = (await probe("rate", `${rateSeconds}`, `${window}`)) as Record<"perSecond" | "lost" | "sent", number>
    for (const us of latency.us) into.us.push(us)
    into.perSecond.push(rate.perSecond)
    into.lost += latency.lost + rate.lost
    into.asked += latencyCount + rate.sent
  } finally {
    await wire.down()
  }
}

function summary({ us, perSecond, lost, asked }: Measured) {
  const sorted = us.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  const rates = perSecond.toSorted((a, b) => a - b)
  return {
    p50: at(0.5),
    p99: at(0.99),
    max: at(0.99999),
    perSecond: rates[Math.floor(rates.length / 2)] ?? 0,
    lost,
    asked,
  }
}

try {
  for (let round = 0; round < rounds; round++) {
    for (const load of loads) for (const which of implementations) await measure(which, load)
  }
} finally {
  rmSync(directory, { recursive: true })
}

console.log(`ARP request to reply over a veth pair; ${rounds} rounds, the two alternating; latency: ${latencyCount} requests a
round, one at a time, ${pauseUs} us apart; rate: ${window} under way at once. busy: the main thread parses 10 MB of JSON in a loop.\n`)
const columns = ["p50 us", "p99 us", "max us", "replies/s", "lost"]
console.log(["main thread", "", ...columns].map((name, i) => (i < 2 ? name.padEnd(12) : name.padStart(12))).join(""))
for (const load of loads) {
  const [c, troupe] = [summary(results[load].c), summary(results[load].troupe)]
  const row = (name: string, cells: readonly string[]) =>
    console.log(load.padEnd(12) + name.padEnd(12) + cells.map((cell) => cell.padStart(12)).join(""))
  for (const [name, s] of [
    ["C", c],
    ["troupe", troupe],
  ] as const) {
    row(name, [s.p50.toFixed(1), s.p99.toFixed(1), s.max.toFixed(0), s.perSecond.toFixed(0), `${s.lost}/${s.asked}`])
  }
  const ratio = (key: "p50" | "p99" | "max" | "perSecond") => `${(troupe[key] / c[key]).toFixed(2)}x`
  row("ratio", [ratio("p50"), ratio("p99"), ratio("max"), ratio("perSecond"), ""])
}
