import { type ChildProcess, spawn } from "node:child_process"
import type { Link } from "../../test/session/routers.ts"

/** Unix milliseconds, with fractions, of each SYN towards port 179 on the link. */
export class SynWatch {
  readonly #child: ChildProcess
  readonly #seenMs: number[] = []

  constructor({ theirs }: Link) {
    const filter = `dst host ${theirs} and tcp dst port 179 and tcp[tcpflags] == tcp-syn`
    this.#child = spawn("tcpdump", ["-i", "any", "-n", "-tt", "-l", "--immediate-mode", filter], {
      stdio: ["ignore", "pipe", "ignore"],
    })
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      for (const [, seconds] of text.matchAll(/^(\d+\.\d+) /gm)) this.#seenMs.push(Number(seconds) * 1000)
    })
  }

  /** The last before that moment; undefined: tcpdump has not told of it yet. */
  lastBefore(ms: number): number | undefined {
    return this.#seenMs.findLast((seen) => seen < ms)
  }

  close(): void {
    this.#child.kill()
  }
}
