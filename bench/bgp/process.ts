import { readFileSync } from "node:fs"

/** What a process has used so far, all its threads. */
export interface Used {
  readonly cpuMs: number
  /** Resident now, and at most so far, in MiB. */
  readonly residentMiB: number
  readonly peakMiB: number
}

/** The kernel counts CPU time in steps of 10 ms. */
export function used(pid: number): Used {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const mebibytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    residentMiB: mebibytes("VmRSS"),
    peakMiB: mebibytes("VmHWM"),
  }
}
