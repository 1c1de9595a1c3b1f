import { Worker } from "node:worker_threads"
import type { Exit, Restart, ThreadSpec } from "./actor.ts"
import { Cell, type Spec } from "./cell.ts"
import { describe } from "./describe.ts"
import type { TreeNode } from "./introspection.ts"
import type { Kernel } from "./kernel.ts"
import type { ActorRef } from "./reference.ts"
import { type Control, ThreadPort, type Wire } from "./thread-port.ts"
import type { Cancel } from "./world.ts"

export interface ThreadBirth {
  readonly thread: string
  readonly path: string
  readonly uid: number
  readonly uidBase: number
  readonly shutdownMs: number
  readonly config: unknown
}

export interface ModuleThread {
  readonly id: string
  readonly url: string
  readonly config: unknown
  readonly restart: Restart
  readonly shutdownMs: number
  readonly liveness: NonNullable<ThreadSpec<never>["liveness"]>
  readonly started: Spec["started"]
}

export const defaultLiveness = { everyMs: 1_000, silentMs: 5_000 }
/** From the worker's creation until its module has called `serveThread`. */
const loadMs = 30_000
/** After `terminate`: a thread inside a system call takes a moment to notice. */
const terminateMs = 5_000
const snapshotMs = 1_000

/** The spec of an actor whose incarnations are workers. */
export function threadSpec(thread: ModuleThread): Spec {
  const { id, config, restart, shutdownMs, started } = thread
  return {
    id,
    actor: { kind: "thread", start: () => undefined, receive: (state) => state },
    config,
    restart,
    shutdownMs,
    ...(started === undefined ? {} : { started }),
    create: (kernel, parent, spec) => {
      const host = new ThreadHost(kernel, thread)
      const actor = { ...spec.actor, start: () => host.start(cell), stop: () => host.stop() }
      const cell = new ThreadCell(kernel, parent, { ...spec, actor }, host)
      return kernel.adopt(cell)
    },
  }
}

/** Stands in this thread for an actor that runs in a worker: what comes here goes there. */
class ThreadCell extends Cell {
  readonly #host: ThreadHost

  constructor(kernel: Kernel, parent: Cell, spec: Spec, host: ThreadHost) {
    super(kernel, parent, spec, `${parent.location}/${spec.id}`)
    this.#host = host
  }

  override ref(): ActorRef<unknown> {
    return { thread: this.spec.id, path: this.location, uid: this.uid }
  }

  override accept(message: unknown, urgent: boolean): void {
    const { link } = this.#host
    if (link === undefined || this.phase === "stopping" || this.phase === "dead") super.accept(message, urgent)
    else link.send(this.ref(), message, urgent)
  }

  override kill(reason: string): void {
    if (!this.#host.terminate(reason)) super.kill(reason)
  }

  override async subtree(restarts: number, lastError: string | undefined): Promise<TreeNode> {
    const inside = await this.#host.snapshot()
    const own = await super.subtree(restarts, lastError)
    if (inside === undefined) {
      const unreachable = this.phase === "running" ? { status: "unreachable" as const } : {}
      return { ...own, ...unreachable, thread: this.spec.id }
    }
    return { ...inside, restarts, ...(lastError === undefined ? {} : { lastError }) }
  }

  protected override abortStart(): void {
    this.#host.terminate("stopped while starting")
  }

  protected override stopLimitMs(): number {
    return this.spec.shutdownMs + terminateMs + 1_000
  }
}

/** One worker, from its creation to its exit. */
class ThreadHost {
  link: ThreadPort | undefined
  readonly #kernel: Kernel
  readonly #thread: ModuleThread
  #worker: Worker | undefined
  #cell: ThreadCell | undefined
  #ready: ((outcome: Exit | undefined) => void) | undefined
  #gone: (() => void) | undefined
  #exit: Exit | undefined
  /** Why it was or will be terminated, or what it died of. */
  #reason: string | undefined
  #ended: Exit | undefined
  #silentMs = 0
  #silentLimitMs = loadMs
  #beat: Cancel | undefined
  #lastResort: Cancel | undefined

  constructor(kernel: Kernel, thread: ModuleThread) {
    this.#kernel = kernel
    this.#thread = thread
  }

