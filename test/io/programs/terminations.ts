// Starts and terminates workers that hold sockets, and counts the descriptors of this process. One JSON line in the end.
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { descriptorTable, reclaim } from "../../../io/descriptors.ts"

const [times = "50", interfaceIndex = "1"] = process.argv.slice(2)
const sockets = () => readdirSync("/proc/self/fd").length
const descriptors = descriptorTable()

async function live(end: (worker: Worker) => Promise<unknown>): Promise<boolean> {
  const workerData = { descriptors, interfaceIndex: Number(interfaceIndex) }
  const worker = new Worker(new URL("./descriptor-worker.ts", import.meta.url), { workerData })
  const [opened] = (await once(worker, "message")) as [boolean]
  await end(worker)
  return opened
}

const terminate = (worker: Worker) => worker.terminate()
// The first worker also opens what a process opens once and keeps.
let opened = await live(terminate)
const leftByOne = reclaim(descriptors)
const before = sockets()
for (let i = 0; i < Number(times); i++) opened = (await live(terminate)) && opened
const leftByLast = sockets() - before
const reclaimed = reclaim(descriptors)
process.stdout.write(
  `${JSON.stringify({ kind: "counted", opened, leftByOne, leftByLast, reclaimed, before, after: sockets() })}\n`,
)
