// A thousand addresses on one node beside one: `node bin/with-node.mjs bench/addresses.ts [--addresses 1,1000] [--runs 5]`.
// Three nodes; node-1 leads all addresses and node-2 comes next. How long from `kill -9` of node-1's speaker to node-2's
// first announcement and to the first announcement of the last address, and ARP latency from the client meanwhile at rest.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import path from "node:path"
import { createInterface, type Interface } from "node:readline"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { claim, preflight, release } from "../lab/claim.ts"
import { layout } from "../lab/layout.ts"
import { buildNetwork, nodeMacs } from "../lab/network.ts"
import type { Heard } from "./addresses/listener.ts"
import { addressesLedBy } from "./addresses/plan.ts"
import { takeOptions } from "./support/arguments.ts"

const values = takeOptions({ addresses: [1, 1000], runs: 5, requests: 20_000 })

const lab = layout("addresses", 3)
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
const speakerProgram = fileURLToPath(new URL("./addresses/speaker.ts", import.meta.url))
const listenerProgram = fileURLToPath(new URL("./addresses/listener.ts", import.meta.url))
const proberSource = fileURLToPath(new URL("./arp/prober.c", import.meta.url))

interface Started {
  readonly child: ChildProcess
  readonly lines: Interface | undefined
}

function inside(namespace: string, ...command: readonly string[]): Started {
  const child = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["pipe", "pipe", "inherit"] })
  return { child, lines: child.stdout === null ? undefined : createInterface({ input: child.stdout }) }
}

const speakers = new Map<string, ChildProcess>()
function startSpeaker(name: string, count: number): void {
  const node = lab.nodes.find((each) => each.name === name)
  if (node === undefined) throw new Error(`no node ${name}`)
  const { child } = inside(node.namespace, process.execPath, speakerProgram, name, `${count}`)
  speakers.set(name, child)
}

async function stopAll(): Promise<void> {
  for (const child of speakers.values()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill("SIGKILL")
    await once(child, "exit")
  }
  speakers.clear()
}

class Listener {
  readonly #started: Started

  constructor() {
    this.#started = inside(lab.client.namespace, process.execPath, listenerProgram, "eth0")
  }

  /** What was announced since the last time. */
  async heard(): Promise<Heard> {
    const line = once(this.#started.lines ?? this.#started.child, "line") as Promise<[string]>
    this.#started.child.stdin?.write("\n")
    return JSON.parse((await line)[0]) as Heard
  }

  stop(): void {
    this.#started.child.stdin?.end()
  }
}

interface Row {
  readonly count: number
  readonly firstMs: number[]
  readonly lastMs: number[]
  readonly us: number[]
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN

async function measure(count: number, prober: string): Promise<Row> {
  const macs = new Map([...(await nodeMacs(lab))].map(([mac, name]) => [name, mac]))
  const successor = macs.get("node-2") ?? ""
  const leader = macs.get("node-1") ?? ""
  const listener = new Listener()
  const row: Row = { count, firstMs: [], lastMs: [], us: [] }
  const announcedBy = async (mac: string, withinMs: number): Promise<Record<string, number>> => {
    const found: Record<string, number> = {}
    for (const endMs = nowMs() + withinMs; nowMs() < endMs && Object.keys(found).length < count; ) {
      await setTimeout(200)
      for (const [address, ms] of Object.entries((await listener.heard()).announced[mac] ?? {})) found[address] ??= ms
    }
    if (Object.keys(found).length < count) throw new Error(`only ${Object.keys(found).length} of ${count} announced`)
    return found
  }
  try {
    for (const { name } of lab.nodes) startSpeaker(name, count)
    await announcedBy(leader, 60_000)
    for (let run = 0; run < values.runs; run++) {
      // All announcements are over, and who comes next has heard the leader.
      await setTimeout(12_000)
      const us = execFileSync(
        "ip",
        [
          "netns",
          "exec",
          lab.client.namespace,
          prober,
          "eth0",
          "latency",
          `${values.requests}`,
          "100",
          ...addressesOf(count),
        ],
        { encoding: "utf8", maxBuffer: 64 << 20 },
      )
      row.us.push(...(JSON.parse(us) as { us: number[] }).us)
      await listener.heard()
      const child = speakers.get("node-1")
      const exited = child && once(child, "exit")
      const killedMs = nowMs()
      child?.kill("SIGKILL")
      await exited
      const times = Object.values(await announcedBy(successor, 30_000)).sort((a, b) => a - b)
      row.firstMs.push(at(times, 0) - killedMs)
      row.lastMs.push(at(times, 1) - killedMs)
      await setTimeout(6000)
      startSpeaker("node-1", count)
      await announcedBy(leader, 60_000)
    }
  } finally {
    await stopAll()
    listener.stop()
  }
  return row
}

/** As the prober wants them: a file would be longer to explain. */
const addressesOf = (count: number): readonly string[] => [addressesLedBy("node-1", "node-2", count).join(",")]

await preflight()
await claim(lab)
const directory = mkdtempSync(path.join(tmpdir(), "troupe-addresses-"))
const prober = path.join(directory, "prober")
execFileSync("gcc", ["-O2", "-Wall", "-o", prober, proberSource], { stdio: "inherit" })
const rows: Row[] = []
try {
  await buildNetwork(lab)
  for (const count of values.addresses) rows.push(await measure(count, prober))
} finally {
  await stopAll()
  await release(lab)
  rmSync(directory, { recursive: true })
}
console.log(`addresses on one node; ${values.runs} runs, load average ${loadavg()[0]?.toFixed(1)}`)
const line = (...cells: readonly string[]) => console.log(cells.map((cell) => cell.padStart(16)).join(""))
line("addresses", "first GARP p50", "last GARP p50", "last GARP max", "ARP p50 us", "ARP p99 us")
for (const { count, firstMs, lastMs, us } of rows) {
  const [first, last, all] = [firstMs, lastMs, us].map((each) => [...each].sort((a, b) => a - b))
  const ms = (value: number) => `${value.toFixed(0)} ms`
  line(
    `${count}`,
    ms(at(first ?? [], 0.5)),
    ms(at(last ?? [], 0.5)),
    ms(at(last ?? [], 1)),
    at(all ?? [], 0.5).toFixed(1),
    at(all ?? [], 0.99).toFixed(1),
  )
}
