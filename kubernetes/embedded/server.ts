import { once } from "node:events"
import { unlink } from "node:fs/promises"
import { type Chaos, noChaos } from "./chaos.ts"
import type { ResourceDefinition } from "./definition.ts"
import { EventExpiry } from "./expiry.ts"
import { Handlers } from "./handlers.ts"
import { HttpSide } from "./http.ts"
import { ServiceAllocator } from "./kinds/allocator.ts"
import { builtinKinds } from "./kinds/builtin.ts"
import type { Conversion } from "./kinds/custom.ts"
import { definitionFaults } from "./kinds/definition-faults.ts"
import { copy, type JsonObject, type KubeObject } from "./object.ts"
import { Persistence } from "./persistence.ts"
import { Registry } from "./registry.ts"
import { outward } from "./forms.ts"
import { keyOf, Resources, type Target } from "./resources.ts"
import { ApiError } from "./status.ts"
import { Store } from "./store.ts"

export interface EmbeddedApiOptions {
  /** TCP addresses (127.0.0.1 and a free port unless said otherwise) and paths of Unix sockets. */
  readonly listen: readonly Listen[]
  /** CustomResourceDefinitions to serve from the start. */
  readonly definitions: readonly ResourceDefinition[]
  /** Between versions of a resource, by name, e.g. `bgppeers.metallb.io`. Without one only `apiVersion` changes. */
  readonly conversions?: Readonly<Record<string, Conversion>>
  /** Created at the start where absent, in order. Namespaces first. */
  readonly seeds?: readonly JsonObject[]
  /** JSON file that survives a restart. */
  readonly persistTo?: string
  readonly persistIntervalMs?: number
  /** The first is the primary family; a second one makes the cluster dual-stack. Default 10.96.0.0/16. */
  readonly serviceCidrs?: readonly string[]
  readonly nodePorts?: readonly [number, number]
  /** Wall clock in ms since 1970, for timestamps and ages. */
  readonly nowMs?: () => number
  readonly random?: () => number
  /** Requests must carry it as `Authorization: Bearer …`. */
  readonly bearerToken?: string
  /** Events kept for watches that start in the past. Default 10 000. */
  readonly historyEvents?: number
  readonly maxObjects?: number
  readonly bookmarkIntervalMs?: number
  readonly watchBufferBytes?: number
  readonly maxWatches?: number
  /** How long Events are kept, and how many of them. Default one hour and 10 000. */
  readonly eventSeconds?: number
  readonly maxEvents?: number
  readonly chaos?: Partial<Chaos>
}

export type Listen = { readonly host?: string; readonly port?: number } | { readonly socket: string }

export interface EmbeddedApi {
  /** Of the first TCP address, `http://127.0.0.1:…`; empty when only sockets are listened on. */
  readonly url: string
  readonly chaos: Chaos
  /** Objects without HTTP, by the same rules. Kinds are named as in `kubectl`: apiVersion and kind. */
  readonly objects: ObjectAccess
  readonly revision: () => number
  readonly counts: () => EmbeddedCounts
  /** Forgets the history: watches from before now get 410 Expired. */
  compact(): void
  /** Ends every open watch. */
  closeWatches(): void
  close(): Promise<void>
}

export interface EmbeddedCounts {
  readonly objects: number
  readonly watches: number
  readonly requests: number
  readonly internalErrors: number
  readonly slowWatchersClosed: number
}

export interface ObjectAccess {
  get(apiVersion: string, kind: string, name: string, namespace?: string): KubeObject | undefined
  list(apiVersion: string, kind: string, namespace?: string): KubeObject[]
  /** Throws `ApiError`, like the two below. */
  create(object: JsonObject): KubeObject
  /** Creates or replaces, whatever version is there. Status is written too where the kind has one. */
  put(object: JsonObject): KubeObject
  delete(apiVersion: string, kind: string, name: string, namespace?: string): void
}

const CRDS = "apiextensions.k8s.io/customresourcedefinitions"

