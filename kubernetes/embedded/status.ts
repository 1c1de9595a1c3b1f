import { exactJsonText } from "../client/exact-json.ts"
import type { JsonObject } from "./object.ts"
import type { Kind } from "./kinds/kind.ts"

/** One broken rule of one field, as `details.causes` carries it. */
export interface Cause {
  readonly reason?: string
  readonly message: string
  readonly field?: string
}

/** A request that ends in a Status body. Thrown by the handlers, written by `http.ts`; anything else thrown is a bug. */
export class ApiError extends Error {
  readonly code: number
  readonly body: JsonObject
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: JsonObject,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.code = code
    this.headers = headers
    this.body = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      ...(details === undefined ? {} : { details }),
      code,
    }
  }
}

/** `services` for the core group, `leases.coordination.k8s.io` otherwise. */
export function qualified(kind: Kind): string {
  return kind.group === "" ? kind.resource : `${kind.resource}.${kind.group}`
}

const group = (kind: Kind): JsonObject => (kind.group === "" ? {} : { group: kind.group })

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message)
}

export function notFound(kind: Kind, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualified(kind)} "${name}" not found`, {
    name,
    ...group(kind),
    kind: kind.resource,
  })
}

export function alreadyExists(kind: Kind, name: string): ApiError {
  return new ApiError(409, "AlreadyExists", `${qualified(kind)} "${name}" already exists`, {
    name,
    ...group(kind),
    kind: kind.resource,
  })
}

export function conflict(kind: Kind, name: string, why: string): ApiError {
  return new ApiError(409, "Conflict", `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, {
    name,
    ...group(kind),
    kind: kind.resource,
  })
}

export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"

export function forbidden(kind: Kind, name: string, why: string, causes: readonly Cause[] = []): ApiError {
  return new ApiError(403, "Forbidden", `${qualified(kind)} "${name}" is forbidden: ${why}`, {
    name,
    ...group(kind),
    kind: kind.resource,
    ...(causes.length === 0 ? {} : { causes }),
  })
}

/** 422. `named` is what the message calls the thing: the kind for validation, the resource for a missing version. */
export function invalid(
  kind: Kind,
  name: string,
  causes: readonly Cause[],
  named: "kind" | "resource" = "kind",
): ApiError {
  const word = named === "kind" ? kind.kind : kind.resource
  // Both spellings of an Event are validated as the one that is stored.
  const group = kind.storageKey.split("/")[0] ?? ""
  const full = group === "" ? word : `${word}.${group}`
  const texts = causes.map((cause) => (cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`))
  const unique = [...new Set(texts)]
  const text = unique.length === 1 ? unique[0] : `[${unique.join(", ")}]`
  return new ApiError(422, "Invalid", `${full} "${name}" is invalid: ${text}`, {
    name,
    ...(group === "" ? {} : { group }),
    kind: word,
    causes,
  })
}

/** 422 of the query of a request: `PatchOptions` and its like. */
export function invalidOptions(options: string, causes: readonly Cause[]): ApiError {
  const text = causes.map((cause) => `${cause.field}: ${cause.message}`).join(", ")
  const details = { group: "meta.k8s.io", kind: options, causes }
  return new ApiError(422, "Invalid", `${options}.meta.k8s.io "" is invalid: ${text}`, details)
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  )
}

export function notAcceptable(offered: readonly string[]): ApiError {
  return new ApiError(406, "NotAcceptable", `only the following media types are accepted: ${offered.join(", ")}`)
}

export function tooManyRequests(): ApiError {
  const text = "the server has received too many requests and has asked us to try again later"
  return new ApiError(429, "TooManyRequests", text, { retryAfterSeconds: 1 }, { "retry-after": "1" })
}

export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message)
}

/** The asked version is newer than any this server has written. */
export function tooLargeVersion(asked: number, current: number): ApiError {
  return new ApiError(504, "Timeout", `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  })
}

export const required = (field: string, detail = ""): Cause => ({
  reason: "FieldValueRequired",
  message: detail === "" ? "Required value" : `Required value: ${detail}`,
  field,
})

/** How the API prints a bad value inside an error text. */
export function shown(value: unknown): string {
  return typeof value === "string" || Array.isArray(value) || (typeof value === "object" && value !== null)
    ? exactJsonText(value)
    : String(value)
}

export const invalidValue = (field: string, value: unknown, detail: string): Cause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${shown(value)}: ${detail}`,
  field,
})

export const notSupported = (field: string, value: unknown, allowed: readonly unknown[]): Cause => ({
  reason: "FieldValueNotSupported",
  message: `Unsupported value: ${shown(value)}: supported values: ${allowed.map(shown).join(", ")}`,
  field,
})

export const duplicate = (field: string, value: unknown): Cause => ({
  reason: "FieldValueDuplicate",
  message: `Duplicate value: ${shown(value)}`,
  field,
})

export const forbiddenField = (field: string, detail: string): Cause => ({
  reason: "FieldValueForbidden",
  message: `Forbidden: ${detail}`,
  field,
})
