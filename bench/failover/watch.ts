import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Lab } from "../../lab/lab.ts"

/** CLOCK_MONOTONIC, as the prober has it. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

export interface Change {
  readonly atMs: number
  readonly node: string
}

/** Who answers the client's ARP requests for an address, one every 10 ms. */
export function probe(lab: Lab, ip: string) {
  const program = fileURLToPath(new URL("./prober.ts", import.meta.url))
  const args = ["netns", "exec", lab.layout.client.namespace, process.execPath, program, "eth0", ip, "10"]
  const child = spawn("ip", args, { stdio: ["pipe", "pipe", "inherit"] })
  const changes: Change[] = []
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { atMs, mac } = JSON.parse(line) as { atMs: number; mac: string }
    changes.push({ atMs, node: lab.macs.get(mac) ?? mac })
  })
  return {
    changes,
    now: () => changes.at(-1)?.node,
    /** The first answer by somebody else than `leader` after that moment. */
    async moved(leader: string, sinceMs: number, withinMs: number): Promise<Change | undefined> {
      const endMs = monotonicMs() + withinMs
      while (monotonicMs() < endMs) {
        const found = changes.find(({ atMs, node }) => atMs >= sinceMs && node !== leader)
        if (found !== undefined) return found
        await setTimeout(5)
      }
      return undefined
    },
    stop: () => child.stdin.end(),
  }
}

export type Prober = ReturnType<typeof probe>
