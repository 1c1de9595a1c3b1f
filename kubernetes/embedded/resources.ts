import { randomUUID } from "node:crypto"
import { causesOf, decodeBody, normalize } from "./admission.ts"
import { Deletion, type DeleteOptions } from "./deletion.ts"
import { apply, ownUpdated, type Write } from "./fields/managers.ts"
import { bumpGeneration, inward, outward, refreshLastApplied, sameButTimes, withManaged } from "./forms.ts"
import { apiVersionOf, type Kind } from "./kinds/kind.ts"
import { carryOver } from "./metadata.ts"
import { generatedName } from "./names.ts"
import { at, copy, type KubeObject, type ManagedFieldsEntry } from "./object.ts"
import {
  alreadyExists,
  ApiError,
  badRequest,
  conflict,
  forbidden,
  invalid,
  invalidOptions,
  invalidValue,
  MODIFIED,
  notFound,
  required,
} from "./status.ts"
import type { Key, Store } from "./store.ts"

/** One request on a resource, after routing. */
export interface Target {
  readonly kind: Kind
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  readonly manager: string
  readonly dryRun: boolean
  readonly fieldValidation: "Strict" | "Warn" | "Ignore"
  /** Filled in: becomes `Warning` headers. */
  readonly warnings: string[]
}

export type Change = (old: KubeObject) => KubeObject

export interface Written {
  readonly object: KubeObject
  readonly created: boolean
}

/** Reads and writes of objects, by the rules that hold for every kind. Everything here is synchronous, so nothing races. */
export class Resources {
  readonly deletion: Deletion
  readonly #store: Store
  readonly #nowMs: () => number

  constructor(store: Store, nowMs: () => number) {
    this.#store = store
    this.#nowMs = nowMs
    this.deletion = new Deletion(store, nowMs)
  }

  get(target: Target): KubeObject {
    const object = this.#store.get(keyOf(target))
    if (object === undefined) throw notFound(target.kind, target.name)
    return outward(target.kind, object)
  }

