// Faults in a lab of real processes on a real segment; a client asks by ARP every 10 ms who has the address.
import fs from "node:fs"
import { setTimeout } from "node:timers/promises"
import test from "ava"
import { debugStatus } from "../../bench/failover/status.ts"
import { monotonicMs, type Prober, probe } from "../../bench/failover/watch.ts"
import { addService, applyConfiguration } from "../../lab/actions.ts"
import { hostOf, type Lab, startLab } from "../../lab/lab.ts"
import { layout } from "../../lab/layout.ts"
import { ipBatch } from "../../lab/run.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "../lab/support.ts"

const live = await labTest()
const minutes = 60_000
/** Gossip alone needs more than five seconds. */
const beforeGossipMs = 4500

let lab: Lab
let prober: Prober
let leader: string

async function calm(): Promise<void> {
  await until("all speakers to hear each other", 60_000, async () => {
    for (const { name } of lab.layout.nodes) {
      const status = await debugStatus(lab, name)
      if (status?.liveness !== "on" || status.speakers !== lab.layout.nodes.length) return undefined
    }
    return leader === undefined || prober.now() === leader ? true : undefined
  })
  await setTimeout(1500)
}

async function begin(): Promise<void> {
  if (lab !== undefined) return calm()
  lab = await startLab(layout(`liveness-${process.pid}`, 3), { said: () => undefined })
  await applyConfiguration(lab)
  prober = probe(lab, await addService(lab, "web"))
  await calm()
  leader = await until("an answer", 30_000, async () => prober.now())
}

test.after.always(async () => {
  prober?.stop()
  await lab?.stop()
})

interface Line {
  readonly event?: string
  readonly cause?: string
  readonly node?: string
  readonly mac?: string
}

const logged = (event: string): Line[] =>
  lab.layout.nodes.flatMap(({ name }) =>
    fs
      .readFileSync(`${lab.layout.directory}/${name}.log`, "utf8")
      .split("\n")
      .filter((line) => line.includes(`"event":"${event}"`))
      .map((line) => JSON.parse(line) as Line),
  )

async function fails(how: () => Promise<void> | void): Promise<{ readonly tookMs: number; readonly causes: string[] }> {
  const before = logged("takeOver").length
  const fromMs = monotonicMs()
  await how()
  const moved = await prober.moved(leader, fromMs, 30_000)
  const causes = logged("takeOver")
    .slice(before)
    .map(({ cause = "" }) => cause)
  return { tookMs: (moved?.atMs ?? Number.POSITIVE_INFINITY) - fromMs, causes }
}

live(
  "kill -9, a link that goes down, a speaker that stands still: the next one answers before gossip knows",
  async (t) => {
    t.timeout(5 * minutes)
    await begin()
    const killed = await fails(async () => void (await lab.processes.kill(leader)))
    t.true(killed.tookMs < beforeGossipMs, `${killed.tookMs}`)
    t.deepEqual(killed.causes, ["process-dead"])
    lab.startSpeaker(leader)

    await calm()
    const port = (state: string) => ipBatch(lab.layout.switch.namespace, [`link set ${leader} ${state}`])
    const down = await fails(() => port("down"))
    await port("up")
    t.true(down.tookMs < beforeGossipMs, `${down.tookMs}`)
    t.deepEqual(down.causes, ["node-gone"])

    await calm()
    const pid = lab.processes.pid(leader) ?? 0
    const stopped = await fails(() => void process.kill(pid, "SIGSTOP"))
    process.kill(pid, "SIGCONT")
    t.true(stopped.tookMs > 400 && stopped.tookMs < beforeGossipMs, `${stopped.tookMs}`)
    t.deepEqual(stopped.causes, ["speaker-hung"])
    await until("the leader to answer again", 10_000, async () => (prober.now() === leader ? true : undefined))
    t.log(
      `kill ${killed.tookMs.toFixed()} ms, link ${down.tookMs.toFixed()} ms, SIGSTOP ${stopped.tookMs.toFixed()} ms`,
    )
  },
)

live(
  "gossip is split while the segment is whole: the leader stays, and an Event names both nodes and MACs",
  async (t) => {
    t.timeout(5 * minutes)
    await begin()
    const taken = logged("takeOver").length
    const { address } = hostOf(lab.layout, leader)
    for (const { name, namespace } of lab.layout.nodes) {
      const to = name === leader ? "" : `to ${address} `
      const rules = ["udp", "tcp"].map((protocol) => `rule add ${to}ipproto ${protocol} dport 7946 blackhole`)
      await ipBatch(namespace, rules)
    }
    const events = async () => {
      const all = (await lab.kube.list("/api/v1/events")) as unknown as {
        reason?: string
        message?: string
      }[]
      return all.find(({ reason }) => reason === "brainSplit")
    }
    const event = await until("the split to be reported", minutes, events)
    const macOf = (node: string) => [...lab.macs].find(([, name]) => name === node)?.[0] ?? "?"
    t.true(event.message?.includes(`"${leader}"`), event.message)
    t.true(event.message?.includes(macOf(leader)), event.message)
    t.true(logged("brainSplit").some(({ node, mac }) => node === leader && mac === macOf(leader)))
    t.is(prober.now(), leader)
    t.is(logged("takeOver").length, taken)
  },
)
