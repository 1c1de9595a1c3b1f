import { createHash } from "node:crypto"
import type { Cluster } from "./cluster.ts"
import type { ApiFailure } from "./failure.ts"
import { isObject, objectAt, textOf, textsOf } from "./json.ts"
import { realTime, type Time } from "./time.ts"

/** May whoever shows this credential do this? `text` is for the one who asked and holds no secret. */
export type Access =
  | { readonly kind: "allowed"; readonly user: string }
  | { readonly kind: "unauthenticated" | "forbidden"; readonly text: string }
  /** `reason` is for our log: it may tell more than a stranger should know. */
  | { readonly kind: "unavailable"; readonly text: string; readonly reason: string }

export interface AccessOptions {
  readonly cluster: Cluster
  /** A path of ours that is no resource, such as `/metrics`; the verb is `get`. */
  readonly nonResourceURL: string
  readonly time?: Time
}

export interface AccessCheck {
  /** Of a request's `Authorization` header, empty when there is none. */
  check(authorization: string): Promise<Access>
  counts(): AccessCounts
}

export interface AccessCounts {
  /** Answers that were asked for, by the way they came. */
  readonly reviews: number
  readonly remembered: number
  readonly refusedAsBusy: number
  /** Credentials that are remembered now. */
  readonly entries: number
}

const allowedMs = 60_000
// A role that was just granted should not have to wait long.
const refusedMs = 10_000
const maxEntries = 1000
const maxUnderWay = 8
const maxTokenLength = 16_384
const timeoutMs = 5_000

/**
 * Asks the API server who it is (TokenReview) and whether they may (SubjectAccessReview). Answers are remembered for a
 * minute, refusals for ten seconds, failures not at all; of the credential only a hash is kept.
 */
export function accessCheck({ cluster, nonResourceURL, time = realTime }: AccessOptions): AccessCheck {
  const remembered = new Map<string, { readonly access: Access; readonly untilMs: number }>()
  const underWay = new Map<string, Promise<Access>>()
  const counts = { reviews: 0, remembered: 0, refusedAsBusy: 0 }

  async function check(authorization: string): Promise<Access> {
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
    if (token === undefined || token.length > maxTokenLength) {
      return { kind: "unauthenticated", text: "Unauthorized: the request has no bearer token" }
    }
    const key = createHash("sha256").update(token).digest("base64")
    const known = remembered.get(key)
    if (known !== undefined && known.untilMs > time.monotonicMs()) {
      counts.remembered++
      return known.access
    }
    const asked = underWay.get(key)
    if (asked !== undefined) return asked
    if (underWay.size >= maxUnderWay) {
      counts.refusedAsBusy++
      const reason = `${maxUnderWay} credentials are being looked at`
      return { kind: "unavailable", text: "Authentication failed: too many at once", reason }
    }
    counts.reviews++
    const asking = ask(token)
    underWay.set(key, asking)
    try {
      const access = await asking
      remember(key, access)
      return access
    } finally {
      underWay.delete(key)
    }
  }

  function remember(key: string, access: Access): void {
    remembered.delete(key)
    if (access.kind === "unavailable") return
    const forMs = access.kind === "allowed" ? allowedMs : refusedMs
    remembered.set(key, { access, untilMs: time.monotonicMs() + forMs })
    const [oldest] = remembered.keys()
    if (remembered.size > maxEntries && oldest !== undefined) remembered.delete(oldest)
  }

  async function ask(token: string): Promise<Access> {
    const reviewed = await cluster.request({
      verb: "create",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      resource: "tokenreviews",
      timeoutMs,
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } },
    })
    if (!reviewed.ok) return unavailable("Authentication", reviewed.error)
    const who = objectAt(reviewed.value, "status")
    const user = objectAt(who, "user")
    const name = textOf(user["username"])
    if (who["authenticated"] !== true || name === "") {
      return { kind: "unauthenticated", text: "Unauthorized: the API server does not accept the bearer token" }
    }
    const answered = await cluster.request({
      verb: "create",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      resource: "subjectaccessreviews",
      timeoutMs,
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: name,
          groups: textsOf(user["groups"]),
          ...(textOf(user["uid"]) !== "" && { uid: user["uid"] }),
          ...(isObject(user["extra"]) && { extra: user["extra"] }),
          nonResourceAttributes: { path: nonResourceURL, verb: "get" },
        },
      },
    })
    if (!answered.ok) return unavailable(`Authorization for user ${name}`, answered.error)
    if (objectAt(answered.value, "status")["allowed"] === true) return { kind: "allowed", user: name }
    return { kind: "forbidden", text: `Authorization denied for user ${name}: may not get ${nonResourceURL}` }
  }

  return { check, counts: () => ({ ...counts, entries: remembered.size }) }
}

// MetalLB's plain manifests lack the right to ask: the reason says so.
const unavailable = (what: string, { message }: ApiFailure): Access => ({
  kind: "unavailable",
  text: `${what} failed`,
  reason: message,
})
