import { randomBytes } from "node:crypto"
import type { ServiceEvent } from "../../config/cluster-api.ts"
import type { Cluster } from "./cluster.ts"
import type { JsonObject } from "./json.ts"
import { gathering } from "./gathering.ts"
import { backOffMs, pause, type Time, timestamp } from "./time.ts"

/**
 * Records Events the way client-go does: what is identical becomes one Event whose `count` and `lastTimestamp` grow,
 * and each Service has a token bucket (25 at once, one more every five minutes) against floods. What concerns many
 * Services of a node at once is gathered (`gathering.ts`). Nobody waits for it.
 */
export interface EventRecorder {
  record(event: ServiceEvent): void
  counts(): EventCounts
  stop(): Promise<void>
}

export interface EventCounts {
  readonly written: number
  /** Held back by a Service's token bucket. */
  readonly suppressed: number
  /** Told together with others, in an Event of a Node. */
  readonly gathered: number
  /** Lost: the queue was full, or the API server did not take it. */
  readonly lost: number
}

/** What an Event is about, and what it says. */
interface About extends Pick<ServiceEvent, "type" | "reason" | "message" | "component"> {
  readonly object: {
    readonly kind: "Service" | "Node"
    /** Of a Service. */
    readonly namespace?: string
    readonly name: string
    readonly uid: string
  }
}

interface Known {
  readonly namespace: string
  /** Of the Event object; a new one is made when the server does not have it any more. */
  name: string
  readonly first: string
  count: number
  created: boolean
}

interface Work {
  readonly event: About
  readonly known: Known
  readonly count: number
  readonly last: string
}

interface Lane {
  readonly queue: Work[]
  sending: Promise<void> | undefined
}

interface Bucket {
  tokens: number
  refilledMs: number
}

const burst = 25
const refillMs = 300_000
// As many as a controller has to say when it meets a cluster full of Services.
const queueLimit = 20_000
const laneCount = 4
const rememberedEvents = 4096
const messageLimit = 1024
/** Where Kubernetes keeps those of objects without a namespace. */
const nodeEventNamespace = "default"
const attempts = 6

export function eventRecorder(cluster: Cluster, time: Time): EventRecorder {
  const known = new Map<string, Known>()
  const buckets = new Map<string, Bucket>()
  // What concerns one Service keeps its order.
  const lanes: Lane[] = Array.from({ length: laneCount }, () => ({ queue: [], sending: undefined }))
  let waiting = 0
  const stopped = new AbortController()
  const counts = { written: 0, suppressed: 0, gathered: 0, lost: 0 }
  const gathered = gathering(time, ({ node, ...event }) =>
    // As the kubelet does: a Node's Events name it by its name alone.
    enqueue({ ...event, object: { kind: "Node", name: node, uid: node } }),
  )

  function record({ key, uid, ...event }: ServiceEvent): void {
    if (stopped.signal.aborted) return
    if (!gathered.alone({ key, uid, ...event })) {
      counts.gathered++
      return
    }
    const [namespace = "", name = ""] = key.split("/")
    enqueue({ ...event, object: { kind: "Service", namespace, name, uid } })
  }

  function enqueue(event: About): void {
    if (stopped.signal.aborted) return
    const last = timestamp(time.wallMs())
    const { kind, namespace = "", name, uid } = event.object
    const object = [kind, namespace, name, uid].join("\0")
    const identity = [event.component, object, event.type, event.reason, event.message].join("\0")
    const one = known.get(identity) ?? newEvent(event, last)
    one.count++
    remember(known, identity, one)
    // Counted, though not sent: the next one that is carries the whole count.
    if (!take(`${event.component}\0${object}`)) counts.suppressed++
    else if (waiting >= queueLimit) counts.lost++
    else {
      const lane = laneOf(`${namespace}/${name}`)
      lane.queue.push({ event, known: one, count: one.count, last })
      waiting++
      lane.sending ??= send(lane)
    }
  }

  function newEvent({ object }: About, first: string): Known {
    const name = `${object.name}.${randomBytes(8).toString("hex")}`
    return { namespace: object.namespace ?? nodeEventNamespace, name, first, count: 0, created: false }
  }

  function take(object: string): boolean {
    const nowMs = time.monotonicMs()
    const bucket = buckets.get(object) ?? { tokens: burst, refilledMs: nowMs }
    const gained = Math.floor((nowMs - bucket.refilledMs) / refillMs)
    bucket.tokens = Math.min(burst, bucket.tokens + gained)
    bucket.refilledMs += gained * refillMs
    remember(buckets, object, bucket)
    if (bucket.tokens === 0) return false
    bucket.tokens--
    return true
  }

  function laneOf(key: string): Lane {
    let hash = 0
    for (let i = 0; i < key.length; i++) hash = (hash * 31 + key.charCodeAt(i)) | 0
    return lanes[Math.abs(hash % laneCount)] as Lane
  }

  async function send(lane: Lane): Promise<void> {
    for (let work = lane.queue.shift(); work !== undefined; work = lane.queue.shift()) {
      waiting--
      const done = await write(work)
      counts[done ? "written" : "lost"]++
    }
    // In the same turn as the queue was found empty: what is recorded from now on starts a new run.
    lane.sending = undefined
  }

  async function write(work: Work): Promise<boolean> {
    for (let attempt = 0; attempt < attempts && !stopped.signal.aborted; attempt++) {
      const answer = work.known.created ? await raiseCount(work) : await create(work)
      if (answer.ok) {
        work.known.created = true
        return true
      }
      const { error } = answer
      if (error.kind === "refused") {
        if (error.status === 404 && work.known.created) {
          // Events live for an hour; this one is over. The same thing is told anew.
          work.known.created = false
          work.known.name = newEvent(work.event, work.last).name
          continue
        }
        // Forbidden, a namespace that is going away, …: asking again changes nothing.
        if (error.status < 500 && error.status !== 429) return false
      }
      const retryAfterMs = error.kind === "refused" ? (error.retryAfterMs ?? 0) : 0
      await pause(time, Math.max(retryAfterMs, backOffMs(attempt, time.random())), stopped.signal)
    }
    return false
  }

  const create = ({ event, known, count, last }: Work) =>
    cluster.request({
      verb: "create",
      path: `/api/v1/namespaces/${known.namespace}/events`,
      resource: "events",
      body: eventObject(event, known, count, last),
      signal: stopped.signal,
    })

  const raiseCount = ({ known, count, last }: Work) =>
    cluster.request({
      verb: "patch",
      path: `/api/v1/namespaces/${known.namespace}/events/${known.name}`,
      resource: "events",
      contentType: "application/strategic-merge-patch+json",
      body: { count, lastTimestamp: last },
      signal: stopped.signal,
    })

  return {
    record,
    counts: () => ({ ...counts }),
    async stop() {
      stopped.abort()
      gathered.stop()
      await Promise.all(lanes.flatMap(({ sending }) => sending ?? []))
    },
  }
}

function eventObject(event: About, known: Known, count: number, last: string): JsonObject {
  const { kind, namespace, name, uid } = event.object
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: known.name, namespace: known.namespace },
    involvedObject: { apiVersion: "v1", kind, ...(namespace === undefined ? {} : { namespace }), name, uid },
    type: event.type,
    reason: event.reason,
    message: event.message.slice(0, messageLimit),
    source: { component: event.component },
    reportingComponent: event.component,
    reportingInstance: "",
    firstTimestamp: known.first,
    lastTimestamp: last,
    count,
  }
}

/** Moves the entry to the end and drops the one that was used least recently when there are too many. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > rememberedEvents && oldest !== undefined) map.delete(oldest)
}
