import { copy, get, isObject, type JsonObject, set } from "../object.ts"

/** JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return copy(patch)
  const result: JsonObject = isObject(target) ? copy(target) : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else set(result, key, mergePatch(get(result, key), value))
  }
  return result
}
