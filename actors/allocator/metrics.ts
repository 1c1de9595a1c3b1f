import type { AllocatorState } from "./allocator-state.ts"
import type { AllocatorMetrics } from "./messages.ts"
import type { PoolCounters } from "./pool-book.ts"

const none: PoolCounters = { assigned: { ipv4: 0n, ipv6: 0n }, available: { ipv4: 0n, ipv6: 0n } }

export function metricsOf(state: AllocatorState): AllocatorMetrics {
  const services = { assigned: 0, waiting: 0, "not-wanted": 0, undecided: 0 }
  for (const { last } of state.services.values()) services[last?.verdict?.decision.state ?? "undecided"]++
  const pools = [...state.pools].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    pools: pools.map(([pool, { counters = none }]) => {
      const inUse = counters.assigned.ipv4 + counters.assigned.ipv6
      return { pool, inUse, total: inUse + counters.available.ipv4 + counters.available.ipv6, counters }
    }),
    services,
    configuration: { loaded: state.snapshot !== undefined, stale: state.faults.length > 0, faults: state.faults },
    ready: state.ready,
  }
}
