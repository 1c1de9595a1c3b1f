import { histogram } from "../../config/work-meter.ts"
import type { Exporter } from "./metrics.ts"
import type { Handler } from "./serve.ts"

/** The Prometheus client's default bounds, in seconds: controller-runtime's for webhooks. */
const bounds: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts and times what `answer` answers, in controller-runtime's words. Paths that it does not know count nothing. */
export function measuredWebhooks(answer: Handler): { handler: Handler; metrics(to: Exporter): void } {
  const inFlight = new Map<string, number>()
  const requests = new Map<string, Map<number, number>>()
  const seconds = new Map<string, ReturnType<typeof histogram>>()

  function count(path: string, status: number, tookMs: number): void {
    const byStatus = requests.get(path) ?? new Map<number, number>()
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
    requests.set(path, byStatus)
    const durations = seconds.get(path) ?? histogram(bounds)
    durations.observe(tookMs / 1000)
    seconds.set(path, durations)
  }

  function under(path: string, more: 1 | -1): void {
    const now = (inFlight.get(path) ?? 0) + more
    // Anybody may ask for any path: only what was answered once is remembered.
    if (now === 0 && !requests.has(path)) inFlight.delete(path)
    else inFlight.set(path, now)
  }

  return {
    async handler(asked) {
      const sinceMs = performance.now()
      under(asked.path, 1)
      try {
        const answered = await answer(asked)
        if (answered !== undefined) count(asked.path, answered.status, performance.now() - sinceMs)
        return answered
      } finally {
        under(asked.path, -1)
      }
    },
    metrics(to) {
      to.counter(
        "controller_runtime_webhook_requests_total",
        "Total number of admission requests by HTTP status code.",
        ["webhook", "code"],
        [...requests].flatMap(([path, byStatus]) =>
          [...byStatus].map(([status, count]) => [[path, String(status)], count] as const),
        ),
      )
      to.gauge(
        "controller_runtime_webhook_requests_in_flight",
        "Current number of admission requests being served.",
        ["webhook"],
        [...inFlight].map(([path, count]) => [[path], count]),
      )
      to.histogram(
        "controller_runtime_webhook_latency_seconds",
        "Histogram of the latency of processing admission requests",
        ["webhook"],
        [...seconds].map(([path, durations]) => [[path], durations.read()]),
      )
    },
  }
}
