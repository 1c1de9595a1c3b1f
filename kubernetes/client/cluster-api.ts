import type {
  ClusterApi,
  ClusterHandlers,
  ConfigurationReport,
  DesiredServiceConditions,
  DesiredServiceStatuses,
  DesiredSessionStates,
  PoolStatus,
  ServiceEvent,
  ServiceStatusWrite,
  Watched,
} from "../../config/cluster-api.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import type { Cluster } from "./cluster.ts"
import { type Collection, endpointSlices, namespaces, nodes, pods, secrets, services } from "./collections.ts"
import { configurationStates } from "./configuration-state.ts"
import { keyOf } from "./copy.ts"
import { type EventCounts, eventRecorder } from "./events.ts"
import { namespaceFacts, nodeFacts, speakerPodFacts } from "./facts/cluster.ts"
import {
  configurationCollections,
  configurationFacts,
  keepResource,
  type ResourceFeeds,
} from "./facts/configuration.ts"
import { sliceFacts } from "./facts/endpoints.ts"
import { keepSecret } from "./facts/secret.ts"
import { serviceFacts } from "./facts/service.ts"
import { noticeExtras } from "./extras.ts"
import { type Feed, type FeedOptions, startFeed } from "./feed.ts"
import { type JsonObject, objectAt } from "./json.ts"
import type { Log } from "./log.ts"
import { ownPod } from "./own-pod.ts"
import { poolStatusWriter } from "./pool-status.ts"
import type { ReconcilerCounts } from "./reconciler.ts"
import { serviceConditions } from "./service-conditions.ts"
import { serviceStatuses } from "./service-statuses.ts"
import { sessionStates } from "./session-states.ts"
import { statusWriter } from "./status-write.ts"
import { realTime, type Time } from "./time.ts"
import { endpointsTopic, objectTopic, type Topic, wholeSetTopic } from "./topics.ts"
import { joinTopics } from "./watch.ts"

export interface ClusterApiOptions {
  /** Ours: where the configuration and the speakers are. */
  readonly namespace: string
  /** Our own Pod, in `namespace`: what we write then goes when it goes. */
  readonly podName?: string
  readonly log: Log
  readonly time?: Time
}

export interface KubernetesClusterApi extends ClusterApi {
  eventCounts(): EventCounts
  /** The controller's ConfigurationState is there, and says what others report in it; for one that has nothing to report. */
  keepConfigurationState(): void
  /** Of each writer of wishes, by the resource that it writes. */
  writeCounts(): Readonly<Record<WrittenResource, ReconcilerCounts>>
  /** Ends every watch; resolves when none is open. */
  stop(): Promise<void>
}

type WrittenResource =
  | "ipaddresspools"
  | "configurationstates"
  | "servicel2statuses"
  | "servicebgpstatuses"
  | "bgpsessionstates"
  | "services/status"

/** Kept whole: a status write sends it back. */
interface KnownService {
  readonly object: JsonObject
  readonly facts: ServiceFacts
}

/**
 * The cluster over a real API server. Each collection is listed and watched once, from the first `watch` that wants it
 * until `stop`: an actor that restarts and watches again is told from memory.
 */
