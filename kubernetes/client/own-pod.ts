import { ok, type Result } from "../../protocols/result.ts"
import type { Cluster } from "./cluster.ts"
import type { ApiFailure } from "./failure.ts"
import { objectAt } from "./json.ts"
import type { Log } from "./log.ts"
import { type OwnerReference, uidOf } from "./metadata.ts"

/** Our own Pod as an owner: what we write goes with it. Undefined when we run in no Pod. */
export type OwnPod = (signal: AbortSignal) => Promise<Result<OwnerReference | undefined, ApiFailure>>

/** Asks once, when it is first needed; a failure is asked again the next time. */
export function ownPod(cluster: Cluster, namespace: string, podName: string | undefined, log: Log): OwnPod {
  let known: OwnerReference | undefined
  let none = podName === undefined || podName === ""
  return async (signal) => {
    if (none || known !== undefined) return ok(known)
    const path = `/api/v1/namespaces/${namespace}/pods/${podName}`
    const got = await cluster.request({ verb: "get", path, resource: "pods", signal })
    if (got.ok) known = { apiVersion: "v1", kind: "Pod", name: podName ?? "", uid: uidOf(objectAt(got.value)) }
    else if (got.error.kind === "refused" && got.error.status === 404) {
      none = true
      log.warn(`there is no Pod ${namespace}/${podName}: what we write will have no owner, and stay when we are gone`)
    } else return got
    return ok(known)
  }
}
