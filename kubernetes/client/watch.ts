import type { ClusterHandlers } from "../../config/cluster-api.ts"
import type { Log } from "./log.ts"
import type { Tell, Topic } from "./topics.ts"

/**
 * One watcher of several topics: told what is, then `synced` once, then every change. Nothing is called before this
 * function has returned, and nothing after `stop`.
 */
export function joinTopics(topics: readonly Topic[], on: ClusterHandlers, server: string, log: Log): { stop(): void } {
  let synced = false
  let stopped = false
  let connected: boolean | undefined

  // A handler that throws must not end the watch for the others.
  const call: (tell: Tell) => void = (tell) => {
    if (stopped) return
    try {
      tell(on)
    } catch (error) {
      log.error("a handler of cluster changes failed", { error })
    }
  }

  function ready(): void {
    if (synced || stopped || !topics.every((topic) => topic.ready())) return
    synced = true
    call((on) => on.synced())
  }

  function connection(): void {
    const all = topics.flatMap((topic) => topic.connections())
    const lost = all.find((one) => one.kind === "lost")
    if (lost === undefined && all.some((one) => one.kind === "connecting")) return
    const now = lost === undefined
    if (connected === now) return
    connected = now
    call((on) => on.connection?.(now, lost?.reason ?? `connected to ${server}`))
  }

  const listener = { tell: call, ready, connection }
  queueMicrotask(() => {
    if (stopped) return
    for (const topic of topics) {
      for (const tell of topic.now()) call(tell)
      topic.listeners.add(listener)
    }
    connection()
    ready()
  })

  return {
    stop() {
      stopped = true
      for (const topic of topics) topic.listeners.delete(listener)
    },
  }
}