export function kubernetesClusterApi(
  cluster: Cluster,
  { namespace, podName, log, time = realTime }: ClusterApiOptions,
): KubernetesClusterApi {
  const feeds: { stop(): Promise<void> }[] = []
  const events = eventRecorder(cluster, time)
  const knownService = (key: string) => started.service?.values.get(key)?.object
  const writer = statusWriter(cluster, time, knownService)
  const started: { service?: Feed<KnownService> } = {}
  const topics = new Map<string, Topic>()
  const ownPodAsked = ownPod(cluster, namespace, podName, log)
  const writing = { cluster, namespace, ownPod: ownPodAsked, feed, log, time }
  const poolStatuses = poolStatusWriter(cluster, namespace, log, time)
  const states = configurationStates({
    ...writing,
    follow: (collection, changed) => feed(collection, essence).listen({ changed }),
  })
  const statuses = {
    layer2: serviceStatuses({ ...writing, kind: "layer2" }),
    bgp: serviceStatuses({ ...writing, kind: "bgp" }),
  }
  const sessions = sessionStates(writing)
  const conditions = serviceConditions(cluster, log, time, knownService)
  const writers = [poolStatuses, states, statuses.layer2, statuses.bgp, sessions, conditions]

  function feed<T>(collection: Collection, keep: FeedOptions<T>["keep"]): Feed<T> {
    const feed = startFeed({ cluster, collection, keep, log, time })
    feeds.push(feed)
    return feed
  }

  const serviceTopic = () => {
    const feeding = feed<KnownService>(services, (object) => ({ object, facts: serviceFacts(object) }))
    started.service = feeding
    feeding.listen({ changed: (key, service) => writer.seen(key, service?.object) })
    return objectTopic(feeding, (key, service) => (on) => on.service?.(key, service?.facts))
  }

  const sliceTopic = () =>
    endpointsTopic(
      feed(endpointSlices, (object) => {
        const facts = sliceFacts(object)
        if (facts === undefined)
          log.error(`EndpointSlice ${keyOf(object)} has no label kubernetes.io/service-name; it is left out`)
        return facts
      }),
    )

  const nodeFeed = once(() => feed(nodes, nodeFacts))

  const resourceFeeds = once(() => {
    const collections = Object.entries(configurationCollections(namespace))
    const feeds = collections.map(([name, collection]) => {
      const keep = keepResource(collection, log)
      // The only feed whose objects' status matters to us: somebody may have edited it.
      const watched: typeof keep = (object, previous) => {
        if (name === "pools") poolStatuses.seen(object)
        return keep(object, previous)
      }
      return [name, feed(collection, watched)]
    })
    return Object.fromEntries(feeds) as ResourceFeeds
  })
  const namespaceFeed = once(() => feed(namespaces, namespaceFacts))
  const secretFeed = once(() => {
    // Who speaks BGP reads passwords, and is the one whom FRR's text would have concerned.
    feeds.push(noticeExtras({ cluster, namespace, log, time }))
    return feed(secrets(namespace), keepSecret())
  })

  const configurationTopic = (withSecrets: boolean) => {
    const resources = resourceFeeds()
    const secretsToo = withSecrets ? secretFeed() : undefined
    const others = [nodeFeed(), namespaceFeed(), ...(secretsToo ? [secretsToo] : [])]
    return wholeSetTopic(
      [...Object.values(resources), ...others],
      () => {
        const facts = configurationFacts(resources, nodeFeed(), namespaceFeed(), secretsToo)
        return (on) => on.configuration?.(facts)
      },
      time,
    )
  }

  const podTopic = (labelSelector: string) => {
    const podFeed = feed(pods(namespace, labelSelector), speakerPodFacts)
    return wholeSetTopic(
      [podFeed],
      () => {
        const all = [...podFeed.values.values()]
        return (on) => on.speakerPods?.(all)
      },
      time,
    )
  }

  function topic(name: string, start: () => Topic): Topic {
    const found = topics.get(name) ?? start()
    topics.set(name, found)
    return found
  }

  function topicsFor(wanted: Watched): readonly Topic[] {
    const { services, endpoints, nodes, configuration, passwordSecrets = false, speakerPods } = wanted
    const configured = passwordSecrets ? "configuration with secrets" : "configuration"
    return [
      ...(services ? [topic("services", serviceTopic)] : []),
      ...(endpoints ? [topic("endpoints", sliceTopic)] : []),
      ...(nodes ? [topic("nodes", () => objectTopic(nodeFeed(), (name, node) => (on) => on.node?.(name, node)))] : []),
      ...(configuration ? [topic(configured, () => configurationTopic(passwordSecrets))] : []),
      ...(speakerPods ? [topic(`pods ${speakerPods.labelSelector}`, () => podTopic(speakerPods.labelSelector))] : []),
    ]
  }

  return {
    watch: (wanted: Watched, on: ClusterHandlers) => joinTopics(topicsFor(wanted), on, cluster.server, log),
    writeServiceStatus: (write: ServiceStatusWrite) => writer.write(write),
    recordEvent: (event: ServiceEvent) => events.record(event),
    writePoolStatus: (status: PoolStatus) => poolStatuses.write(status),
    reportConfiguration: (report: ConfigurationReport) => states.report(report),
    desiredServiceStatuses: (desired: DesiredServiceStatuses) => statuses[desired.kind].desire(desired),
    desiredSessionStates: (desired: DesiredSessionStates) => sessions.desire(desired),
    desiredServiceConditions: (desired: DesiredServiceConditions) => conditions.desire(desired),
    forgetWishes() {
      for (const writer of writers) writer.forget()
    },
    eventCounts: () => events.counts(),
    keepConfigurationState: () => states.keepWithoutReport(),
    writeCounts: () => ({
      ipaddresspools: poolStatuses.reconciler.counts(),
      configurationstates: states.reconciler.counts(),
      servicel2statuses: statuses.layer2.reconciler.counts(),
      servicebgpstatuses: statuses.bgp.reconciler.counts(),
      bgpsessionstates: sessions.reconciler.counts(),
      "services/status": conditions.reconciler.counts(),
    }),
    async stop() {
      const stopping = [events, ...writers.map(({ reconciler }) => reconciler), ...feeds]
      await Promise.all(stopping.map((one) => one.stop()))
    },
  }
}

/** All that we would repair in an object, without what changes on every write. */
function essence(object: JsonObject): JsonObject {
  const { labels, ownerReferences, uid } = objectAt(object, "metadata")
  return { labels, ownerReferences, uid, status: object["status"] }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
