import type { ClusterApi } from "../config/cluster-api.ts"
import type { Actor, Context } from "../supervision/actor.ts"
import type { ActorRef } from "../supervision/reference.ts"
import { allocatorActor } from "./allocator/allocator.ts"
import type { AllocatorMessage } from "./allocator/messages.ts"
import { writerActor } from "./allocator/writer.ts"
import { apiActor } from "./api.ts"

export interface ControllerConfig {
  readonly api: ClusterApi
  /** `--lb-class`: only Services of this class are ours. Absent: those without a class. */
  readonly loadBalancerClass?: string
  /** Where the custom resources live; for texts. */
  readonly namespace?: string
  /** Of several controllers one is at work. Asked at every start; absent: this one is. */
  readonly leading?: () => boolean
}

/** Ask `/controller/allocator`: see `AllocatorMessage`. */
export type ControllerMessage = AllocatorMessage

/** To `/controller`. Each may come twice. */
export type ControllerCommand =
  | { readonly kind: "lead" }
  /** Ends all work, wishes at the API server included; answered when nothing of it runs any more. */
  | { readonly kind: "stand-by"; readonly replyTo: ActorRef<"standing by"> }

type Message = ControllerCommand | { readonly kind: "gone"; readonly path: string }
type Self = Context<Message>

interface ControllerState {
  readonly config: ControllerConfig
  /** Empty: standing by. */
  readonly children: readonly ActorRef<never>[]
  /** Paths of children that are stopping, and who waits for that. */
  readonly leaving: ReadonlySet<string>
  readonly waiting: readonly ActorRef<"standing by">[]
  /** Told to lead while they were. */
  readonly leadAfter: boolean
}

const many = { capacity: 1_000_000, overflow: "drop-newest" } as const

/**
 * The controller's tree, in order of need. Each depends on those before it: when one is restarted, those after it start
 * anew, and the api tells them again all there is. The writer is first because it must outlive them: it knows what is
 * decided and not visible yet. A controller that stands by has none of them.
 */
export const controllerActor: Actor<ControllerConfig, ControllerState, Message> = {
  kind: "controller",
  supervision: {
    strategy: "rest_for_one",
    intensity: { restarts: 20, withinMs: 60_000 },
    backoff: { minMs: 20, maxMs: 10_000, jitter: 0.2 },
  },
  start(config, context) {
    const idle = { config, children: [], leaving: new Set<string>(), waiting: [], leadAfter: false }
    return config.leading?.() === false ? idle : lead(idle, context)
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "lead":
        return lead(state, context)
      case "stand-by":
        return standBy(state, message.replyTo, context)
      case "gone":
        return gone(state, message.path, context)
      default:
        return message satisfies never
    }
  },
}

function lead(state: ControllerState, context: Self): ControllerState {
  if (state.children.length > 0) return state
  if (state.leaving.size > 0) return { ...state, leadAfter: true }
  const { api, loadBalancerClass = "", namespace = "metallb-system" } = state.config
  const writer = context.spawn({
    id: "writer",
    actor: writerActor,
    config: { api },
    mailbox: many,
    shutdownMs: 10_000,
  })
  const config = { writer, loadBalancerClass, namespace }
  const allocator = context.spawn({ id: "allocator", actor: allocatorActor, config, mailbox: many })
  const watched = { services: true, configuration: true }
  const watches = context.spawn({ id: "api", actor: apiActor, config: { api, watched, subscriber: allocator } })
  return { ...state, children: [writer, allocator, watches], leadAfter: false }
}

function standBy(state: ControllerState, replyTo: ActorRef<"standing by">, context: Self): ControllerState {
  const { children, leaving } = state
  if (children.length > 0) state.config.api.forgetWishes()
  for (const child of children) context.watch(child, () => ({ kind: "gone", path: child.path }))
  for (const child of children.toReversed()) context.stop(child)
  const next = {
    ...state,
    children: [],
    leaving: new Set([...leaving, ...children.map(({ path }) => path)]),
    waiting: [...state.waiting, replyTo],
    leadAfter: false,
  }
  return next.leaving.size > 0 ? next : rest(next, context)
}

function gone(state: ControllerState, path: string, context: Self): ControllerState {
  const leaving = new Set([...state.leaving].filter((one) => one !== path))
  const next = { ...state, leaving }
  return leaving.size > 0 ? next : rest(next, context)
}

function rest(state: ControllerState, context: Self): ControllerState {
  // What the last of them wished for is not ours to keep.
  state.config.api.forgetWishes()
  for (const replyTo of state.waiting) context.send(replyTo, "standing by")
  const next = { ...state, waiting: [] }
  return state.leadAfter ? lead(next, context) : next
}
