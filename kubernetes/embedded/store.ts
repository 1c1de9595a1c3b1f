import { History, type StoreEvent } from "./history.ts"
import type { KubeObject } from "./object.ts"

/** Where an object lives: `group/resource`, namespace (empty for cluster scope), name. */
export interface Key {
  readonly storageKey: string
  readonly namespace: string
  readonly name: string
}

export interface StoreDump {
  readonly revision: number
  readonly objects: readonly { readonly key: Key; readonly object: KubeObject }[]
}

/**
 * The objects, under one revision counter. Every write makes one event with the next revision; the event's object carries
 * that revision as `metadata.resourceVersion`. Stored objects are shared and must not be changed by readers.
 */
export class Store {
  readonly history: History
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  readonly #uids = new Set<string>()
  readonly #maxObjects: number
  #revision = 1
  #count = 0

  constructor(limits: { readonly events: number; readonly objects: number }) {
    this.history = new History(limits.events)
    this.#maxObjects = limits.objects
  }

  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#count
  }

  get full(): boolean {
    return this.#count >= this.#maxObjects
  }

  get(key: Key): KubeObject | undefined {
    return this.#objects.get(key.storageKey)?.get(pathOf(key))
  }

  hasUid(uid: string): boolean {
    return this.#uids.has(uid)
  }

  /** In the order of namespace and name, as a real server lists them. */
  list(storageKey: string, namespace = ""): KubeObject[] {
    const found = [...(this.#objects.get(storageKey) ?? [])]
    const prefix = `${namespace}/`
    return found
      .filter(([path]) => namespace === "" || path.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
  }

  /** The keys of everything in a namespace, of any kind. */
  inNamespace(namespace: string): Key[] {
    const prefix = `${namespace}/`
    return [...this.#objects].flatMap(([storageKey, paths]) =>
      [...paths.keys()]
        .filter((path) => path.startsWith(prefix))
        .map((path) => ({ storageKey, namespace, name: path.slice(prefix.length) })),
    )
  }

  /** The list as it was at a revision, or undefined when the history no longer reaches back. */
  listAt(storageKey: string, namespace: string, revision: number): KubeObject[] | undefined {
    const events = this.history.since(revision)
    if (events === undefined) return undefined
    const objects = new Map(this.list(storageKey, namespace).map((object) => [pathOfObject(object), object]))
    for (const event of [...events].reverse()) {
      if (event.key.storageKey !== storageKey || (namespace !== "" && event.key.namespace !== namespace)) continue
      if (event.old === undefined) objects.delete(pathOf(event.key))
      else objects.set(pathOf(event.key), event.old)
    }
    return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }

  /** Puts the object under the next revision. The caller has checked that it may. */
  put(key: Key, object: KubeObject): KubeObject {
    const old = this.get(key)
    const stored = this.#stamped(object)
    let objects = this.#objects.get(key.storageKey)
    if (objects === undefined) {
      objects = new Map()
      this.#objects.set(key.storageKey, objects)
    }
    objects.set(pathOf(key), stored)
    if (old === undefined) this.#count++
    if (stored.metadata.uid !== undefined) this.#uids.add(stored.metadata.uid)
    this.#emit({ type: old === undefined ? "ADDED" : "MODIFIED", key, object: stored, old })
    return stored
  }

  /** Takes the object out. Returns its last form, under the revision of its deletion. */
  remove(key: Key, last?: KubeObject): KubeObject | undefined {
    const old = this.get(key)
    if (old === undefined) return undefined
    this.#objects.get(key.storageKey)?.delete(pathOf(key))
    this.#count--
    if (old.metadata.uid !== undefined) this.#uids.delete(old.metadata.uid)
    const stored = this.#stamped(last ?? old)
    this.#emit({ type: "DELETED", key, object: stored, old })
    return stored
  }

  dump(): StoreDump {
    const objects: StoreDump["objects"][number][] = []
    for (const [storageKey, paths] of this.#objects) {
      for (const [path, object] of paths) {
        const slash = path.indexOf("/")
        objects.push({ key: { storageKey, namespace: path.slice(0, slash), name: path.slice(slash + 1) }, object })
      }
    }
    return { revision: this.#revision, objects }
  }

  /** Replaces everything. No events: whoever watched before must list again. */
  load(dump: StoreDump): void {
    this.#objects.clear()
    this.#uids.clear()
    this.#count = 0
    for (const { key, object } of dump.objects) {
      const objects = this.#objects.get(key.storageKey) ?? new Map<string, KubeObject>()
      objects.set(pathOf(key), object)
      this.#objects.set(key.storageKey, objects)
      this.#count++
      if (object.metadata.uid !== undefined) this.#uids.add(object.metadata.uid)
    }
    this.#revision = Math.max(dump.revision, this.#revision)
    this.history.compact(this.#revision)
  }

  #stamped(object: KubeObject): KubeObject {
    this.#revision++
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } }
  }

  #emit(event: Omit<StoreEvent, "revision">): void {
    this.history.append({ ...event, revision: this.#revision })
  }
}

function pathOf(key: Key): string {
  return `${key.namespace}/${key.name}`
}

function pathOfObject(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name ?? ""}`
}
