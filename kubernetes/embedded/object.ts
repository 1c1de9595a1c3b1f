import { exactJsonText } from "../client/exact-json.ts"

/** JSON objects as the API carries them. The shape of everything below `metadata` is checked by schemas, not by types. */
export type JsonObject = Record<string, unknown>

export interface ManagedFieldsEntry {
  manager?: string
  operation?: string
  apiVersion?: string
  time?: string
  fieldsType?: string
  fieldsV1?: JsonObject
  subresource?: string
}

export interface Metadata {
  name?: string
  generateName?: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: JsonObject[]
  finalizers?: string[]
  managedFields?: ManagedFieldsEntry[]
}

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  spec?: JsonObject
  status?: JsonObject
  [field: string]: unknown
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** A deep copy of JSON data. Stored objects are shared between readers and are never changed in place. */
export function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => copy(item)) as T
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) set(result, key, copy(item))
  return result as T
}

/** Own keys only: `__proto__` in a request is a field like any other. */
export function set(target: JsonObject, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

export function get(target: JsonObject, key: string): unknown {
  return Object.hasOwn(target, key) ? target[key] : undefined
}

/** Equality of JSON data; the order of keys does not matter, an undefined field counts as absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  }
  if (!isObject(a) || !isObject(b)) return false
  const keysOfA = Object.keys(a).filter((key) => a[key] !== undefined)
  const keysOfB = Object.keys(b).filter((key) => b[key] !== undefined)
  return keysOfA.length === keysOfB.length && keysOfA.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
}

/** Reads `a.b.c`; undefined where the path ends early. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value
  for (const step of path) {
    if (Array.isArray(current)) current = current[Number(step)]
    else if (isObject(current)) current = get(current, String(step))
    else return undefined
  }
  return current
}

export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path)
  return typeof found === "string" ? found : ""
}

export function listAt(value: unknown, ...path: readonly (string | number)[]): unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** A scalar as text, anything else as JSON: for messages and columns. */
export function display(value: unknown): string {
  if (typeof value === "string") return value
  return typeof value === "object" && value !== null ? exactJsonText(value) : `${value as number}`
}

export function omit<T extends object, K extends keyof T>(object: T, ...keys: readonly K[]): Omit<T, K> {
  const result = { ...object }
  for (const key of keys) delete result[key]
  return result
}
