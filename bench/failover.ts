// How long nobody answers ARP for an address when its leader fails, seen by a client that asks every 10 ms:
// `node bin/with-node.mjs bench/failover.ts [--runs 50] [--nodes 3,5] [--faults kill,link,stop] [--gossip-runs 5]`.
// `--quiet-minutes 10`: no fault; both cores loaded and speakers paused for 300 ms, to count false take-overs, and with
// `--probe-loss 5` that share of the ARP frames that reach each node is lost besides, of questions and answers alike.
import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import { setTimeout } from "node:timers/promises"
import { addService, applyConfiguration } from "../lab/actions.ts"
import { debugStatus } from "./failover/status.ts"
import { preflight } from "../lab/claim.ts"
import { type Lab, startLab } from "../lab/lab.ts"
import { lossyNodes } from "./failover/lossy.ts"
import { layout } from "../lab/layout.ts"
import { run } from "../lab/run.ts"
import { until } from "../lab/wait.ts"
import { monotonicMs, type Prober, probe } from "./failover/watch.ts"
import { takeOptions } from "./support/arguments.ts"

const values = takeOptions({
  runs: 50,
  nodes: [3, 5],
  faults: ["kill", "link", "stop"],
  "gossip-runs": 5,
  "quiet-minutes": 0,
  "probe-loss": 0,
  name: "failover",
})

type Fault = "kill" | "link" | "stop"
interface Repair {
  (): Promise<void>
}

const inject: Readonly<Record<Fault, (lab: Lab, node: string) => Promise<Repair>>> = {
  async kill(lab, node) {
    await lab.processes.kill(node)
    return async () => lab.startSpeaker(node)
  },
  async link(lab, node) {
    const set = (state: string) => run("ip", ["-n", lab.layout.switch.namespace, "link", "set", node, state])
    await set("down")
    return async () => void (await set("up"))
  },
  async stop(lab, node) {
    const pid = lab.processes.pid(node)
    if (pid === undefined) throw new Error(`${node} does not run`)
    process.kill(pid, "SIGSTOP")
    return async () => void process.kill(pid, "SIGCONT")
  },
}

/** All speakers have heard of each other again, and the first in the election answers. */
async function calm(lab: Lab, prober: Prober, leader: string | undefined, liveness: boolean): Promise<void> {
  await until("calm", 60_000, async () => {
    if (leader !== undefined && prober.now() !== leader) return undefined
    for (const { name } of lab.layout.nodes) {
      const status = await debugStatus(lab, name)
      if (status?.speakers !== lab.layout.nodes.length) return undefined
      if (liveness && status.liveness !== "on") return undefined
    }
    return true
  })
  // Wherever in their rhythm the probes are.
  await setTimeout(1200 + Math.random() * 300)
}

/** Who answers when nothing is wrong. */
async function leaderOf(lab: Lab, prober: Prober, liveness: boolean): Promise<string> {
  await calm(lab, prober, undefined, liveness)
  return until("an answer", 30_000, async () => prober.now())
}

async function measure(lab: Lab, prober: Prober, fault: Fault, runs: number, liveness: boolean): Promise<number[]> {
  const leader = await leaderOf(lab, prober, liveness)
  const took: number[] = []
  for (let i = 0; i < runs; i++) {
    await calm(lab, prober, leader, liveness)
    const fromMs = monotonicMs()
    const repair = await inject[fault](lab, leader)
    const moved = await prober.moved(leader, fromMs, 30_000)
    await repair()
    took.push(moved === undefined ? Number.POSITIVE_INFINITY : moved.atMs - fromMs)
  }
  await calm(lab, prober, leader, liveness)
  return took
}

function row(what: string, took: readonly number[]): string {
  const sorted = [...took].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0)
  const cells = [at(0.5), at(0.95), at(1), `${sorted.length}`].map((cell) => cell.padStart(8))
  return `${what.padEnd(44)}${cells.join("")}`
}

