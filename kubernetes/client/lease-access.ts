import { err, ok, type Result } from "../../protocols/result.ts"
import type { ApiRequest, Cluster } from "./cluster.ts"

/** Whether we may get, create and update this Lease; `reason` quotes the refusal. */
export type LeaseAccess = { readonly yes: true } | { readonly yes: false; readonly reason: string }

/**
 * Asked by doing it without effect (`dryRun`): a role that lets us do one of the three alone is of no use, and nothing
 * else says for sure. The error of the Result: the API server could not tell, ask again.
 */
export async function mayHoldLease(
  cluster: Pick<Cluster, "request">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Result<LeaseAccess, string>> {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace }, spec: {} }
  const query = { dryRun: "All" }
  const attempts: readonly Pick<ApiRequest, "verb" | "path" | "query" | "body">[] = [
    { verb: "get", path: `${collection}/${name}` },
    { verb: "create", path: collection, query, body },
    { verb: "update", path: `${collection}/${name}`, query, body },
  ]
  for (const attempt of attempts) {
    const answer = await cluster.request({ ...attempt, resource: "leases", signal })
    if (answer.ok) continue
    const { error } = answer
    if (error.kind === "unreachable" || error.status === 429 || error.status >= 500) return err(error.message)
    // It is there, or it is not, or our empty one is invalid: so much only those hear who may do it.
    if (error.status === 401 || error.status === 403) return ok({ yes: false, reason: error.message })
  }
  return ok({ yes: true })
}
