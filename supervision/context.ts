import type { AskFailure, ChildSpec, Context, Exit, Log, ThreadSpec } from "./actor.ts"
import type { Cell } from "./cell.ts"
import { NamedTimers } from "./named-timers.ts"
import type { ActorRef } from "./reference.ts"
import type { Cancel, World } from "./world.ts"

export type Asked<R> = { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: AskFailure }

interface Watch {
  wanted: boolean
  cancel: Cancel
}

/** What an actor may do, bound to one incarnation. Calls that come after its death do nothing or fail as the dead do. */
export class ActorContext implements Context<unknown> {
  readonly #cell: Cell
  readonly self: ActorRef<unknown>
  #log: Log | undefined
  #timers: NamedTimers | undefined
  #watches: Map<string, Watch> | undefined
  #asks: Set<Cancel> | undefined

  constructor(cell: Cell) {
    this.#cell = cell
    this.self = cell.ref()
  }

  get world(): World {
    return this.#cell.kernel.world
  }

  get log(): Log {
    return (this.#log ??= withActor(this.#cell.kernel.log, this.#cell.location))
  }

  get timers(): NamedTimers {
    return (this.#timers ??= new NamedTimers(this.#cell))
  }

  send<M>(to: ActorRef<M>, message: M): void {
    this.#cell.kernel.deliver(to, message, false)
  }

  sendUrgent<M>(to: ActorRef<M>, message: M): void {
    this.#cell.kernel.deliver(to, message, true)
  }

  ask<M, R>(to: ActorRef<M>, make: (replyTo: ActorRef<R>) => M, timeoutMs: number): Promise<Asked<R>> {
    return this.#cell.kernel.ask(this.#cell.location, to, make, timeoutMs, (this.#asks ??= new Set()))
  }

  spawn<C, S, M>(child: ChildSpec<C, S, M, unknown>): ActorRef<M> {
    return this.#cell.kernel.spawn(this.#cell, child)
  }

  spawnThread<M>(thread: ThreadSpec<M, unknown>): ActorRef<M> {
    return this.#cell.kernel.spawnThread(this.#cell, thread)
  }

  stop(child?: ActorRef<never>): void {
    if (child === undefined) return this.#cell.requestStop()
    const prefix = `${this.#cell.location}/`
    if (!child.path.startsWith(prefix)) throw new Error(`${child.path} is no child of ${this.#cell.location}`)
    this.#cell.family?.remove(child.path.slice(prefix.length), child.uid)
  }

  watch(target: ActorRef<never>, onExit: (exit: Exit) => unknown): void {
    this.unwatch(target)
    if (this.#cell.phase === "stopping" || this.#cell.phase === "dead") return
    const key = keyOf(target)
    const watches = (this.#watches ??= new Map())
    const watch: Watch = { wanted: true, cancel: () => {} }
    watches.set(key, watch)
    watch.cancel = this.#cell.kernel.watch(target, (exit) =>
      this.#cell.post({
        open: () => {
          if (!watch.wanted) return undefined
          watches.delete(key)
          return { message: onExit(exit) }
        },
      }),
    )
  }

  unwatch(target: ActorRef<never>): void {
    const key = keyOf(target)
    const watch = this.#watches?.get(key)
    if (watch === undefined) return
    watch.wanted = false
    watch.cancel()
    this.#watches?.delete(key)
  }

  /** The actor handles no further message. */
  ending(): void {
    this.#timers?.cancelAll()
    for (const watch of this.#watches?.values() ?? []) watch.cancel()
    this.#watches = undefined
  }

  /** Pending asks fail now, so that a handler which waits for one can end. */
  abandonAsks(): void {
    for (const abandon of this.#asks ?? []) abandon()
  }
}

function keyOf(target: ActorRef<never>): string {
  return `${target.path}#${target.uid}`
}

function withActor(log: Log, actor: string): Log {
  return {
    debug: (message, fields) => log.debug(message, { actor, ...fields }),
    info: (message, fields) => log.info(message, { actor, ...fields }),
    warn: (message, fields) => log.warn(message, { actor, ...fields }),
    error: (message, fields) => log.error(message, { actor, ...fields }),
  }
}
