import type { WorkCounts } from "../../config/work-meter.ts"
import type { ReconcilerCounts } from "../../kubernetes/client/reconciler.ts"
import type { Exporter, Samples } from "./metrics.ts"

/** One queue with its workers, by the name that MetalLB's controller for the same work has. */
export interface Work {
  readonly name: string
  readonly counts: WorkCounts
  /** How many keys may be worked on at once. */
  readonly workers: number
  /** Not a queue of its own: it is done as soon as its message is taken. */
  readonly unqueued?: boolean
}

export const workOf = (name: string, { work, workers }: ReconcilerCounts): Work => ({ name, counts: work, workers })

/** The work queues and reconciliations under the names of client-go and controller-runtime. */
export function workMetrics(to: Exporter, all: readonly Work[]): void {
  const queues = all.filter(({ unqueued }) => unqueued !== true)
  const labels = ["name", "controller"]
  const each = (value: (counts: WorkCounts) => number): Samples =>
    queues.map(({ name, counts }) => [[name, name], value(counts)])
  to.gauge(
    "workqueue_depth",
    "Current depth of workqueue",
    labels,
    each(({ depth }) => depth),
  )
  to.counter(
    "workqueue_adds_total",
    "Total number of adds handled by workqueue",
    labels,
    each(({ adds }) => adds),
  )
  to.counter(
    "workqueue_retries_total",
    "Total number of retries handled by workqueue",
    labels,
    each(({ results }) => results.error + results.requeue_after),
  )
  to.gauge(
    "workqueue_unfinished_work_seconds",
    "How many seconds of work is in progress and not observed by work_duration yet",
    labels,
    each(({ unfinishedSeconds }) => unfinishedSeconds),
  )
  to.gauge(
    "workqueue_longest_running_processor_seconds",
    "How many seconds the longest running processor of the workqueue has been running",
    labels,
    each(({ longestRunningSeconds }) => longestRunningSeconds),
  )
  to.histogram(
    "workqueue_queue_duration_seconds",
    "How long in seconds an item stays in workqueue before being requested",
    labels,
    queues.map(({ name, counts }) => [[name, name], counts.queueSeconds]),
  )
  to.histogram(
    "workqueue_work_duration_seconds",
    "How long in seconds processing an item from workqueue takes",
    labels,
    queues.map(({ name, counts }) => [[name, name], counts.workSeconds]),
  )
  reconciliations(to, all)
}

function reconciliations(to: Exporter, all: readonly Work[]): void {
  to.counter(
    "controller_runtime_reconcile_total",
    "Total number of reconciliations per controller",
    ["controller", "result"],
    all.flatMap(({ name, counts }) =>
      Object.entries(counts.results).map(([result, count]) => [[name, result], count] as const),
    ),
  )
  const per = (value: (work: Work) => number): Samples => all.map((work) => [[work.name], value(work)])
  to.counter(
    "controller_runtime_reconcile_errors_total",
    "Total number of reconciliation errors per controller",
    ["controller"],
    per(({ counts }) => counts.results.error),
  )
  to.gauge(
    "controller_runtime_active_workers",
    "Number of currently used workers per controller",
    ["controller"],
    per(({ counts }) => counts.active),
  )
  to.gauge(
    "controller_runtime_max_concurrent_reconciles",
    "Maximum number of concurrent reconciles per controller",
    ["controller"],
    per(({ workers }) => workers),
  )
  to.histogram(
    "controller_runtime_reconcile_time_seconds",
    "Length of time per reconciliation per controller",
    ["controller"],
    all.map(({ name, counts }) => [[name], counts.reconcileSeconds]),
  )
}
