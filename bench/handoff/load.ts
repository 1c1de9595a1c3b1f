import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Lab } from "../../lab/lab.ts"
import type { Outcome } from "./requests.ts"

export type { Outcome } from "./requests.ts"

export interface Load {
  /** Begins no more requests, waits for those under way, and says what became of all. */
  end(): Promise<Outcome>
}

/**
 * Requests from the client's namespace. `forgetEveryMs`: the client's kernel forgets so often which MAC the address has, so
 * that it asks again by ARP; what it remembers would hide that nobody answers. Absent: it remembers.
 */
export function load(
  lab: Lab,
  ip: string,
  { perSecond = 200, timeoutMs = 1000, forgetEveryMs }: LoadOptions = {},
): Load {
  const program = fileURLToPath(new URL("./requests.ts", import.meta.url))
  const inClient = ["netns", "exec", lab.layout.client.namespace]
  const child = spawn("ip", [...inClient, process.execPath, program, ip, `${perSecond}`, `${timeoutMs}`], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  // One program for all of them; what is not there to be forgotten is no error.
  const forgetting = spawn("ip", ["-n", lab.layout.client.namespace, "-force", "-batch", "-"], {
    stdio: ["pipe", "ignore", "ignore"],
  })
  forgetting.stdin.on("error", () => undefined)
  const timer =
    forgetEveryMs === undefined
      ? undefined
      : setInterval(() => void forgetting.stdin.write(`neigh del ${ip} dev eth0\n`), forgetEveryMs)
  let out = ""
  child.stdout.setEncoding("utf8")
  child.stdout.on("data", (text: string) => void (out += text))
  return {
    async end() {
      clearInterval(timer)
      forgetting.stdin.end()
      const closed = once(child, "close")
      child.stdin.end()
      await closed
      return JSON.parse(out) as Outcome
    },
  }
}

export interface LoadOptions {
  readonly perSecond?: number
  readonly timeoutMs?: number
  readonly forgetEveryMs?: number
}
