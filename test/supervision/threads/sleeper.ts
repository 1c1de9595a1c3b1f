import { createRawLoop } from "../../../io/raw-loop.ts"
import type { Actor } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import { serveThread } from "../../../supervision/thread.ts"

export type SleeperMessage =
  | { readonly kind: "after"; readonly ms: number; readonly replyTo: ActorRef<number> }
  | { readonly kind: "throw" }

/** Spends its time inside a system call, as the packet thread does: Node's own timers are late here. */
const sleeper: Actor<undefined, undefined, SleeperMessage> = {
  kind: "sleeper",
  start: () => undefined,
  async receive(state, message, context) {
    if (message.kind === "throw") throw new Error("woken")
    const startMs = context.world.clock.monotonicMs()
    await new Promise<void>((resolve) => void context.world.timers.after(message.ms, resolve))
    context.send(message.replyTo, context.world.clock.monotonicMs() - startMs)
    return state
  },
}

const silent = () => {}
serveThread(sleeper, {
  world() {
    const loop = createRawLoop()
    return realWorld({ timers: loop.timers, immediate: loop.immediate })
  },
  log: () => ({ debug: silent, info: silent, warn: silent, error: silent }),
})
