import { exactJsonText } from "../client/exact-json.ts"
import type { Kind } from "./kinds/kind.ts"
import { equal, get, isObject, type JsonObject, type KubeObject, type ManagedFieldsEntry, omit, set } from "./object.ts"

// The forms of an object: as it is stored, as a version shows it, and what makes two of them the same.

/** From the stored form to the request's version. */
export function outward(kind: Kind, object: KubeObject): KubeObject {
  return kind.rules.decode?.(object) ?? object
}

/** Runs the kind's rules on the form they are written for, and returns the form that is stored. */
export function inward(kind: Kind, object: KubeObject, run: (working: KubeObject) => void): KubeObject {
  const encode = kind.rules.encode ?? ((same: KubeObject) => same)
  if (kind.custom) {
    run(object)
    return encode(object)
  }
  const working = encode(object)
  run(working)
  return working
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

/**
 * Somebody who changed from client-side to server-side apply may change back: the annotation that the former compares
 * with is kept up to date while it is there.
 */
export function refreshLastApplied(merged: KubeObject, applied: unknown): void {
  const { annotations } = merged.metadata
  if (annotations?.[LAST_APPLIED] === undefined) return
  merged.metadata.annotations = { ...annotations, [LAST_APPLIED]: `${sortedJson(applied)}\n` }
}

/** Keys in order, as Go's encoder has them. */
function sortedJson(value: unknown): string {
  return exactJsonText(sorted(value))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const key of Object.keys(value).sort()) set(result, key, sorted(get(value, key)))
  return result
}

export function withManaged(object: KubeObject, managedFields: readonly ManagedFieldsEntry[]): KubeObject {
  const metadata = omit(object.metadata, "managedFields")
  return {
    ...object,
    metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields: [...managedFields] },
  }
}

export function bumpGeneration(kind: Kind, object: KubeObject, old: KubeObject): void {
  if (kind.rules.generation !== true) return
  const ignored = new Set([
    "metadata",
    "apiVersion",
    "kind",
    ...(kind.rules.statusSubresource === true ? ["status"] : []),
  ])
  const body = (from: KubeObject) => Object.fromEntries(Object.entries(from).filter(([key]) => !ignored.has(key)))
  if (!equal(body(object), body(old))) object.metadata.generation = (old.metadata.generation ?? 0) + 1
}

/** A write that would change nothing but ownership times is none: the resourceVersion stays. */
export function sameButTimes(a: KubeObject, b: KubeObject): boolean {
  const timeless = (object: KubeObject): KubeObject => {
    const { managedFields, ...metadata } = object.metadata
    const entries = managedFields?.map((entry) => omit(entry, "time"))
    return { ...object, metadata: entries === undefined ? metadata : { ...metadata, managedFields: entries } }
  }
  return equal(timeless(a), timeless(b))
}
