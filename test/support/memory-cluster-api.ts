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
  WriteOutcome,
} from "../../config/cluster-api.ts"
import type {
  ConfigurationFacts,
  EndpointFacts,
  NodeFacts,
  ServiceFacts,
  ServiceKey,
  SpeakerPodFacts,
} from "../../config/facts.ts"
import { nothing } from "./configuration.ts"

/**
 * The cluster in memory. Like the real one it tells each watcher what is, a little later, in any batch; refuses a write
 * against an old resource version; and can be cut off. A new watch begins with everything that exists.
 */
export class MemoryClusterApi implements ClusterApi {
  readonly services = new Map<ServiceKey, ServiceFacts>()
  readonly endpoints = new Map<ServiceKey, EndpointFacts>()
  readonly nodes = new Map<string, NodeFacts>()
  configuration: ConfigurationFacts = nothing
  speakerPods: readonly SpeakerPodFacts[] = []

  /** Everything that was asked of it, in order. */
  readonly writes: (ServiceStatusWrite & { readonly outcome: WriteOutcome["kind"] })[] = []
  readonly events: ServiceEvent[] = []
  /** What is wished for now, the newest for each object. */
  readonly poolStatuses = new Map<string, PoolStatus>()
  readonly configurationReports = new Map<string, ConfigurationReport>()
  readonly serviceStatuses = new Map<string, DesiredServiceStatuses>()
  /** Every set of them, in order. */
  readonly serviceStatusSets: DesiredServiceStatuses[] = []
  /** Every set of session states that was told, oldest first. */
  readonly sessionStateSets: DesiredSessionStates[] = []
  /** Every set of conditions that was told, oldest first; what is in one is there at once. */
  readonly conditionSets: DesiredServiceConditions[] = []
  /** Decides the fate of a write before it happens; undefined lets it through. A promise delays it. */
  beforeWrite: (write: ServiceStatusWrite) => WriteOutcome | undefined | Promise<WriteOutcome | undefined> = () =>
    undefined
  /** How long the answer to a write is on its way: the watch may be faster. */
  beforeAnswer: () => void | Promise<void> = () => {}
  /** Sees every change of a Service, as soon as it is made. */
  onService: (key: ServiceKey, service: ServiceFacts | undefined) => void = () => {}

  readonly #watchers = new Set<Watcher>()
  #resourceVersion = 1
  #connected = true

  /** Creates it, or changes it in place: `uid` and status of an existing one stay unless given. */
  putService(service: ServiceFacts): void {
    const existing = this.services.get(service.key)
    const ingress = existing && service.ingress.length === 0 ? existing.ingress : service.ingress
    this.#store({ ...service, uid: existing?.uid ?? `${service.uid}-${this.#resourceVersion}`, ingress })
  }

  changeService(key: ServiceKey, change: Partial<ServiceFacts>): void {
    const existing = this.services.get(key)
    if (existing !== undefined) this.#store({ ...existing, ...change })
  }

  deleteService(key: ServiceKey): void {
    if (this.services.delete(key)) this.#changed(`service ${key}`, () => this.onService(key, undefined))
  }

  putEndpoints(endpoints: EndpointFacts): void {
    this.endpoints.set(endpoints.key, endpoints)
    this.#changed(`endpoints ${endpoints.key}`)
  }

  putNode(node: NodeFacts): void {
    this.nodes.set(node.name, node)
    this.#changed(`node ${node.name}`)
  }

  deleteNode(name: string): void {
    this.nodes.delete(name)
    this.#changed(`node ${name}`)
  }

  configure(change: Partial<ConfigurationFacts>): void {
    this.configuration = { ...this.configuration, ...change }
    this.#changed("configuration")
  }

  putSpeakerPods(pods: readonly SpeakerPodFacts[]): void {
    this.speakerPods = pods
    this.#changed("speaker-pods")
  }

