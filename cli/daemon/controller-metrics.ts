import type { AllocatorMetrics, WriterMetrics } from "../../actors/allocator/messages.ts"
import type { Leadership } from "./leadership.ts"
import { clientMetrics, type Exporter, type Samples } from "./metrics.ts"
import type { Work } from "./work-metrics.ts"

/** Of a controller at work. */
export interface AtWork {
  readonly allocator: AllocatorMetrics
  readonly writer: WriterMetrics
}

/** The queues under the names of MetalLB's controllers; writing a Service's status is a queue of its own here. */
export const controllerWork = ({ allocator: { deciding, configuring }, writer }: AtWork): readonly Work[] => [
  { name: "service", counts: deciding, workers: 1 },
  { name: "service-status", counts: writer.writing, workers: writer.workers },
  { name: "ipaddresspool", counts: configuring, workers: 1, unqueued: true },
]

/** A controller that stands by, or serves webhooks only, has handled nothing and loaded nothing. */
export function controllerClientMetrics(to: Exporter, atWork: AtWork | undefined): void {
  // A write that fails is tried again: an update and an error each time, as MetalLB counts.
  const failedWrites = atWork?.writer.writing.results.error ?? 0
  clientMetrics(to, {
    updates: (atWork?.allocator.updates ?? 0) + failedWrites,
    updateErrors: (atWork?.allocator.updateErrors ?? 0) + failedWrites,
    loaded: atWork?.allocator.configuration.loaded ?? false,
    stale: atWork?.allocator.configuration.stale ?? false,
  })
}

/** MetalLB's names and labels. Numbers past 2⁵³ come out as the nearest double, as MetalLB's do. */
export function controllerMetrics(to: Exporter, { pools, services, turns }: AllocatorMetrics): void {
  type Pool = AllocatorMetrics["pools"][number]
  const perPool = (value: (pool: Pool) => bigint): Samples => pools.map((pool) => [[pool.pool], Number(value(pool))])
  const gauges: readonly (readonly [string, string, (pool: Pool) => bigint])[] = [
    ["addresses_total", "Number of usable IP addresses, per pool", ({ total }) => total],
    [
      "ipv4_addresses_total",
      "Number of usable IPv4 addresses, per pool",
      ({ counters: { assigned, available } }) => assigned.ipv4 + available.ipv4,
    ],
    [
      "ipv6_addresses_total",
      "Number of usable IPv6 addresses, per pool",
      ({ counters: { assigned, available } }) => assigned.ipv6 + available.ipv6,
    ],
    ["addresses_in_use_total", "Number of IP addresses in use, per pool", ({ inUse }) => inUse],
    [
      "ipv4_addresses_in_use_total",
      "Number of IPv4 addresses in use, per pool",
      ({ counters }) => counters.assigned.ipv4,
    ],
    [
      "ipv6_addresses_in_use_total",
      "Number of IPv6 addresses in use, per pool",
      ({ counters }) => counters.assigned.ipv6,
    ],
    [
      "services_allocated_total",
      "Number of services with addresses of the pool, per pool",
      ({ services }) => BigInt(services),
    ],
  ]
  for (const [name, help, value] of gauges) to.gauge(`metallb_allocator_${name}`, help, ["pool"], perPool(value))
  to.gauge(
    "troupe_services",
    "Services by what the controller decided about them",
    ["state"],
    Object.entries(services).map(([state, count]) => [[state], count]),
  )
  to.counter("troupe_allocator_turns_total", "How often a Service was looked at", [], [[[], turns]])
}

/** Ours, and client-go's where a Lease decides. */
export function leaderMetrics(to: Exporter, { role, lease }: Pick<Leadership, "role" | "lease">): void {
  const leads = Number(role() === "leader")
  to.gauge("troupe_leader", "1 if this controller assigns addresses, 0 if it stands by", [], [[[], leads]])
  const name = lease()
  if (name === undefined) return
  to.gauge(
    "leader_election_master_status",
    "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master",
    ["name"],
    [[[name], leads]],
  )
}
