import type { Histogram } from "../../config/work-meter.ts"
import { methods } from "../../kubernetes/client/cluster.ts"
import type { RequestCounter } from "../../kubernetes/client/counters.ts"
import type { Exporter } from "./metrics.ts"

/** What was asked of the API server: client-go's names and labels, and ours, which know the resource. */
export function requestMetrics(to: Exporter, host: string, requests: readonly RequestCounter[]): void {
  const byOutcome = Map.groupBy(requests, ({ verb, code }) => `${methods[verb]} ${code}`)
  to.counter(
    "rest_client_requests_total",
    "Number of HTTP requests, partitioned by status code, method, and host.",
    ["code", "host", "method"],
    [...byOutcome].map(([key, same]) => {
      const [method = "", code = ""] = key.split(" ")
      // client-go's word for a request without an answer.
      return [[code === "unreachable" ? "<error>" : code, host, method], sum(same.map(({ count }) => count))]
    }),
  )
  to.histogram(
    "rest_client_request_duration_seconds",
    "Request latency in seconds. Broken down by verb, and host.",
    ["verb", "host"],
    [...Map.groupBy(requests, ({ verb }) => methods[verb])].flatMap(([method, same]) => {
      const [first, ...others] = same.map(({ seconds }) => seconds)
      return first === undefined ? [] : [[[method, host], others.reduce(together, first)] as const]
    }),
  )
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
    requests.map(({ verb, resource, code, seconds }) => [[verb, resource, code], seconds.sum]),
  )
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)

const together = (a: Histogram, b: Histogram): Histogram => ({
  bounds: a.bounds,
  counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)),
  sum: a.sum + b.sum,
})
