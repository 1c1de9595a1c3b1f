import type {
  ClusterApi,
  ClusterHandlers,
  ServiceEvent,
  ServiceStatusWrite,
  Watched,
} from "../../config/cluster-api.ts"
import type { ServiceFacts } from "../../config/facts.ts"
import type { Cluster } from "./cluster.ts"
import { type Collection, endpointSlices, namespaces, nodes, pods, services } from "./collections.ts"
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
import { serviceFacts } from "./facts/service.ts"
import { type Feed, type FeedOptions, startFeed } from "./feed.ts"
import type { JsonObject } from "./json.ts"
import type { Log } from "./log.ts"
import { statusWriter } from "./status-write.ts"
import { realTime, type Time } from "./time.ts"
import { endpointsTopic, objectTopic, type Topic, wholeSetTopic } from "./topics.ts"
import { joinTopics } from "./watch.ts"

export interface ClusterApiOptions {
  /** Ours: where the configuration and the speakers are. */
  readonly namespace: string
  readonly log: Log
  readonly time?: Time
}

export interface KubernetesClusterApi extends ClusterApi {
  eventCounts(): EventCounts
  /** Ends every watch; resolves when none is open. */
  stop(): Promise<void>
}

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
  { namespace, log, time = realTime }: ClusterApiOptions,
): KubernetesClusterApi {
  const feeds: { stop(): Promise<void> }[] = []
  const events = eventRecorder(cluster, time)
  const writer = statusWriter(cluster, (key) => started.service?.values.get(key)?.object)
  const started: { service?: Feed<KnownService> } = {}
  const topics = new Map<string, Topic>()

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

  const configurationTopic = () => {
    const collections = Object.entries(configurationCollections(namespace))
    const resources = Object.fromEntries(
      collections.map(([name, collection]) => [name, feed(collection, keepResource(collection, log))]),
    ) as ResourceFeeds
    const namespaceFeed = feed(namespaces, namespaceFacts)
    return wholeSetTopic(
      [...Object.values(resources), nodeFeed(), namespaceFeed],
      () => {
        const facts = configurationFacts(resources, nodeFeed(), namespaceFeed)
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

  function topicsFor({ services, endpoints, nodes, configuration, speakerPods }: Watched): readonly Topic[] {
    return [
      ...(services ? [topic("services", serviceTopic)] : []),
      ...(endpoints ? [topic("endpoints", sliceTopic)] : []),
      ...(nodes ? [topic("nodes", () => objectTopic(nodeFeed(), (name, node) => (on) => on.node?.(name, node)))] : []),
      ...(configuration ? [topic("configuration", configurationTopic)] : []),
      ...(speakerPods ? [topic(`pods ${speakerPods.labelSelector}`, () => podTopic(speakerPods.labelSelector))] : []),
    ]
  }

  return {
    watch: (wanted: Watched, on: ClusterHandlers) => joinTopics(topicsFor(wanted), on, cluster.server, log),
    writeServiceStatus: (write: ServiceStatusWrite) => writer.write(write),
    recordEvent: (event: ServiceEvent) => events.record(event),
    eventCounts: () => events.counts(),
    async stop() {
      await Promise.all([events.stop(), ...feeds.map((feed) => feed.stop())])
    },
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
