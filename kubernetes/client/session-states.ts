import { createHash } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import type { DesiredSessionStates, SessionState } from "../../config/cluster-api.ts"
import { ok, type Result } from "../../protocols/result.ts"
import type { ApiRequest, Cluster } from "./cluster.ts"
import { type Collection, sessionStateCollection } from "./collections.ts"
import type { ApiFailure } from "./failure.ts"
import type { Feed } from "./feed.ts"
import { type JsonObject, objectAt, textMap } from "./json.ts"
import type { Log } from "./log.ts"
import { ownedBy, type OwnerReference, uidOf, versionOf } from "./metadata.ts"
import type { OwnPod } from "./own-pod.ts"
import { failedBy, type Reconciled, startReconciler } from "./reconciler.ts"
import { type Time, timestamp } from "./time.ts"

export interface SessionStatesOptions {
  readonly cluster: Cluster
  readonly namespace: string
  readonly ownPod: OwnPod
  readonly feed: (collection: Collection, keep: (object: JsonObject) => JsonObject) => Feed<JsonObject>
  readonly log: Log
  readonly time: Time
}

const labelNames = { node: "troupe.dev/node", peer: "troupe.dev/peer" } as const
const mergePatch = "application/merge-patch+json"
// Whether the kind has been installed meanwhile.
const lookAgainMs = 90_000

/**
 * Keeps a BGPSessionState for each session of this node. Names are made of node and peer, so that no two objects can be
 * about one session; what the watch shows beyond them, from peers that are gone, is deleted. Where the kind is not
 * installed the watch says so once, and nothing is written until it is.
 */
export function sessionStates({ cluster, namespace, ownPod, feed, log, time }: SessionStatesOptions) {
  const collection = sessionStateCollection(namespace)
  const { path, resource, apiVersion, kind } = collection
  const reconciler = startReconciler({ what: "BGPSessionState objects", workers: 2, reconcile, log, time })
  let desired: DesiredSessionStates | undefined
  let following: Feed<JsonObject> | undefined

  interface Round {
    readonly name: string
    readonly wanted: Wanted
    readonly owner: OwnerReference | undefined
    readonly send: (request: Omit<ApiRequest, "signal">) => Promise<Result<JsonObject, ApiFailure>>
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<Reconciled> {
    if (desired === undefined || following?.listed !== true) return { kind: "done", wrote: false }
    if (following.missing) return { kind: "done", wrote: false, againMs: lookAgainMs }
    let wrote = false
    const send: Round["send"] = async (request) => {
      const answer = await cluster.request({ ...request, signal })
      if (answer.ok) wrote ||= request.verb !== "get"
      return answer.ok ? ok(objectAt(answer.value)) : answer
    }
    const wanted = wantedFor(name, desired)
    if (wanted === undefined) {
      const removed = await remove(name, send)
      return removed.ok ? { kind: "done", wrote } : failedBy(removed.error)
    }
    const owner = await ownPod(signal)
    if (!owner.ok) return failedBy(owner.error)
    const round = { name, wanted, owner: owner.value, send }
    let object: JsonObject = {}
    for (const step of [existing, labelled, stated]) {
      const next = await step(round, object)
      if (!next.ok) return failedBy(next.error)
      object = next.value
    }
    return { kind: "done", wrote }
  }

  async function existing({ name, wanted, owner, send }: Round): Promise<Result<JsonObject, ApiFailure>> {
    const got = await send({ verb: "get", path: `${path}/${name}`, resource })
    if (got.ok || !isMissing(got.error)) return got
    const ownerReferences = ownedBy([], owner)
    const metadata = { name, namespace, labels: wanted.labels, ...(ownerReferences && { ownerReferences }) }
    return send({ verb: "create", path, resource, body: { apiVersion, kind, metadata, spec: {} } })
  }

  async function labelled(
    { name, wanted: { labels }, owner, send }: Round,
    object: JsonObject,
  ): Promise<Result<JsonObject, ApiFailure>> {
    const metadata = objectAt(object, "metadata")
    const present = textMap(metadata["labels"])
    const ownerReferences = ownedBy(metadata["ownerReferences"], owner)
    const right = Object.entries(labels).every(([label, value]) => present[label] === value)
    if (right && ownerReferences === undefined) return ok(object)
    const patch = { resourceVersion: versionOf(object), labels, ...(ownerReferences && { ownerReferences }) }
    const body = { metadata: patch }
    return send({ verb: "patch", path: `${path}/${name}`, resource, contentType: mergePatch, body })
  }

  async function stated(
    { name, wanted: { status }, send }: Round,
    object: JsonObject,
  ): Promise<Result<JsonObject, ApiFailure>> {
    const present = objectAt(object, "status")
    if (isDeepStrictEqual({ ...present }, status)) return ok(object)
    const gone = Object.fromEntries(Object.keys(present).map((field) => [field, null]))
    return send({
      verb: "patch",
      path: `${path}/${name}/status`,
      resource: `${resource}/status`,
      contentType: mergePatch,
      body: { metadata: { resourceVersion: versionOf(object) }, status: { ...gone, ...status } },
    })
  }

  async function remove(name: string, send: Round["send"]): Promise<Result<void, ApiFailure>> {
    const there = following?.values.get(`${namespace}/${name}`)
    if (there === undefined) return ok(undefined)
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: uidOf(there) } }
    const deleted = await send({ verb: "delete", path: `${path}/${name}`, resource, body })
    return deleted.ok || isMissing(deleted.error) ? ok(undefined) : deleted
  }

  function start(nodeName: string): Feed<JsonObject> {
    const started = feed({ ...collection, labelSelector: `${labelNames.node}=${nodeName}` }, essence)
    started.listen({ changed: (key) => reconciler.add(nameIn(key)), listed: all })
    return started
  }

  function all(): void {
    for (const peer of desired?.sessions.keys() ?? []) reconciler.add(nameOf(desired?.nodeName ?? "", peer))
    for (const key of following?.values.keys() ?? []) reconciler.add(nameIn(key))
  }

  return {
    reconciler,
    desire(next: DesiredSessionStates): void {
      const before = desired?.sessions
      desired = next
      following ??= start(next.nodeName)
      if (before === undefined) return all()
      for (const peer of new Set([...before.keys(), ...next.sessions.keys()])) {
        if (isDeepStrictEqual(before.get(peer), next.sessions.get(peer))) continue
        reconciler.add(nameOf(next.nodeName, peer))
      }
    },
    forget(): void {
      desired = undefined
      reconciler.forget()
    },
  }
}