  /** No event comes through and no write gets through until `connect`. */
  disconnect(reason: string): void {
    this.#connected = false
    for (const { handlers } of this.#watchers) handlers.connection?.(false, reason)
  }

  connect(): void {
    this.#connected = true
    for (const watcher of this.#watchers) {
      watcher.handlers.connection?.(true, "connected")
      this.#deliverSoon(watcher)
    }
  }

  watch(wanted: Watched, handlers: ClusterHandlers): { stop(): void } {
    const all = [
      ...[...this.nodes.keys()].map((name) => `node ${name}`),
      "configuration",
      "speaker-pods",
      ...[...this.services.keys()].map((key) => `service ${key}`),
      ...[...this.endpoints.keys()].map((key) => `endpoints ${key}`),
    ]
    const watcher: Watcher = { wanted, handlers, dirty: new Set(all), synced: false, scheduled: false }
    this.#watchers.add(watcher)
    this.#deliverSoon(watcher)
    return { stop: () => void this.#watchers.delete(watcher) }
  }

  async writeServiceStatus(write: ServiceStatusWrite): Promise<WriteOutcome> {
    const early = await this.beforeWrite(write)
    const outcome = early ?? this.#write(write)
    this.writes.push({ ...write, outcome: outcome.kind })
    await this.beforeAnswer()
    return outcome
  }

  recordEvent(event: ServiceEvent): void {
    this.events.push(event)
  }

  writePoolStatus(status: PoolStatus): void {
    this.poolStatuses.set(status.name, status)
  }

  /** By `controller`, or `speaker-<node>`. */
  reportConfiguration(report: ConfigurationReport): void {
    const { component, nodeName } = report
    this.configurationReports.set(component === "speaker" ? `speaker-${nodeName}` : component, report)
  }

  /** By `<kind> <node>`. */
  desiredServiceStatuses(desired: DesiredServiceStatuses): void {
    this.serviceStatuses.set(`${desired.kind} ${desired.nodeName}`, desired)
    this.serviceStatusSets.push(desired)
  }

  desiredSessionStates(desired: DesiredSessionStates): void {
    this.sessionStateSets.push(desired)
  }

  desiredServiceConditions({ type, services }: DesiredServiceConditions): void {
    this.conditionSets.push({ type, services })
    for (const [key, { uid, condition }] of services) {
      const service = this.services.get(key)
      if (service?.uid === uid) this.#store({ ...service, conditions: { ...service.conditions, [type]: condition } })
    }
  }

  forgetWishes(): void {
    for (const wishes of [this.poolStatuses, this.configurationReports, this.serviceStatuses]) wishes.clear()
  }

  #write({ key, uid, resourceVersion, ingress, annotations, conditions }: ServiceStatusWrite): WriteOutcome {
    if (!this.#connected) return { kind: "failed", message: "connect ECONNREFUSED" }
    const service = this.services.get(key)
    if (service === undefined || service.uid !== uid) return { kind: "gone" }
    if (service.resourceVersion !== resourceVersion) return { kind: "conflict" }
    const kept = merged(service.conditions ?? {}, conditions ?? {})
    const { conditions: _, ...rest } = service
    this.#store({
      ...rest,
      ingress: ingress.map((ip) => ({ ip })),
      annotations: merged(service.annotations, annotations),
      ...(Object.keys(kept).length > 0 && { conditions: kept }),
    })
    return { kind: "written", resourceVersion: String(this.#resourceVersion) }
  }

  #store(service: ServiceFacts): void {
    const stored = { ...service, resourceVersion: String(++this.#resourceVersion) }
    this.services.set(service.key, stored)
    this.#changed(`service ${service.key}`, () => this.onService(service.key, stored))
  }

  #changed(what: string, then: () => void = () => {}): void {
    then()
    for (const watcher of this.#watchers) {
      watcher.dirty.add(what)
      this.#deliverSoon(watcher)
    }
  }

  #deliverSoon(watcher: Watcher): void {
    if (watcher.scheduled) return
    watcher.scheduled = true
    queueMicrotask(() => {
      watcher.scheduled = false
      if (this.#connected) this.#deliver(watcher)
    })
  }

  #deliver(watcher: Watcher): void {
    for (const what of watcher.dirty) {
      if (!this.#watchers.has(watcher)) return
      watcher.dirty.delete(what)
      this.#tell(watcher, what)
    }
    if (watcher.synced || !this.#watchers.has(watcher)) return
    watcher.synced = true
    watcher.handlers.synced()
  }

  #configurationFor({ passwordSecrets }: Watched): ConfigurationFacts {
    const { passwordSecrets: secrets, ...others } = this.configuration
    const nodes = this.nodes.size > 0 ? [...this.nodes.values()] : others.nodes
    return { ...others, nodes, ...(passwordSecrets && { passwordSecrets: secrets ?? [] }) }
  }

  #tell({ wanted, handlers }: Watcher, what: string): void {
    const [kind, name = ""] = what.split(" ")
    if (kind === "service" && wanted.services) handlers.service?.(name, this.services.get(name))
    const endpoints = this.endpoints.get(name)
    if (kind === "endpoints" && wanted.endpoints && endpoints) handlers.endpoints?.(name, endpoints)
    if (kind === "node" && wanted.nodes) handlers.node?.(name, this.nodes.get(name))
    if (kind === "speaker-pods" && wanted.speakerPods) handlers.speakerPods?.(this.speakerPods)
    if (wanted.configuration && (kind === "configuration" || kind === "node"))
      handlers.configuration?.(this.#configurationFor(wanted))
  }
}

/** What is undefined is removed. */
function merged<T>(present: Readonly<Record<string, T>>, wanted: Readonly<Record<string, T | undefined>>) {
  const entries = Object.entries({ ...present, ...wanted })
  return Object.fromEntries(entries.filter((entry): entry is [string, T] => entry[1] !== undefined))
}

interface Watcher {
  readonly wanted: Watched
  readonly handlers: ClusterHandlers
  readonly dirty: Set<string>
  synced: boolean
  scheduled: boolean
}
