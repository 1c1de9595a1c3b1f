import type { PoolStatus } from "../../config/cluster-api.ts"
import type { Cluster } from "./cluster.ts"
import { custom } from "./collections.ts"
import { type JsonObject, objectAt, textOf } from "./json.ts"
import type { Log } from "./log.ts"
import { failedBy, type Reconciled, type Reconciler, startReconciler } from "./reconciler.ts"
import type { Time } from "./time.ts"

const counters = ["assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6"] as const
const rememberedPools = 10_000

/**
 * Keeps the counters in the status of IPAddressPools. One PUT of the whole object: MetalLB's role for the controller may
 * update that status, not patch it.
 */
export function poolStatusWriter(cluster: Cluster, namespace: string, log: Log, time: Time) {
  const wishes = new Map<string, PoolStatus>()
  const { path, resource } = custom(namespace, "ipaddresspools", "IPAddressPool")
  const reconciler: Reconciler = startReconciler({
    what: "statuses of pools",
    workers: 2,
    reconcile,
    log,
    time,
  })

  async function reconcile(name: string, signal: AbortSignal): Promise<Reconciled> {
    const wish = wishes.get(name)
    if (wish === undefined) return { kind: "done", wrote: false }
    const got = await cluster.request({ verb: "get", path: `${path}/${name}`, resource, exact: true, signal })
    if (!got.ok) {
      // Made again, it is seen again, and the wish still holds.
      const gone = got.error.kind === "refused" && got.error.status === 404
      return gone ? { kind: "done", wrote: false } : failedBy(got.error)
    }
    const pool = objectAt(got.value)
    if (holds(pool, wish, (present, wanted) => present === wanted)) return { kind: "done", wrote: false }
    const { name: _, ...status } = wish
    const put = await cluster.request({
      verb: "update",
      path: `${path}/${name}/status`,
      resource: `${resource}/status`,
      body: { ...pool, status },
      signal,
    })
    return put.ok ? { kind: "done", wrote: true } : failedBy(put.error)
  }

  return {
    reconciler,
    write(status: PoolStatus): void {
      wishes.delete(status.name)
      wishes.set(status.name, status)
      const [oldest] = wishes.keys()
      if (wishes.size > rememberedPools && oldest !== undefined) wishes.delete(oldest)
      reconciler.add(status.name)
    },
    /** The watch shows this pool. Its numbers are not exact, so a small difference in a huge one passes. */
    seen(pool: JsonObject): void {
      const name = textOf(objectAt(pool, "metadata")["name"])
      const wish = wishes.get(name)
      if (wish !== undefined && !holds(pool, wish, (present, wanted) => Number(present) === Number(wanted)))
        reconciler.add(name)
    },
    forget(): void {
      wishes.clear()
      reconciler.forget()
    },
  }
}

function holds(pool: JsonObject, wish: PoolStatus, same: (present: bigint, wanted: bigint) => boolean): boolean {
  const status = objectAt(pool, "status")
  return counters.every((name) => {
    const present = status[name]
    return (typeof present === "bigint" || Number.isInteger(present)) && same(BigInt(present as number), wish[name])
  })
}
