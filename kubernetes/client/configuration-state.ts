import type { ConfigurationCondition, ConfigurationReport } from "../../config/cluster-api.ts"
import { ok, type Result } from "../../protocols/result.ts"
import type { ApiRequest, Cluster } from "./cluster.ts"
import { type Collection, custom } from "./collections.ts"
import type { ApiFailure } from "./failure.ts"
import { isObject, type JsonObject, listOf, objectAt, textMap, textOf } from "./json.ts"
import type { Log } from "./log.ts"
import { ownedBy, type OwnerReference, uidOf, versionOf } from "./metadata.ts"
import type { OwnPod } from "./own-pod.ts"
import { failedBy, type Reconciled, startReconciler } from "./reconciler.ts"
import { type Time, timestamp } from "./time.ts"

/** Condition and field manager are MetalLB's, so that either can go on with the other's object. */
const reporters = {
  controller: { type: "poolReconcilerValid", fieldManager: "poolReconciler" },
  speaker: { type: "configReconcilerValid", fieldManager: "configReconciler" },
} as const

const messageLimit = 32_768

interface Wish {
  readonly component: ConfigurationReport["component"]
  readonly labels: Readonly<Record<string, string>>
  /** Undefined: it has none to report; the object is kept all the same. */
  readonly said: { readonly condition: ConfigurationCondition; readonly reported: string } | undefined
}

export interface ConfigurationStateOptions {
  readonly cluster: Cluster
  readonly namespace: string
  readonly ownPod: OwnPod
  /** Follows the object and calls back when it changed. */
  readonly follow: (collection: Collection, changed: () => void) => void
  readonly log: Log
  readonly time: Time
}

