import { ok, type Result } from "../../protocols/result.ts"
import type { Cluster } from "./cluster.ts"
import type { ApiFailure } from "./failure.ts"
import { objectAt } from "./json.ts"
import type { Log } from "./log.ts"
import { type OwnerReference, uidOf } from "./metadata.ts"

type Answer = Result<OwnerReference | undefined, ApiFailure>

/** Our own Pod as an owner: what we write goes with it. Undefined when we run in no Pod. */
export type OwnPod = (signal: AbortSignal) => Promise<Answer>

/** Asks once, when it is first needed; a failure is asked again the next time. */
export function ownPod(cluster: Cluster, namespace: string, podName: string | undefined, log: Log): OwnPod {
  if (podName === undefined || podName === "") return async () => ok(undefined)
  let known: Promise<Answer> | undefined
  return async (signal) => {
    known ??= ask(podName, signal)
    const answer = await known
    if (!answer.ok) known = undefined
    return answer
  }

  async function ask(name: string, signal: AbortSignal): Promise<Answer> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`
    const got = await cluster.request({ verb: "get", path, resource: "pods", signal })
    if (got.ok) return ok({ apiVersion: "v1", kind: "Pod", name, uid: uidOf(objectAt(got.value)) })
    if (got.error.kind === "unreachable" || got.error.status !== 404) return got
    log.warn(`there is no Pod ${namespace}/${name}: what we write will have no owner, and stay when we are gone`)
    return ok(undefined)
  }
}
