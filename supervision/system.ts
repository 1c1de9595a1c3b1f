import type { ChildSpec, Exit, Log } from "./actor.ts"
import type { Asked } from "./context.ts"
import type { SystemCounters, TreeNode } from "./introspection.ts"
import { type DeadLetter, type DeadLetterReason, Kernel } from "./kernel.ts"
import type { ActorRef } from "./reference.ts"
import type { Cancel, World } from "./world.ts"

export type { DeadLetter, DeadLetterReason } from "./kernel.ts"

export interface SystemOptions {
  /** For people: it appears in logs, not in paths. */
  readonly name: string
  readonly world: World
  readonly log: Log
  /** Told each message that could not be delivered; must not throw. */
  readonly deadLetter?: (letter: DeadLetter) => void
  /** Name of the thread in references and snapshots; `main` unless given. */
  readonly thread?: string
}

export interface System {
  /** A top-level actor: its path is `/<id>`. Throws when the id is taken. */
  spawn<C, S, M>(child: ChildSpec<C, S, M>): ActorRef<M>
  send<M>(to: ActorRef<M>, message: M): void
  ask<M, R>(to: ActorRef<M>, make: (replyTo: ActorRef<R>) => M, timeoutMs: number): Promise<Asked<R>>
  /** The whole tree, across threads. A thread that does not answer appears as `unreachable`. */
  snapshot(): Promise<TreeNode>
  /** As if that actor had crashed with this reason. False when nobody lives there. */
  kill(path: string, reason?: string): Promise<boolean>
  counters(): SystemCounters
  deadLetters(): Readonly<Partial<Record<DeadLetterReason, number>>>
  /** Children first, in reverse order; resolves when nothing is left: no actor, no timer, no thread. */
  stop(): Promise<void>
  /** `normal` after `stop`; `crash` when a top-level actor needed too many restarts: the process should end. */
  readonly exited: Promise<Exit>
}

export function startSystem(options: SystemOptions): System {
  const { world, log, deadLetter, thread = "main" } = options
  const kernel = new Kernel({ thread, world, log, deadLetter, base: "", uidBase: 0 })
  const asks = new Set<Cancel>()
  const exited = new Promise<Exit>((resolve) => kernel.onEnd(resolve))
  void exited.then(() => {
    for (const abandon of asks) abandon()
  })
  return {
    spawn: (child) => kernel.spawn(kernel.guardian, child),
    send: (to, message) => kernel.deliver(to, message, false),
    ask: (to, make, timeoutMs) => kernel.ask("/", to, make, timeoutMs, asks),
    snapshot: () => kernel.guardian.subtree(0, undefined),
    kill: (path, reason = "killed") => kernel.kill(path, reason),
    counters: () => kernel.totals().counters,
    deadLetters: () => kernel.totals().deadLetters,
    async stop() {
      kernel.guardian.end("normal")
      await exited
    },
    exited,
  }
}

/** The address of whoever lives at that path, now and after restarts. */
export function refTo<M>(path: string): ActorRef<M> {
  return { thread: "main", path, uid: 0 }
}
