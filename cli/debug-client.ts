import http from "node:http"
import type { DrainStatus } from "../actors/announcer/drain-messages.ts"
import type { SpeakerStatus } from "../actors/announcer/messages.ts"
import type { RoutesReport } from "../actors/session/messages.ts"
import type { SystemCounters, TreeNode } from "../supervision/introspection.ts"
import { Complaint } from "./complaint.ts"

/** Where a daemon answers questions about itself: its debug socket, or its health port. */
export type DebugAt = string | { readonly host: string; readonly port: number }

export interface ActorsAnswer {
  readonly counters: SystemCounters
  readonly tree: TreeNode
}

export async function actorTree(at: DebugAt): Promise<ActorsAnswer> {
  return JSON.parse(await ask(at, "GET", "/debug/actors")) as ActorsAnswer
}

/** Null: the speaker did not answer in time. */
export async function speakerStatus(at: DebugAt): Promise<SpeakerStatus | null> {
  return JSON.parse(await ask(at, "GET", "/debug/status")) as SpeakerStatus | null
}

/** Null: the speaker did not answer in time. */
export async function bgpRoutes(at: DebugAt, peer: string): Promise<RoutesReport | null> {
  return JSON.parse(await ask(at, "GET", `/debug/bgp/routes?peer=${encodeURIComponent(peer)}`)) as RoutesReport | null
}

/** Throws a Complaint with the daemon's own words when there is no such actor or it is not allowed. */
export async function killActor(at: DebugAt, path: string): Promise<void> {
  await ask(at, "POST", `/debug/actors/kill?path=${encodeURIComponent(path)}`)
}

/** Throws a Complaint with the speaker's own words when it refuses. Only by its debug socket. */
export async function askDrain(at: DebugAt, what: "status" | "drain" | "undo", force: boolean): Promise<DrainStatus> {
  const method = { status: "GET", drain: "POST", undo: "DELETE" }[what]
  return JSON.parse(await ask(at, method, `/debug/drain${force ? "?force=true" : ""}`)) as DrainStatus
}

function ask(at: DebugAt, method: string, path: string): Promise<string> {
  const where = typeof at === "string" ? { socketPath: at } : at
  const name = typeof at === "string" ? at : `${at.host}:${at.port}`
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, method, path, timeout: 5_000, agent: false }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        body += chunk
      })
      response.on("end", () => {
        if (response.statusCode === 200) resolve(body)
        else reject(new Complaint(body.trim() || `HTTP ${response.statusCode}`))
      })
    })
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")))
    request.on("error", (error) => reject(new Complaint(`nobody answers at ${name}: ${error.message}`)))
    request.end()
  })
}
