// Many BFD sessions between two threads in two network namespaces: packets a second, CPU, flaps, how long the wire was
// silent at most. `node bin/with-node.mjs bench/bfd.ts [short | sessions [interval ms] [seconds]]`; needs root.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import type { BfdReport, DesiredBfdSession } from "../actors/bfd/messages.ts"
import { missing, type Program, until, Wire } from "../test/io/namespaces.ts"
import { takeNumbers } from "./support/arguments.ts"

const reason = missing()
if (reason !== undefined) {
  console.log(`bench/bfd: skipped, ${reason}`)
  process.exit(0)
}
const { short, numbers } = takeNumbers(3)
const [count = short ? 20 : 100, intervalMs = 50, seconds = short ? 3 : 10] = numbers
const profile = { transmitInterval: intervalMs, receiveInterval: intervalMs, detectMultiplier: 3 }
const speaker = new URL("../test/bfd/programs/speaker.ts", import.meta.url)

const address = (side: "a" | "b", at: number): string => `10.${side === "a" ? 1 : 2}.${at >> 8}.${(at & 0xff) + 1}`
const wanted = (from: "a" | "b", to: "a" | "b"): DesiredBfdSession[] =>
  Array.from({ length: count }, (_, at) => ({
    peer: address(to, at),
    local: address(from, at),
    multihop: false,
    profile,
  }))

const reportOf = ({ lines }: Program): BfdReport | undefined =>
  lines.findLast((line) => (line as BfdReport).kind === "bfd-report") as BfdReport | undefined
const sum = (program: Program, name: "controlPacketOutput" | "controlPacketInput" | "sessionDownEvents"): number =>
  reportOf(program)?.sessions.reduce((total, { counters }) => total + counters[name], 0) ?? 0
/** Of all its threads, in seconds. */
const cpu = ({ pid }: Program): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const wire = new Wire("bench")
try {
  wire.up()
  for (const [side, namespace] of [
    ["a", wire.host],
    ["b", wire.client],
  ] as const) {
    const batch = Array.from({ length: count }, (_, at) => `addr add ${address(side, at)}/8 dev eth0`).join("\n")
    execFileSync("ip", ["-n", namespace, "-batch", "-"], { input: batch })
  }
  const a = wire.start(speaker)
  const b = wire.watch(process.execPath, speaker.pathname)
  a.tell({ kind: "sessions", sessions: wanted("a", "b") })
  b.tell({ kind: "sessions", sessions: wanted("b", "a") })
  const ready = ({ state, transmitIntervalMs }: BfdReport["sessions"][number]) =>
    state === "up" && transmitIntervalMs === intervalMs
  const allUp = await until(
    () =>
      [a, b].every((each) => {
        const sessions = reportOf(each)?.sessions
        return sessions?.length === count && sessions.every(ready)
      }),
    60_000,
  )
  if (allUp === undefined) throw new Error("not all sessions come up")
  await sleep(2_000)
  const before = {
    out: sum(a, "controlPacketOutput"),
    in: sum(a, "controlPacketInput"),
    downs: sum(a, "sessionDownEvents"),
    cpu: cpu(a),
  }
  const startMs = performance.now()
  await sleep(seconds * 1000)
  const tookS = (performance.now() - startMs) / 1000
  const out = sum(a, "controlPacketOutput") - before.out
  const received = sum(a, "controlPacketInput") - before.in
  console.log(`${count} sessions at ${intervalMs} ms × 3, ${tookS.toFixed(1)} s`)
  console.log(`  out ${Math.round(out / tookS)}/s, in ${Math.round(received / tookS)}/s`)
  console.log(`  CPU ${(((cpu(a) - before.cpu) / tookS) * 100).toFixed(1)} % of a core, whole process`)
  console.log(`  flaps ${sum(a, "sessionDownEvents") - before.downs}`)
} finally {
  await wire.down()
}
