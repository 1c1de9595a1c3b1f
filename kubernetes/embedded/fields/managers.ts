import type { Schema } from "../definition.ts"
import type { KubeObject, ManagedFieldsEntry } from "../object.ts"
import { equal, isObject, omit } from "../object.ts"
import { ApiError } from "../status.ts"
import { appliedSet, compare } from "./compare.ts"
import { mergeApplied, removeFields } from "./merge.ts"
import { FieldSet } from "./set.ts"

// Who owns which field: `metadata.managedFields`, kept on every write, and server-side apply, which obeys it.

interface Manager {
  readonly name: string
  readonly operation: "Apply" | "Update"
  readonly apiVersion: string
  readonly subresource: string
  fields: FieldSet
  time: string | undefined
}

type Managers = Map<string, Manager>

export interface Write {
  readonly manager: string
  readonly apiVersion: string
  readonly subresource: string
  /** RFC 3339, whole seconds. */
  readonly time: string
  readonly schema: Schema | undefined
  /** Top-level fields this endpoint does not write, e.g. `status` on the main resource. */
  readonly ignored: readonly string[]
}

// Nobody owns what identifies the object or what the server writes.
const unowned = [
  ["f:apiVersion"],
  ["f:kind"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((field) => ["f:metadata", `f:${field}`]),
  ["f:metadata", "f:deletionTimestamp"],
  ["f:metadata", "f:deletionGracePeriodSeconds"],
]

/** Create, replace or patch: the manager owns what it changed, others lose it. Returns the new entries. */
export function ownUpdated(old: KubeObject, now: KubeObject, write: Write): ManagedFieldsEntry[] {
  const given = now.metadata.managedFields
  if (given?.length === 1 && given[0] !== undefined && Object.keys(given[0]).length === 0) return []
  let managers = decode(given)
  if (managers.size === 0) managers = decode(old.metadata.managedFields)
  const changes = compare(write.schema, stripped(old), stripped(now))
  const taken = ownable(changes.added.union(changes.modified), write)
  const removed = ownable(changes.removed, write)
  for (const manager of managers.values()) manager.fields = manager.fields.difference(taken).difference(removed)
  if (!taken.empty) {
    const key = keyOf(write.manager, "Update", write)
    const mine = managers.get(key)
    managers.set(key, {
      name: write.manager,
      operation: "Update",
      apiVersion: write.apiVersion,
      subresource: write.subresource,
      fields: mine === undefined ? taken : mine.fields.union(taken),
      time: write.time,
    })
  }
  return encode(managers)
}

/** Server-side apply. Throws 409 with one cause per field that another manager owns with another value. */
export function apply(live: KubeObject, applied: KubeObject, write: Write, force: boolean): KubeObject {
  const managers = decode(live.metadata.managedFields)
  const key = keyOf(write.manager, "Apply", write)
  const before = managers.get(key)
  const fields = ownable(appliedSet(write.schema, stripped(applied)), write)
  const mine: Manager = {
    name: write.manager,
    operation: "Apply",
    apiVersion: write.apiVersion,
    subresource: write.subresource,
    fields,
    time: before?.time,
  }
  managers.set(key, mine)
  const base = stripped(live)
  let merged = mergeApplied(write.schema, base, stripped(applied))
  if (before !== undefined) {
    const owned = [...managers.values()].reduce((all, manager) => all.union(manager.fields), new FieldSet())
    merged = removeFields(write.schema, merged, before.fields.difference(owned), owned)
  }
  const changes = compare(write.schema, base, merged)
  const changed = changes.added.union(changes.modified)
  const clashes = new Map<Manager, FieldSet>()
  for (const [other, manager] of managers) {
    const clash = manager.fields.intersection(changed)
    if (other !== key && !clash.empty) clashes.set(manager, clash)
  }
  if (clashes.size > 0 && !force) throw conflictOf(clashes)
  for (const [other, manager] of managers) {
    if (other !== key) manager.fields = manager.fields.difference(clashes.get(manager)).difference(changes.removed)
  }
  if (!equal(base, merged)) mine.time = write.time
  const result = (isObject(merged) ? merged : {}) as KubeObject
  return {
    ...result,
    apiVersion: applied.apiVersion,
    kind: applied.kind,
    metadata: { ...result.metadata, managedFields: encode(managers) },
  }
}

function conflictOf(clashes: ReadonlyMap<Manager, FieldSet>): ApiError {
  const byManager = [...clashes]
    .map(([manager, fields]) => ({ who: shownManager(manager), paths: [...fields.paths()].map(shownPath).sort() }))
    .sort((a, b) => (a.who < b.who ? -1 : 1))
  const causes = byManager.flatMap(({ who, paths }) =>
    paths.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${who}`, field })),
  )
  const text =
    causes.length === 1
      ? `1 conflict: ${causes[0]?.message}: ${causes[0]?.field}`
      : `${causes.length} conflicts: ${byManager
          .map(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((field) => `- ${field}`)].join("\n"))
          .join("\n")}`
  return new ApiError(409, "Conflict", `Apply failed with ${text}`, { causes })
}

function shownManager(manager: Manager): string {
  const part = manager.subresource === "" ? "" : ` with subresource "${manager.subresource}"`
  return `"${manager.name}"${part}${manager.operation === "Update" ? ` using ${manager.apiVersion}` : ""}`
}

/** `.spec.ports[port=80,protocol="TCP"].name` */
function shownPath(path: readonly string[]): string {
  return path
    .map((step) => {
      const rest = step.slice(2)
      if (step.startsWith("f:")) return `.${rest}`
      if (step.startsWith("v:")) return `[=${rest}]`
      const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>)
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`
    })
    .join("")
}

/** The object without the fields that the server writes about the object itself. */
function stripped(object: KubeObject): KubeObject {
  return { ...object, metadata: omit(object.metadata, "managedFields") }
}

function ownable(fields: FieldSet, write: Write): FieldSet {
  const metadata = new FieldSet()
  metadata.insert(["f:metadata"])
  let result = fields.difference(metadata)
  for (const path of unowned) result = result.without(path)
  for (const field of write.ignored) result = result.without([`f:${field}`])
  return result
}

/** Who applies in another version of the resource is still the same manager. */
function keyOf(name: string, operation: string, write: { apiVersion: string; subresource: string }): string {
  return JSON.stringify([operation, name, operation === "Apply" ? "" : write.apiVersion, write.subresource])
}

function decode(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers: Managers = new Map()
  for (const entry of entries ?? []) {
    if (entry.operation !== "Apply" && entry.operation !== "Update") continue
    const apiVersion = entry.apiVersion ?? ""
    const subresource = entry.subresource ?? ""
    managers.set(keyOf(entry.manager ?? "", entry.operation, { apiVersion, subresource }), {
      name: entry.manager ?? "",
      operation: entry.operation,
      apiVersion,
      subresource,
      fields: FieldSet.fromJson(entry.fieldsV1),
      time: entry.time,
    })
  }
  return managers
}

function encode(managers: Managers): ManagedFieldsEntry[] {
  const order = (manager: Manager) => [
    manager.operation,
    manager.time ?? "",
    manager.name,
    manager.apiVersion,
    manager.subresource,
  ]
  return [...managers.values()]
    .filter((manager) => !manager.fields.empty)
    .sort((a, b) => (JSON.stringify(order(a)) < JSON.stringify(order(b)) ? -1 : 1))
    .map((manager) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(manager.time === undefined ? {} : { time: manager.time }),
      fieldsType: "FieldsV1",
      fieldsV1: manager.fields.toJson(),
      ...(manager.subresource === "" ? {} : { subresource: manager.subresource }),
    }))
}
