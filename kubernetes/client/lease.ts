import { isDeepStrictEqual } from "node:util"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Cluster } from "./cluster.ts"
import type { ApiFailure } from "./failure.ts"
import { type JsonObject, objectAt } from "./json.ts"
import { claimed, type LeaseRecord, leaseRecord, released } from "./lease-record.ts"
import type { Log } from "./log.ts"
import { microTimestamp, pause, realTime, type Time } from "./time.ts"

/**
 * Leader election as client-go does it. A candidate never compares clocks: it takes a lease over once it has not seen it
 * change for the lease's whole duration on its own monotonic clock. A leader counts from before it sent the renewal that
 * succeeded, and stops `renewDeadline` after that, so it is out before anybody else can be in: with 15 s and 10 s the
 * clocks may run at rates that differ by a fifth.
 */
export interface ElectionOptions {
  readonly namespace: string
  /** Of the Lease. */
  readonly name: string
  /** Another one for every start of a process: who bears the holder's is taken for the holder. */
  readonly identity: string
  /** What others wait before they take over. Default 15 s. */
  readonly leaseDurationMs?: number
  /** A leader that could not renew for so long stops. Default 10 s. */
  readonly renewDeadlineMs?: number
  /** Between two attempts. Default 2 s. */
  readonly retryPeriodMs?: number
}

export interface ElectionHandlers {
  /** We lead. `term` grows with every start, whoever it is. */
  started(term: number): void
  /** We lead no more, as of now. The lease is given up, or asked for again, when what this returns has resolved. */
  stopped(reason: string): void | Promise<void>
}

export interface Election {
  /** By our clock, at this moment: also false in a process that was paused and does not know it yet. Ask before a write. */
  leading(): boolean
  /** Who holds the lease as far as we know; empty: nobody. */
  holder(): string
  /** Stops leading, waits for the work to end, then gives the lease up so that another takes it at once. */
  stop(): Promise<void>
}

interface Observed {
  readonly lease: JsonObject
  readonly record: LeaseRecord
  /** When we first saw this record, on our clock. */
  readonly sinceMs: number
}

type Attempt =
  | { readonly kind: "held"; readonly term: number; readonly fromMs: number }
  | { readonly kind: "other"; readonly holder: string }
  | { readonly kind: "failed"; readonly reason: string }

