import type { Kind } from "./kinds/kind.ts"
import { isObject, type KubeObject, listAt, textAt } from "./object.ts"
import { conflict, forbidden, notFound } from "./status.ts"
import type { Key, Store } from "./store.ts"
import type { StoreEvent } from "./history.ts"

export interface DeleteOptions {
  readonly uid?: string
  readonly resourceVersion?: string
}

const permanent = new Set(["default", "kube-system", "kube-public", "kube-node-lease"])

/**
 * How objects end: finalizers hold them back, a namespace takes its content along, and what is owned follows its owner.
 * The last two happen right after the delete, not in a controller's own time.
 */
export class Deletion {
  readonly #store: Store
  readonly #nowMs: () => number
  /** Owner uid to the objects that name it. */
  readonly #dependents = new Map<string, Map<string, Key>>()
  readonly #finishing = new Set<string>()

  constructor(store: Store, nowMs: () => number) {
    this.#store = store
    this.#nowMs = nowMs
  }

  delete(kind: Kind, key: Key, options: DeleteOptions, dryRun: boolean): { object: KubeObject; gone: boolean } {
    const object = this.#store.get(key)
    if (object === undefined) throw notFound(kind, key.name)
    const { uid, resourceVersion } = object.metadata
    if (options.uid !== undefined && options.uid !== uid) {
      const why = `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`
      throw conflict(kind, key.name, why)
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
      const why = `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`
      throw conflict(kind, key.name, why)
    }
    if (isNamespace(kind) && permanent.has(key.name))
      throw forbidden(kind, key.name, "this namespace may not be deleted")
    if (dryRun) return { object, gone: !this.held(kind, object) }
    return this.#end(key, object, isNamespace(kind))
  }

  /** Whether finalizers keep the object after it was deleted. */
  held(kind: Kind, object: KubeObject): boolean {
    return isHeld(object, isNamespace(kind))
  }

  /** Called for every event of the store, after it was written. */
  follow(event: StoreEvent): void {
    this.#index(event.key, event.old, event.object, event.type === "DELETED")
    if (event.key.storageKey === "/namespaces" && event.type === "MODIFIED") this.finishNamespace(event.key.name)
    if (event.type !== "DELETED") return
    const uid = event.object.metadata.uid
    if (uid !== undefined) this.#collectDependents(uid)
    if (event.key.namespace !== "") this.finishNamespace(event.key.namespace)
  }

  /** Removes a terminating namespace's content, then the namespace, as far as finalizers allow. */
  finishNamespace(name: string): void {
    const key: Key = { storageKey: "/namespaces", namespace: "", name }
    if (this.#finishing.has(name) || this.#store.get(key)?.metadata.deletionTimestamp === undefined) return
    this.#finishing.add(name)
    for (const entry of this.#store.inNamespace(name)) {
      // Looked up again: one removal may have taken others along.
      const object = this.#store.get(entry)
      if (object !== undefined && object.metadata.deletionTimestamp === undefined) this.#end(entry, object, false)
    }
    this.#finishing.delete(name)
    const namespace = this.#store.get(key)
    if (namespace === undefined || this.#store.inNamespace(name).length > 0) return
    const finished = { ...namespace, spec: {} }
    if ((namespace.metadata.finalizers ?? []).length === 0) this.#store.remove(key, finished)
  }

  reindex(): void {
    this.#dependents.clear()
    for (const { key, object } of this.#store.dump().objects) this.#index(key, undefined, object, false)
  }

  #end(key: Key, object: KubeObject, namespace: boolean): { object: KubeObject; gone: boolean } {
    if (!isHeld(object, namespace)) {
      return { object: this.#store.remove(key) ?? object, gone: true }
    }
    if (object.metadata.deletionTimestamp !== undefined) return { object, gone: false }
    const deletionTimestamp = new Date(this.#nowMs()).toISOString().replace(/\.\d+Z$/, "Z")
    const { generation } = object.metadata
    const marked: KubeObject = {
      ...object,
      metadata: {
        ...object.metadata,
        deletionTimestamp,
        ...(namespace ? {} : { deletionGracePeriodSeconds: 0 }),
        ...(generation === undefined ? {} : { generation: generation + 1 }),
      },
      ...(namespace ? { status: { ...object.status, phase: "Terminating" } } : {}),
    }
    return { object: this.#store.put(key, marked), gone: false }
  }

  #collectDependents(uid: string): void {
    for (const key of Array.from(this.#dependents.get(uid)?.values() ?? [])) {
      const object = this.#store.get(key)
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) continue
      const owners = ownersOf(object)
      const ownerless = owners.every((owner) => owner === uid || !this.#exists(owner))
      if (ownerless) this.#end(key, object, false)
    }
  }

  #exists(uid: string): boolean {
    return this.#store.hasUid(uid)
  }

  #index(key: Key, old: KubeObject | undefined, object: KubeObject, gone: boolean): void {
    const id = `${key.storageKey} ${key.namespace}/${key.name}`
    const before = old === undefined ? [] : ownersOf(old)
    const now = gone ? [] : ownersOf(object)
    for (const owner of before) {
      if (now.includes(owner)) continue
      const keys = this.#dependents.get(owner)
      keys?.delete(id)
      if (keys?.size === 0) this.#dependents.delete(owner)
    }
    for (const owner of now) {
      const keys = this.#dependents.get(owner) ?? new Map<string, Key>()
      keys.set(id, key)
      this.#dependents.set(owner, keys)
    }
  }
}

function ownersOf(object: KubeObject): string[] {
  return (object.metadata.ownerReferences ?? []).filter(isObject).map((owner) => textAt(owner, "uid"))
}

function isNamespace(kind: Kind): boolean {
  return kind.storageKey === "/namespaces"
}

function isHeld(object: KubeObject, namespace: boolean): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return true
  return namespace && listAt(object, "spec", "finalizers").length > 0
}
