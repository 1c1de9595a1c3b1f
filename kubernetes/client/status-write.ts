import type { ServiceStatusWrite, WriteOutcome } from "../../config/cluster-api.ts"
import type { ServiceCondition } from "../../config/facts.ts"
import { parseIp } from "../../protocols/ip.ts"
import type { Cluster } from "./cluster.ts"
import type { ApiFailure } from "./failure.ts"
import { isObject, type JsonObject, listOf, objectAt, textOf } from "./json.ts"
import { isAtLeast, uidOf, versionOf } from "./metadata.ts"
import { type Time, timestamp } from "./time.ts"

/**
 * Writes a Service's addresses and annotations with one PUT on `services/<name>/status`: the whole object with the
 * version that the decision was made on, so that nobody's write is lost. Annotations go along: the controller may not
 * write `services` itself.
 */
export function statusWriter(cluster: Cluster, time: Time, known: (key: string) => JsonObject | undefined) {
  // What our own writes returned, until the watch has caught up: the next decision may come before it.
  const written = new Map<string, JsonObject>()

  async function write(wanted: ServiceStatusWrite): Promise<WriteOutcome> {
    const [namespace = "", name = ""] = wanted.key.split("/")
    const path = `/api/v1/namespaces/${namespace}/services/${name}`
    const current = await read(wanted, path)
    if ("kind" in current) return current
    if (uidOf(current.object) !== wanted.uid) return { kind: "gone" }
    if (versionOf(current.object) !== wanted.resourceVersion) return { kind: "conflict" }
    const answer = await cluster.request({
      verb: "update",
      path: `${path}/status`,
      resource: "services/status",
      body: withStatus(current.object, wanted, time.wallMs()),
    })
    if (!answer.ok) return outcomeOf(answer.error)
    if (!isObject(answer.value)) return { kind: "failed", message: "the API server answered with no Service" }
    // Only where a watch will clear it again.
    if (known(wanted.key) !== undefined) written.set(wanted.key, answer.value)
    return { kind: "written", resourceVersion: versionOf(answer.value) }
  }

  async function read(
    { key, resourceVersion }: ServiceStatusWrite,
    path: string,
  ): Promise<{ readonly object: JsonObject } | WriteOutcome> {
    const candidates = [written.get(key), known(key)].filter((object) => object !== undefined)
    const match = candidates.find((object) => versionOf(object) === resourceVersion) ?? candidates.at(-1)
    if (match !== undefined) return { object: match }
    const got = await cluster.request({ verb: "get", path, resource: "services" })
    return got.ok ? { object: objectAt(got.value) } : outcomeOf(got.error)
  }

  return {
    write,
    /** The watch has told this Service's present state, or that it is gone. */
    seen(key: string, object: JsonObject | undefined): void {
      const own = written.get(key)
      if (own === undefined) return
      // An older version may still be on its way; ours stays until the watch shows it or something after it.
      if (object === undefined || uidOf(object) !== uidOf(own) || isAtLeast(versionOf(object), versionOf(own)))
        written.delete(key)
    },
  }
}

/** Entries for addresses that stay keep what else the server or a cloud wrote into them: `ipMode`, `ports`. */
export function withStatus(service: JsonObject, wanted: ServiceStatusWrite, wallMs: number): JsonObject {
  const { ingress, annotations, conditions } = wanted
  const same = (ip: string) => parseIp(ip) ?? ip
  const status = objectAt(service, "status")
  const entries = listOf(objectAt(status, "loadBalancer")["ingress"]).filter(isObject)
  const next = ingress.map((ip) => entries.find((entry) => same(textOf(entry["ip"])) === same(ip)) ?? { ip })
  return {
    ...service,
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      ...objectAt(service, "metadata"),
      annotations: merged(objectAt(service, "metadata", "annotations"), annotations),
    },
    status: {
      ...status,
      loadBalancer: next.length > 0 ? { ingress: next } : {},
      ...(conditions !== undefined && { conditions: withConditions(listOf(status["conditions"]), conditions, wallMs) }),
    },
  }
}

function withConditions(
  present: readonly unknown[],
  wanted: NonNullable<ServiceStatusWrite["conditions"]>,
  wallMs: number,
): readonly unknown[] {
  const others = present.filter((entry) => !(isObject(entry) && Object.hasOwn(wanted, textOf(entry["type"]))))
  const ours = Object.entries(wanted).flatMap(([type, condition]) => {
    if (condition === undefined) return []
    const before = present.filter(isObject).find((entry) => entry["type"] === type)
    return [conditionEntry(before, type, condition, wallMs)]
  })
  return [...others, ...ours]
}

/** `metav1.Condition`: the time is that of the last change of `status`, whatever became of the words. */
export function conditionEntry(
  before: JsonObject | undefined,
  type: string,
  condition: ServiceCondition,
  wallMs: number,
): JsonObject {
  const stays = before?.["status"] === condition.status && textOf(before["lastTransitionTime"]) !== ""
  const lastTransitionTime = stays ? before["lastTransitionTime"] : timestamp(wallMs)
  return { ...before, type, ...condition, lastTransitionTime }
}

function merged(present: JsonObject, wanted: ServiceStatusWrite["annotations"]): JsonObject {
  // What is undefined is left out of the JSON, and with it the annotation goes.
  return { ...present, ...wanted }
}

function outcomeOf(error: ApiFailure): WriteOutcome {
  if (error.kind === "unreachable") return { kind: "failed", message: error.message }
  if (error.status === 409) return { kind: "conflict" }
  if (error.status === 404) return { kind: "gone" }
  const { message, retryAfterMs } = error
  return { kind: "failed", message, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}
