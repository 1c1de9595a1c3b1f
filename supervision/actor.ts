import type { ActorRef } from "./reference.ts"
import type { World } from "./world.ts"

/**
 * The behaviour of an actor: three functions over its own state. `receive` returns the next state; while a promise it
 * returned is pending, no other message of this actor is handled. A throw or rejection is a crash: the actor stops, and
 * its parent's supervision decides what follows. A restarted actor begins from `start`.
 */
export interface Actor<Config, State, Message> {
  /** What it is, for people: `pool`, `bgp-session`. */
  readonly kind: string
  /** How this actor looks after its children; see `policy.ts` for the default. */
  readonly supervision?: SupervisionPolicy
  start(config: Config, context: Context<Message>): State | Promise<State>
  receive(state: State, message: Message, context: Context<Message>): State | Promise<State>
  /** After the last message and after all children have stopped; not called when `start` failed. */
  stop?(state: State, context: Context<Message>): void | Promise<void>
}

export interface SupervisionPolicy {
  readonly strategy: "one_for_one" | "one_for_all" | "rest_for_one"
  /** More restarts than this within the window, and the supervisor itself crashes. */
  readonly intensity: { readonly restarts: number; readonly withinMs: number }
  /** Delay before restart n of a child: min·2ⁿ up to max, plus or minus the jitter share. */
  readonly backoff: { readonly minMs: number; readonly maxMs: number; readonly jitter: number }
}

/** permanent: always restarted. transient: after a crash only. temporary: never. */
export type Restart = "permanent" | "transient" | "temporary"

export interface ChildSpec<Config, State, Message, ParentMessage = never> {
  /** Last part of the path; unique among its siblings. */
  readonly id: string
  readonly actor: Actor<Config, State, Message>
  readonly config: Config
  readonly restart?: Restart
  /** How long `stop` may take before the child is given up. */
  readonly shutdownMs?: number
  readonly mailbox?: MailboxLimits
  /** Message to the parent each time an incarnation is ready, the first included: the moment to tell it what should be. */
  readonly started?: (child: ActorRef<Message>) => ParentMessage
}

export interface MailboxLimits {
  readonly capacity: number
  readonly overflow: "drop-newest" | "drop-oldest"
}

/** An actor in a worker thread of its own. Crash, exit and hang of the worker are crashes of the actor. */
export interface ThreadSpec<Message, ParentMessage = never> {
  readonly id: string
  readonly entry: ThreadEntry<Message>
  readonly restart?: Restart
  readonly shutdownMs?: number
  /** The worker is asked every so often whether it lives; silent for longer, it is terminated. */
  readonly liveness?: { readonly everyMs: number; readonly silentMs: number }
  readonly started?: (child: ActorRef<Message>) => ParentMessage
}

/**
 * `module`: file URL of a module that calls `serveThread`; the config must survive structured clone.
 * `inline`: the same actor in this thread, for simulation.
 */
export type ThreadEntry<Message> =
  | { readonly kind: "module"; readonly url: string; readonly config: unknown }
  | { readonly kind: "inline"; readonly actor: Actor<unknown, unknown, Message>; readonly config: unknown }

export type Exit = {
  readonly path: string
  readonly uid: number
  /** normal: by itself or by its parent's wish. crash: `error` says why. gone: nobody lived there. */
  readonly reason: "normal" | "crash" | "gone"
  readonly error?: string
}

export type AskFailure = { readonly kind: "timeout" } | { readonly kind: "exit"; readonly exit: Exit }
type Asked<R> = { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: AskFailure }

export interface Context<Message> {
  /** This incarnation. */
  readonly self: ActorRef<Message>
  readonly world: World
  readonly log: Log
  /** Never fails and never waits: what cannot be delivered is a dead letter, counted. */
  send<M>(to: ActorRef<M>, message: M): void
  /** Ahead of ordinary messages in the same mailbox. */
  sendUrgent<M>(to: ActorRef<M>, message: M): void
  ask<M, R>(to: ActorRef<M>, make: (replyTo: ActorRef<R>) => M, timeoutMs: number): Promise<Asked<R>>
  /** The reference has uid 0: it follows the child through its restarts. Throws when the id is taken. */
  spawn<C, S, M>(child: ChildSpec<C, S, M, Message>): ActorRef<M>
  spawnThread<M>(thread: ThreadSpec<M, Message>): ActorRef<M>
  /** A child, for good; or without an argument this actor, after the present message. */
  stop(child?: ActorRef<never>): void
  /** One message when that incarnation is no more; at once when there is none. */
  watch(target: ActorRef<never>, onExit: (exit: Exit) => Message): void
  unwatch(target: ActorRef<never>): void
  /** Die with the actor. Setting a name again replaces what was set: the old message will not arrive, even if already due. */
  readonly timers: {
    set(name: string, delayMs: number, message: Message): void
    every(name: string, periodMs: number, message: Message): void
    cancel(name: string): void
  }
}

export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}
