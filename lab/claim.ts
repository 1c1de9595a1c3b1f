import fs from "node:fs"
import { Complaint } from "../cli/complaint.ts"
import { type Layout, labDirectory } from "./layout.ts"
import { removeNetwork } from "./network.ts"
import { installed, run } from "./run.ts"

/** What a lab needs of the machine; the error says what to do. */
export async function preflight(): Promise<void> {
  if (process.platform !== "linux")
    throw new Complaint("the lab needs Linux: it builds its hosts from network namespaces")
  for (const [program, hint] of [
    ["ip", "install iproute2"],
    ["curl", "install curl"],
  ] as const) {
    if (!(await installed(program))) throw new Complaint(`the lab needs the program ${program} (${hint})`)
  }
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"
  const missing = (
    [
      ["CAP_NET_ADMIN", 12n],
      ["CAP_NET_RAW", 13n],
      ["CAP_SYS_ADMIN", 21n],
    ] as const
  )
    .filter(([, bit]) => (BigInt(`0x${capabilities}`) & (1n << bit)) === 0n)
    .map(([name]) => name)
  if (missing.length > 0) throw new Complaint(`the lab needs ${missing.join(", ")}: run it as root`)
}

/**
 * Takes the lab's name and directory for this process, or says who has it. What a lab that was killed left behind (its
 * process is gone) is cleared away first.
 */
export async function claim(lab: Layout): Promise<void> {
  const owner = ownerOf(lab.name)
  if (owner !== undefined && isTroupe(owner)) {
    throw new Complaint(
      `a lab named ${lab.name} is running already (process ${owner}): stop it, or start this one with --name OTHER`,
    )
  }
  await release(lab)
  try {
    fs.mkdirSync(lab.directory, { recursive: true, mode: 0o700 })
    fs.writeFileSync(`${lab.directory}/pid`, `${process.pid}\n`, { flag: "wx" })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === "EEXIST") throw new Complaint(`another lab named ${lab.name} is just starting`)
    throw new Complaint(`cannot make the directory ${lab.directory}: ${code}`)
  }
}

/** Ends what still runs for the lab, and removes namespaces and files. */
export async function release(lab: Layout): Promise<void> {
  for (const pid of strays(lab)) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It ended by itself in the meantime.
    }
  }
  await removeNetwork(lab)
  fs.rmSync(lab.directory, { recursive: true, force: true })
}

/** What a lab that was killed has started and what has not ended by itself yet; a number may be another program's by now. */
function strays(lab: Layout): number[] {
  const files = fs.existsSync(lab.directory) ? fs.readdirSync(lab.directory) : []
  return files
    .filter((file) => file.endsWith(".pid"))
    .map((file) => Number(fs.readFileSync(`${lab.directory}/${file}`, "utf8")))
    .filter((pid) => pid > 0 && commandOf(pid).includes(`${lab.directory}/`))
}

function commandOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8")
  } catch {
    return ""
  }
}

function ownerOf(name: string): number | undefined {
  try {
    const pid = Number(fs.readFileSync(`${labDirectory(name)}/pid`, "utf8"))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/** The number may have gone to another program since. */
const isTroupe = (pid: number): boolean => commandOf(pid).includes("cli/main.ts")

/** Names of the labs that run on this machine. */
export async function runningLabs(): Promise<string[]> {
  const { out } = await run("sh", ["-c", "ls -d /run/troupe-*/pid 2>/dev/null"])
  return out
    .split("\n")
    .flatMap((line) => /^\/run\/troupe-(.+)\/pid$/.exec(line)?.[1] ?? [])
    .filter((name) => {
      const pid = ownerOf(name)
      return pid !== undefined && isTroupe(pid)
    })
}
