import fs from "node:fs"
import { runningLabs } from "../../lab/claim.ts"
import { labDirectory } from "../../lab/layout.ts"
import { Complaint } from "../complaint.ts"
import type { DebugAt } from "../debug-client.ts"

/** A daemon that can be asked: its name in the lab, or where it is. */
export interface Daemon {
  readonly name: string
  readonly at: DebugAt
}

export interface DaemonOptions {
  readonly socket?: string
  readonly address?: string
}

/** The daemons that the options name; none given: those of the labs that run here, else the speaker of this Pod. */
export async function daemons(options: DaemonOptions): Promise<readonly Daemon[]> {
  if (options.socket !== undefined) return [{ name: "", at: options.socket }]
  if (options.address !== undefined) return [{ name: "", at: hostPort(options.address) }]
  const sockets = (await runningLabs()).flatMap((lab) => {
    const directory = labDirectory(lab)
    return fs
      .readdirSync(directory)
      .filter((file) => file.endsWith(".debug.sock"))
      .sort()
      .map((file) => ({ name: file.slice(0, -".debug.sock".length), at: `${directory}/${file}` }))
  })
  return sockets.length > 0 ? sockets : [{ name: "", at: { host: "127.0.0.1", port: 17472 } }]
}

function hostPort(text: string): DebugAt {
  const parts = /^(.*):(\d{1,5})$/.exec(text)
  if (!parts) throw new Complaint(`--address ${text}: give host:port`)
  return { host: parts[1] || "127.0.0.1", port: Number(parts[2]) }
}
