// What gossip costs at rest: bytes, packets and CPU per node and second, beside real memberlist nodes with the same settings
// (MetalLB's, with a key). `node bin/with-node.mjs bench/gossip.ts [--memberlist 3,50,200] [--troupe 3,50] [--simulated 3,50,200]
// [--seconds 90]`; needs root and Go. Each ring of processes has a network namespace of its own, whose loopback interface
// counts. A process of ours takes some 80 MB: `--troupe 200` is for large machines.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { loadavg } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { buildReal, hasGo } from "../test/cluster/processes.ts"
import type { Measured } from "./gossip/ring.ts"
import { simulatedRing } from "./gossip/simulated.ts"
import { takeOptions } from "./support/arguments.ts"

const { memberlist, troupe, simulated, seconds } = takeOptions({
  memberlist: [3, 50, 200],
  troupe: [3, 50],
  simulated: [3, 50, 200],
  seconds: 90,
})

async function ring(kind: "ours" | "memberlist", size: number, binary: string): Promise<Measured> {
  const namespace = `troupe-bench-${process.pid}-gossip`
  const ip = (...args: readonly string[]) => execFileSync("ip", args)
  ip("netns", "add", namespace)
  try {
    ip("-n", namespace, "link", "set", "lo", "up")
    const program = fileURLToPath(new URL("gossip/ring.ts", import.meta.url))
    const args = ["netns", "exec", namespace, process.execPath, program, kind, `${size}`, `${seconds}`, binary]
    const child = spawn("ip", args, { stdio: ["ignore", "pipe", "inherit"] })
    const line = once(createInterface({ input: child.stdout }), "line") as Promise<[string]>
    const ended = once(child, "close").then(() => Promise.reject(new Error(`the ring of ${kind} ended early`)))
    const [text] = await Promise.race([line, ended])
    await ended.catch(() => undefined)
    return JSON.parse(text) as Measured
  } finally {
    ip("netns", "del", namespace)
  }
}

function row(what: string, size: number, { bytes, packets, cpuSeconds }: Measured): void {
  const perNode = (value: number) => value / size / seconds
  const cells = [
    perNode(bytes).toFixed(0),
    perNode(packets).toFixed(2),
    `${(perNode(cpuSeconds) * 100).toFixed(2)} %`,
    (bytes / packets).toFixed(0),
  ]
  console.log(`${what.padEnd(28)}${`${size}`.padStart(6)}${cells.map((cell) => cell.padStart(14)).join("")}`)
}

console.log(`gossip at rest, per node and second, for ${seconds} s; load average ${loadavg()[0]?.toFixed(1)}`)
const head = ["bytes", "packets", "CPU", "bytes a packet"].map((cell) => cell.padStart(14)).join("")
console.log(`${"".padEnd(28)}${"nodes".padStart(6)}${head}`)
if (hasGo) {
  const peer = buildReal()
  try {
    for (const size of memberlist) row("memberlist, processes", size, await ring("memberlist", size, peer.binary))
  } finally {
    peer.remove()
  }
} else console.log("no Go here: no memberlist beside it")
for (const size of troupe) row("troupe, processes", size, await ring("ours", size, ""))
for (const size of simulated) row("troupe, simulated clock", size, await simulatedRing(size, seconds))
