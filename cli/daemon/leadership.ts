import { randomBytes } from "node:crypto"
import os from "node:os"
import type { ClusterApi } from "../../config/cluster-api.ts"
import { parseDurationMs } from "../../config/duration.ts"
import type { Cluster } from "../../kubernetes/client/cluster.ts"
import { type Election, elect } from "../../kubernetes/client/lease.ts"
import { mayHoldLease } from "../../kubernetes/client/lease-access.ts"
import type { Log } from "../../supervision/actor.ts"
import { Complaint } from "../complaint.ts"
import type { Begun } from "./run.ts"

const leaseName = "troupe-controller"
const askAgainMs = 2_000

export interface Leadership {
  readonly role: () => "leader" | "standby"
  /** The name of the Lease that decides; undefined where none does. */
  readonly lease: () => string | undefined
  /** At this moment, by our own clock: also false in a process that was paused and does not know it yet. */
  readonly leading: () => boolean
  /** Begins to stand for it. */
  readonly start: (on: LeadershipHandlers) => void
  /** Ends the work, then gives the lease up, so that another takes over at once. */
  readonly stop: () => Promise<void>
}

interface LeadershipHandlers {
  readonly started: () => void
  readonly stopped: () => Promise<void>
}

/**
 * Whether this controller is the one at work. With `--leader-elect` the Lease `troupe-controller` of our namespace decides;
 * where the role does not let us have one, as MetalLB's does not, this one works alone and says so.
 */
export function leadership(cluster: Cluster, { flags, namespace, log }: Pick<Begun, "flags" | "namespace" | "log">) {
  const electing = flags.boolean("leader-elect")
  const leaseDurationMs = durationOf(flags.text("leader-elect-lease-duration"))
  const identity = `${flags.text("pod-name") || os.hostname()}_${randomBytes(4).toString("hex")}`
  const ending = new AbortController()
  let role: "leader" | "standby" = "standby"
  let alone = false
  let election: Election | undefined
  let standing: Promise<void> | undefined
  let endWork: () => Promise<void> = async () => undefined

  function take(on: LeadershipHandlers, why: string, fields: Readonly<Record<string, unknown>>): void {
    role = "leader"
    endWork = on.stopped
    log.info(why, { op: "leaderElection", identity, ...fields })
    on.started()
  }

  async function stand(on: LeadershipHandlers): Promise<void> {
    if (!electing) {
      alone = true
      return take(on, "leader election is off: this controller is at work", {})
    }
    const allowed = await permission(cluster, namespace, ending.signal, log)
    if (ending.signal.aborted) return
    if (!allowed.yes) {
      alone = true
      log.warn(
        `may not use the Lease ${namespace}/${leaseName}: this controller works alone. Run one replica, or grant get, ` +
          "create and update on leases of coordination.k8s.io in this namespace",
        { op: "leaderElection", reason: allowed.reason },
      )
      return take(on, "this controller is at work", {})
    }
    const lease = { namespace, name: leaseName, identity, ...timings(leaseDurationMs) }
    const begun = elect(
      cluster,
      lease,
      {
        started: (term) => take(on, "this controller leads", { term }),
        async stopped(reason) {
          role = "standby"
          log.warn("this controller leads no more", { op: "leaderElection", identity, reason })
          await on.stopped()
        },
      },
      log,
    )
    if (!begun.ok) throw new Complaint(begun.error)
    election = begun.value
    log.info("standing by", { op: "leaderElection", identity, lease: `${namespace}/${leaseName}` })
  }

  return {
    role: () => role,
    lease: () => (election === undefined ? undefined : leaseName),
    leading: () => alone || (election?.leading() ?? false),
    start(on: LeadershipHandlers): void {
      standing = stand(on)
    },
    async stop(): Promise<void> {
      ending.abort()
      await standing
      if (alone) await endWork()
      await election?.stop()
    },
  } satisfies Leadership
}

/** Lets nothing through that another controller might have decided otherwise by now. */
export function fenced(api: ClusterApi, leading: () => boolean): ClusterApi {
  return {
    watch: (wanted, on) => api.watch(wanted, on),
    writeServiceStatus: async (write) =>
      leading() ? api.writeServiceStatus(write) : { kind: "failed", message: "this controller does not lead" },
    recordEvent(event) {
      if (leading()) api.recordEvent(event)
    },
    writePoolStatus(status) {
      if (leading()) api.writePoolStatus(status)
    },
    reportConfiguration(report) {
      if (leading()) api.reportConfiguration(report)
    },
    desiredServiceStatuses: (desired) => api.desiredServiceStatuses(desired),
    desiredSessionStates: (desired) => api.desiredSessionStates(desired),
    desiredServiceConditions: (desired) => api.desiredServiceConditions(desired),
    forgetWishes: () => api.forgetWishes(),
  }
}

/** Asks until the API server has answered. */
async function permission(cluster: Cluster, namespace: string, signal: AbortSignal, log: Log) {
  for (let complained = false; ; complained = true) {
    const answer = await mayHoldLease(cluster, { namespace, name: leaseName }, signal)
    if (answer.ok) return answer.value
    if (signal.aborted) return { yes: false, reason: "stopped" } as const
    if (!complained) log.warn("cannot ask for the lease", { op: "leaderElection", reason: answer.error })
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, askAgainMs)
      signal.addEventListener("abort", done)
      function done() {
        clearTimeout(timer)
        signal.removeEventListener("abort", done)
        resolve()
      }
    })
  }
}

/** The proportions are Kubernetes': 15 s, 10 s, 2 s. */
const timings = (leaseDurationMs: number) => ({
  leaseDurationMs,
  renewDeadlineMs: (leaseDurationMs * 2) / 3,
  retryPeriodMs: (leaseDurationMs * 2) / 15,
})

function durationOf(text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms < 1_000 || ms > 3_600_000)
    throw new Complaint(`--leader-elect-lease-duration: ${JSON.stringify(text)} is no duration between 1s and 1h`)
  return ms
}
