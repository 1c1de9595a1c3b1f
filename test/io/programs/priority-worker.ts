// A worker that asks for real-time priority and says what the kernel has for it and for the main thread.
import { readdirSync, readFileSync } from "node:fs"
import { parentPort } from "node:worker_threads"
import { preferThisThread } from "../../../io/priority.ts"

/** Field 41 of proc_pid_stat(5); the name in field 2 may hold anything but ends with the last parenthesis. */
function policy(thread: string): number {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8")
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[38])
}

const outcome = preferThisThread()
const policies = readdirSync("/proc/self/task").map((thread) => ({
  main: Number(thread) === process.pid,
  policy: policy(thread),
}))
parentPort?.postMessage({ outcome, policies }, [])
