import type { Exit, Restart, SupervisionPolicy } from "./actor.ts"
import type { Random } from "./world.ts"

/**
 * What holds unless an actor says otherwise. The first restart comes at once for a human; a child that keeps failing is
 * tried for the better part of a minute, then its parent is in doubt too.
 */
export const defaultPolicy: SupervisionPolicy = {
  strategy: "one_for_one",
  intensity: { restarts: 10, withinMs: 60_000 },
  backoff: { minMs: 20, maxMs: 10_000, jitter: 0.2 },
}

/** What a supervisor knows of a child. */
export interface Supervised {
  readonly restart: Restart
  /** Restarts in a row, each before the child had been quiet for long enough. */
  readonly failures: number
  /** Monotonic. Undefined: its `start` has not succeeded yet. */
  readonly readySinceMs: number | undefined
}

export interface Supervisor {
  readonly policy: SupervisionPolicy
  /** In order of start. The runtime's own table, read here and never written: a copy per crash would cost too much. */
  readonly children: ReadonlyMap<string, Supervised>
  /** Monotonic times of the restarts that still count. */
  readonly recentMs: readonly number[]
}

export type Effect =
  /** One after the other, each awaited. */
  | { readonly kind: "stop"; readonly ids: readonly string[] }
  | { readonly kind: "forget"; readonly ids: readonly string[] }
  /** After what was to be stopped has stopped, and the delay: in this order, each waiting for the one before. */
  | { readonly kind: "start"; readonly ids: readonly string[]; readonly afterMs: number; readonly failures: number }
  /** The supervisor itself crashes; its own supervisor decides. */
  | { readonly kind: "give-up"; readonly error: string }

/** Pure: reads no clock, starts nothing. `failures` of the start effect belongs to `id`: the caller remembers it. */
export function onExit(
  supervisor: Supervisor,
  id: string,
  exit: Pick<Exit, "reason" | "error">,
  nowMs: number,
  random: Pick<Random, "u32">,
): [Supervisor, Effect[]] {
  const child = supervisor.children.get(id)
  if (child === undefined) return [supervisor, []]
  if (!restarts(child.restart, exit)) return [supervisor, [{ kind: "forget", ids: [id] }]]

  const { policy } = supervisor
  const { intensity } = policy
  const still = supervisor.recentMs.filter((atMs) => nowMs - atMs < intensity.withinMs)
  if (still.length >= intensity.restarts) {
    const error = `${id} needed more than ${intensity.restarts} restarts within ${intensity.withinMs} ms; last: ${exit.error ?? exit.reason}`
    return [{ ...supervisor, recentMs: still }, [{ kind: "give-up", error }]]
  }
  const counted = Number.isFinite(intensity.restarts) ? [...still, nowMs] : []
  const failures = wasQuiet(child, policy, nowMs) ? 0 : child.failures

  const affected = affectedBy(supervisor, id)
  const siblings = affected.filter((other) => other !== id)
  const leaving = siblings.filter((other) => supervisor.children.get(other)?.restart === "temporary")
  const starting = leaving.length === 0 ? affected : affected.filter((other) => !leaving.includes(other))
  const effects: Effect[] = []
  if (siblings.length > 0) effects.push({ kind: "stop", ids: siblings.toReversed() })
  if (leaving.length > 0) effects.push({ kind: "forget", ids: leaving })
  effects.push({
    kind: "start",
    ids: starting,
    afterMs: backoffMs(policy.backoff, failures, random),
    failures: failures + 1,
  })
  return [{ ...supervisor, recentMs: counted }, effects]
}

function restarts(restart: Restart, exit: Pick<Exit, "reason">): boolean {
  switch (restart) {
    case "permanent":
      return true
    case "transient":
      return exit.reason === "crash"
    case "temporary":
      return false
  }
}

function affectedBy(supervisor: Supervisor, id: string): readonly string[] {
  switch (supervisor.policy.strategy) {
    case "one_for_one":
      return [id]
    case "one_for_all":
      return [...supervisor.children.keys()]
    case "rest_for_one": {
      const all = [...supervisor.children.keys()]
      return all.slice(all.indexOf(id))
    }
  }
}

/** It ran for so long that its last restart no longer counts, nor does the longest delay. */
function wasQuiet(child: Supervised, policy: SupervisionPolicy, nowMs: number): boolean {
  const quietMs = Math.max(policy.intensity.withinMs, policy.backoff.maxMs)
  return child.readySinceMs !== undefined && nowMs - child.readySinceMs >= quietMs
}

function backoffMs(backoff: SupervisionPolicy["backoff"], failures: number, random: Pick<Random, "u32">): number {
  const baseMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** failures)
  const between = (random.u32() / 2 ** 32) * 2 - 1
  return Math.max(0, baseMs * (1 + backoff.jitter * between))
}
