// ARP request to reply, through the whole responder thread (worker, supervision, actor), beside the least that a C
// program can do, on the same veth pair in the same run. `node bin/with-node.mjs bench/arp.ts [--realtime]`; needs root
// and gcc. With --realtime responder and prober have real-time priority, both alike: on a machine that is busy with
// other things the plain figures tell about its scheduler.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { missing, until, Wire } from "../test/io/namespaces.ts"
import { takeOptions } from "./support/arguments.ts"

const rounds = 3
const latencyCount = 10_000
const pauseUs = 100
const rateSeconds = 2
const window = 64
const { realtime } = takeOptions({ realtime: false })

const implementations = ["c", "troupe"] as const
type Implementation = (typeof implementations)[number]
const loads = ["idle", "busy"] as const
type Load = (typeof loads)[number]

interface Measured {
  readonly us: number[]
  readonly perSecond: number[]
  readonly cpuUs: number[]
  lost: number
  asked: number
}
const fresh = (): Measured => ({ us: [], perSecond: [], cpuUs: [], lost: 0, asked: 0 })
const results = { idle: { c: fresh(), troupe: fresh() }, busy: { c: fresh(), troupe: fresh() } }

const reason = missing("gcc", "arping", "chrt")
if (reason !== undefined) {
  console.log(`bench/arp: skipped, ${reason}`)
  process.exit(0)
}

const directory = mkdtempSync(path.join(tmpdir(), "troupe-bench-"))
const binary = (name: string) => path.join(directory, name)
for (const name of ["responder", "prober"]) {
  const source = new URL(`./arp/${name}.c`, import.meta.url).pathname
  execFileSync("gcc", ["-O2", "-Wall", "-o", binary(name), source], { stdio: "inherit" })
}

/** The thread that answers: the C program's only one, the packet thread of the other. */
function responderThread(pid: number, which: Implementation): string {
  const name = which === "c" ? "responder" : "layer2"
  const found = readdirSync(`/proc/${pid}/task`).find(
    (thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8").trim() === name,
  )
  if (found === undefined) throw new Error(`no thread ${name} in process ${pid}`)
  return found
}

async function measure(which: Implementation, load: Load): Promise<void> {
  const wire = new Wire("bench")
  const into = results[load][which]
  try {
    wire.up()
    const host = wire.start(new URL("./arp/host.ts", import.meta.url), which, load, binary("responder"))
    const { pid } = await host.line<{ pid: number }>((line) => typeof line === "object")
    const answers = async () =>
      (await wire.clientTries("arping", "-c", "1", "-w", "1", "-I", "eth0", "192.0.2.150")).includes("bytes from")
    if ((await until(answers)) === undefined) throw new Error(`${which} does not answer`)
    const thread = responderThread(pid, which)
    if (realtime) execFileSync("chrt", ["-f", "-p", "1", thread])
    // Announcements are over and the parsing has begun.
    await sleep(6000)
    const prober = [...(realtime ? ["chrt", "-f", "1"] : []), binary("prober"), "eth0"]
    const probe = async <T>(...args: readonly string[]): Promise<T> =>
      JSON.parse(await wire.onClient(...prober, ...args)) as T
    const cpuNs = () => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0])
    const latency = await probe<{ us: number[]; lost: number }>("latency", `${latencyCount}`, `${pauseUs}`)
    const before = cpuNs()
    const rate = await probe<Record<"perSecond" | "lost" | "sent", number>>("rate", `${rateSeconds}`, `${window}`)
    for (const us of latency.us) into.us.push(us)
    into.cpuUs.push((cpuNs() - before) / 1000 / rate.sent)
    into.perSecond.push(rate.perSecond)
    into.lost += latency.lost + rate.lost
    into.asked += latencyCount + rate.sent
  } finally {
    await wire.down()
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const columns = {
  "p50 us": ({ us }: Measured) => quantile(us, 0.5),
  "p99 us": ({ us }: Measured) => quantile(us, 0.99),
  "p99.9 us": ({ us }: Measured) => quantile(us, 0.999),
  "replies/s": ({ perSecond }: Measured) => quantile(perSecond, 0.5),
  "cpu us": ({ cpuUs }: Measured) => quantile(cpuUs, 0.5),
}

try {
  for (let round = 0; round < rounds; round++) {
    for (const load of loads) for (const which of implementations) await measure(which, load)
  }
} finally {
  rmSync(directory, { recursive: true })
}

console.log(`ARP request to reply over a veth pair, ${realtime ? "real-time priority" : "ordinary priority"}, load average ${loadavg()[0]}.
${rounds} rounds, the two alternating. Latency: ${latencyCount} requests a round, one at a time, ${pauseUs} us apart. Rate: ${window} under
way at once; cpu: of the responder's thread, per reply, at that rate. busy: the main thread parses 10 MB of JSON in a loop.
`)
const line = (...cells: readonly string[]) =>
  console.log(cells.map((cell, i) => (i < 2 ? cell.padEnd(12) : cell.padStart(12))).join(""))
line("main thread", "", ...Object.keys(columns), "lost")
for (const load of loads) {
  for (const which of implementations) {
    const measured = results[load][which]
    const values = Object.values(columns).map((value) => value(measured).toFixed(1))
    line(load, which, ...values, `${measured.lost}/${measured.asked}`)
  }
  const { c, troupe } = results[load]
  line(load, "ratio", ...Object.values(columns).map((value) => `${(value(troupe) / value(c)).toFixed(2)}x`))
}
