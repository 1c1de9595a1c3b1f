import type { AllocatorMetrics } from "../../actors/allocator/messages.ts"
import type { Exporter, Samples } from "./metrics.ts"

/** MetalLB's names and labels. Numbers past 2⁵³ come out as the nearest double, as MetalLB's do. */
export function controllerMetrics(to: Exporter, { pools, services, turns, configuration }: AllocatorMetrics): void {
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
  ]
  for (const [name, help, value] of gauges) to.gauge(`metallb_allocator_${name}`, help, ["pool"], perPool(value))
  to.gauge(
    "metallb_k8s_client_config_loaded_bool",
    "1 if the MetalLB configuration was successfully loaded at least once",
    [],
    [[[], Number(configuration.loaded)]],
  )
  to.gauge(
    "metallb_k8s_client_config_stale_bool",
    "1 if running on a stale configuration, because the latest config failed to load",
    [],
    [[[], Number(configuration.stale)]],
  )
  to.gauge(
    "troupe_services",
    "Services by what the controller decided about them",
    ["state"],
    Object.entries(services).map(([state, count]) => [[state], count]),
  )
  to.counter("troupe_allocator_turns_total", "How often a Service was looked at", [], [[[], turns]])
}