  create(target: Target, body: unknown): KubeObject {
    const { kind } = target
    const decoded = decodeBody(kind, body)
    const { object, unknown } = normalize(kind, decoded)
    this.#report(target, unknown, undefined)
    this.#checkNamespace(target, object)
    const nothing: KubeObject = { ...copy(kind.empty), apiVersion: object.apiVersion, kind: object.kind, metadata: {} }
    const managed = ownUpdated(nothing, object, this.#write(target))
    return this.#insert(target, object, managed)
  }

  /** Replaces or patches. `change` gets a copy of the present object in the request's version. */
  update(target: Target, change: Change, how: { readonly replace: boolean }): Written {
    const { kind } = target
    const stored = this.#store.get(keyOf(target))
    if (stored === undefined) {
      if (!how.replace || kind.rules.createOnUpdate !== true) throw notFound(kind, target.name)
      return { object: this.create({ ...target, subresource: "" }, change({} as KubeObject)), created: true }
    }
    const old = outward(kind, stored)
    const { object, unknown } = normalize(kind, decodeBody(kind, change(copy(old))))
    this.#report(target, unknown, how.replace ? undefined : object)
    this.#checkIdentity(target, object, old, how.replace)
    carryOver(object.metadata, old.metadata)
    const base = { ...copy(kind.empty), ...old }
    const managedFields = ownUpdated(base, object, this.#write(target))
    return { object: this.#replace(target, stored, old, withManaged(object, managedFields)), created: false }
  }

  /** Server-side apply: creates, or merges by field ownership. */
  apply(target: Target, body: unknown, force: boolean): Written {
    const { kind } = target
    if (target.manager === "") {
      throw invalidOptions("PatchOptions", [required("fieldManager", "is required for apply patch")])
    }
    const decoded = decodeBody(kind, body)
    if (at(decoded, "metadata", "managedFields") !== undefined) throw badRequest("metadata.managedFields must be nil")
    const checked = normalize(kind, decoded, { complete: false })
    const applied = checked.object
    applied.metadata.name ??= target.name
    this.#matchUrl(target, applied)
    this.#report(target, checked.unknown, applied)
    const stored = this.#store.get(keyOf(target))
    const write = this.#write(target)
    if (stored === undefined) {
      if (target.subresource !== "") throw notFound(kind, target.name)
      const nothing: KubeObject = {
        ...copy(kind.empty),
        apiVersion: applied.apiVersion,
        kind: applied.kind,
        metadata: {},
      }
      const merged = apply(nothing, applied, write, force)
      const { object } = normalize(kind, merged)
      this.#checkNamespace(target, object)
      return { object: this.#insert(target, object, merged.metadata.managedFields ?? []), created: true }
    }
    const old = outward(kind, stored)
    const base = { ...copy(kind.empty), ...old }
    const { resourceVersion: asked } = applied.metadata
    if (asked !== undefined && asked !== old.metadata.resourceVersion) throw conflict(kind, target.name, MODIFIED)
    const merged = apply(base, applied, write, force)
    if (target.manager === "kubectl") refreshLastApplied(merged, body)
    const { object } = normalize(kind, merged)
    this.#checkIdentity(target, object, old, false)
    carryOver(object.metadata, old.metadata)
    const managed = merged.metadata.managedFields ?? []
    return { object: this.#replace(target, stored, old, withManaged(object, managed)), created: false }
  }

  delete(target: Target, options: DeleteOptions): { readonly object: KubeObject; readonly gone: boolean } {
    const result = this.deletion.delete(target.kind, keyOf(target), options, target.dryRun)
    return { ...result, object: outward(target.kind, result.object) }
  }

  #insert(target: Target, object: KubeObject, managed: readonly ManagedFieldsEntry[]): KubeObject {
    const { kind } = target
    const { metadata } = object
    if (metadata.resourceVersion !== undefined) {
      throw badRequest("resourceVersion should not be set on objects to be created")
    }
    if (metadata.name === undefined && metadata.generateName !== undefined) {
      metadata.name = this.#freeName(target, metadata.generateName)
    }
    if (kind.namespaced) metadata.namespace = target.namespace
    else delete metadata.namespace
    delete metadata.deletionTimestamp
    delete metadata.deletionGracePeriodSeconds
    delete metadata.generation
    metadata.uid = randomUUID()
    metadata.creationTimestamp = this.#timestamp()
    if (kind.rules.generation === true) metadata.generation = 1
    const ready = inward(kind, withManaged(object, managed), (working) => {
      kind.rules.prepare?.(working, undefined, target.subresource)
      const causes = causesOf(kind, working, undefined, "")
      if (causes.length > 0) throw invalid(kind, metadata.name ?? "", causes)
    })
    const name = metadata.name ?? ""
    const key: Key = { storageKey: kind.storageKey, namespace: metadata.namespace ?? "", name }
    if (this.#store.get(key) !== undefined) throw alreadyExists(kind, name)
    if (this.#store.full) throw new ApiError(507, "InsufficientStorage", "the store holds as many objects as it may")
    const refused = kind.rules.allocate?.(ready, undefined) ?? []
    if (refused.length > 0) throw invalid(kind, name, refused)
    return outward(kind, target.dryRun ? ready : this.#store.put(key, ready))
  }

  #replace(target: Target, stored: KubeObject, old: KubeObject, object: KubeObject): KubeObject {
    const { kind, name } = target
    const early = !kind.custom
    const ready = inward(kind, object, (working) => {
      const before = early ? stored : old
      kind.rules.prepare?.(working, before, target.subresource)
      const causes = causesOf(kind, working, before, target.subresource)
      if (causes.length > 0) throw invalid(kind, name, causes)
      bumpGeneration(kind, working, before)
    })
    if (target.subresource === "") {
      const refused = kind.rules.allocate?.(ready, stored) ?? []
      if (refused.length > 0) throw invalid(kind, name, refused)
    }
    ready.metadata.resourceVersion = stored.metadata.resourceVersion ?? ""
    if (sameButTimes(ready, stored)) return outward(kind, stored)
    if (target.dryRun) return outward(kind, ready)
    if (ready.metadata.deletionTimestamp !== undefined && !this.deletion.held(kind, ready)) {
      this.#store.remove(keyOf(target), ready)
      return outward(kind, ready)
    }
    const written = this.#store.put(keyOf(target), ready)
    return outward(kind, written)
  }

  #checkIdentity(target: Target, object: KubeObject, old: KubeObject, replace: boolean): void {
    const { kind, name } = target
    const { metadata } = object
    if (metadata.name === undefined && replace) {
      throw badRequest(`the name of the object (based on URL) was undeterminable: name must be provided`)
    }
    this.#matchUrl(target, object)
    if (metadata.uid !== undefined && metadata.uid !== old.metadata.uid) {
      const fixed = invalidValue("metadata.uid", metadata.uid, "field is immutable")
      if (!replace) throw invalid(kind, name, [fixed, fixed])
      const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid}`
      throw conflict(kind, name, why)
    }
    if (metadata.resourceVersion === undefined) {
      if (replace && kind.rules.versionedUpdate === true) {
        throw invalid(
          kind,
          name,
          [invalidValue("metadata.resourceVersion", 0, "must be specified for an update")],
          "resource",
        )
      }
    } else if (metadata.resourceVersion !== old.metadata.resourceVersion) throw conflict(kind, name, MODIFIED)
  }

  #matchUrl(target: Target, object: KubeObject): void {
    const { metadata } = object
    if (metadata.name !== undefined && metadata.name !== target.name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`)
    }
    metadata.name = target.name
    this.#matchNamespace(target, object)
  }

  #matchNamespace(target: Target, object: KubeObject): void {
    const { metadata } = object
    if (!target.kind.namespaced) return
    if (metadata.namespace !== undefined && metadata.namespace !== target.namespace) {
      throw badRequest("the namespace of the provided object does not match the namespace sent on the request")
    }
    metadata.namespace = target.namespace
  }

  #checkNamespace(target: Target, object: KubeObject): void {
    const { kind, namespace } = target
    this.#matchNamespace(target, object)
    if (!kind.namespaced) return
    const found = this.#store.get({ storageKey: "/namespaces", namespace: "", name: namespace })
    if (found === undefined) {
      throw new ApiError(404, "NotFound", `namespaces "${namespace}" not found`, {
        name: namespace,
        kind: "namespaces",
      })
    }
    if (found.metadata.deletionTimestamp === undefined) return
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`
    throw forbidden(kind, object.metadata.name ?? "", why, [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ])
  }

  /** Unknown fields: an error, a warning or nothing, as the client asked. */
  #report(target: Target, unknown: readonly string[], patched: KubeObject | undefined): void {
    if (unknown.length === 0 || target.fieldValidation === "Ignore") return
    const texts = unknown.map((path) => `unknown field "${path}"`)
    if (target.fieldValidation === "Warn") {
      target.warnings.push(...texts)
      return
    }
    const { kind } = target
    const text = `strict decoding error: ${texts.join(", ")}`
    if (patched !== undefined) throw invalid(kind, target.name, [invalidValue("patch", "", text)])
    throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${text}`)
  }

  #write(target: Target): Write {
    const { kind, subresource } = target
    const other = kind.custom ? ["spec", "metadata"] : ["spec"]
    return {
      manager: target.manager,
      apiVersion: apiVersionOf(kind),
      subresource,
      time: this.#timestamp(),
      schema: kind.schema,
      ignored: subresource === "status" ? other : kind.rules.statusSubresource === true ? ["status"] : [],
    }
  }

  /** Made-up names may collide; a few more tries make it unlikely enough. */
  #freeName(target: Target, base: string): string {
    let name = generatedName(base)
    for (let i = 0; i < 7 && this.#store.get(keyOf({ ...target, name })) !== undefined; i++) name = generatedName(base)
    return name
  }

  #timestamp(): string {
    return new Date(this.#nowMs()).toISOString().replace(/\.\d+Z$/, "Z")
  }
}

export function keyOf(target: Pick<Target, "kind" | "namespace" | "name">): Key {
  const { kind, namespace, name } = target
  return { storageKey: kind.storageKey, namespace: kind.namespaced ? namespace : "", name }
}
