import type { Cell, Spec } from "./cell.ts"
import { Fifo } from "./fifo.ts"
import { defaultPolicy, type Effect, onExit, type Supervised, type Supervisor } from "./policy.ts"
import type { Cancel } from "./world.ts"

/** A child that its siblings no longer wait for under one_for_one, where they do not depend on each other. */
const siblingWaitMs = 5_000

interface Child extends Supervised {
  readonly spec: Spec
  failures: number
  readySinceMs: number | undefined
  restarts: number
  lastError: string | undefined
  /** Absent between an exit and the restart. */
  cell: Cell | undefined
  /** Stopped, or waiting to be started, by a restart that its supervisor decided on. */
  plan: Plan | undefined
}

interface Plan {
  readonly start: readonly string[]
  readonly afterMs: number
}

/** The children of one actor: performs what `onExit` decides. */
export class Family {
  readonly #owner: Cell
  readonly #children = new Map<string, Child>()
  /** Stopped for good, not gone yet. */
  readonly #leaving = new Set<Cell>()
  /** The last of each name among them. */
  readonly #leavingById = new Map<string, Cell>()
  #supervisor: Supervisor
  readonly #toStart = new Fifo<Cell>()
  #starting: Cell | undefined
  #pumping = false
  #siblingWait: Cancel | undefined
  readonly #delays = new Set<Cancel>()
  #stopped: (() => void) | undefined
  #toStop: Child[] = []

