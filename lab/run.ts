import { execFile } from "node:child_process"
import { Complaint } from "../cli/complaint.ts"

export interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** Runs a program to its end; a program that is missing or killed is a code other than 0, never a throw. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      [...args],
      { timeout: options.timeoutMs ?? 10_000, killSignal: "SIGKILL", encoding: "utf8", maxBuffer: 16 << 20 },
      (error, out, stderr) => {
        const code = error ? (typeof error.code === "number" ? error.code : 127) : 0
        resolve({ code, out, error: stderr || (error?.message ?? "") })
      },
    )
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(options.input ?? "")
  })
}

export async function installed(program: string): Promise<boolean> {
  return (await run("sh", ["-c", `command -v ${program}`])).code === 0
}

/** `ip` with a script of commands, one process for all of them; stops at the first that fails. */
export async function ipBatch(namespace: string | undefined, commands: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace]
  const ran = await run("ip", [...where, "-batch", "-"], { input: `${commands.join("\n")}\n` })
  if (ran.code !== 0) throw new Complaint(`the network of the lab cannot be built: ${firstLine(ran.error)}`)
}

export const firstLine = (text: string): string => text.trim().split("\n")[0] ?? ""