/** Keeps our ConfigurationState: that it exists, whose it is, our condition, and the verdict over all conditions. */
export function configurationStates({ cluster, namespace, ownPod, follow, log, time }: ConfigurationStateOptions) {
  const collection = custom(namespace, "configurationstates", "ConfigurationState")
  const { path, resource, apiVersion, kind } = collection
  const wishes = new Map<string, Wish>()
  const followed = new Set<string>()
  const reconciler = startReconciler({ what: "ConfigurationState", workers: 1, reconcile, log, time })

  async function reconcile(name: string, signal: AbortSignal): Promise<Reconciled> {
    const wish = wishes.get(name)
    if (wish === undefined) return { kind: "done", wrote: false }
    let wrote = false
    const send = async (request: Omit<ApiRequest, "signal">): Promise<Result<JsonObject, ApiFailure>> => {
      const answer = await cluster.request({ ...request, signal })
      if (!answer.ok) return answer
      wrote ||= request.verb !== "get"
      return ok(objectAt(answer.value))
    }
    const steps = [existing, owned, reported, summed]
    let object: JsonObject = {}
    for (const step of steps) {
      const next = await step({ name, wish, signal, send }, object)
      if (!next.ok) return failedBy(next.error)
      object = next.value
    }
    return { kind: "done", wrote }
  }

  interface Round {
    readonly name: string
    readonly wish: Wish
    readonly signal: AbortSignal
    readonly send: (request: Omit<ApiRequest, "signal">) => Promise<Result<JsonObject, ApiFailure>>
  }

  async function existing({ name, wish, signal, send }: Round): Promise<Result<JsonObject, ApiFailure>> {
    const got = await send({ verb: "get", path: `${path}/${name}`, resource })
    if (got.ok || got.error.kind !== "refused" || got.error.status !== 404) return got
    const owner = await ownPod(signal)
    if (!owner.ok) return owner
    const ownerReferences = ownedBy([], owner.value)
    const metadata = { name, namespace, labels: wish.labels, ...(ownerReferences && { ownerReferences }) }
    return send({ verb: "create", path, resource, body: { apiVersion, kind, metadata } })
  }

  async function owned(
    { name, wish, signal, send }: Round,
    object: JsonObject,
  ): Promise<Result<JsonObject, ApiFailure>> {
    const owner = await ownPod(signal)
    if (!owner.ok) return owner
    const patch = metadataPatch(object, wish, owner.value)
    if (patch === undefined) return ok(object)
    const metadata = { ...patch, uid: uidOf(object), resourceVersion: versionOf(object) }
    return send({ verb: "patch", path: `${path}/${name}`, resource, contentType: mergePatch, body: { metadata } })
  }

  /** Server-side apply: conditions of other reporters in the same list stay theirs. */
  async function reported({ name, wish, send }: Round, object: JsonObject): Promise<Result<JsonObject, ApiFailure>> {
    if (wish.said === undefined) return ok(object)
    const { type, fieldManager } = reporters[wish.component]
    const message = wish.said.condition.message.slice(0, messageLimit)
    const condition = { type, ...wish.said.condition, message, lastTransitionTime: wish.said.reported }
    const present = conditionsOf(object).find((entry) => entry["type"] === type)
    if (Object.entries(condition).every(([field, value]) => present?.[field] === value)) return ok(object)
    return send({
      verb: "patch",
      path: `${path}/${name}/status`,
      resource: `${resource}/status`,
      query: { fieldManager, force: true },
      contentType: "application/apply-patch+yaml",
      body: { apiVersion, kind, metadata: { name, namespace }, status: { conditions: [condition] } },
    })
  }

  async function summed({ name, send }: Round, object: JsonObject): Promise<Result<JsonObject, ApiFailure>> {
    const { result, errorSummary } = summaryOf(conditionsOf(object))
    const status = objectAt(object, "status")
    if (status["result"] === result && textOf(status["errorSummary"]) === errorSummary) return ok(object)
    return send({
      verb: "patch",
      path: `${path}/${name}/status`,
      resource: `${resource}/status`,
      contentType: mergePatch,
      body: {
        metadata: { uid: uidOf(object), resourceVersion: versionOf(object) },
        status: { result, errorSummary: errorSummary === "" ? null : errorSummary },
      },
    })
  }

  function keep(component: Wish["component"], nodeName: string, said: Wish["said"]): void {
    const name = component === "controller" ? component : `speaker-${nodeName}`
    const node = component === "speaker" ? { "metallb.io/node-name": nodeName } : {}
    const labels = { "metallb.io/component-type": component, ...node }
    wishes.set(name, { component, labels, said })
    reconciler.add(name)
    if (followed.has(name)) return
    followed.add(name)
    follow({ ...collection, fieldSelector: `metadata.name=${name}` }, () => reconciler.add(name))
  }

  return {
    reconciler,
    report({ component, nodeName = "", condition }: ConfigurationReport): void {
      keep(component, nodeName, { condition, reported: timestamp(time.wallMs()) })
    },
    /** The controller's object with its owner, and the verdict over what others report in it. */
    keepWithoutReport(): void {
      keep("controller", "", undefined)
    },
    forget(): void {
      wishes.clear()
      reconciler.forget()
    },
  }
}

const mergePatch = "application/merge-patch+json"

const conditionsOf = (object: JsonObject) => listOf(objectAt(object, "status")["conditions"]).filter(isObject)

function metadataPatch(object: JsonObject, { labels }: Wish, owner: OwnerReference | undefined) {
  const metadata = objectAt(object, "metadata")
  const present = textMap(metadata["labels"])
  const labelled = Object.entries(labels).every(([name, value]) => present[name] === value)
  const ownerReferences = ownedBy(metadata["ownerReferences"], owner)
  if (labelled && ownerReferences === undefined) return undefined
  return { labels, ...(ownerReferences && { ownerReferences }) }
}

/** Only what is wrong with the configuration makes it invalid; a failure of ours does not. */
export function summaryOf(conditions: readonly JsonObject[]): {
  readonly result: "Valid" | "Invalid" | "Unknown"
  readonly errorSummary: string
} {
  if (conditions.length === 0) return { result: "Unknown", errorSummary: "" }
  const wrong = conditions.filter(({ status, reason }) => status === "False" && reason === "ConfigurationError")
  if (wrong.length === 0) return { result: "Valid", errorSummary: "" }
  return { result: "Invalid", errorSummary: wrong.map(({ message }) => textOf(message)).join("\n") }
}
