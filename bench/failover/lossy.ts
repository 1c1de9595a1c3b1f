import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Lab } from "../../lab/lab.ts"

/** Frames of ARP and neighbour discovery that reached the nodes, and how many of them were lost. */
export interface Losses {
  readonly seen: number
  readonly lost: number
}

/** Every node loses that share of the ARP and neighbour discovery frames that reach it, until `stop`. */
export async function lossyNodes(lab: Lab, percent: number): Promise<{ stop(): Promise<Losses> }> {
  const directory = mkdtempSync(path.join(tmpdir(), "troupe-lossy-"))
  const binary = path.join(directory, "lossy")
  const source = fileURLToPath(new URL("./lossy.c", import.meta.url))
  execFileSync("gcc", ["-O2", "-Wall", "-o", binary, source], { stdio: "inherit" })
  const running = await Promise.all(
    lab.layout.nodes.map(async ({ namespace }) => {
      const args = ["netns", "exec", namespace, binary, "eth0", `${percent}`]
      const child = spawn("ip", args, { stdio: ["pipe", "pipe", "inherit"] })
      const lines = createInterface({ input: child.stdout })
      const [ready] = (await Promise.race([once(lines, "line"), once(child, "exit")])) as [unknown]
      if (ready !== "ready") throw new Error(`no frames can be lost in ${namespace}`)
      return { child, lines }
    }),
  )
  return {
    async stop() {
      const losses = await Promise.all(
        running.map(async ({ child, lines }) => {
          const said = once(lines, "line") as Promise<[string]>
          child.stdin.end()
          const [line] = await said
          const [seen = 0, lost = 0] = line.split(" ").map(Number)
          return { seen, lost }
        }),
      )
      rmSync(directory, { recursive: true })
      return losses.reduce((all, one) => ({ seen: all.seen + one.seen, lost: all.lost + one.lost }))
    },
  }
}
