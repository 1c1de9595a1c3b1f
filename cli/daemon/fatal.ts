import type { Log } from "../../supervision/actor.ts"
import { Complaint } from "../complaint.ts"

let log: Log | undefined

/** From now on there is a log to say it in. */
export function fatalGoesTo(to: Log): void {
  log = to
}

/** MetalLB's messages; what is wrong follows after a colon. */
const messages = [
  "failed to parse TLS configuration",
  "Unable to get namespace from pod service account data, please specify --namespace or METALLB_NAMESPACE",
  "failed to create k8s client",
  "failed to create memberlist secret",
]

/** A Complaint that ends a daemon is in its log too, for who has nothing else of the Pod. */
export async function fatalInLog(running: Promise<number>): Promise<number> {
  try {
    return await running
  } catch (error) {
    if (error instanceof Complaint) {
      const message = messages.find((one) => error.message.startsWith(`${one}: `))
      const why = message === undefined ? error.message : error.message.slice(message.length + 2)
      log?.error(message ?? "failed to start", { op: "startup", error: why })
    }
    throw error
  }
}
