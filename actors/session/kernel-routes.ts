import { isDeepStrictEqual } from "node:util"
import { err, ok } from "../../protocols/result.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import type { KernelRoute, KernelRule, RoutingChange, RoutingPort } from "../../supervision/world.ts"
import {
  type Announced,
  changesBetween,
  type KernelPlan,
  mostRules,
  type PeerImports,
  planKernel,
  type Reach,
  routeKey,
  ruleKey,
} from "./kernel-plan.ts"
import type { KernelReport } from "./messages.ts"

export interface KernelRoutesConfig {
  readonly parent: ActorRef<KernelNews>
}

export interface KernelNews {
  readonly kind: "kernel"
  readonly report: KernelReport
}

export type KernelRoutesMessage =
  /** All that should be, always the whole of it. */
  | { readonly kind: "desired"; readonly imports: readonly PeerImports[]; readonly announced: readonly Announced[] }
  | { readonly kind: "reconcile" }
  | { readonly kind: "more" }
  | { readonly kind: "verify" }

/** Changed in place. */
interface KernelRoutesState {
  readonly config: KernelRoutesConfig
  /** What the kernel has of ours, as far as we know. Undefined: it could not be read. */
  installed: { readonly routes: Map<string, KernelRoute>; readonly rules: Map<string, KernelRule> } | undefined
  desired: { readonly imports: readonly PeerImports[]; readonly announced: readonly Announced[] } | undefined
  plan: KernelPlan | undefined
  pending: RoutingChange[]
  failed: number
  changed: number
  due: boolean
  error?: string | undefined
  reported?: KernelReport
}

type KernelContext = Context<KernelRoutesMessage>

/** UPDATEs come in bursts. */
const gatherMs = 20
/** A few milliseconds: beyond that sessions have their turn. */
const changesPerTurn = 512
/** An interface that goes down takes its routes along, and nobody tells us. */
const verifyEveryMs = 3_000

/**
 * The kernel's copy of what was imported: routes, and rules that lead the answers of service addresses to them. It compares
 * what should be with what is, first of all what a process before this one has left.
 */
export const kernelRoutesActor: Actor<KernelRoutesConfig, KernelRoutesState, KernelRoutesMessage> = {
  kind: "kernel-routes",
  start(config, context) {
    const state: KernelRoutesState = {
      config,
      installed: undefined,
      desired: undefined,
      plan: undefined,
      pending: [],
      failed: 0,
      changed: 0,
      due: false,
    }
    read(state, context)
    report(state, context)
    context.timers.every("verify", verifyEveryMs, { kind: "verify" })
    return state
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "desired":
        state.desired = { imports: message.imports, announced: message.announced }
        reconcileSoon(state, context)
        return state
      case "reconcile":
        state.due = false
        reconcile(state, context)
        return state
      case "more":
        work(state, context)
        return state
      case "verify":
        verify(state, context)
        return state
    }
  },
  /** Nothing stays behind that nobody looks after. */
  stop({ installed }, { world }) {
    if (installed === undefined) return
    world.routing?.apply(changesBetween(installed, { routes: new Map(), rules: new Map() }))
  },
}

function read(state: KernelRoutesState, { world, log }: KernelContext): void {
  const ours = world.routing?.ours()
  if (ours === undefined) return
  if (!ours.ok) return complain(state, ours.error.message, log)
  const { routes, rules } = ours.value
  state.installed = {
    routes: new Map(routes.map((route) => [routeKey(route), route])),
    rules: new Map(rules.map((rule) => [ruleKey(rule), rule])),
  }
}

function reconcileSoon(state: KernelRoutesState, context: KernelContext): void {
  if (state.due) return
  state.due = true
  context.timers.set("reconcile", gatherMs, { kind: "reconcile" })
}