const isMissing = (error: ApiFailure): boolean => error.kind === "refused" && error.status === 404
const nameIn = (key: string): string => key.slice(key.indexOf("/") + 1)

/** All that we would repair. */
function essence(object: JsonObject): JsonObject {
  const { labels, ownerReferences, uid } = objectAt(object, "metadata")
  return { metadata: { labels, ownerReferences, uid }, status: object["status"] }
}

interface Wanted {
  readonly labels: Readonly<Record<string, string>>
  readonly status: JsonObject
}

/** Undefined: there is no such session any more. */
function wantedFor(name: string, { nodeName, sessions }: DesiredSessionStates): Wanted | undefined {
  const found = [...sessions].find(([peer]) => nameOf(nodeName, peer) === name)
  if (found === undefined) return undefined
  const [peer, session] = found
  return {
    labels: { [labelNames.node]: nodeName, [labelNames.peer]: peer },
    status: statusFor(nodeName, peer, session),
  }
}

/** Readable, and never the same for two sessions: the names of nodes and peers may have dots themselves. */
function nameOf(node: string, peer: string): string {
  const plain = `${node}.${peer}`
  if (plain.length <= 253 && !peer.includes(".")) return plain
  const digest = createHash("sha256").update(`${node}/${peer}`).digest("hex").slice(0, 10)
  return `${plain.slice(0, 240).replace(/[^a-z0-9]+$/, "")}-${digest}`
}

const longestError = 1024

function statusFor(node: string, peerName: string, session: SessionState): JsonObject {
  const { peer, vrf, bgpStatus, bfdStatus, establishedSinceMs, lastError } = session
  return {
    bgpStatus,
    bfdStatus,
    node,
    peer,
    ...(vrf === undefined ? {} : { vrf }),
    peerName,
    ...(establishedSinceMs === undefined ? {} : { establishedSince: timestamp(establishedSinceMs) }),
    ...(lastError === undefined ? {} : { lastError: lastError.slice(0, longestError) }),
  }
}
