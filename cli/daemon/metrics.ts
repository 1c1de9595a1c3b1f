import prom from "prom-client"
import type { RequestCounter } from "../../kubernetes/client/counters.ts"
import type { System } from "../../supervision/system.ts"

/** The numbers that every daemon exports. Each scrape reads what is; nothing is kept beside the actors. */
export interface Exporter {
  /** `labels` in the order of the names given to `gauge` or `counter`. */
  readonly gauge: (name: string, help: string, labels: readonly string[], samples: Samples) => void
  readonly counter: (name: string, help: string, labels: readonly string[], samples: Samples) => void
}
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
  })
  return registry.metrics()
}

/** The process and its actors; the daemons add their own. */
export function commonMetrics(to: Exporter, system: System, requests: readonly RequestCounter[]): void {
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
  to.gauge("process_resident_memory_bytes", "Resident memory of the process", [], plain(process.memoryUsage.rss()))
  const cpu = process.cpuUsage()
  const cpuSeconds = (cpu.user + cpu.system) / 1e6
  to.counter("process_cpu_seconds_total", "Processor time of the process", [], plain(cpuSeconds))
  to.counter(
    "troupe_api_requests_total",
    "Requests to the Kubernetes API server",
    ["verb", "resource", "code"],
    requests.map(({ verb, resource, code, count }) => [[verb, resource, code], count]),
  )
  to.counter(
    "troupe_api_request_seconds_total",
    "Time until the answers of the Kubernetes API server began",
    ["verb", "resource", "code"],
    requests.map(({ verb, resource, code, totalSeconds }) => [[verb, resource, code], totalSeconds]),
  )
}
