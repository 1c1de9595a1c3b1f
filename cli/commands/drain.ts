import { setTimeout } from "node:timers/promises"
import type { DrainStatus } from "../../actors/announcer/drain-messages.ts"
import { parseDurationMs } from "../../config/duration.ts"
import { Complaint } from "../complaint.ts"
import { askDrain, type DebugAt } from "../debug-client.ts"
import { describeDrain } from "../status/drain.ts"
import { daemons } from "./daemons.ts"
import type { Output } from "./options.ts"

export interface DrainOptions {
  readonly socket?: string
  readonly undo?: boolean
  readonly force?: boolean
  readonly status?: boolean
  readonly wait?: boolean
  readonly timeout: string
  readonly output: Output
}

const pollMs = 100

/** Gives the exit code. */
export async function drainCommand(node: string | undefined, options: DrainOptions): Promise<number> {
  const timeoutMs = parseDurationMs(options.timeout)
  if (timeoutMs === undefined || timeoutMs < 0) throw new Complaint(`--timeout ${options.timeout}: give 30s, 1m, …`)
  const at = await speakerAt(node, options.socket)
  const what = options.status === true ? "status" : options.undo === true ? "undo" : "drain"
  let status = await askDrain(at, what, options.force === true)
  const isDone = ({ command, done }: DrainStatus) => (what === "undo" ? !command : what === "status" || done)
  if (options.wait === true) {
    const endMs = performance.now() + timeoutMs
    while (!isDone(status) && performance.now() < endMs) {
      await setTimeout(pollMs)
      status = await askDrain(at, "status", false)
    }
  }
  // What is announced again is decided in this moment.
  const told = what === "undo" ? { ...status, services: [], routes: {} } : status
  console.log(options.output === "json" ? JSON.stringify(told, null, 2) : describeDrain(told))
  if (options.wait !== true || isDone(status)) return 0
  throw new Complaint(`not done within ${options.timeout}; it goes on`)
}

async function speakerAt(node: string | undefined, socket: string | undefined): Promise<DebugAt> {
  if (socket !== undefined) return socket
  const speakers = (await daemons({})).filter(({ name, at }) => typeof at === "string" && name !== "controller")
  if (speakers.length === 0) {
    throw new Complaint("give --socket: the path that the speaker on this host has for --debug-socket")
  }
  const [only] = speakers
  const chosen = node === undefined && speakers.length === 1 ? only : speakers.find(({ name }) => name === node)
  if (chosen === undefined) throw new Complaint(`which node? There is ${speakers.map(({ name }) => name).join(", ")}`)
  return chosen.at
}
