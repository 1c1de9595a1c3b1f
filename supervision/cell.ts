import { Actor as NactActor } from "nact/lib/actor.js"
import type { Actor, Exit, MailboxLimits, Restart } from "./actor.ts"
import { ActorContext } from "./context.ts"
import { describe } from "./describe.ts"
import type { Family } from "./family.ts"
import type { TreeNode } from "./introspection.ts"
import type { Kernel } from "./kernel.ts"
import { type Letter, Mailbox, nothing } from "./mailbox.ts"
import type { ActorRef } from "./reference.ts"
import type { Runnable } from "./run-queue.ts"
import { treeNode } from "./tree-node.ts"
import type { Cancel } from "./world.ts"

export type AnyActor = Actor<unknown, unknown, unknown>

/** A child as its supervisor remembers it, with every default filled in and the types left behind. */
export interface Spec {
  readonly id: string
  readonly actor: AnyActor
  readonly config: unknown
  readonly restart: Restart
  readonly shutdownMs: number
  readonly mailbox?: MailboxLimits
  readonly started?: (child: ActorRef<unknown>) => unknown
  /** Told by the kernel, not by a message. */
  readonly ready?: () => void
  readonly create: (kernel: Kernel, parent: Cell, spec: Spec) => Cell
}

type Watcher = (exit: Exit) => void

/** Messages one actor handles before the next has its turn, so that one flood does not hold up all others. */
const turn = 32

/**
 * One incarnation of an actor. nact gives the name, the place in the tree and the path; life and death are ours: a crash
 * always stops the actor, and what follows is its supervisor's affair.
 *
 *     waiting ──► starting ──► running ──► stopping ──► dead
 *      turn comes    `start` done   crash or stop   handler in flight, children, `stop`: in this order
 */
export class Cell extends NactActor implements Runnable {
  readonly kernel: Kernel
  readonly spec: Spec
  readonly parentCell: Cell | undefined
  readonly location: string
  readonly uid: number
  readonly mailbox: Mailbox
  phase: "waiting" | "starting" | "running" | "stopping" | "dead" = "waiting"
  handled = 0
  /** Of the same name, stopped for good but not gone yet: this one starts after it. */
  predecessor: Cell | undefined
  exit: Exit | undefined
  family: Family | undefined
  readonly context: ActorContext
  #state: unknown
  #started = false
  /** A promise of `start` or `receive` is pending. */
  #inFlight = false
  #queued = false
  #stopWanted = false
  #detached = false
  #guard: Cancel | undefined
  #watchers: Set<Watcher> | undefined
  #crashWatchers: Set<Watcher> | undefined

  constructor(kernel: Kernel, parent: Cell | undefined, spec: Spec, location: string, uid = kernel.nextUid()) {
    super(parent ?? kernel.tree, nactName(spec.id), kernel.tree, undefined, {})
    this.kernel = kernel
    this.parentCell = parent
    this.spec = spec
    this.location = location
    this.uid = uid
    this.mailbox = new Mailbox(spec.mailbox)
    this.context = new ActorContext(this)
  }

  /** A message for this incarnation. What cannot be taken is a dead letter. */
  accept(message: unknown, urgent: boolean): void {
    if (this.phase === "stopping" || this.phase === "dead")
      return this.kernel.deadLetter(this.ref(), message, "stopped")
    const full = this.mailbox.push(message, urgent)
    if (full !== undefined) this.kernel.deadLetter(this.ref(), full.dropped, "mailbox-full")
    this.#schedule()
  }

  post(letter: Letter): void {
    if (this.phase === "stopping" || this.phase === "dead") return
    this.mailbox.post(letter)
    this.#schedule()
  }

  ref(): ActorRef<unknown> {
    return { thread: this.kernel.thread, path: this.location, uid: this.uid }
  }

