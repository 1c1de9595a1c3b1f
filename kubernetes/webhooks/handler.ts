import type { Cluster } from "../client/cluster.ts"
import { exactJsonText, parseExactJson } from "../client/exact-json.ts"
import type { Log } from "../client/log.ts"
import {
  type AdmissionQuestion,
  readAdmissionReview,
  readReviewRequest,
  reviewAnswer,
  reviewRefusal,
} from "./admission-review.ts"
import { convertReview } from "./conversion-review.ts"
import { readExisting } from "./existing.ts"
import { begin, type Review, type ReviewRequest, review } from "./review.ts"
import { conversionPath, type WebhookRule, webhookRules } from "./rules.ts"

export interface WebhookRequest {
  readonly method: string
  readonly path: string
  readonly contentType: string
  readonly body: string
}

export interface WebhookAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export interface WebhookOptions {
  readonly cluster: Cluster
  /** Ours: where the configuration is. */
  readonly namespace: string
  readonly log: Log
}

export interface Webhooks {
  /** Undefined for a path that is none of ours. Never throws, whatever comes. */
  answer(request: WebhookRequest): Promise<WebhookAnswer | undefined>
  counts(): readonly WebhookCount[]
}

export interface WebhookCount {
  readonly path: string
  readonly outcome: Outcome
  readonly count: number
}

type Outcome = "allowed" | "denied" | "converted" | "bad-request" | "failed" | "busy"

// A review that reads lists holds them for as long as it lasts. The API server asks again for whoever is refused.
const maxUnderWay = 32

/** Answers what the API server asks about `metallb.io` objects: reviews before a write, and conversions of BGPPeers. */
export function webhooks({ cluster, namespace, log }: WebhookOptions): Webhooks {
  const rules = new Map(webhookRules.map((rule) => [rule.path, rule]))
  const counted = new Map<string, { readonly path: string; readonly outcome: Outcome; count: number }>()
  let underWay = 0

  function count(path: string, outcome: Outcome): void {
    const key = `${outcome} ${path}`
    const entry = counted.get(key) ?? { path, outcome, count: 0 }
    counted.set(key, entry)
    entry.count++
  }

  async function answer(request: WebhookRequest): Promise<WebhookAnswer | undefined> {
    try {
      return await answerKnown(request)
    } catch (error) {
      count(request.path, "failed")
      log.error("a webhook failed: an error of our own", { webhook: request.path, error })
      return text(500, "internal error")
    }
  }

  async function answerKnown(request: WebhookRequest): Promise<WebhookAnswer | undefined> {
    const { method, path, contentType, body } = request
    const rule = rules.get(path)
    if (rule === undefined && path !== conversionPath) return undefined
    const refuse = (status: number, message: string): WebhookAnswer => {
      count(path, status === 503 ? "busy" : "bad-request")
      log.error("a webhook request was refused", { webhook: path, error: message })
      return rule ? json(status, reviewRefusal(undefined, status, message)) : text(status, message)
    }
    if (method !== "POST") return refuse(405, "use POST")
    if (contentType.split(";")[0]?.trim().toLowerCase() !== "application/json")
      return refuse(400, `contentType=${JSON.stringify(contentType.slice(0, 100))}, expected application/json`)
    const asked = parseExactJson(body)
    if (asked === undefined) return refuse(400, "the body is no JSON")
    if (rule === undefined) return convert(asked, refuse)
    const question = readAdmissionReview(asked)
    if (!question.ok) return refuse(400, question.error)
    if (underWay >= maxUnderWay) return refuse(503, `${maxUnderWay} reviews are under way`)
    underWay++
    try {
      return json(200, await admit(question.value, rule))
    } finally {
      underWay--
    }
  }

  async function admit(question: AdmissionQuestion, rule: WebhookRule) {
    const read = readReviewRequest(question, rule)
    if (!read.ok) {
      count(rule.path, "bad-request")
      log.error("an object under review cannot be read", { webhook: rule.kind.toLowerCase(), error: read.error })
      return reviewRefusal(question, 400, read.error)
    }
    const verdict = await decide(read.value)
    const { operation, namespace, object } = read.value
    const fields = {
      webhook: rule.kind.toLowerCase(),
      action: operation.toLowerCase(),
      name: object.name,
      namespace,
    }
    count(rule.path, verdict.decision)
    if (verdict.decision === "denied") log.error("a write was denied", { ...fields, error: verdict.text })
    else log.debug("a write was allowed", fields)
    return reviewAnswer(question, verdict)
  }

  async function decide(request: ReviewRequest): Promise<Review> {
    const begun = begin(request, namespace)
    if ("review" in begun) return begun.review
    const existing = await readExisting(cluster, namespace, begun.needed)
    if (!existing.ok) return { decision: "denied", text: existing.error }
    return review(request, existing.value, namespace)
  }

  function convert(asked: unknown, refuse: (status: number, message: string) => WebhookAnswer): WebhookAnswer {
    const converted = convertReview(asked)
    if (!converted.ok) return refuse(400, converted.error)
    const { answer, failure } = converted.value
    count(conversionPath, failure === undefined ? "converted" : "failed")
    if (failure !== undefined) log.error("a BGPPeer was not converted", { webhook: conversionPath, error: failure })
    return json(200, answer)
  }

  return { answer, counts: () => [...counted.values()].map((entry) => ({ ...entry })) }
}

const json = (status: number, value: unknown): WebhookAnswer => ({
  status,
  type: "application/json",
  body: exactJsonText(value),
})
const text = (status: number, message: string): WebhookAnswer => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${message}\n`,
})
