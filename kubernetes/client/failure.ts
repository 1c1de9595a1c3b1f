import { isObject, objectAt, parseJson, textOf } from "./json.ts"

/** Why a call to the API server brought no result. `message` is a sentence for people and holds no secret. */
export type ApiFailure =
  /** No answer, or one that cannot be understood. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** The server said no. `reason` is its word for it: `NotFound`, `Conflict`, `Forbidden`. */
  | {
      readonly kind: "refused"
      readonly status: number
      readonly reason: string
      readonly message: string
      readonly retryAfterMs?: number
    }

export const unreachable = (message: string): ApiFailure => ({ kind: "unreachable", message })

/** From what `fetch` threw: the system's code is somewhere down the chain of causes. */
export function transportFailure(server: string, thrown: unknown): ApiFailure {
  return unreachable(transportSentence(server, thrown))
}

function transportSentence(server: string, thrown: unknown): string {
  const { code, message } = rootCause(thrown)
  switch (code) {
    case "ECONNREFUSED":
      return `nothing listens at ${server} (connection refused)`
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name in ${server} cannot be resolved`
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `there is no route to ${server}`
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return `${server} did not answer in time`
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
    case "UND_ERR_ABORTED":
      return `the connection to ${server} broke`
    default:
      if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL/.test(code)) return `${server} cannot be trusted: ${message}`
      if (code.startsWith("HPE_")) return `${server} does not answer in HTTP`
      return `the request to ${server} failed: ${message}`
  }
}

function rootCause(thrown: unknown): { code: string; message: string } {
  let found = { code: "", message: thrown instanceof Error ? thrown.message : "unknown error" }
  let at = thrown
  for (let depth = 0; depth < 8 && at instanceof Error; depth++) {
    if ("code" in at && typeof at.code === "string") found = { code: at.code, message: at.message }
    at = at instanceof AggregateError ? at.errors[0] : at.cause
  }
  return found
}

/** From an answer that is no success: a Status object, or whatever a proxy in between wrote. */
export function refusal(status: number, body: string, retryAfter: string | undefined): ApiFailure {
  const answer = parseJson(body)
  const seconds = Number(retryAfter ?? objectAt(answer, "details")["retryAfterSeconds"])
  return {
    kind: "refused",
    status,
    reason: isObject(answer) ? textOf(answer["reason"]) : "",
    message: (isObject(answer) && textOf(answer["message"])) || `the API server answered with status ${status}`,
    ...(seconds > 0 && { retryAfterMs: Math.min(seconds, 300) * 1000 }),
  }
}