/** The error of the Result says which option is wrong. */
export function elect(
  cluster: Pick<Cluster, "request">,
  options: ElectionOptions,
  on: ElectionHandlers,
  log: Log,
  time: Time = realTime,
): Result<Election, string> {
  const { namespace, name, identity } = options
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options
  const fault = faultIn({ ...options, leaseDurationMs, renewDeadlineMs, retryPeriodMs })
  if (fault !== undefined) return err(fault)

  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  const path = `${collection}/${name}`
  const resource = "leases"
  const ending = new AbortController()
  let observed: Observed | undefined
  let leading = false
  let untilMs = 0
  /** Of the present term: `stopped` was called, and what it returned. */
  let ended: Promise<void> | undefined
  let workOver = false
  let complaint = ""

  const finished = run()
  return ok({
    leading: () => leading && time.monotonicMs() < untilMs,
    holder: () => observed?.record.holder ?? "",
    async stop() {
      ending.abort()
      if (leading) end("stopped")
      await finished
    },
  })

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      const held = await acquire()
      if (held === undefined) return
      untilMs = held.fromMs + renewDeadlineMs
      leading = true
      void tell(() => on.started(held.term))
      await hold()
      await ended
      ended = undefined
      workOver = false
    }
  }

  /** Until we hold it for long enough to begin, or are told to stop. */
  async function acquire(): Promise<Extract<Attempt, { kind: "held" }> | undefined> {
    while (!ending.signal.aborted) {
      const attempted = await attempt(false)
      if (ending.signal.aborted) {
        // Taken in the same moment as we were told to stop.
        if (attempted.kind === "held") await release()
        return undefined
      }
      if (attempted.kind === "held" && time.monotonicMs() < attempted.fromMs + renewDeadlineMs) return attempted
      if (attempted.kind === "failed") complain(attempted.reason)
      // Candidates that started together should not stay in step.
      await pause(time, retryPeriodMs * (1 + 1.2 * time.random()), ending.signal)
    }
    return undefined
  }

  /** Renews until it is lost, or until the work has ended after `stop`. */
  async function hold(): Promise<void> {
    const over = new AbortController()
    const lose = (reason: string) => {
      over.abort()
      end(reason)
    }
    const late = `could not renew the lease ${namespace}/${name} for ${renewDeadlineMs / 1000} s`
    let cancel = () => {}
    const setDeadline = () => {
      cancel()
      cancel = time.after(untilMs - time.monotonicMs(), () => lose(late))
    }
    setDeadline()
    while (!over.signal.aborted) {
      if (ended === undefined) await pause(time, retryPeriodMs, AbortSignal.any([over.signal, ending.signal]))
      else await Promise.race([ended, pause(time, retryPeriodMs, over.signal)])
      if (over.signal.aborted) break
      if (workOver) {
        await release()
        break
      }
      const outcome = await attempt(true, over.signal)
      if (time.monotonicMs() >= untilMs) lose(late)
      else if (outcome.kind === "other") lose(`the lease ${namespace}/${name} is held by ${outcome.holder || "nobody"}`)
      else if (outcome.kind === "failed") complain(outcome.reason)
      else {
        untilMs = outcome.fromMs + renewDeadlineMs
        setDeadline()
      }
    }
    cancel()
  }

  /** The work of this term is to end, now. */
  function end(reason: string): void {
    leading = false
    ended ??= tell(() => on.stopped(reason)).then(() => {
      workOver = true
    })
  }

  async function tell(handler: () => void | Promise<void>): Promise<void> {
    try {
      await handler()
    } catch (error) {
      log.error("a handler of the leader election failed", { error })
    }
  }

  function complain(reason: string): void {
    if (reason === complaint || reason === "") return
    complaint = reason
    log.warn(`cannot ${leading ? "renew" : "read or take"} the lease ${namespace}/${name}`, { reason })
  }

  async function attempt(renewing: boolean, signal?: AbortSignal): Promise<Attempt> {
    // So that one request that hangs does not cost the lease.
    const limits = { timeoutMs: renewDeadlineMs / 2, ...(signal && { signal }) }
    // A renewal needs no reading before: if somebody wrote meanwhile the version says so.
    if (renewing && observed?.record.holder === identity) {
      const renewed = await write(observed, limits)
      if (renewed.ok) return renewed.value
    }
    const got = await cluster.request({ verb: "get", path, resource, ...limits })
    if (!got.ok) {
      const none = got.error.kind === "refused" && got.error.status === 404
      if (!none) return failed(got.error)
      const created = await write(undefined, limits)
      return created.ok ? created.value : failed(created.error)
    }
    const seen = observe(objectAt(got.value))
    const { holder, durationMs } = seen.record
    const valid = time.monotonicMs() < seen.sinceMs + durationMs
    if (holder !== identity && holder !== "" && valid) return { kind: "other", holder }
    // Nobody's, or over. A leader that finds it so has lost it, and begins anew.
    if (renewing && holder !== identity) return { kind: "other", holder }
    const written = await write(seen, limits)
    return written.ok ? written.value : failed(written.error)
  }

  async function write(
    present: Observed | undefined,
    limits: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<Result<Attempt, ApiFailure>> {
    const fromMs = time.monotonicMs()
    const wallMs = time.wallMs()
    const goesOn = leading || ended !== undefined
    const before = present ?? observed
    const term = before === undefined ? 0 : before.record.term + (goesOn ? 0 : 1)
    const acquireTime = goesOn ? before?.record.spec["acquireTime"] : microTimestamp(wallMs)
    const spec = claimed({ identity, durationMs: leaseDurationMs, wallMs, term, acquireTime })
    const metadata = { name, namespace }
    const body = present
      ? { ...present.lease, spec: { ...present.record.spec, ...spec } }
      : { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec }
    const request = present ? ({ verb: "update", path } as const) : ({ verb: "create", path: collection } as const)
    const answer = await cluster.request({ ...request, resource, body, ...limits })
    if (!answer.ok) return answer
    observe(objectAt(answer.value))
    complaint = ""
    return ok({ kind: "held", term, fromMs })
  }

  function observe(lease: JsonObject): Observed {
    const record = leaseRecord(lease)
    const same = observed !== undefined && isDeepStrictEqual(observed.record.spec, record.spec)
    observed = { lease, record, sinceMs: same && observed ? observed.sinceMs : time.monotonicMs() }
    return observed
  }

  /** One attempt: if it fails the lease simply runs out. */
  async function release(): Promise<void> {
    if (observed?.record.holder !== identity) return
    const body = { ...observed.lease, spec: released(observed.record.spec, time.wallMs()) }
    const answer = await cluster.request({ verb: "update", path, resource, body, timeoutMs: 5_000 })
    if (answer.ok) observe(objectAt(answer.value))
  }
}

const failed = (error: ApiFailure): Attempt => ({ kind: "failed", reason: error.message })

function faultIn(options: Required<ElectionOptions>): string | undefined {
  const { namespace, name, identity, leaseDurationMs, renewDeadlineMs, retryPeriodMs } = options
  if (namespace === "" || name === "") return "leader election: the Lease needs a namespace and a name"
  if (identity === "") return "leader election: the identity is empty"
  if (!(retryPeriodMs > 0)) return "leader election: retryPeriod must be greater than zero"
  if (!(renewDeadlineMs > retryPeriodMs * 1.2)) return "leader election: renewDeadline must exceed retryPeriod × 1.2"
  if (!(leaseDurationMs > renewDeadlineMs)) return "leader election: leaseDuration must exceed renewDeadline"
  return undefined
}
