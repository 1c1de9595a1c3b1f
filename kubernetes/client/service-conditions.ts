import { isDeepStrictEqual } from "node:util"
import type { DesiredServiceConditions } from "../../config/cluster-api.ts"
import type { Cluster } from "./cluster.ts"
import { isObject, type JsonObject, listOf, objectAt } from "./json.ts"
import type { Log } from "./log.ts"
import { uidOf } from "./metadata.ts"
import { failedBy, type Reconciled, startReconciler } from "./reconciler.ts"
import { conditionEntry } from "./status-write.ts"
import type { Time } from "./time.ts"

const resource = "services/status"
// Whether the right has been granted meanwhile.
const askAgainMs = 600_000

/**
 * Writes single conditions into Services, by a strategic merge patch: the list merges by type there, so that the other
 * conditions and the addresses are nobody's business here. MetalLB's role for speakers does not allow it: that is said
 * once, and tried again every ten minutes while there is something to write.
 */
export function serviceConditions(
  cluster: Cluster,
  log: Log,
  time: Time,
  known: (key: string) => JsonObject | undefined,
) {
  const reconciler = startReconciler({ what: "conditions of Services", workers: 1, reconcile, log, time })
  let desired: DesiredServiceConditions | undefined
  let forbiddenUntilMs = Number.NEGATIVE_INFINITY
  let complained = false

  async function reconcile(key: string, signal: AbortSignal): Promise<Reconciled> {
    const wish = desired?.services.get(key)
    if (desired === undefined || wish === undefined) return { kind: "done", wrote: false }
    const waitMs = forbiddenUntilMs - time.monotonicMs()
    if (waitMs > 0) return { kind: "done", wrote: false, againMs: waitMs }
    const { type } = desired
    const { uid, condition } = wish
    const object = known(key)
    // Another one of that name; the next set will know it.
    if (object !== undefined && uidOf(object) !== uid) return { kind: "done", wrote: false }
    const present = listOf(objectAt(object, "status")["conditions"]).filter(isObject)
    const before = present.find((entry) => entry["type"] === type)
    if (Object.entries(condition).every(([field, value]) => before?.[field] === value))
      return { kind: "done", wrote: false }
    const [namespace = "", name = ""] = key.split("/")
    const conditions = [conditionEntry(before, type, condition, time.wallMs())]
    const patched = await cluster.request({
      verb: "patch",
      path: `/api/v1/namespaces/${namespace}/services/${name}/status`,
      resource,
      contentType: "application/strategic-merge-patch+json",
      body: { metadata: { uid }, status: { conditions } },
      signal,
    })
    if (patched.ok) {
      complained = false
      return { kind: "done", wrote: true }
    }
    const { error } = patched
    if (error.kind === "refused" && error.status === 404) return { kind: "done", wrote: false }
    if (error.kind !== "refused" || error.status !== 403) return failedBy(error)
    forbiddenUntilMs = time.monotonicMs() + askAgainMs
    if (!complained) log.warn(`may not patch ${resource}: no condition ${type} is written`, { reason: error.message })
    complained = true
    return { kind: "done", wrote: false, againMs: askAgainMs }
  }

  return {
    reconciler,
    desire(next: DesiredServiceConditions): void {
      const before = desired?.services
      desired = next
      for (const [key, wish] of next.services) {
        if (!isDeepStrictEqual(before?.get(key), wish)) reconciler.add(key)
      }
    },
    forget(): void {
      desired = undefined
      reconciler.forget()
    },
  }
}
