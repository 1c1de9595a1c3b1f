import { exactJsonText } from "../client/exact-json.ts"
import { type Kind, apiVersionOf } from "./kinds/kind.ts"
import { decodeMetadata, metadataCauses } from "./metadata.ts"
import { copy, display, isObject, type JsonObject, type KubeObject, omit } from "./object.ts"
import { checkRules, hasRules } from "./schema/cel.ts"
import { typeFault } from "./schema/decode.ts"
import { dropZeros, fillDefaults, prune } from "./schema/prune.ts"
import { validate } from "./schema/validate.ts"
import { badRequest, type Cause, invalidValue } from "./status.ts"

const MAX_SHOWN = 1024

/** Checks that a body is an object of this kind, and returns a copy of its own. Throws 400. */
export function decodeBody(kind: Kind, body: unknown): KubeObject {
  const apiVersion = apiVersionOf(kind)
  if (!isObject(body)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): couldn't get version/kind; json parse error: the body is not an object`,
    )
  }
  const given = copy(body)
  if (!kind.custom) {
    given["apiVersion"] ??= apiVersion
    given["kind"] ??= kind.kind
  }
  if (typeof given["kind"] !== "string" || given["kind"] === "") {
    throw badRequest(`Object 'Kind' is missing in '${exactJsonText(body).slice(0, MAX_SHOWN)}'`)
  }
  if (typeof given["apiVersion"] !== "string" || given["apiVersion"] !== apiVersion) {
    throw badRequest(
      `the API version in the data (${display(given["apiVersion"] ?? "")}) does not match the expected API version (${apiVersion})`,
    )
  }
  if (given["kind"] !== kind.kind) {
    throw badRequest(`${given["kind"]} in version "${kind.version}" cannot be handled as a ${kind.kind}`)
  }
  return given as KubeObject
}

/**
 * Brings a decoded object into the form that is stored: fields of the right type, unknown ones out, defaults in. Returns
 * the paths of unknown fields. Throws 400 where a real server fails to decode. An applied configuration is not `complete`:
 * it gets no defaults.
 */
export function normalize(
  kind: Kind,
  object: KubeObject,
  { complete }: { readonly complete: boolean } = { complete: true },
): { readonly object: KubeObject; readonly unknown: string[] } {
  const metadata = decodeMetadata(object)
  const unknown: string[] = []
  let body = prune(kind.schema, { ...object, metadata: {} }, "", unknown) as JsonObject
  if (!kind.custom) {
    const fault = typeFault(kind.schema, body, kind.kind)
    if (fault !== undefined) {
      throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${fault}`)
    }
    if (kind.schema !== undefined) body = dropZeros(kind.schema, body) as JsonObject
    for (const half of ["spec", "status"]) {
      if (body[half] === null) delete body[half]
      else if (body[half] !== undefined && !isObject(body[half])) {
        const what = `json: cannot unmarshal ${typeof body[half]} into Go struct field ${kind.kind}.${half}`
        throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${what}`)
      }
    }
  }
  const result = { ...body, apiVersion: object.apiVersion, kind: object.kind, metadata } as KubeObject
  if (complete && kind.custom) fillDefaults(kind.schema, result)
  if (complete) kind.rules.defaults?.(result)
  return { object: result, unknown }
}

/** All that is wrong with an object: metadata, then schema and rules for custom resources, the kind's own rules otherwise. */
export function causesOf(
  kind: Kind,
  object: KubeObject,
  old: KubeObject | undefined,
  subresource: string,
): readonly Cause[] {
  const out: Cause[] = metadataCauses(kind, object.metadata)
  if (kind.custom && kind.schema !== undefined) {
    const faults = validate(kind.schema, omit(object, "metadata"), "")
    out.push(...(faults.length > 0 ? faults : checkRules(kind.schema, object, old, "")))
    if (faults.length > 0 && hasRules(kind.schema)) {
      const text =
        "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
      out.push(invalidValue("<nil>", "null", text))
    }
  }
  out.push(...(kind.rules.validate?.(object, old, subresource) ?? []))
  return out
}
