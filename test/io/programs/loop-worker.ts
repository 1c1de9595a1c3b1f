// A worker thread with a raw loop, for tests of the loop itself. It answers each message with what it saw.
import { parentPort } from "node:worker_threads"
import { createRawLoop } from "../../../io/raw-loop.ts"

export type LoopCommand =
  | { readonly kind: "echo" }
  | { readonly kind: "order" }
  | { readonly kind: "immediates" }
  | { readonly kind: "cancel" }
  | { readonly kind: "lateness"; readonly periodMs: number; readonly times: number }
  | { readonly kind: "throw" }
  | { readonly kind: "stop" }

const loop = createRawLoop()
const port = parentPort
if (port === null) throw new Error("run me as a worker")

function order(answer: (seen: string[]) => void): void {
  const seen: string[] = []
  loop.timers.after(20, () => {
    seen.push("timer 20")
    answer(seen)
  })
  loop.timers.after(5, () => seen.push("timer 5"))
  loop.timers.after(5, () => seen.push("timer 5 again"))
}

/** Beside a timer that is far away, so that lateness changes nothing. */
function immediates(answer: (seen: string[]) => void): void {
  const seen: string[] = []
  const far = loop.timers.after(600_000, () => seen.push("timer"))
  loop.immediate(() => {
    seen.push("immediate")
    loop.immediate(() => {
      seen.push("immediate within")
      far()
      answer(seen)
    })
    queueMicrotask(() => seen.push("microtask within"))
  })
  queueMicrotask(() => seen.push("microtask"))
}

function cancel(answer: (seen: string[]) => void): void {
  const seen: string[] = []
  const timer = loop.timers.after(5, () => seen.push("timer"))
  const immediate = loop.immediate(() => seen.push("immediate"))
  timer()
  timer()
  immediate()
  loop.timers.after(30, () => answer(seen))
}

function lateness({ periodMs, times }: { periodMs: number; times: number }, answer: (lateMs: number[]) => void): void {
  const startMs = performance.now()
  const lateMs: number[] = []
  const next = () => {
    const dueMs = startMs + (lateMs.length + 1) * periodMs
    loop.timers.after(dueMs - performance.now(), () => {
      lateMs.push(performance.now() - dueMs)
      if (lateMs.length === times) answer(lateMs)
      else next()
    })
  }
  next()
}

port.on("message", (command: LoopCommand) => {
  const answer = (seen: unknown) => port.postMessage(seen)
  switch (command.kind) {
    case "echo":
      return answer("echo")
    case "order":
      return order(answer)
    case "immediates":
      return immediates(answer)
    case "cancel":
      return cancel(answer)
    case "lateness":
      return lateness(command, answer)
    case "throw":
      loop.timers.after(1, () => {
        throw new Error("meant to")
      })
      return
    case "stop":
      loop.stop()
      return port.close()
    default:
      return command satisfies never
  }
})
