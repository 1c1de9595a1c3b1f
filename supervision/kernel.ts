import type { System as NactSystem } from "nact/lib/actor.js"
import { start as startNact } from "nact/lib/system.js"
import { find as findNact } from "nact/lib/system-map.js"
import type { ChildSpec, Exit, Log, ThreadSpec } from "./actor.ts"
import { Cell, type Spec } from "./cell.ts"
import type { Asked } from "./context.ts"
import { nothingCounted, sum, type ThreadCounters } from "./counters.ts"
import { Family } from "./family.ts"
import type { SystemCounters } from "./introspection.ts"
import type { ActorRef } from "./reference.ts"
import { RunQueue } from "./run-queue.ts"
import { defaultLiveness, threadSpec } from "./thread-host.ts"
import type { Cancel, World } from "./world.ts"

export type DeadLetterReason =
  | "no-such-actor"
  /** The reference names an incarnation that is no more. */
  | "stale"
  | "stopped"
  | "mailbox-full"
  /** More is under way to another thread than it takes in. */
  | "thread-busy"
  /** It holds what cannot cross a thread: a function, a socket. */
  | "not-cloneable"
  /** An answer after the time-out. */
  | "late-reply"

export interface DeadLetter {
  readonly to: ActorRef<never>
  readonly message: unknown
  readonly reason: DeadLetterReason
}

/** The way into another thread. */
export interface Link {
  send(to: ActorRef<never>, message: unknown, urgent: boolean): void
  watch(target: ActorRef<never>, onExit: (exit: Exit) => void, early: boolean): Cancel
  kill(path: string, reason: string): Promise<boolean>
}

export interface KernelOptions {
  readonly thread: string
  readonly world: World
  readonly log: Log
  readonly deadLetter?: ((letter: DeadLetter) => void) | undefined
  /** Path under which this thread's top-level actors live: empty in the main thread. */
  readonly base: string
  /** Incarnations are numbered from here, so that no two threads, nor two lives of one, use a number twice. */
  readonly uidBase: number
}

export const defaultShutdownMs = 5_000
const askMark = "#ask"
let systems = 0

/** All actors of one thread: who lives where, who gets what, and what became of the rest. */
export class Kernel {
  readonly thread: string
  readonly world: World
  readonly log: Log
  readonly queue: RunQueue
  readonly tree: NactSystem
  /** Supervises the top-level actors. When it gives up, all is over. */
  readonly guardian: Cell
  readonly deadLetters = new Map<DeadLetterReason, number>()
  messages = 0
  restarts = 0
  /** Threads below this one, by the path of their actor. */
  readonly threads = new Map<string, Link>()
  /** Above this thread, and the path below which nobody lives there: not set in the main thread. */
  uplink: { readonly link: Link; readonly realm: string } | undefined
  /** What the threads below last told of themselves, by the uid of their actor. */
  readonly counted = new Map<number, ThreadCounters>()
  #retired: ThreadCounters = nothingCounted
  readonly #sink: ((letter: DeadLetter) => void) | undefined
  readonly #cells = new Map<string, Cell>()
  readonly #asks = new Map<number, (reply: unknown) => void>()
  #uid: number
  #actors = 0

  constructor(options: KernelOptions) {
    this.thread = options.thread
    this.world = options.world
    this.log = options.log
    this.#sink = options.deadLetter
    this.#uid = options.uidBase
    this.queue = new RunQueue(options.world)
    // nact keeps its systems in a map by name and replaces one of the same name without a word.
    const name = `${options.thread.replace(/[^a-z0-9-]/gi, "-")}-${++systems}`
    startNact({ name })
    const tree = findNact(name)
    if (tree === undefined) throw new Error(`nact lost the system ${name}`)
    this.tree = tree
    const guardian: Spec = {
      id: "root",
      actor: { kind: "system", start: () => undefined, receive: (state) => state },
      config: undefined,
      restart: "temporary",
      shutdownMs: defaultShutdownMs,
      create: (kernel) => new Cell(kernel, undefined, guardian, options.base),
    }
    this.guardian = new Cell(this, undefined, guardian, options.base)
    this.guardian.begin()
  }

  get actors(): number {
    return this.#actors
  }

  nextUid(): number {
    return ++this.#uid
  }

  isTaken(path: string): boolean {
    const phase = this.#cells.get(path)?.phase
    return phase !== undefined && phase !== "stopping" && phase !== "dead"
  }