/** Starts an API server with an empty cluster: four namespaces, the `kubernetes` Service, and what is asked for. */
export async function startEmbeddedApi(options: EmbeddedApiOptions): Promise<EmbeddedApi> {
  const nowMs = options.nowMs ?? Date.now
  const store = new Store({ events: options.historyEvents ?? 10_000, objects: options.maxObjects ?? 200_000 })
  const networks = options.serviceCidrs ?? ["10.96.0.0/16"]
  const allocator = new ServiceAllocator(networks, options.nodePorts ?? [30_000, 32_767])
  const registry = new Registry(builtinKinds(allocator), options.conversions ?? {})
  const resources = new Resources(store, nowMs)
  const persistence =
    options.persistTo === undefined
      ? undefined
      : new Persistence(store, options.persistTo, options.persistIntervalMs ?? 200)

  const expiry = new EventExpiry(store, nowMs, {
    seconds: options.eventSeconds ?? 3600,
    count: options.maxEvents ?? 10_000,
  })
  store.history.subscribe((event) => {
    const { storageKey, name } = event.key
    expiry.follow(event)
    const now = event.type === "DELETED" ? undefined : event.object
    if (storageKey === "/services") allocator.follow(event.old, now)
    if (storageKey === CRDS) followDefinition(name, now)
    resources.deletion.follow(event)
    persistence?.changed()
  })

  function followDefinition(name: string, now: KubeObject | undefined): void {
    if (now !== undefined) {
      if (definitionFaults(now).length === 0) registry.define(now as unknown as ResourceDefinition)
      return
    }
    for (const kind of registry.remove(name)) {
      for (const object of store.list(kind.storageKey)) {
        const { namespace = "", name: objectName = "" } = object.metadata
        store.remove({ storageKey: kind.storageKey, namespace, name: objectName })
      }
    }
  }

  if (await persistence?.load()) {
    for (const service of store.list("/services")) allocator.follow(undefined, service)
    for (const definition of store.list(CRDS)) followDefinition(definition.metadata.name ?? "", definition)
    resources.deletion.reindex()
    expiry.reindex()
  }
  const objects = objectAccess(registry, resources, store)
  for (const namespace of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    createIfAbsent(objects, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })
  }
  createIfAbsent(objects, kubernetesService(allocator))
  for (const definition of options.definitions) objects.put(definitionObject(definition))
  for (const seed of options.seeds ?? []) createIfAbsent(objects, seed)
  store.history.compact(store.revision)

  const handlers = new Handlers(store, resources, nowMs)
  const chaos: Chaos = { ...noChaos(), ...options.chaos }
  const shared = {
    store,
    registry,
    handlers,
    chaos,
    random: options.random ?? Math.random,
    bearerToken: options.bearerToken,
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
    watchBufferBytes: options.watchBufferBytes ?? 16 * 1024 * 1024,
    maxWatches: options.maxWatches ?? 2000,
  }
  const sides = await Promise.all(
    options.listen.map(async (where) => {
      const side = new HttpSide(shared)
      if ("socket" in where) {
        await unlink(where.socket).catch(() => undefined)
        side.server.listen(where.socket)
      } else side.server.listen(where.port ?? 0, where.host ?? "127.0.0.1")
      await once(side.server, "listening")
      return side
    }),
  )
  const sum = (count: (side: HttpSide) => number) => sides.reduce((total, side) => total + count(side), 0)
  return {
    url: sides.map((side) => urlOf(side)).find((url) => url !== "") ?? "",
    chaos,
    objects,
    revision: () => store.revision,
    counts: () => ({
      objects: store.size,
      watches: sum((side) => side.watches),
      requests: sum((side) => side.counts.requests),
      internalErrors: sum((side) => side.counts.internalErrors),
      slowWatchersClosed: sum((side) => side.counts.slowWatchersClosed),
    }),
    compact: () => store.history.compact(store.revision),
    closeWatches: () => {
      for (const side of sides) side.closeWatches()
    },
    close: async () => {
      for (const side of sides) {
        const closed = once(side.server, "close")
        side.server.close()
        side.closeWatches()
        side.server.closeAllConnections()
        await closed
      }
      await persistence?.flush()
    },
  }
}

function urlOf(side: HttpSide): string {
  const address = side.server.address()
  if (address === null || typeof address === "string") return ""
  return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`
}

function createIfAbsent(objects: ObjectAccess, object: JsonObject): void {
  try {
    objects.create(object)
  } catch (error) {
    if (!(error instanceof ApiError && error.body["reason"] === "AlreadyExists")) throw error
  }
}

function kubernetesService(allocator: ServiceAllocator): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "kubernetes", namespace: "default", labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      clusterIP: allocator.firstAddress(),
      ipFamilyPolicy: "SingleStack",
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: 16_443 }],
    },
  }
}

function definitionObject(definition: ResourceDefinition): JsonObject {
  const { plural } = definition.spec.names
  return {
    ...(copy(definition) as unknown as JsonObject),
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { ...definition.metadata, name: `${plural}.${definition.spec.group}` },
  }
}

function objectAccess(registry: Registry, resources: Resources, store: Store): ObjectAccess {
  const target = (apiVersion: string, kindName: string, name: string, namespace: string, subresource = ""): Target => {
    const kind = registry.ofKind(apiVersion, kindName)
    if (kind === undefined) throw new Error(`no resource ${kindName} of ${apiVersion} is served`)
    const manager = "kube-apiserver"
    return { kind, namespace, name, subresource, manager, dryRun: false, fieldValidation: "Warn", warnings: [] }
  }
  const ofObject = (object: JsonObject, subresource = ""): Target => {
    const { apiVersion, kind, metadata } = object as KubeObject
    return target(apiVersion, kind, metadata.name ?? "", metadata.namespace ?? "", subresource)
  }
  return {
    get: (apiVersion, kindName, name, namespace = "") => {
      const one = target(apiVersion, kindName, name, namespace)
      const object = store.get(keyOf(one))
      return object === undefined ? undefined : copy(outward(one.kind, object))
    },
    list: (apiVersion, kindName, namespace = "") => {
      const { kind } = target(apiVersion, kindName, "", namespace)
      return store.list(kind.storageKey, namespace).map((object) => copy(outward(kind, object)))
    },
    create: (object) => copy(resources.create(ofObject(object), object)),
    put: (object) => {
      const one = ofObject(object)
      const present = store.get(keyOf(one))
      const body = copy(object) as KubeObject
      if (present === undefined) resources.create(one, body)
      else {
        body.metadata.resourceVersion = present.metadata.resourceVersion ?? ""
        resources.update(one, () => body, { replace: true })
      }
      if (body.status !== undefined && one.kind.rules.statusSubresource === true) {
        const { status } = body
        resources.update(ofObject(object, "status"), (old) => ({ ...old, status }), { replace: false })
      }
      return copy(resources.get(one))
    },
    delete: (apiVersion, kindName, name, namespace = "") => {
      resources.delete(target(apiVersion, kindName, name, namespace), {})
    },
  }
}
