import type { ClusterApi, ClusterHandlers, ServiceEvent } from "../../config/cluster-api.ts"
import type { ConfigurationFacts, EndpointFacts, NodeFacts, ServiceFacts, SpeakerPodFacts } from "../../config/facts.ts"
import { nothing } from "../support/configuration.ts"

/** What a cluster holds, in memory. A change is told to every watcher at once; a new watcher is told everything. */
export class Cluster implements ClusterApi {
  readonly events: ServiceEvent[] = []
  /** While false, a watcher is told nothing, as if the API server were gone. */
  reachable = true
  readonly #services = new Map<string, ServiceFacts>()
  readonly #endpoints = new Map<string, EndpointFacts>()
  readonly #nodes = new Map<string, NodeFacts>()
  #configuration: Omit<ConfigurationFacts, "nodes"> = nothing
  #pods: readonly SpeakerPodFacts[] = []
  readonly #watchers = new Set<ClusterHandlers>()

  get watchers(): number {
    return this.#watchers.size
  }

  watch(_wanted: unknown, on: ClusterHandlers): { stop(): void } {
    this.#watchers.add(on)
    if (this.reachable) this.#tellAll(on)
    return { stop: () => void this.#watchers.delete(on) }
  }

  writeServiceStatus(): never {
    throw new Error("a speaker writes no Service status")
  }

  recordEvent(event: ServiceEvent): void {
    this.events.push(event)
  }

  service(facts: ServiceFacts): void {
    this.#services.set(facts.key, facts)
    this.#each((on) => on.service?.(facts.key, facts))
  }

  deleteService(key: string): void {
    this.#services.delete(key)
    this.#each((on) => on.service?.(key, undefined))
  }

  endpoints(facts: EndpointFacts): void {
    this.#endpoints.set(facts.key, facts)
    this.#each((on) => on.endpoints?.(facts.key, facts))
  }

  /** Without a word: as happens while nobody watches. */
  forgetEndpoints(key: string): void {
    this.#endpoints.delete(key)
  }

  node(facts: NodeFacts): void {
    this.#nodes.set(facts.name, facts)
    this.#each((on) => on.node?.(facts.name, facts))
    this.#each((on) => on.configuration?.(this.#facts()))
  }

  configure(configuration: Partial<Omit<ConfigurationFacts, "nodes">>): void {
    this.#configuration = { ...nothing, ...configuration }
    this.#each((on) => on.configuration?.(this.#facts()))
  }

  pods(...podIPs: readonly string[]): void {
    this.#pods = podIPs.map((podIP, i) => ({ name: `speaker-${i}`, podIP }))
    this.#each((on) => on.speakerPods?.(this.#pods))
  }

  connection(connected: boolean, reason: string): void {
    this.#each((on) => on.connection?.(connected, reason))
  }

  #facts(): ConfigurationFacts {
    return { ...this.#configuration, nodes: [...this.#nodes.values()] }
  }

  #each(tell: (on: ClusterHandlers) => void): void {
    if (this.reachable) for (const on of this.#watchers) tell(on)
  }

  #tellAll(on: ClusterHandlers): void {
    for (const [key, facts] of this.#services) on.service?.(key, facts)
    for (const [key, facts] of this.#endpoints) on.endpoints?.(key, facts)
    for (const [name, facts] of this.#nodes) on.node?.(name, facts)
    on.configuration?.(this.#facts())
    on.speakerPods?.(this.#pods)
    on.synced()
  }
}