  begin(): void {
    if (this.phase !== "waiting") return
    this.phase = "starting"
    try {
      const state = this.spec.actor.start(this.spec.config, this.context)
      if (!isPromise(state)) return this.#ready(state)
      this.#inFlight = true
      state.then(
        (value) => (this.#inFlight ? this.#ready(value) : this.#startedTooLate(value)),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  run(): void {
    this.#queued = false
    for (let left = turn; left > 0; left--) {
      if (this.phase !== "running" || this.#inFlight || this.mailbox.length === 0) return
      this.#handleNext()
      if (!this.kernel.queue.mayContinue()) break
    }
    this.#schedule()
  }

  /** After the present message. */
  requestStop(): void {
    this.#stopWanted = true
    this.kernel.queue.pushFirst(() => this.#stopIfWanted())
  }

  end(reason: "normal" | "crash", error?: string, stack?: string): void {
    if (this.phase === "stopping" || this.phase === "dead") return
    const before = this.phase
    this.phase = "stopping"
    this.stopped = true
    this.exit = { path: this.location || "/", uid: this.uid, reason, ...(error === undefined ? {} : { error }) }
    this.context.ending()
    this.mailbox.drain((message) => this.kernel.deadLetter(this.ref(), message, "stopped"))
    if (reason === "crash") {
      this.kernel.log.error("actor crashed", { actor: this.location, kind: this.spec.actor.kind, error, stack })
      const early = this.#crashWatchers
      this.#crashWatchers = undefined
      for (const watcher of early ?? []) this.#watchers?.delete(watcher)
      fire(early, this.exit)
      this.context.abandonAsks()
    }
    if (!this.#inFlight) return this.#unwind()
    if (before === "starting") this.abortStart()
    this.#guard = this.kernel.world.timers.after(this.spec.shutdownMs, () => {
      this.kernel.log.warn("actor did not finish its message in time", { actor: this.location })
      this.#inFlight = false
      this.#unwind()
    })
  }

  /** The exit once this incarnation is gone; with `early`, a crash is told when it happens rather than after `stop`. */
  watch(watcher: Watcher, early = false): Cancel {
    const sets = [(this.#watchers ??= new Set())]
    if (early) sets.push((this.#crashWatchers ??= new Set()))
    for (const set of sets) set.add(watcher)
    return () => {
      for (const set of sets) set.delete(watcher)
    }
  }

  /** Leaves its name to a successor. */
  detach(): void {
    if (this.#detached) return
    this.#detached = true
    if (this.parentCell === undefined) this.kernel.tree.childStopped(this)
    else this.parentCell.childStopped(this)
  }

  kill(reason: string): void {
    this.end("crash", reason)
  }

  /** This actor and all below it. */
  subtree(restarts: number, lastError: string | undefined): Promise<TreeNode> {
    return treeNode(this, restarts, lastError)
  }

  /** The actor is not wanted any more while its `start` is pending; a kind that can hurry does. */
  protected abortStart(): void {}

  /** How long `stop` may take. */
  protected stopLimitMs(): number {
    return this.spec.shutdownMs
  }

  crash(error: unknown): void {
    this.end("crash", describe(error), error instanceof Error ? error.stack : undefined)
  }

  // nact's own ways in lead here as well.
  override initializeState(): void {}
  override dispatch(message: unknown): void {
    this.accept(message, false)
  }
  override processNext(): void {
    this.#schedule()
  }
  override handleFault(_message: unknown, _sender: unknown, error: unknown): void {
    this.crash(error)
  }
  override stop(): void {
    this.end("normal")
  }

  #schedule(): void {
    if (this.#queued || this.phase !== "running" || this.#inFlight || this.mailbox.length === 0) return
    this.#queued = true
    this.kernel.queue.push(this)
  }

  #handleNext(): void {
    try {
      const message = this.mailbox.take()
      if (message === nothing) return
      this.handled++
      this.kernel.messages++
      const next = this.spec.actor.receive(this.#state, message, this.context)
      if (isPromise(next)) {
        this.#inFlight = true
        next.then(
          (state) => this.#settled(state),
          (error: unknown) => this.#failed(error),
        )
        return
      }
      this.#state = next
      if (this.#stopWanted) this.end("normal")
    } catch (error) {
      this.crash(error)
    }
  }

  #ready(state: unknown): void {
    this.#inFlight = false
    this.#state = state
    this.#started = true
    if (this.phase === "stopping") return this.#unwind()
    if (this.phase !== "starting") return
    this.phase = "running"
    this.spec.ready?.()
    this.parentCell?.family?.ready(this)
    if (this.#stopWanted) this.end("normal")
    else this.#schedule()
  }

  /** It was given up while starting; what it has opened since must be closed. */
  #startedTooLate(state: unknown): void {
    this.#state = state
    this.#started = true
    if (this.phase === "dead") this.#release()
  }

  #settled(state: unknown): void {
    if (!this.#inFlight) return
    this.#inFlight = false
    this.#state = state
    if (this.phase === "stopping") this.#unwind()
    else if (this.#stopWanted) this.end("normal")
    else this.#schedule()
  }

  #failed(error: unknown): void {
    const late = this.phase === "stopping" || this.phase === "dead"
    if (late) this.kernel.log.warn("actor failed while stopping", { actor: this.location, error: describe(error) })
    const pending = this.#inFlight
    this.#inFlight = false
    if (!late) this.crash(error)
    else if (pending) this.#unwind()
  }

  #stopIfWanted(): void {
    if (this.phase === "running" && !this.#inFlight) this.end("normal")
  }

  /** Nothing of this actor runs any more: its children go, then `stop` is called, then it is gone. */
  #unwind(): void {
    if (this.phase !== "stopping") return
    this.#guard?.()
    this.#guard = undefined
    if (this.family === undefined) this.#release()
    else this.family.stopAll(() => this.#release())
  }

  #release(): void {
    const { actor } = this.spec
    if (!this.#started || actor.stop === undefined) return this.#gone()
    try {
      const done: unknown = actor.stop(this.#state, this.context)
      if (!isPromise(done)) return this.#gone()
      this.#guard = this.kernel.world.timers.after(this.stopLimitMs(), () => {
        this.kernel.log.warn("actor did not stop in time", { actor: this.location })
        this.#gone()
      })
      done.then(
        () => this.#gone(),
        (error: unknown) => this.#stopFailed(error),
      )
    } catch (error) {
      this.#stopFailed(error)
    }
  }

  #stopFailed(error: unknown): void {
    this.kernel.log.error("stop failed", { actor: this.location, error: describe(error) })
    this.#gone()
  }

  #gone(): void {
    if (this.phase === "dead") return
    this.phase = "dead"
    this.#guard?.()
    this.#state = undefined
    this.context.abandonAsks()
    this.detach()
    this.kernel.left(this)
    if (this.exit !== undefined) fire(this.#watchers, this.exit)
    this.#watchers = undefined
    const { parentCell } = this
    if (parentCell !== undefined) this.kernel.queue.pushFirst(() => parentCell.family?.exited(this))
  }
}

function fire(watchers: Set<Watcher> | undefined, exit: Exit): void {
  if (watchers !== undefined) for (const watcher of watchers) watcher(exit)
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
}

/** nact allows few characters in a name; ours may be `default/web` or an IPv6 address. One to one. */
function nactName(id: string): string {
  return id.replace(/[^a-z0-9\-$_.+*'(),]/gi, (char) => `!${char.codePointAt(0)?.toString(16)}!`)
}
