import { err, ok, type Result } from "../../protocols/result.ts"
import { isObject, type JsonObject, objectAt, textOf } from "../client/json.ts"
import { convertBGPPeer } from "../resources/convert.ts"

/** `apiextensions.k8s.io` ConversionReview. */
const versions = ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"]
const convertible = ["metallb.io/v1beta1", "metallb.io/v1beta2"]

export interface ConversionAnswer {
  readonly answer: JsonObject
  /** Why nothing was converted; the answer says it too. */
  readonly failure?: string
}

/**
 * Converts every object of the question, or none. The answer has the version of the question. Objects that cannot be
 * converted are an answer too, `Failure`; the error of the Result is for what is no ConversionReview at all.
 */
export function convertReview(body: unknown): Result<ConversionAnswer, string> {
  const { apiVersion, kind } = objectAt(body)
  if (kind !== "ConversionReview" || typeof apiVersion !== "string" || !versions.includes(apiVersion))
    return err(`the body is no ConversionReview of ${versions.join(" or ")}`)
  const { uid, desiredAPIVersion, objects } = objectAt(body, "request")
  if (textOf(uid) === "") return err("the ConversionReview has no request.uid")
  const respond = (response: JsonObject) => ({ apiVersion, kind: "ConversionReview", response: { uid, ...response } })
  const converted = convertAll(objects, textOf(desiredAPIVersion))
  if (!converted.ok) {
    const result = { status: "Failure", message: converted.error }
    return ok({ answer: respond({ convertedObjects: [], result }), failure: converted.error })
  }
  return ok({ answer: respond({ convertedObjects: converted.value, result: { status: "Success" } }) })
}

function convertAll(objects: unknown, desired: string): Result<readonly JsonObject[], string> {
  if (!convertible.includes(desired)) return err(`cannot convert to ${JSON.stringify(desired)}`)
  if (!Array.isArray(objects)) return err("request.objects is no list")
  const converted: JsonObject[] = []
  for (const [index, object] of objects.entries()) {
    const { apiVersion, kind } = objectAt(object)
    if (!isObject(object) || kind !== "BGPPeer" || !convertible.includes(textOf(apiVersion)))
      return err(`request.objects[${index}] is no BGPPeer of ${convertible.join(" or ")}`)
    converted.push(convertBGPPeer(object, desired.replace("metallb.io/", "")))
  }
  return ok(converted)
}
