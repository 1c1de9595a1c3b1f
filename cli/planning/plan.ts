import { describe } from "../../actors/allocator/reasons.ts"
import { poolAnnotation } from "../../actors/allocator/request.ts"
import type { EndpointFacts, ServiceFacts, ServiceKey } from "../../config/facts.ts"
import type { ConfigurationFault } from "../../config/fault.ts"
import { type JsonObject, objectAt } from "../../kubernetes/client/json.ts"
import { applied, sameObject } from "../manifests/apply.ts"
import { checkObject } from "../manifests/check-object.ts"
import { type ClusterFamilies, completeService, familiesOf } from "../manifests/complete-service.ts"
import { type ClusterFacts, clusterFacts } from "../manifests/facts.ts"
import { idOf, idText, isOurs, keyOfId, type ObjectSet } from "../manifests/objects.ts"
import type { Manifest } from "../manifests/parse.ts"
import { Allocation, type Turn } from "./allocation.ts"
import { announced, type Announced, type InForce, inForce, unannounced, type Watching } from "./announcements.ts"
import { type AnnouncementChange, announcementChange } from "./announcement-change.ts"

export interface PlanOptions {
  /** Where the resources live. */
  readonly home: string
  readonly loadBalancerClass: string
}

export interface Plan {
  /** The configuration after it is valid, and an API server takes every object. */
  readonly valid: boolean
  readonly objects: readonly ObjectChange[]
  readonly faults: readonly PlanFault[]
  /** Services that change, in key order. */
  readonly services: readonly ServiceChange[]
  /** Services of ours that stay as they are. */
  readonly unchanged: number
  readonly notes: readonly string[]
}

export interface ObjectChange {
  readonly object: string
  readonly change: "create" | "change" | "none" | "refused"
}

export interface PlanFault {
  readonly object: string
  readonly field?: string
  readonly text: string
}

export interface ServiceChange {
  readonly service: ServiceKey
  readonly addresses: {
    readonly before: readonly string[]
    readonly after: readonly string[]
    readonly because: readonly string[]
  }
  readonly pool?: string
  readonly announcements: AnnouncementChange
  readonly notes: readonly string[]
}

/** What applying the manifests would change. Nothing is asked and nothing is written: it is all in the objects. */
export function plan(present: ObjectSet, manifests: readonly Manifest[], options: PlanOptions): Plan {
  const { home } = options
  const now = clusterFacts(present, home)
  const allocation = new Allocation({ ...options, namespace: home })
  const standing = allocation.start(now.services.values(), now.configuration)
  const due = new Set(allocation.settle().flatMap(({ key, verdict }) => (verdict.decision.changed ? [key] : [])))

  const applying = applyAll(present, manifests, home)
  const turns: Turn[] = []
  let refused: readonly ConfigurationFault[] = standing
  for (const { key, object } of applying.steps) {
    if (object["kind"] === "Service") follow(allocation, key, object, home)
    else refused = allocation.configure(applying.configurationAfter(key))
    turns.push(...allocation.settle())
  }
  const then = clusterFacts(applying.objects, home)
  const before = inForce(now, home)
  const after = inForce(then, home, before)
  const faults = [
    ...applying.faults,
    ...[...after.faults, ...refused]
      .map(({ object, field, text }) => ({
        object: idText({ ...object, namespace: home }),
        ...(field !== undefined && { field }),
        text,
      }))
      .filter(({ object, text }, i, all) => all.findIndex((f) => f.object === object && f.text === text) === i),
  ]
  const compare = comparing(now, before, then, after, allocation, turns, options)
  const keys = [...new Set([...now.services.keys(), ...then.services.keys()])].sort()
  const changes = keys.flatMap((key) => compare(key) ?? [])
  const moving = changes.filter(isChange).map((change) => withDue(change, due))
  return {
    valid: faults.length === 0,
    objects: applying.changes,
    faults,
    services: moving,
    unchanged: changes.length - moving.length,
    notes: [
      ...(standing.length > 0
        ? ["the present pools are not valid: what the controller has in force is not known, no address is planned"]
        : []),
      ...(before.faults.length > 0
        ? ["the present configuration is not valid: what the speakers announce now is not known here"]
        : []),
      ...then.unreadable.map(({ id, text }) => `${idText(id)} is left out, its schema refuses it: ${text}`),
      ...(now.speakers === "off" ? ["no speaker Pod is known: every node is taken for one that can announce"] : []),
      ...applying.notes,
      ...atOnce(now, applying, allocation, options),
    ],
  }
}

