import type { PoolStatus } from "../../config/cluster-api.ts"
import type { AllocatorState } from "./allocator-state.ts"
import type { AllocatorMetrics } from "./messages.ts"
import type { PoolCounters } from "./pool-book.ts"

const none: PoolCounters = { assigned: { ipv4: 0n, ipv6: 0n }, available: { ipv4: 0n, ipv6: 0n } }

export const inUse = ({ assigned }: PoolCounters): bigint => assigned.ipv4 + assigned.ipv6

export const statusOf = (name: string, { assigned, available }: PoolCounters): PoolStatus => ({
  name,
  assignedIPv4: assigned.ipv4,
  assignedIPv6: assigned.ipv6,
  availableIPv4: available.ipv4,
  availableIPv6: available.ipv6,
})

export function metricsOf(state: AllocatorState): AllocatorMetrics {
  const services = { assigned: 0, waiting: 0, "not-wanted": 0, undecided: 0 }
  const holders = new Map<string, number>()
  for (const { last } of state.services.values()) {
    services[last?.verdict?.decision.state ?? "undecided"]++
    const pool = last?.holding?.pool
    if (pool !== undefined) holders.set(pool, (holders.get(pool) ?? 0) + 1)
  }
  const pools = [...state.pools].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    pools: pools.map(([pool, { counters = none }]) => {
      const { ipv4, ipv6 } = counters.available
      const total = inUse(counters) + ipv4 + ipv6
      return { pool, inUse: inUse(counters), total, counters, services: holders.get(pool) ?? 0 }
    }),
    services,
    turns: state.turns,
    deciding: state.deciding.read(),
    configuring: state.configuring.read(),
    updates: state.updates,
    updateErrors: state.updateErrors,
    configuration: { loaded: state.snapshot !== undefined, stale: state.faults.length > 0, faults: state.faults },
    ready: state.ready,
  }
}
