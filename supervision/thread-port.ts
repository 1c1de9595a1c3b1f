import type { Exit } from "./actor.ts"
import type { ThreadCounters } from "./counters.ts"
import type { TreeNode } from "./introspection.ts"
import type { Kernel, Link } from "./kernel.ts"
import type { ActorRef } from "./reference.ts"
import type { Cancel } from "./world.ts"

/** Messages under way in one direction: sent, not yet taken into a mailbox on the other side. */
const window = 8_192
/** The last of them are for urgent ones. */
const reserve = 256

type Request = { readonly kind: "snapshot" } | { readonly kind: "kill"; readonly path: string; readonly reason: string }

/** What goes over a port, in batches. Only messages need credit; the rest is bounded by what it answers. */
export type Wire =
  | {
      readonly kind: "message"
      readonly to: ActorRef<never>
      readonly message: unknown
      readonly urgent: boolean
    }
  | { readonly kind: "credit"; readonly count: number }
  | { readonly kind: "watch"; readonly id: number; readonly target: ActorRef<never>; readonly early: boolean }
  | { readonly kind: "unwatch"; readonly id: number }
  | { readonly kind: "exit"; readonly id: number; readonly exit: Exit }
  | { readonly kind: "request"; readonly id: number; readonly request: Request }
  | { readonly kind: "reply"; readonly id: number; readonly value: unknown }
  | Control
/** Between the thread's host and the thread as a whole. */
export type Control =
  | { readonly kind: "hello" }
  | { readonly kind: "ready" }
  | { readonly kind: "ping" }
  | { readonly kind: "pong"; readonly counted: ThreadCounters }
  | { readonly kind: "stop" }
  | { readonly kind: "ended"; readonly exit: Exit; readonly counted: ThreadCounters }

export interface PortOptions {
  readonly kernel: Kernel
  post(batch: readonly Wire[]): void
  control(message: Control): void
  snapshot(): Promise<TreeNode>
}

/**
 * One end of the port between a thread and the one above it; both ends are alike. What is sent in one scheduler slice
 * crosses as one batch.
 */
export class ThreadPort implements Link {
  readonly #options: PortOptions
  readonly #watches = new Map<number, (exit: Exit) => void>()
  readonly #watchedByPeer = new Map<number, Cancel>()
  readonly #requests = new Map<number, (value: unknown) => void>()
  #out: Wire[] = []
  #credit = window
  #owed = 0
  #id = 0
  #closed: Exit | undefined

  constructor(options: PortOptions) {
    this.#options = options
  }

  send(to: ActorRef<never>, message: unknown, urgent: boolean): void {
    const { kernel } = this.#options
    if (this.#closed !== undefined) return kernel.deadLetter(to, message, "no-such-actor")
    if (this.#credit <= (urgent ? 0 : reserve)) return kernel.deadLetter(to, message, "thread-busy")
    this.#credit--
    this.#enqueue({ kind: "message", to, message, urgent })
  }

  watch(target: ActorRef<never>, onExit: (exit: Exit) => void, early: boolean): Cancel {
    if (this.#closed !== undefined) {
      onExit({ path: target.path, uid: target.uid, reason: "gone" })
      return () => {}
    }
    const id = ++this.#id
    this.#watches.set(id, (exit) => onExit(exit.path === "" ? { ...exit, path: target.path, uid: target.uid } : exit))
    this.#enqueue({ kind: "watch", id, target, early })
    return () => {
      if (this.#watches.delete(id)) this.#enqueue({ kind: "unwatch", id })
    }
  }

  async kill(path: string, reason: string): Promise<boolean> {
    return (await this.#request({ kind: "kill", path, reason })) === true
  }

  /** Undefined when the thread ends before it answers. */
  async snapshot(): Promise<TreeNode | undefined> {
    return (await this.#request({ kind: "snapshot" })) as TreeNode | undefined
  }

  received(batch: readonly Wire[]): void {
    for (const wire of batch) this.#receive(wire)
    if (this.#owed < window / 4) return
    this.#enqueue({ kind: "credit", count: this.#owed })
    this.#owed = 0
  }

  /** Not in the batch: an answer to a ping must not wait for the actors' slice to end. */
  control(message: Control): void {
    if (this.#closed === undefined) this.#options.post([message])
  }

  /** All that waits in this port fails with the thread's own end. */
  close(exit: Exit): void {
    if (this.#closed !== undefined) return
    this.#closed = exit
    for (const wire of this.#out) {
      if (wire.kind === "message") this.#options.kernel.deadLetter(wire.to, wire.message, "stopped")
    }
    this.#out = []
    for (const cancel of this.#watchedByPeer.values()) cancel()
    for (const onExit of this.#watches.values()) onExit({ ...exit, path: "" })
    for (const reply of this.#requests.values()) reply(undefined)
    this.#watches.clear()
    this.#requests.clear()
    this.#watchedByPeer.clear()
  }

  flush(): void {
    if (this.#out.length === 0) return
    const batch = this.#out
    this.#out = []
    try {
      this.#options.post(batch)
    } catch {
      // One message cannot be cloned; the others are not to suffer.
      for (const wire of batch) this.#postAlone(wire)
    }
  }

  #postAlone(wire: Wire): void {
    try {
      this.#options.post([wire])
    } catch (error) {
      if (wire.kind !== "message") throw error
      this.#credit++
      this.#options.kernel.deadLetter(wire.to, wire.message, "not-cloneable")
      this.#options.kernel.log.error("message cannot cross to another thread", {
        to: wire.to.path,
        error: String(error),
      })
    }
  }

  #receive(wire: Wire): void {
    const { kernel } = this.#options
    switch (wire.kind) {
      case "message":
        this.#owed++
        return kernel.deliver(wire.to, wire.message, wire.urgent)
      case "credit":
        this.#credit += wire.count
        return
      case "watch": {
        const { id } = wire
        let fired = false
        const cancel = kernel.watch(
          wire.target,
          (exit) => {
            fired = true
            this.#watchedByPeer.delete(id)
            this.#enqueue({ kind: "exit", id, exit })
          },
          wire.early,
        )
        if (!fired) this.#watchedByPeer.set(id, cancel)
        return
      }
      case "unwatch":
        this.#watchedByPeer.get(wire.id)?.()
        this.#watchedByPeer.delete(wire.id)
        return
      case "exit": {
        const onExit = this.#watches.get(wire.id)
        this.#watches.delete(wire.id)
        return onExit?.(wire.exit)
      }
      case "request":
        void this.#answer(wire.request).then((value) => this.#enqueue({ kind: "reply", id: wire.id, value }))
        return
      case "reply": {
        const reply = this.#requests.get(wire.id)
        this.#requests.delete(wire.id)
        return reply?.(wire.value)
      }
      case "hello":
      case "ready":
      case "ping":
      case "pong":
      case "stop":
      case "ended":
        return this.#options.control(wire)
    }
  }

  #answer(request: Request): Promise<unknown> {
    if (request.kind === "snapshot") return this.#options.snapshot()
    return this.#options.kernel.kill(request.path, request.reason)
  }

  #request(request: Request): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const id = ++this.#id
      this.#requests.set(id, resolve)
      this.#enqueue({ kind: "request", id, request })
    })
  }

  #enqueue(wire: Wire): void {
    if (this.#closed !== undefined) return
    if (this.#out.length === 0) this.#options.kernel.queue.afterSlice(() => this.flush())
    this.#out.push(wire)
  }
}