  async start(cell: ThreadCell): Promise<void> {
    this.#cell = cell
    const { id, url, config, shutdownMs } = this.#thread
    // Of all numbers that fit, so that no two threads and no two lives of one count from the same.
    const uidBase = (1 + (this.#kernel.world.random.u32() >>> 12)) * 2 ** 32
    const birth: ThreadBirth = { thread: id, path: cell.location, uid: cell.uid, uidBase, shutdownMs, config }
    const worker = new Worker(new URL(url), { name: id, workerData: birth })
    this.#worker = worker
    const link = new ThreadPort({
      kernel: this.#kernel,
      post: (batch) => worker.postMessage(batch, []),
      control: (message) => this.#hear(message),
      snapshot: () => Promise.reject(new Error("a thread does not ask for the tree above it")),
    })
    this.link = link
    this.#kernel.threads.set(cell.location, link)
    cell.mailbox.drain((message) => link.send(cell.ref(), message, false))
    worker.on("message", (batch: readonly Wire[]) => {
      this.#silentMs = 0
      link.received(batch)
    })
    worker.on("messageerror", (error) => this.terminate(`message from the thread: ${describe(error)}`))
    worker.on("error", (error) => {
      this.#reason ??= describe(error)
    })
    worker.on("exit", (code) => this.#finish(`thread exited with code ${code}`))
    this.#listen()
    const failed = await new Promise<Exit | undefined>((resolve) => {
      this.#ready = resolve
    })
    if (failed !== undefined) throw new Error(failed.error ?? "thread ended while starting")
  }

  /** Orderly within `shutdownMs`, then by force. */
  async stop(): Promise<void> {
    if (this.#exit !== undefined) return
    await new Promise<void>((resolve) => {
      this.#gone = resolve
      this.#beat?.()
      this.link?.flush()
      this.link?.control({ kind: "stop" })
      this.#beat = this.#kernel.world.timers.after(this.#thread.shutdownMs, () =>
        this.terminate("did not stop in time"),
      )
    })
  }

  /** False when there is no worker to terminate. */
  terminate(reason: string): boolean {
    const worker = this.#worker
    if (worker === undefined || this.#exit !== undefined) return false
    this.#reason ??= reason
    this.#lastResort ??= this.#kernel.world.timers.after(terminateMs, () => this.#finish("thread does not end"))
    void worker.terminate()
    return true
  }

  async snapshot(): Promise<TreeNode | undefined> {
    const { link } = this
    if (link === undefined || this.#exit !== undefined) return undefined
    return new Promise((resolve) => {
      // Where this thread was itself held up, the answer has come and is read before the next immediate.
      const { world } = this.#kernel
      const cancel = world.timers.after(snapshotMs, () => void world.immediate(() => resolve(undefined)))
      void link.snapshot().then((tree) => {
        cancel()
        resolve(tree)
      })
    })
  }

  #hear(message: Control): void {
    switch (message.kind) {
      case "hello":
        this.#silentLimitMs = this.#thread.liveness.silentMs
        return
      case "ready":
        return this.#ready?.(undefined)
      case "pong":
        this.#count(message)
        return
      case "ended":
        this.#count(message)
        this.#ended = message.exit
        this.terminate(message.exit.error ?? "ended")
        return
      case "ping":
      case "stop":
        return
    }
  }

  #count({ counted }: Extract<Control, { counted: unknown }>): void {
    if (this.#cell === undefined) return
    // The thread's root is the same actor as our cell, which is counted here.
    const actors = Math.max(0, counted.counters.actors - 1)
    this.#kernel.counted.set(this.#cell.uid, { ...counted, counters: { ...counted.counters, actors } })
  }

  /**
   * Silence is counted in ticks of ours: when this thread was itself held up for seconds, the answers are still waiting
   * to be read, and the worker is not to blame.
   */
  #listen(): void {
    const { everyMs } = this.#thread.liveness
    this.link?.control({ kind: "ping" })
    this.#beat = this.#kernel.world.timers.after(everyMs, () => {
      this.#silentMs += everyMs
      if (this.#silentMs < this.#silentLimitMs) return this.#listen()
      this.terminate(`silent for ${this.#silentMs} ms`)
    })
  }

  #finish(fallback: string): void {
    const cell = this.#cell
    if (this.#exit !== undefined || cell === undefined) return
    this.#beat?.()
    this.#lastResort?.()
    const error = this.#ended === undefined ? (this.#reason ?? fallback) : this.#ended.error
    const exit: Exit = {
      path: cell.location,
      uid: cell.uid,
      reason: this.#ended?.reason ?? "crash",
      ...(error === undefined ? {} : { error }),
    }
    this.#exit = exit
    if (this.#kernel.threads.get(cell.location) === this.link) this.#kernel.threads.delete(cell.location)
    this.#kernel.retire(cell.uid)
    if (this.#gone !== undefined) this.#gone()
    else if (cell.phase === "starting") this.#ready?.(exit)
    else cell.end(exit.reason === "normal" ? "normal" : "crash", exit.error)
    this.#ready?.(exit)
    this.link?.close(exit)
  }
}
