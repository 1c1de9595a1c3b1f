import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import { fileURLToPath } from "node:url"
import ava, { type ExecutionContext } from "ava"
import { installed } from "../../lab/run.ts"

/** A test that needs what a lab needs; where that is missing it is skipped, and its name says why. */
export async function labTest(
  ...programs: readonly string[]
): Promise<(name: string, run: (t: ExecutionContext) => Promise<void>) => void> {
  const missing: string[] = process.getuid?.() === 0 ? [] : ["root"]
  for (const program of ["ip", "curl", ...programs]) if (!(await installed(program))) missing.push(program)
  return (name, run) => {
    if (missing.length > 0) ava.skip(`${name} (needs ${missing.join(", ")})`, run)
    else ava.serial(name, run)
  }
}

const entry = fileURLToPath(new URL("../../bin/troupe.mjs", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly out: string
}

/** The program as a person starts it, under another program when `under` is given. */
export function troupe(
  args: readonly string[],
  options: { readonly under?: readonly string[]; readonly path?: string } = {},
) {
  const [command = "", ...rest] = [...(options.under ?? []), process.execPath, entry, ...args]
  const env = { ...process.env, NO_COLOR: "1", ...(options.path === undefined ? {} : { PATH: options.path }) }
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"], env })
  let out = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8")
    stream.on("data", (text: string) => {
      out += text
    })
  }
  return {
    child,
    output: () => out,
    ended: new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out }))),
  }
}

/** What a lab of that name has left: namespaces, files, processes. */
export function leftovers(name: string): string[] {
  const namespaces = fs.existsSync("/run/netns") ? fs.readdirSync("/run/netns") : []
  const processes = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" }).stdout.split("\n")
  return [
    ...namespaces.filter((namespace) => namespace.startsWith(`troupe-${name}-`)),
    ...(fs.existsSync(`/run/troupe-${name}`) ? [`/run/troupe-${name}`] : []),
    ...processes.filter((line) => line.includes(`/run/troupe-${name}/`) && !line.includes("ps -eo")),
  ]
}
