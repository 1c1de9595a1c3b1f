// Many peers in one speaker: memory for each, and whether keepalives are on time while the main thread is blocked.
// `node bin/with-node.mjs bench/bgp-peers.ts [short | peers routes]`; 100 peers with 10,000 routes; `short`: 20 with 1,000.
//
// Speaker and peers are processes of their own, over TCP on loopback. The peers ask for a hold time of three seconds, the
// shortest there is, so a KEEPALIVE is due every 0.75 to 1 s; they note how long they heard nothing. A main thread that
// had a part in it would lose every session in the five seconds for which it is blocked.
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { until } from "../test/session/system.ts"
import type { Silences } from "./bgp/many-peers.ts"
import type { ManyCommand, ManyReport } from "./bgp/many-speaker.ts"
import { used } from "./bgp/process.ts"
import { machine, median, percentile, printTable } from "./bgp/statistics.ts"
import { takeNumbers } from "./support/arguments.ts"

const { short, numbers } = takeNumbers(2)
const [count = short ? 20 : 100, routes = short ? 1_000 : 10_000] = numbers
const blockMs = 5_000

class Program {
  readonly child: ChildProcessByStdio<Writable, Readable, null>
  last: unknown
  lines = 0

  constructor(file: string, ...args: readonly string[]) {
    const program = fileURLToPath(new URL(`bgp/${file}`, import.meta.url))
    this.child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "inherit"] })
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.last = JSON.parse(line)
      this.lines++
    })
  }

  tell(command: unknown): void {
    this.child.stdin.write(`${JSON.stringify(command)}\n`)
  }

  async ask(): Promise<unknown> {
    const before = this.lines
    this.tell({})
    await until("an answer", () => this.lines > before)
    return this.last
  }
}

const peers = new Program("many-peers.ts", String(count))
const speaker = new Program("many-speaker.ts")
const report = (): ManyReport =>
  (speaker.last as ManyReport | undefined) ?? { established: 0, downs: 0, complete: 0, routes: -1 }
const memory = (): number => used(speaker.child.pid ?? 0).residentMiB
const gaps = async (): Promise<readonly number[]> => ((await peers.ask()) as Silences).gapsMs

try {
  await until("the peers to listen", () => peers.lines > 0)
  const { addresses, port } = peers.last as { readonly addresses: readonly string[]; readonly port: number }
  const want = (most: number, each: number): void =>
    speaker.tell({ kind: "peers", addresses: addresses.slice(0, most), port, routes: each } satisfies ManyCommand)
  const all = (most: number, each: number): Promise<void> =>
    until(
      `${most} peers that have ${each} routes`,
      () => report().routes === each && report().established === most && report().complete === most,
      60_000,
    )

  want(1, 0)
  await all(1, 0)
  await sleep(2_000)
  const one = memory()
  const startMs = performance.now()
  want(count, 0)
  await all(count, 0)
  const upMs = performance.now() - startMs
  await sleep(5_000)
  const many = memory()
  const routesMs = performance.now()
  want(count, routes)
  await all(count, routes)
  const fullMs = performance.now() - routesMs
  await sleep(5_000)
  const full = memory()
  console.log(`${count} peers in one speaker; ${machine()}`)
  console.log(
    `  all up ${upMs.toFixed(0)} ms after the order; each with ${routes} routes ${fullMs.toFixed(0)} ms after that order`,
  )
  console.log(
    `  resident: 1 peer ${one.toFixed(0)} MiB, ${count} peers ${many.toFixed(0)} MiB, with routes ${full.toFixed(0)} MiB`,
  )
  console.log(
    `  for each peer ${(((many - one) / (count - 1)) * 1024).toFixed(0)} KiB, with its routes ${(((full - one) / (count - 1)) * 1024).toFixed(0)} KiB`,
  )

  const { downs } = report()
  const rows: string[][] = []
  for (const busy of [false, true]) {
    await gaps()
    if (busy) speaker.tell({ kind: "block", ms: blockMs } satisfies ManyCommand)
    await sleep(blockMs)
    const heard = await gaps()
    rows.push([
      busy ? "main thread blocked" : "main thread idle",
      String(heard.length),
      median(heard).toFixed(0),
      percentile(heard, 0.99).toFixed(0),
      Math.max(...heard).toFixed(0),
    ])
  }
  await sleep(1_000)
  console.log(`  silences of the speaker over ${blockMs / 1000} s; the hold time is 3000 ms`)
  printTable(["", "messages", "median ms", "p99 ms", "longest"], rows)
  console.log(`  sessions lost: ${report().downs - downs}, established: ${report().established}`)
} finally {
  peers.child.kill("SIGKILL")
  speaker.child.kill("SIGKILL")
}
