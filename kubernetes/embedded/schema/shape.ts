import { exactJsonText } from "../../client/exact-json.ts"
import type { Schema } from "../definition.ts"
import { get, isObject, type JsonObject } from "../object.ts"

/** The schema of one field of an object, whether declared or covered by `additionalProperties`. */
export function fieldSchema(schema: Schema | undefined, field: string): Schema | undefined {
  const { properties, additionalProperties } = schema ?? {}
  if (properties !== undefined && Object.hasOwn(properties, field)) return properties[field]
  return typeof additionalProperties === "object" ? additionalProperties : undefined
}

export type Shape = "map" | "set" | "keyed-list" | "atomic"

/** How two versions of a value are merged and owned: field by field, item by item, or as one. */
export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (isObject(value)) return schema?.["x-kubernetes-map-type"] === "atomic" ? "atomic" : "map"
  if (!Array.isArray(value)) return "atomic"
  const type = schema?.["x-kubernetes-list-type"]
  if (type === "set") return "set"
  return type === "map" && value.every(isObject) ? "keyed-list" : "atomic"
}

/** The path step of a list item: `k:{"port":80,"protocol":"TCP"}`; absent keys count with their default. */
export function itemStep(schema: Schema | undefined, item: JsonObject): string {
  const keys: JsonObject = {}
  for (const key of [...(schema?.["x-kubernetes-list-map-keys"] ?? [])].sort()) {
    const value = get(item, key) ?? fieldSchema(schema?.items, key)?.default
    if (value !== undefined) keys[key] = value
  }
  return `k:${exactJsonText(keys)}`
}

export function valueStep(value: unknown): string {
  return `v:${exactJsonText(value)}`
}

const text: Schema = { type: "string" }
const texts: Schema = { type: "object", additionalProperties: text }

/** ObjectMeta, as far as it is merged, owned or checked field by field. */
export const metadataSchema: Schema = {
  type: "object",
  properties: {
    name: text,
    generateName: text,
    namespace: text,
    selfLink: text,
    uid: text,
    resourceVersion: text,
    generation: { type: "integer" },
    creationTimestamp: { type: "string", nullable: true },
    deletionTimestamp: { type: "string", nullable: true },
    deletionGracePeriodSeconds: { type: "integer", nullable: true },
    labels: texts,
    annotations: texts,
    finalizers: { type: "array", items: text, "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge" },
    ownerReferences: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
      "x-kubernetes-patch-merge-key": "uid",
      "x-kubernetes-patch-strategy": "merge",
      items: {
        type: "object",
        properties: {
          apiVersion: text,
          kind: text,
          name: text,
          uid: text,
          controller: { type: "boolean", nullable: true },
          blockOwnerDeletion: { type: "boolean", nullable: true },
        },
      },
    },
    managedFields: {
      type: "array",
      items: {
        type: "object",
        properties: {
          manager: text,
          operation: text,
          apiVersion: text,
          time: { type: "string", nullable: true },
          fieldsType: text,
          fieldsV1: { type: "object", nullable: true, "x-kubernetes-preserve-unknown-fields": true },
          subresource: text,
        },
      },
    },
  },
}
