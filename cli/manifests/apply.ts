import { isDeepStrictEqual } from "node:util"
import { isObject, type JsonObject, objectAt, textOf } from "../../kubernetes/client/json.ts"

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

/**
 * The object as it would be after `kubectl apply`: what the manifest says, what it said the last time and says no more
 * is gone, and what others wrote stays. Lists are replaced. The status is never the manifest's.
 */
export function applied(present: JsonObject | undefined, manifest: JsonObject): JsonObject {
  const { status: _, metadata, ...rest } = manifest
  // As kubectl does it: what is said now is what was said the last time, the next time.
  const annotations = { ...objectAt(metadata, "annotations"), [lastApplied]: JSON.stringify(manifest) }
  const wanted = { ...rest, metadata: { ...objectAt(metadata), annotations } }
  if (present === undefined) return merged({}, wanted, {})
  const { status, ...before } = present
  const result = merged(before, wanted, lastSaid(present))
  return status === undefined ? result : { ...result, status }
}

/** Whether an apply would write anything that somebody reads. */
export const sameObject = (a: JsonObject, b: JsonObject): boolean => isDeepStrictEqual(essence(a), essence(b))

function essence(object: JsonObject): JsonObject {
  const { labels = {}, annotations = {} } = objectAt(object, "metadata")
  const { [lastApplied]: _, ...said } = objectAt(annotations)
  const { metadata: __, ...rest } = object
  return { ...rest, labels, annotations: said }
}

function lastSaid(present: JsonObject): JsonObject {
  try {
    const said: unknown = JSON.parse(textOf(objectAt(present, "metadata", "annotations")[lastApplied]) || "{}")
    return isObject(said) ? said : {}
  } catch {
    return {}
  }
}

function merged(present: JsonObject, wanted: JsonObject, before: JsonObject): JsonObject {
  const result = new Map(Object.entries(present))
  for (const field of Object.keys(before)) if (!Object.hasOwn(wanted, field)) result.delete(field)
  for (const [field, value] of Object.entries(wanted)) {
    const there = result.get(field)
    if (value === null) result.delete(field)
    else if (isObject(value)) result.set(field, merged(objectAt(there), value, objectAt(before, field)))
    else result.set(field, value)
  }
  return Object.fromEntries(result)
}
