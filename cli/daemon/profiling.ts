import { Session } from "node:inspector/promises"
import { gzipSync } from "node:zlib"
import type { Result } from "../../protocols/result.ts"
import { err, ok } from "../../protocols/result.ts"
import { encodeProfile, type Frame, type StackSample } from "./pprof-format.ts"
import { type Answer, type Handler, type ListenAt, text } from "./serve.ts"

/** As Go's: a hundred times a second, and one of every 512 KiB. */
const cpuPeriodUs = 10_000
const heapPeriodBytes = 512 * 1024
const longestSeconds = 300

/** `host:port`, or `:port` for every address. */
export function profilingAddress(address: string): Result<ListenAt, string> {
  const parts = /^(.*):(\d{1,5})$/.exec(address)
  const port = Number(parts?.[2])
  if (!parts || port > 65_535) return err(`pprof-bind-address: ${JSON.stringify(address)} is no host:port`)
  return ok({ host: (parts[1] ?? "").replace(/^\[(.*)\]$/, "$1") || "0.0.0.0", port })
}

export interface Profiling {
  readonly handler: Handler
  readonly stop: () => void
}

/**
 * What Go's `net/http/pprof` answers, of this process' main thread: `/debug/pprof/profile?seconds=N` and
 * `/debug/pprof/heap`, both for `go tool pprof`. Memory is sampled from the start on.
 */
export async function startProfiling(): Promise<Profiling> {
  const session = new Session()
  session.connect()
  await session.post("HeapProfiler.startSampling", { samplingInterval: heapPeriodBytes })
  let busy = false
  const handler: Handler = async ({ path, query }) => {
    if (path === "/debug/pprof/" || path === "/debug/pprof") return text("profile?seconds=30\nheap")
    if (path === "/debug/pprof/heap") return binary(await heapProfile(session))
    if (path !== "/debug/pprof/profile") return undefined
    const seconds = Number(query.get("seconds") ?? "30")
    if (!(seconds > 0 && seconds <= longestSeconds)) return text(`seconds: give 1 to ${longestSeconds}`, 400)
    if (busy) return text("Could not enable CPU profiling: cpu profiling already in use", 500)
    busy = true
    try {
      return binary(await cpuProfile(session, seconds * 1000))
    } finally {
      busy = false
    }
  }
  return { handler, stop: () => session.disconnect() }
}

const binary = (profile: Uint8Array): Answer => ({
  status: 200,
  type: "application/octet-stream",
  body: "",
  bytes: gzipSync(profile),
})

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

const frameOf = ({ functionName, url, lineNumber }: CallFrame): Frame => ({
  function: functionName || "(anonymous)",
  file: url.replace(/^file:\/\//, ""),
  line: lineNumber + 1,
})

async function cpuProfile(session: Session, durationMs: number): Promise<Uint8Array> {
  const startNs = BigInt(Date.now()) * 1_000_000n
  await session.post("Profiler.enable")
  await session.post("Profiler.setSamplingInterval", { interval: cpuPeriodUs })
  await session.post("Profiler.start")
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  const { profile } = await session.post("Profiler.stop")
  await session.post("Profiler.disable")
  const { nodes, samples = [], timeDeltas = [] } = profile
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const measured = new Map<number, { count: number; us: number }>()
  for (const [i, id] of samples.entries()) {
    const one = measured.get(id) ?? { count: 0, us: 0 }
    one.count++
    // What lies between this sample and the next is its own.
    one.us += Math.max(0, timeDeltas[i + 1] ?? 0)
    measured.set(id, one)
  }
  const stacks: StackSample[] = []
  for (const [id, { count, us }] of measured) {
    const frames: Frame[] = []
    for (let at = byId.get(id); at !== undefined; at = byId.get(parents.get(at.id) ?? 0))
      if (at.callFrame.functionName !== "(root)") frames.push(frameOf(at.callFrame))
    // Go's profiles know no waiting either.
    if (frames[0] !== undefined && frames[0].function !== "(idle)") stacks.push({ frames, values: [count, us * 1000] })
  }
  return encodeProfile({
    valueTypes: [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
    samples: stacks,
    periodType: ["cpu", "nanoseconds"],
    period: cpuPeriodUs * 1000,
    startNs,
    durationNs: BigInt(Math.round(durationMs * 1e6)),
  })
}

async function heapProfile(session: Session): Promise<Uint8Array> {
  const { profile } = await session.post("HeapProfiler.getSamplingProfile")
  const stacks: StackSample[] = []
  const walk = (node: typeof profile.head, above: readonly Frame[]): void => {
    const frames = node.callFrame.functionName === "(root)" ? above : [frameOf(node.callFrame), ...above]
    if (node.selfSize > 0 && frames.length > 0) stacks.push({ frames, values: [node.selfSize] })
    for (const child of node.children) walk(child, frames)
  }
  walk(profile.head, [])
  return encodeProfile({
    valueTypes: [["inuse_space", "bytes"]],
    samples: stacks,
    periodType: ["space", "bytes"],
    period: heapPeriodBytes,
    startNs: BigInt(Date.now()) * 1_000_000n,
    durationNs: 0n,
  })
}
