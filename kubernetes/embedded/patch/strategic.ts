import { exactJsonText } from "../../client/exact-json.ts"
import type { Schema } from "../definition.ts"
import { copy, display, equal, get, isObject, type JsonObject, set } from "../object.ts"
import { fieldSchema } from "../schema/shape.ts"
import { badRequest } from "../status.ts"

// Strategic merge patch: a merge patch that knows which lists are sets of things with a key. The key comes from the
// schema where the kind has one, otherwise from the field's name, which means the same thing in every built-in kind.

const keysByField: Readonly<Record<string, string>> = {
  conditions: "type",
  containers: "name",
  initContainers: "name",
  ephemeralContainers: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath",
  env: "name",
  imagePullSecrets: "name",
  secrets: "name",
  addresses: "type",
  taints: "key",
  hostAliases: "ip",
  topologySpreadConstraints: "topologyKey",
  webhooks: "name",
  ownerReferences: "uid",
}
const setFields = new Set(["finalizers", "podCIDRs"])

interface ListRule {
  readonly key?: string
  readonly merge: boolean
}

function listRule(schema: Schema | undefined, field: string, parent: Schema | undefined): ListRule {
  if (schema !== undefined) {
    const key = schema["x-kubernetes-patch-merge-key"]
    if (key !== undefined) return { key, merge: true }
    return { merge: schema["x-kubernetes-patch-strategy"] === "merge" }
  }
  // A declared parent without this field: nothing is known, so the list is replaced.
  if (parent?.properties !== undefined && parent["x-kubernetes-preserve-unknown-fields"] !== true)
    return { merge: false }
  const key = Object.hasOwn(keysByField, field) ? keysByField[field] : field === "ports" ? "containerPort" : undefined
  return key === undefined ? { merge: setFields.has(field) } : { key, merge: true }
}

export function strategicMergePatch(schema: Schema | undefined, target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw badRequest("error decoding patch: the patch is not an object")
  return mergeMaps(schema, isObject(target) ? target : {}, patch)
}

function mergeMaps(schema: Schema | undefined, target: JsonObject, patch: JsonObject): JsonObject {
  const directive = get(patch, "$patch")
  if (directive === "replace") return withoutDirectives(patch)
  if (directive === "delete") return {}
  if (directive !== undefined && directive !== "merge") {
    throw badRequest(`unknown patch type found: ${display(directive)}`)
  }
  const result: JsonObject = copy(target)
  const retained = get(patch, "$retainKeys")
  if (Array.isArray(retained)) {
    for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key]
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === "$patch" || key === "$retainKeys") continue
    if (key.startsWith("$deleteFromPrimitiveList/")) {
      const field = key.slice("$deleteFromPrimitiveList/".length)
      const list = get(result, field)
      if (Array.isArray(list) && Array.isArray(value)) {
        set(
          result,
          field,
          list.filter((item: unknown) => !value.some((gone: unknown) => equal(gone, item))),
        )
      }
      continue
    }
    if (key.startsWith("$setElementOrder/")) continue
    const below = fieldSchema(schema, key)
    if (value === null) delete result[key]
    else if (isObject(value)) {
      const old = get(result, key)
      set(result, key, mergeMaps(below, isObject(old) ? old : {}, value))
    } else if (Array.isArray(value)) set(result, key, mergeLists(below, schema, key, get(result, key), value))
    else set(result, key, value)
  }
  for (const [key, order] of Object.entries(patch)) {
    if (key.startsWith("$setElementOrder/")) reorder(schema, result, key.slice("$setElementOrder/".length), order)
  }
  return result
}

function mergeLists(
  schema: Schema | undefined,
  parent: Schema | undefined,
  field: string,
  old: unknown,
  patch: readonly unknown[],
): unknown[] {
  const rule = listRule(schema, field, parent)
  const replace = patch.some((item) => isObject(item) && item["$patch"] === "replace")
  if (!rule.merge || replace || !Array.isArray(old)) {
    return patch
      .filter((item) => !(isObject(item) && typeof item["$patch"] === "string"))
      .map((item) => (isObject(item) ? withoutDirectives(item) : copy(item)))
  }
  if (rule.key === undefined) {
    return [...copy(old), ...patch.filter((item) => !old.some((had: unknown) => equal(had, item)))]
  }
  const { key } = rule
  const result: unknown[] = copy(old)
  const added: unknown[] = []
  for (const item of patch) {
    if (!isObject(item)) throw badRequest(`map: ${exactJsonText(item)} does not contain declared merge key: ${key}`)
    const id = get(item, key)
    if (id === undefined) throw badRequest(`map: ${exactJsonText(item)} does not contain declared merge key: ${key}`)
    const position = result.findIndex((had) => isObject(had) && equal(get(had, key), id))
    const had = result[position]
    if (item["$patch"] === "delete") {
      if (position >= 0) result.splice(position, 1)
    } else if (isObject(had)) result[position] = mergeMaps(schema?.items, had, item)
    else added.push(mergeMaps(schema?.items, {}, item))
  }
  return inPatchOrder(result, added, patch, (item) => (isObject(item) ? get(item, key) : undefined))
}

/** Items that the patch names come in its order; the others stay where they are, and new ones follow their neighbour. */
function inPatchOrder(
  kept: readonly unknown[],
  added: readonly unknown[],
  patch: readonly unknown[],
  idOf: (item: unknown) => unknown,
): unknown[] {
  const rank = (item: unknown) => patch.findIndex((wanted) => equal(idOf(wanted), idOf(item)))
  const named = [...kept.filter((item) => rank(item) >= 0), ...added].sort((a, b) => rank(a) - rank(b))
  const others = kept.filter((item) => rank(item) < 0)
  const positionOf = (item: unknown) => kept.indexOf(item)
  const result: unknown[] = []
  let next = 0
  for (const item of named) {
    const position = positionOf(item)
    const before = others.slice(next).findIndex((other) => positionOf(other) > position)
    const count = position < 0 ? 0 : before < 0 ? others.length - next : before
    result.push(...others.slice(next, next + count), item)
    next += count
  }
  return [...result, ...others.slice(next)]
}

function reorder(schema: Schema | undefined, target: JsonObject, field: string, order: unknown): void {
  const list = get(target, field)
  if (!Array.isArray(list) || !Array.isArray(order)) return
  const { key } = listRule(fieldSchema(schema, field), field, schema)
  const idOf = (item: unknown) => (key !== undefined && isObject(item) ? get(item, key) : item)
  set(target, field, inPatchOrder(list, [], order, idOf))
}

function withoutDirectives(value: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith("$") || item === null) continue
    if (isObject(item)) set(result, key, withoutDirectives(item))
    else if (Array.isArray(item)) {
      set(
        result,
        key,
        item.map((entry: unknown) => (isObject(entry) ? withoutDirectives(entry) : copy(entry))),
      )
    } else set(result, key, item)
  }
  return result
}