interface Applying {
  readonly objects: ObjectSet
  /** Objects that would be written, in order, as they are afterwards. */
  readonly steps: readonly { readonly key: string; readonly object: JsonObject }[]
  readonly changes: readonly ObjectChange[]
  readonly faults: readonly PlanFault[]
  readonly notes: readonly string[]
  /** The configuration once the object `key` is written, and those before it. */
  readonly configurationAfter: (key: string) => ClusterFacts["configuration"]
}

function applyAll(present: ObjectSet, manifests: readonly Manifest[], home: string): Applying {
  const { families, certain } = familiesOf(present)
  const objects = new Map(present)
  const steps: { key: string; object: JsonObject }[] = []
  const changes: ObjectChange[] = []
  const faults: PlanFault[] = []
  const notes: string[] = []
  for (const { object: manifest } of manifests) {
    const id = idOf(manifest, home)
    const key = keyOfId(id)
    const there = objects.get(key)
    const wrong = checkObject(manifest).faults
    for (const { path, text } of wrong) faults.push({ object: idText(id), ...(path !== "" && { field: path }), text })
    const next = completed(applied(there, manifest), families, there)
    const same = there !== undefined && sameObject(completed(there, families), next)
    const change = wrong.length > 0 ? "refused" : same ? "none" : there === undefined ? "create" : "change"
    changes.push({ object: idText(id), change })
    if (change === "refused" || change === "none") continue
    objects.set(key, next)
    steps.push({ key, object: next })
    if (!certain && objectAt(next, "spec")["ipFamilyPolicy"] === "PreferDualStack")
      notes.push(`${idText(id)}: no Service shows a second IP family, so the cluster is taken for single-stack`)
  }
  const configures = (object: JsonObject) =>
    isOurs(object) || object["kind"] === "Node" || object["kind"] === "Namespace"
  const configurationAfter = (key: string) => {
    const at = new Map([...present].filter(([, object]) => configures(object)))
    for (const step of steps) {
      if (configures(step.object)) at.set(step.key, step.object)
      if (step.key === key) break
    }
    return clusterFacts(at, home).configuration
  }
  return { objects, steps, changes, faults, notes, configurationAfter }
}

const completed = (object: JsonObject, families: ClusterFamilies, before?: JsonObject): JsonObject =>
  object["kind"] === "Service" ? completeService(object, families, before) : object

/** The Service as written, with the addresses and the condition that it has by then. */
function follow(allocation: Allocation, key: string, object: JsonObject, home: string): void {
  for (const facts of clusterFacts(new Map([[key, object]]), home).services.values()) {
    const current = allocation.facts(facts.key)
    const pool = current?.annotations[poolAnnotation]
    const keeps = current !== undefined && facts.type === "LoadBalancer"
    allocation.service(
      keeps
        ? {
            ...facts,
            ingress: current.ingress,
            ...(current.conditions && { conditions: current.conditions }),
            annotations: { ...facts.annotations, ...(pool !== undefined && { [poolAnnotation]: pool }) },
          }
        : facts,
    )
  }
}

