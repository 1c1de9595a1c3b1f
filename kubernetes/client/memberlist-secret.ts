import { randomBytes } from "node:crypto"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { ApiRequest, Cluster } from "./cluster.ts"
import { secrets } from "./collections.ts"
import type { ApiFailure } from "./failure.ts"
import { listOf, objectAt } from "./json.ts"
import { uidOf } from "./metadata.ts"
import { backOffMs, pause, realTime, type Time } from "./time.ts"

export interface MemberlistSecret {
  readonly namespace: string
  readonly name: string
  /** The controller's own: the Secret goes with it. */
  readonly deployment: string
}

const attempts = 6
const permanent = (error: ApiFailure) => error.kind === "refused" && error.status < 500 && error.status !== 429

/**
 * The key that the speakers encrypt their gossip with, made once and never changed: 16 random bytes as unpadded base64
 * under `secretkey`, as MetalLB makes it. What the server refuses for good is an error in words; the rest is tried again.
 */
export async function ensureMemberlistSecret(
  cluster: Pick<Cluster, "request">,
  { namespace, name, deployment }: MemberlistSecret,
  time: Time = realTime,
): Promise<Result<"present" | "created", string>> {
  const { path, resource } = secrets(namespace)

  // By a list, because a role may name the Secret that is not there yet only in that way.
  const query = { fieldSelector: `metadata.name=${name}` }
  const listed = await persistently({ verb: "list", path, resource, query })
  if (!listed.ok) return failure("read", listed.error)
  if (listOf(objectAt(listed.value)["items"]).length > 0) return ok("present")
  if (deployment === "")
    return err(`the memberlist Secret ${namespace}/${name} is to be made: its Deployment has no name`)

  const owners = `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`
  const owner = await persistently({ verb: "get", path: owners, resource: "deployments" })
  if (!owner.ok) return err(`cannot read Deployment ${namespace}/${deployment}: ${owner.error.message}`)

  const secretkey = randomBytes(16).toString("base64").replace(/=+$/, "")
  const uid = uidOf(objectAt(owner.value))
  const created = await persistently({
    verb: "create",
    path,
    resource,
    body: {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name,
        namespace,
        ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: deployment, uid }],
      },
      data: { secretkey: Buffer.from(secretkey).toString("base64") },
    },
  })
  if (created.ok) return ok("created")
  // Another replica was faster, or our own attempt had come through without an answer.
  if (created.error.kind === "refused" && created.error.reason === "AlreadyExists") return ok("present")
  return failure("create", created.error)

  function failure(verb: string, error: ApiFailure): Result<never, string> {
    return err(`cannot ${verb} the memberlist Secret ${namespace}/${name}: ${error.message}`)
  }

  async function persistently(request: ApiRequest): Promise<Result<unknown, ApiFailure>> {
    for (let attempt = 0; ; attempt++) {
      const answer = await cluster.request(request)
      if (answer.ok || permanent(answer.error) || attempt === attempts - 1) return answer
      const retryAfterMs = answer.error.kind === "refused" ? (answer.error.retryAfterMs ?? 0) : 0
      const waitMs = Math.max(retryAfterMs, backOffMs(attempt, time.random()))
      await pause(time, waitMs, new AbortController().signal)
    }
  }
}
