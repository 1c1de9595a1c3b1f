import type { ApiRequest, Cluster } from "../../../kubernetes/client/cluster.ts"
import { type ApiFailure, unreachable } from "../../../kubernetes/client/failure.ts"
import { type JsonObject, objectAt, textOf } from "../../../kubernetes/client/json.ts"
import type { Time } from "../../../kubernetes/client/time.ts"
import { err, ok, type Result } from "../../../protocols/result.ts"

/**
 * One Lease, several machines, virtual time. Each machine has clocks of its own that run at their own rate and whose wall
 * clock jumps, and may be paused: nothing that is due happens before it goes on. Requests take their time, get lost on the
 * way there or back, or come through after the client has given up. Everything follows from the seed.
 */
export class LeaseWorld {
  nowMs = 0
  /** Chance of each thing going wrong with a request. */
  troubles = 0.25
  lease: JsonObject | undefined
  readonly #random: () => number
  readonly #queue: { atMs: number; order: number; run: () => void }[] = []
  #order = 0
  #version = 0

  constructor(seed: number) {
    this.#random = generator(seed)
  }

  random(): number {
    return this.#random()
  }

  at(delayMs: number, run: () => void): () => void {
    const one = { atMs: this.nowMs + Math.max(delayMs, 0), order: this.#order++, run }
    this.#queue.push(one)
    return () => {
      one.run = () => {}
    }
  }

  /** Runs until then, or until it holds. `between` is called each time before the clock moves, with all done that was due. */
  async runUntil(endMs: number, between: () => void, holds: () => boolean = () => false): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const next = this.#queue.reduce<number | undefined>((best, one, i) => {
        const than = best === undefined ? undefined : this.#queue[best]
        return than && (than.atMs < one.atMs || (than.atMs === one.atMs && than.order < one.order)) ? best : i
      }, undefined)
      const one = next === undefined ? undefined : this.#queue[next]
      if (one === undefined || one.atMs > this.nowMs) between()
      if (holds()) return
      if (one === undefined || one.atMs > endMs) break
      this.#queue.splice(next ?? 0, 1)
      this.nowMs = one.atMs
      one.run()
    }
    this.nowMs = endMs
  }

  machine(): Machine {
    return new Machine(this)
  }

  /** What the API server does with a request, at once and in full. */
  serve({ verb, body }: ApiRequest): Result<unknown, ApiFailure> {
    const refused = (status: number, reason: string) =>
      err<ApiFailure>({ kind: "refused", status, reason, message: reason })
    if (verb === "get") return this.lease === undefined ? refused(404, "NotFound") : ok(this.lease)
    const object = objectAt(body)
    const version = textOf(objectAt(object, "metadata")["resourceVersion"])
    if (verb === "create" && this.lease !== undefined) return refused(409, "AlreadyExists")
    if (verb === "update" && this.lease === undefined) return refused(404, "NotFound")
    if (verb === "update" && version !== textOf(objectAt(this.lease, "metadata")["resourceVersion"]))
      return refused(409, "Conflict")
    const metadata = { ...objectAt(object, "metadata"), resourceVersion: String(++this.#version) }
    this.lease = JSON.parse(JSON.stringify({ ...object, metadata })) as JsonObject
    return ok(this.lease)
  }
}

export class Machine implements Time {
  paused = false
  /** No request of this machine gets anywhere until then, in the world's time. */
  cutOffUntilMs = 0
  readonly #world: LeaseWorld
  readonly #rate: number
  #wallJumpMs = 0
  #held: (() => void)[] = []

  constructor(world: LeaseWorld) {
    this.#world = world
    this.#rate = 0.95 + 0.1 * world.random()
    this.#wallJumpMs = (world.random() - 0.5) * 1e7
  }

  monotonicMs = () => 5e5 + this.#world.nowMs * this.#rate
  wallMs = () => Math.max(1.8e12 + this.#world.nowMs + this.#wallJumpMs, 0)
  random = () => this.#world.random()
  after = (delayMs: number, run: () => void) => this.#later(delayMs / this.#rate, run)

  jump(): void {
    this.#wallJumpMs += (this.#world.random() - 0.5) * 2e8
  }

  pauseFor(ms: number): void {
    if (this.paused) return
    this.paused = true
    this.#world.at(ms, () => {
      this.paused = false
      const held = this.#held
      this.#held = []
      for (const run of held) run()
    })
  }

  /** It went away for good: nothing of it ever runs again. */
  crash(): void {
    this.paused = true
    this.#held = []
    this.#later = () => () => {}
  }

  #later = (delayMs: number, run: () => void): (() => void) => {
    let cancelled = false
    const due = () => {
      if (cancelled) return
      if (this.paused) this.#held.push(due)
      else run()
    }
    this.#world.at(delayMs, due)
    return () => {
      cancelled = true
    }
  }

  readonly cluster: Pick<Cluster, "request"> = {
    request: (request) =>
      new Promise((resolve) => {
        const world = this.#world
        const goesWrong = () => world.random() < world.troubles / 3
        let answered = false
        const answer = (result: Result<unknown, ApiFailure>) => {
          if (answered) return
          answered = true
          cancel()
          resolve(result)
        }
        const cancel = this.after(request.timeoutMs ?? 30_000, () => answer(err(unreachable("no answer"))))
        if (request.signal?.aborted) return answer(err(unreachable("stopped")))
        request.signal?.addEventListener("abort", () => answer(err(unreachable("stopped"))))
        if (world.nowMs < this.cutOffUntilMs || goesWrong())
          return void this.after(20, () => answer(err(unreachable("refused"))))
        // Some take longer than anybody waits, and come through all the same.
        const thereMs = goesWrong() ? 20_000 * world.random() : 100 * world.random()
        world.at(thereMs, () => {
          const result = world.serve(request)
          if (goesWrong()) return
          const backMs = goesWrong() ? 8_000 * world.random() : 100 * world.random()
          this.#later(backMs, () => answer(result))
        })
      }),
  }
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