/** What is wrong with the kernel's copy is put right even when nothing new was said. */
function verify(state: KernelRoutesState, context: KernelContext): void {
  const { plan, installed } = state
  const idle = plan === undefined || plan.routes.size + plan.rules.size + plan.unreachable === 0
  if (
    state.pending.length > 0 ||
    (idle && installed !== undefined && installed.routes.size + installed.rules.size === 0)
  )
    return
  read(state, context)
  reconcile(state, context)
}

function reconcile(state: KernelRoutesState, context: KernelContext): void {
  const { routing } = context.world
  const { desired, installed } = state
  if (routing === undefined || desired === undefined || installed === undefined) return
  const plan = planKernel(desired.imports, desired.announced, reachBy(routing))
  state.plan = plan
  state.failed = 0
  state.error = undefined
  state.pending = [...changesBetween(installed, plan)].reverse()
  if (plan.because !== undefined) complain(state, plan.because, context.log)
  if (plan.rulesLeft > 0) {
    const error = `${plan.rulesLeft} service addresses have no rule: there are at most ${mostRules}; announce aggregates`
    complain(state, error, context.log)
  }
  work(state, context)
}

/** Every next hop is looked up once. */
function reachBy(routing: RoutingPort): Reach {
  const known = new Map<string, ReturnType<Reach>>()
  return (nextHop, device) => {
    const linkLocal = /^fe[89ab]/.test(nextHop)
    const key = linkLocal ? `${nextHop}%${device}` : nextHop
    const before = known.get(key)
    if (before !== undefined) return before
    const reached = routing.reach(nextHop, linkLocal ? device : undefined)
    const result = reached.ok
      ? ok({ gateway: reached.value.gateway ?? nextHop, interfaceIndex: reached.value.interfaceIndex })
      : err(reached.error.message)
    known.set(key, result)
    return result
  }
}

function work(state: KernelRoutesState, context: KernelContext): void {
  const { routing } = context.world
  const { installed, pending } = state
  if (routing === undefined || installed === undefined) return
  const some = pending.splice(-changesPerTurn).reverse()
  for (const [i, outcome] of routing.apply(some).entries()) {
    const change = some[i]
    if (change === undefined) continue
    if (outcome.ok) {
      state.changed++
      note(installed, change)
    } else {
      state.failed++
      complain(state, outcome.error.message, context.log)
    }
  }
  if (pending.length > 0) return context.timers.set("more", 0, { kind: "more" })
  const { size: routes } = installed.routes
  const { size: rules } = installed.rules
  if (state.changed > 0) {
    context.log.info("imported routes", { op: "import", changed: state.changed, routes, rules, failed: state.failed })
  }
  state.changed = 0
  report(state, context)
}

function note(installed: NonNullable<KernelRoutesState["installed"]>, change: RoutingChange): void {
  switch (change.kind) {
    case "set-route":
      installed.routes.set(routeKey(change.route), change.route)
      return
    case "remove-route":
      installed.routes.delete(routeKey(change.route))
      return
    case "set-rule":
      installed.rules.set(ruleKey(change.rule), change.rule)
      return
    case "remove-rule":
      installed.rules.delete(ruleKey(change.rule))
  }
}

/** The first of a pass is kept; the log has it once, and only where somebody wants something of the kernel. */
function complain(state: KernelRoutesState, error: string, log: KernelContext["log"]): void {
  if (state.error !== undefined) return
  state.error = error
  const { imports = [], announced = [] } = state.desired ?? {}
  if (imports.length + announced.length === 0) return
  if (state.reported?.error !== error) log.error("cannot bring imported routes into force", { op: "import", error })
}

function report(state: KernelRoutesState, context: KernelContext): void {
  const { installed, plan, failed, error, config } = state
  const next: KernelReport = {
    routes: installed?.routes.size ?? 0,
    rules: installed?.rules.size ?? 0,
    unreachable: plan?.unreachable ?? 0,
    failed,
    ...(error === undefined ? {} : { error }),
  }
  if (isDeepStrictEqual(next, state.reported)) return
  state.reported = next
  context.send(config.parent, { kind: "kernel", report: next })
}