  spawn<C, S, M>(parent: Cell, child: ChildSpec<C, S, M, unknown>): ActorRef<M> {
    const cell = this.#family(parent).add({
      id: child.id,
      actor: child.actor,
      config: child.config,
      restart: child.restart ?? "permanent",
      shutdownMs: child.shutdownMs ?? defaultShutdownMs,
      ...(child.mailbox === undefined ? {} : { mailbox: child.mailbox }),
      ...(child.started === undefined ? {} : { started: child.started }),
      create: (kernel, parent, spec) => kernel.adopt(new Cell(kernel, parent, spec, `${parent.location}/${spec.id}`)),
    })
    return { thread: this.thread, path: cell.location, uid: 0 }
  }

  spawnThread<M>(parent: Cell, thread: ThreadSpec<M, unknown>): ActorRef<M> {
    const { entry } = thread
    const { id, restart, shutdownMs, started } = thread
    if (entry.kind === "module") {
      const cell = this.#family(parent).add(
        threadSpec({
          id,
          url: entry.url,
          config: entry.config,
          restart: restart ?? "permanent",
          shutdownMs: shutdownMs ?? defaultShutdownMs,
          liveness: thread.liveness ?? defaultLiveness,
          started,
        }),
      )
      return { thread: id, path: cell.location, uid: 0 }
    }
    const { actor, config } = entry
    return this.spawn(parent, {
      id,
      actor,
      config,
      ...(restart === undefined ? {} : { restart }),
      ...(shutdownMs === undefined ? {} : { shutdownMs }),
      ...(started === undefined ? {} : { started }),
    })
  }

  adopt(cell: Cell): Cell {
    this.#cells.set(cell.location, cell)
    this.#actors++
    return cell
  }

  left(cell: Cell): void {
    if (this.#cells.get(cell.location) === cell) this.#cells.delete(cell.location)
    if (cell !== this.guardian) this.#actors--
  }

  deliver(to: ActorRef<never>, message: unknown, urgent: boolean): void {
    const cell = this.#cells.get(to.path)
    if (cell === undefined) return this.#elsewhere(to, message, urgent)
    if (to.uid !== 0 && to.uid !== cell.uid) return this.deadLetter(to, message, "stale")
    cell.accept(message, urgent)
  }

  deadLetter(to: ActorRef<never>, message: unknown, reason: DeadLetterReason): void {
    this.deadLetters.set(reason, (this.deadLetters.get(reason) ?? 0) + 1)
    this.#sink?.({ to, message, reason })
  }

  /** `onExit` once, at once when nobody lives there. With `early`, a crash is told before the actor has cleaned up. */
  watch(target: ActorRef<never>, onExit: (exit: Exit) => void, early = false): Cancel {
    const cell = this.#cells.get(target.path)
    if (cell !== undefined && (target.uid === 0 || target.uid === cell.uid)) {
      if (!(early && cell.exit?.reason === "crash")) return cell.watch(onExit, early)
      onExit(cell.exit)
      return () => {}
    }
    const link = cell === undefined ? this.#linkTo(target.path) : undefined
    if (link !== undefined) return link.watch(target, onExit, early)
    onExit({ path: target.path, uid: target.uid, reason: "gone" })
    return () => {}
  }

  /** A watch, a timer and a reference of its own for the answer. `pending` holds the way to abandon it. */
  ask<M, R>(
    from: string,
    to: ActorRef<M>,
    make: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    pending: Set<Cancel>,
  ): Promise<Asked<R>> {
    return new Promise((resolve) => {
      const uid = this.nextUid()
      const message = make({ thread: this.thread, path: from + askMark, uid })
      let forget: Cancel[] = []
      const settle = (outcome: Asked<R>) => {
        if (!this.#asks.delete(uid)) return
        for (const cancel of forget) cancel()
        pending.delete(abandon)
        resolve(outcome)
      }
      const failed = (exit: Exit) => settle({ ok: false, error: { kind: "exit", exit } })
      const abandon = () => failed({ path: to.path, uid: to.uid, reason: "gone", error: "the asker itself stopped" })
      this.#asks.set(uid, (reply) => settle({ ok: true, value: reply as R }))
      pending.add(abandon)
      const cancelWatch = this.watch(to, failed, true)
      if (!this.#asks.has(uid)) return
      forget = [
        cancelWatch,
        this.world.timers.after(timeoutMs, () => settle({ ok: false, error: { kind: "timeout" } })),
      ]
      this.deliver(to, message, false)
    })
  }

  async kill(path: string, reason: string): Promise<boolean> {
    const cell = this.#cells.get(path)
    if (cell === undefined) return (await this.#linkTo(path)?.kill(path, reason)) ?? false
    if (cell.phase === "stopping") return false
    cell.kill(reason)
    return true
  }

  /** This thread's and, as last heard, those of the threads below it, the dead ones included. */
  totals(): ThreadCounters {
    const threads = [...this.counted.values(), this.#retired]
    const own: SystemCounters = {
      deadLetters: 0,
      restarts: this.restarts,
      actors: this.#actors,
      messages: this.messages,
    }
    return [...threads, { counters: own, deadLetters: Object.fromEntries(this.deadLetters) }].reduce(
      sum,
      nothingCounted,
    )
  }

  /** A thread is gone: its counts stay, its actors do not. */
  retire(uid: number): void {
    const last = this.counted.get(uid)
    if (last === undefined) return
    this.counted.delete(uid)
    this.#retired = sum(this.#retired, { ...last, counters: { ...last.counters, actors: 0 } })
  }

  /** When the guardian has stopped or given up, and nothing is left. */
  onEnd(ended: (exit: Exit) => void): void {
    const { exit } = this.guardian
    if (this.guardian.phase === "dead" && exit !== undefined) return ended(exit)
    this.guardian.watch((exit) => {
      this.tree.stop()
      ended(exit)
    })
  }

  #family(parent: Cell): Family {
    return (parent.family ??= new Family(parent))
  }

  #elsewhere(to: ActorRef<never>, message: unknown, urgent: boolean): void {
    const isReply = to.path.endsWith(askMark)
    if (isReply) {
      const reply = this.#asks.get(to.uid)
      if (reply !== undefined) return reply(message)
    }
    const link = this.#linkTo(isReply ? to.path.slice(0, -askMark.length) : to.path)
    if (link !== undefined) link.send(to, message, urgent)
    else this.deadLetter(to, message, isReply ? "late-reply" : "no-such-actor")
  }

  /** The thread to ask about a path that is not in this one. */
  #linkTo(path: string): Link | undefined {
    if (this.threads.size > 0) {
      for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
        const link = this.threads.get(at)
        if (link !== undefined) return link
      }
    }
    if (this.uplink === undefined) return undefined
    const { link, realm } = this.uplink
    return path === realm || path.startsWith(`${realm}/`) ? undefined : link
  }
}
