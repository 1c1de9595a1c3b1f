import http from "node:http"
import type { SpeakerStatus } from "../../actors/announcer/messages.ts"
import type { Lab } from "../../lab/lab.ts"
import { debugSocket } from "../../lab/layout.ts"

/** Undefined: it does not answer. */
export function debugStatus(lab: Lab, node: string): Promise<ReturnType<typeof read>> {
  return new Promise((resolve) => {
    const request = http.request(
      { socketPath: debugSocket(lab.layout, node), path: "/debug/status", timeout: 1000, agent: false },
      (response) => {
        let body = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          body += chunk
        })
        response.on("end", () => resolve(read(body)))
      },
    )
    request.on("timeout", () => request.destroy(new Error("late")))
    request.on("error", () => resolve(undefined))
    request.end()
  })
}

function read(body: string) {
  try {
    const { gossip, liveness } = JSON.parse(body) as SpeakerStatus
    const { probesSent = 0, probesMissed = 0 } = liveness?.wire?.counts ?? {}
    return {
      speakers: typeof gossip === "string" ? 0 : gossip.speakers.length,
      liveness: liveness?.state,
      probesSent,
      probesMissed,
    }
  } catch {
    return undefined
  }
}
