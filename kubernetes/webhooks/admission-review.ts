import { err, ok, type Result } from "../../protocols/result.ts"
import { resourceFacts } from "../client/facts/resource.ts"
import { isObject, type JsonObject, objectAt, textOf } from "../client/json.ts"
import type { Review, ReviewRequest } from "./review.ts"
import type { Operation, WebhookRule } from "./rules.ts"

/** `admission.k8s.io` AdmissionReview: the question as it came. */
export interface AdmissionQuestion {
  readonly apiVersion: string
  readonly uid: string
  readonly request: JsonObject
}

const versions = ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"]
const operations: readonly string[] = ["CREATE", "UPDATE", "DELETE"] satisfies Operation[]

/** The error is a sentence for whoever called. */
export function readAdmissionReview(body: unknown): Result<AdmissionQuestion, string> {
  const { apiVersion, kind } = objectAt(body)
  if (kind !== "AdmissionReview" || typeof apiVersion !== "string" || !versions.includes(apiVersion))
    return err(`the body is no AdmissionReview of ${versions.join(" or ")}`)
  const request = objectAt(body, "request")
  const uid = textOf(request["uid"])
  return uid === "" ? err("the AdmissionReview has no request.uid") : ok({ apiVersion, uid, request })
}

/** What is to be reviewed at this path. The error is a sentence that names field and rule. */
export function readReviewRequest(
  { request }: AdmissionQuestion,
  { kind, version }: WebhookRule,
): Result<ReviewRequest, string> {
  const operation = textOf(request["operation"])
  if (!operations.includes(operation)) return err(`request.operation ${JSON.stringify(operation)} is not reviewed here`)
  const field = operation === "DELETE" ? "oldObject" : "object"
  const object = request[field]
  if (!isObject(object)) return err(`request.${field} is no object`)
  const apiVersion = `metallb.io/${version}`
  if (object["kind"] !== kind || object["apiVersion"] !== apiVersion)
    return err(`request.${field} is no ${kind} of ${apiVersion}`)
  const read = resourceFacts(object, apiVersion, kind)
  // What is to be deleted may be as old as it likes: only its name counts.
  const facts = read.ok ? read.value : { name: read.name, labels: {}, spec: {} }
  if (!read.ok && operation !== "DELETE") {
    const faults = read.error.slice(0, 10).map(({ path, rule }) => `${path} ${rule}`.trim())
    return err(`${kind} ${read.name}: ${faults.join("; ")}`)
  }
  const namespace = textOf(objectAt(object, "metadata")["namespace"]) || textOf(request["namespace"])
  const name = facts.name || textOf(request["name"])
  return ok({ kind, operation: operation as Operation, namespace, object: { ...facts, name } })
}

export function reviewAnswer({ apiVersion, uid }: AdmissionQuestion, review: Review): JsonObject {
  const response =
    review.decision === "allowed"
      ? { allowed: true, status: { code: 200 }, ...(review.warnings.length > 0 && { warnings: review.warnings }) }
      : { allowed: false, status: { code: 403, reason: "Forbidden", message: review.text } }
  return { apiVersion, kind: "AdmissionReview", response: { uid, ...response } }
}

/** The question could not be understood, or not be answered; `code` as in HTTP. */
export function reviewRefusal(question: AdmissionQuestion | undefined, code: number, message: string): JsonObject {
  const { apiVersion = "admission.k8s.io/v1", uid = "" } = question ?? {}
  return { apiVersion, kind: "AdmissionReview", response: { uid, allowed: false, status: { code, message } } }
}
