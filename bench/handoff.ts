// What a client sees of planned hand-overs, in a lab: HTTP requests, each over a connection of its own, while the node that
// answers is stopped, drained, tainted or put out of service, and comes back.
// `node bin/with-node.mjs bench/handoff.ts [--runs 5] [--nodes 3] [--rate 200] [--forget-ms 50] [--only sigterm,drain]`.
import { setTimeout } from "node:timers/promises"
import { askDrain } from "../cli/debug-client.ts"
import { addService, applyConfiguration, arpAnswerer, routedVia, speakersAgree } from "../lab/actions.ts"
import { preflight } from "../lab/claim.ts"
import { hostOf, type Lab, startLab } from "../lab/lab.ts"
import { debugSocket, layout } from "../lab/layout.ts"
import { node as nodeObject } from "../lab/objects.ts"
import { until } from "../lab/wait.ts"
import { debugStatus } from "./failover/status.ts"
import { probe } from "./failover/watch.ts"
import { load, type LoadOptions, type Outcome } from "./handoff/load.ts"
import { takeOptions } from "./support/arguments.ts"

interface Way {
  readonly words: string
  readonly leave: (lab: Lab, node: string) => Promise<void>
  readonly back: (lab: Lab, node: string) => Promise<void>
}

const taints = (lab: Lab, node: string, ...keys: readonly string[]) =>
  lab.kube.apply({
    ...nodeObject(hostOf(lab.layout, node)),
    spec: { taints: keys.length === 0 ? null : keys.map((key) => ({ key, effect: "NoSchedule" })) },
  })
const taint = (key: string): Way => ({
  words: `taint ${key}`,
  leave: (lab, node) => taints(lab, node, key),
  back: (lab, node) => taints(lab, node),
})

const ways: Readonly<Record<string, Way>> = {
  nothing: { words: "nothing happens", leave: async () => undefined, back: async () => undefined },
  sigterm: {
    words: "SIGTERM, started again at once",
    async leave(lab, node) {
      const pid = lab.processes.pid(node)
      if (pid !== undefined) process.kill(pid, "SIGTERM")
    },
    back: async () => undefined,
  },
  drain: {
    words: "troupe drain, troupe undrain",
    leave: async (lab, node) => void (await askDrain(debugSocket(lab.layout, node), "drain", false)),
    back: async (lab, node) => void (await askDrain(debugSocket(lab.layout, node), "undo", false)),
  },
  taint: taint("troupe.dev/drain"),
  "out-of-service": taint("node.kubernetes.io/out-of-service"),
}

const values = takeOptions({
  runs: 5,
  nodes: 3,
  rate: 200,
  "forget-ms": 50,
  only: Object.keys(ways),
  name: "handoff",
})

const settleMs = 2000

/** From before the node goes until it is back and has it all again. */
async function run(
  lab: Lab,
  { leave, back }: Way,
  node: string,
  ip: string,
  isBack: () => Promise<unknown>,
  options: LoadOptions,
): Promise<Outcome> {
  const requests = load(lab, ip, options)
  await setTimeout(1000)
  await leave(lab, node)
  await setTimeout(settleMs)
  await back(lab, node)
  await isBack()
  await setTimeout(settleMs)
  return requests.end()
}

const sum = (runs: readonly Outcome[], pick: (run: Outcome) => number) => runs.reduce((all, one) => all + pick(one), 0)
const most = (runs: readonly Outcome[], pick: (run: Outcome) => number) => Math.max(...runs.map(pick)).toFixed(0)

function row(words: string, runs: readonly Outcome[]): string {
  const cells = [
    `${sum(runs, ({ requests }) => requests)}`,
    `${sum(runs, ({ failed }) => failed)}`,
    `${sum(runs, ({ cut }) => cut)}`,
    most(runs, ({ longestGapMs }) => longestGapMs),
    most(runs, ({ slowestMs }) => slowestMs),
    most(runs, ({ lateMs }) => lateMs),
  ]
  const why = Object.entries(Object.assign({}, ...runs.map(({ failures }) => failures))).join(" ")
  return `${words.padEnd(44)}${cells.map((cell) => cell.padStart(10)).join("")}  ${why}`.trimEnd()
}

await preflight()
const lab = await startLab(layout(values.name, values.nodes), { said: () => undefined })
try {
  await applyConfiguration(lab)
  const [ip, routed] = [await addService(lab, "web"), await addService(lab, "routed", "routed")]
  await speakersAgree(lab)
  const leader = await arpAnswerer(lab, ip)
  const all = lab.layout.nodes.map(({ name }) => name)
  const prober = probe(lab, ip)
  const ready = async () => {
    // A speaker that starts on a busy machine takes its time.
    await until("the speakers to know each other", 120_000, async () => {
      for (const name of all) {
        const status = await debugStatus(lab, name)
        if (status?.speakers !== all.length || status.liveness !== "on") return undefined
      }
      return true
    })
    await until(`${leader} to answer`, 60_000, async () => (prober.now() === leader ? true : undefined))
    if (lab.hasRouter) await routedVia(lab, `${routed}/32`, all, 60_000)
  }
  const perSecond = values.rate
  console.log(
    `${perSecond} requests a second, ${values.runs} runs each; gap, slowest and how late the client itself was in milliseconds`,
  )
  console.log(
    `${"".padEnd(44)}${["requests", "failed", "cut", "gap", "slowest", "late"].map((cell) => cell.padStart(10)).join("")}`,
  )
  for (const [where, to, options] of [
    ["layer 2", ip, { perSecond, forgetEveryMs: values["forget-ms"] }],
    ...(lab.hasRouter ? [["BGP", routed, { perSecond }] as const] : []),
  ] as const) {
    for (const name of values.only) {
      const way = ways[name]
      if (way === undefined) throw new Error(`no such way: ${name}`)
      const runs: Outcome[] = []
      for (let i = 0; i < values.runs; i++) {
        await ready()
        runs.push(await run(lab, way, leader, to, ready, options))
      }
      console.log(row(`${where}, ${way.words}`, runs))
    }
  }
  prober.stop()
} finally {
  await lab.stop()
}
