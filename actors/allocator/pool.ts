import type { Pool } from "../../config/snapshot.ts"
import type { Actor, Context } from "../../supervision/actor.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { answerFrom } from "./address-book.ts"
import type { AllocatorInternal, PoolMessage, PoolReply } from "./messages.ts"
import { PoolBook, type PoolCounters } from "./pool-book.ts"

export interface PoolConfig {
  readonly pool: Pool
  readonly allocator: ActorRef<AllocatorInternal>
}

interface PoolState {
  readonly allocator: ActorRef<AllocatorInternal>
  readonly book: PoolBook
  /** False until everybody has claimed what they hold: until then an address that looks free may not be. */
  readonly serving: boolean
  /** What the allocator was told last. */
  readonly told: PoolCounters
}

/** One IPAddressPool: owns its addresses. */
export const poolActor: Actor<PoolConfig, PoolState, PoolMessage> = {
  kind: "pool",
  start({ pool, allocator }, context) {
    const book = new PoolBook(pool)
    const state: PoolState = { allocator, book, serving: false, told: book.counters() }
    // Its own incarnation: a `serve` for an earlier one must not reach this one.
    context.send(allocator, { kind: "pool-up", pool: pool.name, incarnation: context.self })
    return tell(state, context)
  },
  receive(state, message, context) {
    switch (message.kind) {
      case "serve":
        return { ...state, serving: true }
      case "adopt": {
        const answer = state.book.assign(message.claim, message.addresses)
        reply(message.replyTo, { kind: "answer", answer }, context)
        return report(state, context)
      }
      case "request": {
        if (!state.serving) {
          reply(message.replyTo, { kind: "not-serving" }, context)
          return state
        }
        reply(message.replyTo, { kind: "answer", answer: answerFrom(state.book, message.request) }, context)
        return report(state, context)
      }
      case "release":
        return state.book.release(message.key) ? report(state, context) : state
      default:
        return message satisfies never
    }
  },
}

const reply = (to: ActorRef<PoolReply>, answer: PoolReply, context: Context<PoolMessage>) => context.send(to, answer)

function report(state: PoolState, context: Context<PoolMessage>): PoolState {
  const counters = state.book.counters()
  const { assigned } = state.told
  const same = counters.assigned.ipv4 === assigned.ipv4 && counters.assigned.ipv6 === assigned.ipv6
  return same ? state : tell({ ...state, told: counters }, context)
}

function tell(state: PoolState, context: Context<PoolMessage>): PoolState {
  const pool = state.book.pool.name
  context.send(state.allocator, { kind: "pool-counters", pool, counters: state.told })
  return state
}
