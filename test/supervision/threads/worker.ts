import type { Actor } from "../../../supervision/actor.ts"
import { realWorld } from "../../../supervision/real-world.ts"
import type { ActorRef } from "../../../supervision/reference.ts"
import { serveThread } from "../../../supervision/thread.ts"

export interface WorkerConfig {
  readonly failStart?: boolean
  readonly slowStop?: boolean
  readonly hangAtStart?: boolean
}
export type WorkerMessage =
  | { readonly kind: "add"; readonly by: number }
  | { readonly kind: "get"; readonly replyTo: ActorRef<number> }
  | { readonly kind: "never"; readonly replyTo: ActorRef<number> }
  | { readonly kind: "throw" | "exit" | "hang" | "late-throw" | "late-reject" | "stop" | "child-throw" }
  | { readonly kind: "block"; readonly ms: number }
  | { readonly kind: "relay"; readonly to: ActorRef<string>; readonly text: string }
  | { readonly kind: "ask"; readonly to: ActorRef<WorkerMessage>; readonly replyTo: ActorRef<string> }
  | { readonly kind: "watch"; readonly target: ActorRef<never>; readonly tell: ActorRef<string> }

const child: Actor<undefined, number, WorkerMessage> = {
  kind: "worker-child",
  start: () => 100,
  receive(state, message, context) {
    if (message.kind === "child-throw") throw new Error("child failed")
    if (message.kind === "get") context.send(message.replyTo, state)
    return message.kind === "add" ? state + message.by : state
  },
}

function spin(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

const root: Actor<WorkerConfig, { sum: number; slow: boolean }, WorkerMessage> = {
  kind: "worker-root",
  start(config, context) {
    if (config.failStart === true) throw new Error("cannot start")
    if (config.hangAtStart === true) spin(Number.POSITIVE_INFINITY)
    context.spawn({ id: "child", actor: child, config: undefined })
    return { sum: 0, slow: config.slowStop === true }
  },
  async receive(state, message, context) {
    switch (message.kind) {
      case "add":
        return { ...state, sum: state.sum + message.by }
      case "get":
        context.send(message.replyTo, state.sum)
        return state
      case "never":
      case "child-throw":
        return state
      case "throw":
        throw new Error("worker failed")
      case "exit":
        process.exit(7)
        break
      case "hang":
        spin(Number.POSITIVE_INFINITY)
        return state
      case "block":
        spin(message.ms)
        return state
      case "late-throw":
        setTimeout(() => {
          throw new TypeError("thrown later")
        }, 1)
        return state
      case "late-reject":
        void Promise.reject(new Error("rejected later"))
        return state
      case "stop":
        context.stop()
        return state
      case "relay":
        context.send(message.to, message.text)
        return state
      case "ask": {
        const { to, replyTo } = message
        const asked = await context.ask<WorkerMessage, number>(to, (replyTo) => ({ kind: "get", replyTo }), 5_000)
        context.send(replyTo, asked.ok ? `got ${asked.value}` : `failed: ${asked.error.kind}`)
        return state
      }
      case "watch": {
        const { target, tell } = message
        context.watch(target, (exit) => ({ kind: "relay", to: tell, text: `${exit.path} ${exit.reason}` }))
        return state
      }
    }
    return state
  },
  async stop(state) {
    if (state.slow) await new Promise(() => {})
  },
}

const silent = () => {}
serveThread(root, {
  world: () => realWorld(),
  log: () => ({ debug: silent, info: silent, warn: silent, error: silent }),
})
