import { isMainThread, parentPort, workerData } from "node:worker_threads"
import type { Actor, Log } from "./actor.ts"
import { Cell, type Spec } from "./cell.ts"
import { Family } from "./family.ts"
import { Kernel } from "./kernel.ts"
import type { ThreadBirth } from "./thread-host.ts"
import { type Control, ThreadPort, type Wire } from "./thread-port.ts"
import type { World } from "./world.ts"

export interface ThreadOptions<Config> {
  /** The world of this thread; the config is the one that `spawnThread` was given: the actor's own and more. */
  world(config: Config): World
  log(thread: string, config: Config): Log
}

/**
 * Runs an actor as the root of this worker thread, at the path that its parent gave it. Called once, by the module that
 * `spawnThread` names. Whatever ends the worker, an uncaught exception included, is that actor's crash.
 *
 * Nothing here waits for Node's own timers: a thread may spend its time in a system call and wake for port messages only.
 */
export function serveThread<Config, State, Message>(
  actor: Actor<NoInfer<Config>, State, Message>,
  options: ThreadOptions<Config>,
): void {
  const port = parentPort
  if (isMainThread || port === null) throw new Error("serveThread belongs in a module that spawnThread starts")
  const birth = workerData as ThreadBirth
  const { thread, path, uid, uidBase, shutdownMs } = birth
  const config = birth.config as Config
  const kernel = new Kernel({
    thread,
    world: options.world(config),
    log: options.log(thread, config),
    base: path.slice(0, -thread.length - 1),
    uidBase,
  })
  const spec: Spec = {
    id: thread,
    actor,
    config,
    restart: "temporary",
    shutdownMs,
    create: (kernel, parent, spec) => kernel.adopt(new Cell(kernel, parent, spec, path, uid)),
  }
  const link = new ThreadPort({
    kernel,
    post: (batch) => port.postMessage(batch),
    snapshot: () => root.subtree(0, undefined),
    control(message: Control) {
      if (message.kind === "ping") link.control({ kind: "pong", counted: kernel.totals() })
      else if (message.kind === "stop") root.end("normal")
    },
  })
  kernel.uplink = { link, realm: path }
  port.on("message", (batch: readonly Wire[]) => link.received(batch))
  link.control({ kind: "hello" })
  const family = new Family(kernel.guardian)
  kernel.guardian.family = family
  const root = family.add({ ...spec, ready: () => link.control({ kind: "ready" }) })
  root.watch((exit) => {
    link.flush()
    link.control({ kind: "ended", exit, counted: kernel.totals() })
  })
}