async function withLab(
  nodes: number,
  speakerFlags: readonly string[],
  work: (lab: Lab, prober: Prober) => Promise<void>,
): Promise<void> {
  const lab = await startLab(layout(values.name, nodes), { said: () => undefined }, { speakerFlags })
  try {
    await applyConfiguration(lab)
    const prober = probe(lab, await addService(lab, "web"))
    try {
      await work(lab, prober)
    } finally {
      prober.stop()
    }
  } finally {
    await lab.stop()
  }
}

/** Lines of all speakers' logs that say so. */
const logged = (lab: Lab, event: string): string[] =>
  lab.layout.nodes.flatMap(({ name }) =>
    fs
      .readFileSync(`${lab.layout.directory}/${name}.log`, "utf8")
      .split("\n")
      .filter((line) => line.includes(`"event":"${event}"`)),
  )

async function probes(lab: Lab): Promise<{ readonly sent: number; readonly missed: number }> {
  const statuses = await Promise.all(lab.layout.nodes.map(({ name }) => debugStatus(lab, name)))
  const sum = (of: "probesSent" | "probesMissed") => statuses.reduce((all, one) => all + (one?.[of] ?? 0), 0)
  return { sent: sum("probesSent"), missed: sum("probesMissed") }
}

async function quiet(nodes: number, minutes: number): Promise<void> {
  await withLab(nodes, [], async (lab, prober) => {
    const leader = await leaderOf(lab, prober, true)
    const before = { changes: prober.changes.length, taken: logged(lab, "takeOver").length }
    const hogs: ChildProcess[] = [0, 1].map(() => spawn(process.execPath, ["-e", "for(;;);"], { stdio: "ignore" }))
    const percent = values["probe-loss"]
    const lossy = percent > 0 ? await lossyNodes(lab, percent) : undefined
    const probesBefore = await probes(lab)
    const endMs = monotonicMs() + minutes * 60_000
    let pauses = 0
    try {
      while (monotonicMs() < endMs) {
        const { name } = lab.layout.nodes[Math.floor(Math.random() * nodes)] ?? { name: leader }
        const resume = await inject.stop(lab, name)
        await setTimeout(300)
        await resume()
        pauses++
        await setTimeout(4700)
      }
    } finally {
      for (const hog of hogs) hog.kill("SIGKILL")
    }
    const taken = logged(lab, "takeOver").slice(before.taken)
    const { sent, missed } = await probes(lab)
    console.log(
      `${nodes} nodes, ${minutes} minutes, both cores loaded, ${pauses} pauses of 300 ms: ` +
        `${taken.length} take-overs, ${prober.changes.length - before.changes} changes of who answers; ` +
        `${sent - probesBefore.sent} probes, ${missed - probesBefore.missed} missed; load ${os.loadavg()[0]?.toFixed(1)}`,
    )
    if (lossy !== undefined) {
      const { seen, lost } = await lossy.stop()
      console.log(`${lost} of ${seen} frames lost on their way to the nodes (${((100 * lost) / seen).toFixed(1)} %)`)
    }
    for (const line of taken) console.log(line)
  })
}

await preflight()
if (values["quiet-minutes"] > 0) {
  for (const nodes of values.nodes) await quiet(nodes, values["quiet-minutes"])
} else {
  console.log("milliseconds until somebody else answers ARP; a client asks every 10 ms")
  console.log(`${"".padEnd(44)}${["p50", "p95", "max", "runs"].map((cell) => cell.padStart(8)).join("")}`)
  const faults = values.faults as readonly Fault[]
  const words = { kill: "kill -9 of the speaker", link: "its link goes down", stop: "SIGSTOP of the speaker" }
  for (const nodes of values.nodes) {
    await withLab(nodes, [], async (lab, prober) => {
      for (const fault of faults)
        console.log(row(`${nodes} nodes, ${words[fault]}`, await measure(lab, prober, fault, values.runs, true)))
    })
    if (values["gossip-runs"] === 0) continue
    await withLab(nodes, ["--layer2-liveness=false"], async (lab, prober) => {
      for (const fault of faults) {
        const took = await measure(lab, prober, fault, values["gossip-runs"], false)
        console.log(row(`${nodes} nodes, ${words[fault]}, gossip alone`, took))
      }
    })
  }
}
