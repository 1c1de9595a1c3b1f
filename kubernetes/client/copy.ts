import { isDeepStrictEqual } from "node:util"
import { type JsonObject, objectAt, textOf } from "./json.ts"

/** What is known of one collection, by key: `namespace/name`, or the name alone outside namespaces. */
export interface Copy<T> {
  readonly values: ReadonlyMap<string, T>
  /** The whole collection: what it lacks is gone. */
  replace(objects: ReadonlyMap<string, JsonObject>): void
  put(key: string, object: JsonObject): void
  remove(key: string): void
}

/** Tells differences only. `keep` says what to remember of an object; undefined counts as if it were not there. */
export function emptyCopy<T>(
  keep: (object: JsonObject, previous: T | undefined) => T | undefined,
  changed: (key: string, value: T | undefined) => void,
): Copy<T> {
  const values = new Map<string, T>()
  const uids = new Map<string, string>()

  function put(key: string, object: JsonObject): void {
    const uid = textOf(objectAt(object, "metadata")["uid"])
    // Deleted and made again while nobody watched: the old one goes first, so that nothing of it lives on in the new.
    if (values.has(key) && uids.get(key) !== uid) remove(key)
    const previous = values.get(key)
    const value = keep(withoutManagedFields(object), previous)
    if (value === undefined) return remove(key)
    values.set(key, value)
    uids.set(key, uid)
    if (previous === undefined || !isDeepStrictEqual(previous, value)) changed(key, value)
  }

  function remove(key: string): void {
    if (!values.delete(key)) return
    uids.delete(key)
    changed(key, undefined)
  }

  return {
    values,
    replace(objects) {
      for (const key of values.keys()) if (!objects.has(key)) remove(key)
      for (const [key, object] of objects) put(key, object)
    },
    put,
    remove,
  }
}

/** Who set which field, kept by the server for server-side apply: often larger than the rest of the object. */
function withoutManagedFields(object: JsonObject): JsonObject {
  const { managedFields: _, ...metadata } = objectAt(object, "metadata")
  return { ...object, metadata }
}

export function keyOf(object: unknown): string | undefined {
  const { namespace, name } = objectAt(object, "metadata")
  if (typeof name !== "string" || name === "") return undefined
  return typeof namespace === "string" && namespace !== "" ? `${namespace}/${name}` : name
}
