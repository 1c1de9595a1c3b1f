import type { DesiredServiceStatuses } from "../../config/cluster-api.ts"
import type { ServiceKey } from "../../config/facts.ts"
import { ok, type Result } from "../../protocols/result.ts"
import type { ApiRequest, Cluster } from "./cluster.ts"
import { type Collection, custom } from "./collections.ts"
import type { ApiFailure } from "./failure.ts"
import type { Feed } from "./feed.ts"
import { type JsonObject, objectAt, textOf } from "./json.ts"
import type { Log } from "./log.ts"
import { isAtLeast } from "./metadata.ts"
import type { OwnPod } from "./own-pod.ts"
import { failedBy, type Reconciled, startReconciler } from "./reconciler.ts"
import {
  labelsFor,
  nothingToDo,
  type Plan,
  planStatus,
  sameList,
  statusFor,
  type StatusKind,
  statusLabels,
  type StatusObject,
  statusObject,
  type Wanted,
} from "./service-status-plan.ts"
import type { Time } from "./time.ts"

export interface ServiceStatusesOptions {
  readonly kind: StatusKind
  readonly cluster: Cluster
  readonly namespace: string
  readonly ownPod: OwnPod
  readonly feed: (collection: Collection, keep: (object: JsonObject) => StatusObject | undefined) => Feed<StatusObject>
  readonly log: Log
  readonly time: Time
}

const kinds = {
  layer2: { resource: "servicel2statuses", kind: "ServiceL2Status", generateName: "l2-" },
  bgp: { resource: "servicebgpstatuses", kind: "ServiceBGPStatus", generateName: "bgp-" },
} as const

const mergePatch = "application/merge-patch+json"
// The watch is expected to show what we wrote by then; else we look.
const watchLagMs = 10_000

/**
 * Keeps the status objects of what this node announces. The watch says what is there; what our own writes returned counts
 * until the watch has caught up, so that nothing is written twice.
 */
