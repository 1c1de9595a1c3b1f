import { isObject, type JsonObject, listOf, objectAt, textOf } from "./json.ts"

export const versionOf = (object: JsonObject) => textOf(objectAt(object, "metadata")["resourceVersion"])
export const uidOf = (object: JsonObject) => textOf(objectAt(object, "metadata")["uid"])

/** Versions of one resource are decimal numbers that grow (Kubernetes KEP 5504). */
export function isAtLeast(version: string, other: string): boolean {
  return version.length === other.length ? version >= other : version.length > other.length
}

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/**
 * The owner references that an object of ours should have, or undefined when it has them. Other Pods, which were here
 * before us, go: the object shall live exactly as long as its present author.
 */
export function ownedBy(present: unknown, owner: OwnerReference | undefined): readonly unknown[] | undefined {
  if (owner === undefined) return undefined
  const references = listOf(present).filter(isObject)
  const pods = references.filter(({ kind }) => kind === "Pod")
  if (pods.length === 1 && pods[0]?.["uid"] === owner.uid) return undefined
  return [...references.filter(({ kind }) => kind !== "Pod"), owner]
}