  constructor(owner: Cell) {
    this.#owner = owner
    this.#supervisor = {
      policy: owner.spec.actor.supervision ?? defaultPolicy,
      children: this.#children,
      recentMs: [],
    }
  }

  /** Throws when the id is taken. */
  add(spec: Spec): Cell {
    const { location, kernel } = this.#owner
    const path = `${location}/${spec.id}`
    if (spec.id === "") throw new Error(`a child of ${location} needs an id`)
    if (this.#stopped !== undefined || this.#owner.phase === "dead")
      throw new Error(`${path} cannot start: its parent is stopping`)
    if (this.#children.has(spec.id) || kernel.isTaken(path)) throw new Error(`there is an actor ${path} already`)
    const cell = this.#create(spec)
    cell.predecessor = this.#leavingById.get(spec.id)
    this.#children.set(spec.id, {
      spec,
      restart: spec.restart,
      failures: 0,
      readySinceMs: undefined,
      restarts: 0,
      lastError: undefined,
      cell,
      plan: undefined,
    })
    this.#enqueue(cell)
    return cell
  }

  /** For good: the supervisor forgets it, and its name is free at once. */
  remove(id: string, uid = 0): void {
    const child = this.#children.get(id)
    if (child === undefined || (uid !== 0 && uid !== child.cell?.uid)) return
    this.#children.delete(id)
    const { cell } = child
    if (cell === undefined) return
    this.#leaving.add(cell)
    this.#leavingById.set(id, cell)
    cell.detach()
    cell.end("normal")
  }

  ready(cell: Cell): void {
    const child = this.#children.get(cell.spec.id)
    if (child?.cell === cell) {
      child.readySinceMs = this.#nowMs()
      const { started } = cell.spec
      if (started !== undefined) {
        const ref = { thread: cell.context.self.thread, path: cell.location, uid: 0 }
        this.#owner.post({ open: () => ({ message: started(ref) }) })
      }
    }
    this.#startNext(cell)
  }

  exited(cell: Cell): void {
    if (this.#leaving.delete(cell) && this.#leavingById.get(cell.spec.id) === cell) {
      const before = living(cell.predecessor)
      if (before === undefined) this.#leavingById.delete(cell.spec.id)
      else this.#leavingById.set(cell.spec.id, before)
    }
    const child = this.#children.get(cell.spec.id)
    if (child?.cell === cell) {
      child.cell = undefined
      if (cell.exit?.error !== undefined) child.lastError = cell.exit.error
      if (this.#stopped === undefined && child.plan === undefined) this.#decide(child, cell)
      child.readySinceMs = undefined
    }
    this.#startNext(cell)
    if (this.#stopped !== undefined) this.#stopNext()
  }

  /** All of them, the last started first; `done` when none is left. */
  stopAll(done: () => void): void {
    this.#stopped = done
    for (const cancel of this.#delays) cancel()
    this.#delays.clear()
    this.#toStop = [...this.#children.values()]
    this.#stopNext()
  }

  /** Living children, those that wait for a restart, and those about to leave. */
  *members(): Iterable<{ spec: Spec; cell: Cell | undefined; restarts: number; lastError: string | undefined }> {
    for (const child of this.#children.values()) yield child
    for (const cell of this.#leaving) yield { spec: cell.spec, cell, restarts: 0, lastError: undefined }
  }

  #decide(child: Child, cell: Cell): void {
    const { kernel } = this.#owner
    const exit = cell.exit ?? { reason: "normal" }
    const { id } = child.spec
    const [next, effects] = onExit(this.#supervisor, id, exit, this.#nowMs(), kernel.world.random)
    this.#supervisor = next
    const stop = effects.find((effect) => effect.kind === "stop")?.ids ?? []
    for (const effect of effects) this.#perform(effect, child, stop)
  }

  #perform(effect: Effect, child: Child, stop: readonly string[]): void {
    switch (effect.kind) {
      case "stop":
        return
      case "forget":
        for (const id of effect.ids) this.remove(id)
        return
      case "give-up":
        return this.#owner.end("crash", effect.error)
      case "start": {
        child.failures = effect.failures
        const plan: Plan = { start: effect.ids, afterMs: effect.afterMs }
        for (const id of effect.ids) {
          const member = this.#children.get(id)
          if (member !== undefined) member.plan = plan
        }
        this.#owner.kernel.log.warn("restarting", {
          actor: `${this.#owner.location}/${child.spec.id}`,
          afterMs: Math.round(effect.afterMs),
          error: child.lastError,
        })
        this.#clear(plan, [...stop])
      }
    }
  }

  /** Stops the affected siblings one by one, then starts the plan's delay. */
  #clear(plan: Plan, stop: string[]): void {
    if (this.#stopped !== undefined) return
    for (let id = stop.shift(); id !== undefined; id = stop.shift()) {
      const child = this.#children.get(id)
      if (child?.plan !== plan || child.cell === undefined || child.cell.phase === "dead") continue
      child.cell.watch(() => this.#soon(() => this.#clear(plan, stop)))
      child.cell.end("normal")
      return
    }
    const cancel = this.#owner.kernel.world.timers.after(plan.afterMs, () => {
      this.#delays.delete(cancel)
      this.#launch(plan)
    })
    this.#delays.add(cancel)
  }

  /** By a message to oneself: a stop that came first has been heard by now. */
  #launch(plan: Plan): void {
    this.#soon(() => {
      if (this.#stopped !== undefined || this.#owner.phase === "stopping") return
      for (const id of plan.start) {
        const child = this.#children.get(id)
        if (child?.plan !== plan) continue
        child.plan = undefined
        child.restarts++
        this.#owner.kernel.restarts++
        const cell = this.#create(child.spec)
        child.cell = cell
        this.#enqueue(cell)
      }
    })
  }

  #create(spec: Spec): Cell {
    return spec.create(this.#owner.kernel, this.#owner, spec)
  }

  #enqueue(cell: Cell): void {
    this.#toStart.push(cell)
    this.#pump()
  }

  /** The next in line begins, in a turn of its own, once the one before it is ready or has failed. */
  #pump(): void {
    if (this.#pumping || this.#starting !== undefined || this.#toStart.length === 0) return
    this.#pumping = true
    this.#soon(() => {
      this.#pumping = false
      const cell = this.#toStart.shift()
      if (cell === undefined) return
      const planned = this.#children.get(cell.spec.id)?.plan !== undefined
      if (cell.phase !== "waiting" || planned) return this.#pump()
      this.#starting = cell
      const before = living(cell.predecessor)
      cell.predecessor = undefined
      if (before === undefined) cell.begin()
      else before.watch(() => this.#soon(() => cell.begin()))
      if (this.#starting === cell && this.#supervisor.policy.strategy === "one_for_one")
        this.#siblingWait = this.#owner.kernel.world.timers.after(siblingWaitMs, () => this.#startNext(cell))
    })
  }

  #startNext(cell: Cell): void {
    if (this.#starting !== cell) return
    this.#siblingWait?.()
    this.#siblingWait = undefined
    this.#starting = undefined
    this.#pump()
  }

  #stopNext(): void {
    for (let last = this.#toStop.at(-1); last !== undefined; last = this.#toStop.at(-1)) {
      if (last.cell !== undefined) return last.cell.end("normal")
      this.#toStop.pop()
    }
    if (this.#leaving.size > 0) return
    this.#siblingWait?.()
    const done = this.#stopped
    this.#stopped = () => {}
    this.#children.clear()
    done?.()
  }

  #soon(run: () => void): void {
    this.#owner.kernel.queue.pushFirst(run)
  }

  #nowMs(): number {
    return this.#owner.kernel.world.clock.monotonicMs()
  }
}

/** The nearest predecessor that is not gone. */
function living(cell: Cell | undefined): Cell | undefined {
  while (cell?.phase === "dead") cell = cell.predecessor
  return cell
}
