import prom from "prom-client"
import type { Histogram } from "../../config/work-meter.ts"
import type { Cluster } from "../../kubernetes/client/cluster.ts"
import type { EventCounts } from "../../kubernetes/client/events.ts"
import type { System } from "../../supervision/system.ts"
import { processMetrics } from "./process-metrics.ts"
import { requestMetrics } from "./request-metrics.ts"

/** The numbers that every daemon exports. Each scrape reads what is; nothing is kept beside the actors. */
export interface Exporter {
  /** `labels` in the order of the names given to `gauge` or `counter`. */
  readonly gauge: (name: string, help: string, labels: readonly string[], samples: Samples) => void
  readonly counter: (name: string, help: string, labels: readonly string[], samples: Samples) => void
  /** All samples have the same bounds. */
  readonly histogram: (name: string, help: string, labels: readonly string[], samples: HistogramSamples) => void
}
export type HistogramSamples = Iterable<readonly [labels: readonly string[], value: Histogram]>
export type Samples = Iterable<readonly [labels: readonly string[], value: number]>

/** One scrape: `fill` says the numbers, the text comes back in Prometheus' format. */
export async function scrape(fill: (to: Exporter) => Promise<void> | void): Promise<string> {
  const registry = new prom.Registry()
  const labelled = (names: readonly string[], values: readonly string[]) =>
    Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""]))
  await fill({
    gauge(name, help, labels, samples) {
      const gauge = new prom.Gauge({ name, help, labelNames: [...labels], registers: [registry] })
      for (const [values, value] of samples) gauge.set(labelled(labels, values), value)
    },
    counter(name, help, labels, samples) {
      const counter = new prom.Counter({ name, help, labelNames: [...labels], registers: [registry] })
      for (const [values, value] of samples) counter.inc(labelled(labels, values), value)
    },
    histogram(name, help, labels, samples) {
      const all = [...samples].map(([values, value]) => [labelled(labels, values), value] as const)
      registry.registerMetric(new Counted({ name, help, labelNames: [...labels], registers: [] }, all))
    },
  })
  return `${await registry.metrics()}${await processMetrics()}`
}

/** prom-client's histograms observe one value at a time; this one was counted elsewhere. */
class Counted extends prom.Histogram {
  readonly #options: prom.HistogramConfiguration<string>
  readonly #samples: readonly (readonly [Labels, Histogram])[]

  constructor(options: prom.HistogramConfiguration<string>, samples: readonly (readonly [Labels, Histogram])[]) {
    super(options)
    this.#options = options
    this.#samples = samples
  }

  async getForPromString() {
    const { name, help } = this.#options
    const values = this.#samples.flatMap(([labels, value]) => linesOf(name, labels, value))
    return { name, help, type: "histogram", values }
  }
}
type Labels = Readonly<Record<string, string>>

/** Buckets add up in Prometheus' format. */
function linesOf(name: string, labels: Labels, { bounds, counts, sum }: Histogram) {
  let below = 0
  const buckets = counts.map((count, i) => {
    below += count
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[i] ?? "+Inf") }, value: below }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ]
}

export function eventMetrics(to: Exporter, counts: EventCounts): void {
  to.counter(
    "troupe_events_total",
    "Events by what became of them: written, suppressed (one object has too many), gathered (many Services in one), lost",
    ["outcome"],
    Object.entries(counts).map(([outcome, count]) => [[outcome], count]),
  )
}

/** MetalLB's four about what the API server tells; there from the start, on both daemons. */
export function clientMetrics(
  to: Exporter,
  client: {
    readonly updates: number
    readonly updateErrors: number
    readonly loaded: boolean
    readonly stale: boolean
  },
): void {
  const plain = (value: number | boolean): Samples => [[[], Number(value)]]
  to.counter(
    "metallb_k8s_client_updates_total",
    "Number of k8s object updates that have been processed",
    [],
    plain(client.updates),
  )
  to.counter(
    "metallb_k8s_client_update_errors_total",
    "Number of k8s object updates that failed for some reason",
    [],
    plain(client.updateErrors),
  )
  to.gauge(
    "metallb_k8s_client_config_loaded_bool",
    "1 if the MetalLB configuration was successfully loaded at least once",
    [],
    plain(client.loaded),
  )
  to.gauge(
    "metallb_k8s_client_config_stale_bool",
    "1 if running on a stale configuration, because the latest config failed to load",
    [],
    plain(client.stale),
  )
}

/** The process and its actors; the daemons add their own. */
export function commonMetrics(to: Exporter, system: System, cluster: Pick<Cluster, "server" | "counters">): void {
  const { actors, messages, restarts } = system.counters()
  const plain = (value: number): Samples => [[[], value]]
  to.gauge("troupe_actors", "Actors that live in this process, across its threads", [], plain(actors))
  to.counter("troupe_messages_total", "Messages that actors have handled", [], plain(messages))
  to.counter("troupe_actor_restarts_total", "Actors that were restarted after a crash", [], plain(restarts))
  const letters = Object.entries(system.deadLetters())
  to.counter(
    "troupe_dead_letters_total",
    "Messages that could not be delivered, by reason",
    ["reason"],
    letters.map(([reason, count]) => [[reason], count]),
  )
  requestMetrics(to, new URL(cluster.server).host, cluster.counters())
}