export function serviceStatuses({ kind, cluster, namespace, ownPod, feed, log, time }: ServiceStatusesOptions) {
  const names = kinds[kind]
  const { path, resource, apiVersion } = custom(namespace, names.resource, names.kind)
  const reconciler = startReconciler({ what: `${names.kind} objects`, workers: 4, reconcile, log, time })
  let desired: DesiredServiceStatuses | undefined
  let following: Feed<StatusObject> | undefined
  const ofService = new Map<ServiceKey, Map<string, StatusObject>>()
  const serviceOf = new Map<string, ServiceKey>()
  const written = new Map<ServiceKey, Map<string, StatusObject & { readonly readMs: number }>>()

  // By uid: deleted by us, and the watch has not told it yet.
  const deleted = new Set<string>()

  async function reconcile(service: ServiceKey, signal: AbortSignal): Promise<Reconciled> {
    if (desired === undefined || following?.listed !== true) return { kind: "done", wrote: false }
    const list = desired.services.get(service)
    const { nodeName } = desired
    const none = list === undefined || (kind === "bgp" && list.length === 0)
    const wanted: Wanted = { kind, nodeName, service, list: none ? undefined : list }
    const owner = none ? ok(undefined) : await ownPod(signal)
    if (!owner.ok) return failedBy(owner.error)
    const checked = await lookAt(service, signal)
    if (!checked.ok) return failedBy(checked.error)
    const plan = planStatus(wanted, known(service), owner.value)
    if (nothingToDo(plan)) return { kind: "done", wrote: false, ...lookAgain(service) }
    const done = await perform(plan, wanted, owner.value, signal)
    if (!done.ok) return failedBy(done.error)
    return { kind: "done", wrote: true, ...lookAgain(service) }
  }

  const lookAgain = (service: ServiceKey) => (written.has(service) ? { againMs: watchLagMs } : {})

  /** Reads what the watch should have shown by now. */
  async function lookAt(service: ServiceKey, signal: AbortSignal): Promise<Result<void, ApiFailure>> {
    for (const { name, readMs } of written.get(service)?.values() ?? []) {
      if (time.monotonicMs() - readMs < watchLagMs) continue
      const got = await cluster.request({ verb: "get", path: `${path}/${name}`, resource, signal })
      if (got.ok) remember(service, got.value)
      else if (got.error.kind === "refused" && got.error.status === 404) forgetWritten(service, name)
      else return got
    }
    return ok(undefined)
  }

  /** The watch's objects, and ours where they are newer. */
  function known(service: ServiceKey): readonly StatusObject[] {
    const all = new Map([...(ofService.get(service) ?? []), ...(written.get(service) ?? [])])
    return [...all.values()].filter(({ uid }) => !deleted.has(uid))
  }

  async function perform(
    plan: Plan,
    wanted: Wanted,
    owner: Parameters<typeof planStatus>[2],
    signal: AbortSignal,
  ): Promise<Result<void, ApiFailure>> {
    const send = (request: Omit<ApiRequest, "signal">) => cluster.request({ ...request, signal })
    for (const object of plan.delete) {
      const removed = await remove(object, send)
      if (!removed.ok) return removed
    }
    let object = plan.keep
    if (plan.create) {
      const metadata = {
        generateName: names.generateName,
        namespace,
        labels: labelsFor(wanted),
        ...(owner && { ownerReferences: [owner] }),
      }
      const created = await send({
        verb: "create",
        path,
        resource,
        body: { apiVersion, kind: names.kind, metadata, spec: {} },
      })
      if (!created.ok) return created
      object = remember(wanted.service, created.value)
    }
    if (object !== undefined && plan.ownerReferences !== undefined) {
      const { resourceVersion } = object
      const body = { metadata: { resourceVersion, ownerReferences: plan.ownerReferences } }
      const at = `${path}/${object.name}`
      const owned = await send({ verb: "patch", path: at, resource, contentType: mergePatch, body })
      if (!owned.ok) return owned
      object = remember(wanted.service, owned.value)
    }
    if (object === undefined || !(plan.create || plan.writeStatus)) return ok(undefined)
    // A second request: the first write of an object leaves its status out.
    const stated = await send({
      verb: "patch",
      path: `${path}/${object.name}/status`,
      resource: `${resource}/status`,
      contentType: mergePatch,
      body: { metadata: { resourceVersion: object.resourceVersion }, status: statusFor(wanted) },
    })
    if (!stated.ok) return stated
    remember(wanted.service, stated.value)
    return ok(undefined)
  }

  async function remove(
    { name, uid, service }: StatusObject,
    send: (request: Omit<ApiRequest, "signal">) => Promise<Result<unknown, ApiFailure>>,
  ): Promise<Result<void, ApiFailure>> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } }
    const answer = await send({ verb: "delete", path: `${path}/${name}`, resource, body })
    // Gone already, or another object has the name now.
    const gone = answer.ok || (answer.error.kind === "refused" && [404, 409].includes(answer.error.status))
    if (!gone) return answer
    forgetWritten(service, name)
    if (ofService.get(service)?.get(name)?.uid === uid) deleted.add(uid)
    return ok(undefined)
  }

  function remember(service: ServiceKey, answer: unknown): StatusObject | undefined {
    const object = statusObject(kind, objectAt(answer))
    if (object === undefined) return undefined
    const seen = ofService.get(service)?.get(object.name)
    if (seen?.uid === object.uid && isAtLeast(seen.resourceVersion, object.resourceVersion)) return object
    const ours = written.get(service) ?? new Map<string, StatusObject & { readonly readMs: number }>()
    written.set(service, ours.set(object.name, { ...object, readMs: time.monotonicMs() }))
    return object
  }

  function forgetWritten(service: ServiceKey, name: string): void {
    const ours = written.get(service)
    ours?.delete(name)
    if (ours?.size === 0) written.delete(service)
  }

  function start(nodeName: string): Feed<StatusObject> {
    // Layer 2: who holds a Service also removes what other nodes left.
    const mine = kind === "bgp" ? { labelSelector: `${statusLabels.node}=${nodeName}` } : {}
    const started = feed({ ...custom(namespace, names.resource, names.kind), ...mine }, (object) => {
      // On its way out.
      if (textOf(objectAt(object, "metadata")["deletionTimestamp"]) !== "") return undefined
      const found = statusObject(kind, object)
      if (found === undefined)
        log.error(`${names.kind} ${textOf(objectAt(object, "metadata")["name"])} lacks a label; it is left alone`, {
          labels: Object.values(statusLabels),
        })
      return found
    })
    started.listen({ changed: seen, listed: all })
    return started
  }

  function seen(key: string, object: StatusObject | undefined): void {
    const name = key.slice(key.indexOf("/") + 1)
    const before = serviceOf.get(name)
    if (before !== undefined && before !== object?.service) {
      const rest = ofService.get(before)
      deleted.delete(rest?.get(name)?.uid ?? "")
      rest?.delete(name)
      if (rest?.size === 0) ofService.delete(before)
      serviceOf.delete(name)
      forgetWritten(before, name)
      reconciler.add(before)
    }
    if (object === undefined) return
    const { service } = object
    serviceOf.set(name, service)
    ofService.set(service, (ofService.get(service) ?? new Map<string, StatusObject>()).set(name, object))
    const own = written.get(service)?.get(name)
    // An older version may still be on its way; ours counts until the watch shows it or something after it.
    if (own && (own.uid !== object.uid || isAtLeast(object.resourceVersion, own.resourceVersion)))
      forgetWritten(service, name)
    reconciler.add(service)
  }

  function all(): void {
    for (const service of new Set([...(desired?.services.keys() ?? []), ...ofService.keys()])) reconciler.add(service)
  }

  return {
    reconciler,
    desire(next: DesiredServiceStatuses): void {
      const before = desired?.services
      const sorted = next.services.entries().map(([service, list]) => [service, [...new Set(list)].sort()] as const)
      const services = new Map(sorted)
      desired = { ...next, services }
      following ??= start(next.nodeName)
      if (before === undefined) return all()
      for (const [service, list] of services) {
        const old = before.get(service)
        if (old === undefined || !sameList(old, list)) reconciler.add(service)
      }
      for (const service of before.keys()) if (!services.has(service)) reconciler.add(service)
    },
    forget(): void {
      desired = undefined
      reconciler.forget()
    },
  }
}
