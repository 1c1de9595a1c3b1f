import { setTimeout } from "node:timers/promises"
import { Complaint } from "../cli/complaint.ts"
import { preflight } from "./claim.ts"
import { demo } from "./demo.ts"
import { interact } from "./interact.ts"
import { type Lab, startLab } from "./lab.ts"
import { isLabName, type Layout, layout } from "./layout.ts"
import { run } from "./run.ts"

export interface LabOptions {
  readonly name: string
  readonly nodes: number
  /** Runs unattended and exits; absent: stays until Ctrl-C. */
  readonly script?: string
}

/** `troupe lab`; gives the exit code. Whatever happens, nothing is left behind. */
export async function labCommand(options: LabOptions): Promise<number> {
  if (!isLabName(options.name)) throw new Complaint(`--name ${options.name}: use small letters, digits and dashes`)
  if (!(options.nodes >= 1 && options.nodes <= 9)) throw new Complaint("--nodes takes a number from 1 to 9")
  if (options.script !== undefined && options.script !== "demo") {
    throw new Complaint(`there is no script named ${options.script}: the one there is, is demo`)
  }
  await preflight()
  const plan = layout(options.name, options.nodes)
  const stopped = new AbortController()
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  for (const signal of signals) process.on(signal, () => stopped.abort())
  const said: string[] = []
  let built = false
  const say = (line: string) => {
    said.push(line)
    if (said.length > 100) said.shift()
    if (options.script !== undefined || !built) console.log(line)
  }
  const lab = await startLab(plan, { said: say })
  built = true
  try {
    if (options.script === "demo") return await unattended(lab, say, stopped.signal)
    return await interact(lab, said, stopped.signal)
  } finally {
    await lab.stop()
  }
}

async function unattended(lab: Lab, say: (line: string) => void, stopped: AbortSignal): Promise<number> {
  const began = performance.now()
  const interrupted = new Promise<never>((_, reject) => {
    stopped.addEventListener("abort", () => reject(new Complaint("interrupted")))
  })
  try {
    await Promise.race([demo(lab, say), interrupted])
    say(`every step held (${((performance.now() - began) / 1000).toFixed(1)} s)`)
    return 0
  } catch (error) {
    if (!(error instanceof Complaint)) throw error
    say(`FAILED: ${error.message}`)
    await setTimeout(100)
    for (const line of await lastLogLines(lab.layout)) console.log(line)
    return 1
  }
}

/** What the processes said last: gone with the lab's directory, so it is shown before. */
async function lastLogLines(plan: Layout): Promise<string[]> {
  const { out } = await run("sh", ["-c", `cd ${plan.directory} && tail -n 15 *.log`])
  return out.trim().split("\n")
}