/** A comparison of one Service before and after; undefined when it is none of ours. */
function comparing(
  now: ClusterFacts,
  before: InForce,
  then: ClusterFacts,
  after: InForce,
  allocation: Allocation,
  turns: readonly Turn[],
  { loadBalancerClass }: PlanOptions,
): (key: ServiceKey) => ServiceChange | undefined {
  const turnsOf = Map.groupBy(turns, ({ key }) => key)
  const watching = ({ nodes, speakers }: ClusterFacts): Watching => ({ nodes, speakers, loadBalancerClass })
  const [watchingNow, watchingThen] = [watching(now), watching(then)]
  const look = (facts: ServiceFacts | undefined, endpoints: EndpointFacts | undefined, force: InForce, at: Watching) =>
    facts === undefined ? unannounced : announced(facts, endpoints, force, at)
  return (key) => {
    const was = now.services.get(key)
    const written = then.services.get(key)
    const facts = allocation.facts(key) ?? written
    if (![was, facts].some((one) => one && (one.type === "LoadBalancer" || one.ingress.length > 0))) return undefined
    if ((facts?.loadBalancerClass ?? "") !== loadBalancerClass) return undefined
    const assumed = was === undefined && !then.endpoints.has(key)
    const endpoints = assumed ? endpointsEverywhere(key, then) : then.endpoints.get(key)
    const old: Announced = look(was, now.endpoints.get(key), before, watchingNow)
    const next: Announced = look(facts, endpoints, after, watchingThen)
    const pool = facts?.annotations[poolAnnotation]
    return {
      service: key,
      addresses: {
        before: addressesOf(was),
        after: addressesOf(facts),
        because: reasonsOf(turnsOf.get(key) ?? []),
      },
      ...(pool !== undefined && { pool }),
      announcements: announcementChange(old, next),
      notes: assumed ? ["it has no endpoints yet: announced as planned once every node has one that can serve"] : [],
    }
  }
}

const addressesOf = (facts: ServiceFacts | undefined): readonly string[] =>
  (facts?.ingress ?? []).flatMap(({ ip }) => (ip === "" ? [] : [ip]))

const reasonsOf = (turns: readonly Turn[]): readonly string[] => {
  const telling = turns.filter(({ verdict }) => verdict.decision.changed)
  return (telling.length > 0 ? telling : turns.slice(-1)).flatMap(({ verdict }) => verdict.because.map(describe))
}

function endpointsEverywhere(key: ServiceKey, { nodes }: ClusterFacts): EndpointFacts {
  const endpoints = [...nodes.keys()].map((nodeName) => ({ nodeName, addresses: ["192.0.2.1"], ready: true }))
  return { key, endpoints }
}

const isChange = ({ addresses: { before, after }, announcements }: ServiceChange): boolean =>
  before.length !== after.length || before.some((ip, i) => ip !== after[i]) || announcements.changes

const withDue = (change: ServiceChange, due: ReadonlySet<ServiceKey>): ServiceChange =>
  due.has(change.service)
    ? { ...change, notes: [...change.notes, "it would change anyway: the controller has not got to it yet"] }
    : change

/** kubectl writes one object after the other; a controller that was away in between sees the end only. */
function atOnce(now: ClusterFacts, applying: Applying, stepwise: Allocation, options: PlanOptions): readonly string[] {
  const last = applying.steps.findLast(({ object }) => object["kind"] !== "Service")
  if (applying.steps.length < 2) return []
  const other = new Allocation({ ...options, namespace: options.home })
  other.start(now.services.values(), now.configuration)
  other.settle()
  if (last !== undefined) other.configure(applying.configurationAfter(last.key))
  for (const { key, object } of applying.steps)
    if (object["kind"] === "Service") follow(other, key, object, options.home)
  other.settle()
  return [...new Set([...now.services.keys(), ...other.keys()])].sort().flatMap((key) => {
    const [one, two] = [addressesOf(stepwise.facts(key)).join(", "), addressesOf(other.facts(key)).join(", ")]
    if (one === two) return []
    return [
      `${key} gets ${one || "no address"} step by step, and ${two || "none"} when the controller sees all at once`,
    ]
  })
}
