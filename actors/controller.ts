import type { ClusterApi } from "../config/cluster-api.ts"
import type { Actor } from "../supervision/actor.ts"
import { allocatorActor } from "./allocator/allocator.ts"
import type { AllocatorMessage } from "./allocator/messages.ts"
import { writerActor } from "./allocator/writer.ts"
import { apiActor } from "./api.ts"

export interface ControllerConfig {
  readonly api: ClusterApi
  /** `--lb-class`: only Services of this class are ours. Absent: those without a class. */
  readonly loadBalancerClass?: string
  /** Where the custom resources live; for texts. */
  readonly namespace?: string
}

/** Ask `/controller/allocator`: see `AllocatorMessage`. */
export type ControllerMessage = AllocatorMessage

const many = { capacity: 1_000_000, overflow: "drop-newest" } as const

/**
 * The controller's tree, in order of need. Each depends on those before it: when one is restarted, those after it start
 * anew, and the api tells them again all there is. The writer is first because it must outlive them: it knows what is
 * decided and not visible yet.
 */
export const controllerActor: Actor<ControllerConfig, null, never> = {
  kind: "controller",
  supervision: {
    strategy: "rest_for_one",
    intensity: { restarts: 20, withinMs: 60_000 },
    backoff: { minMs: 20, maxMs: 10_000, jitter: 0.2 },
  },
  start({ api, loadBalancerClass = "", namespace = "metallb-system" }, context) {
    const writer = context.spawn({
      id: "writer",
      actor: writerActor,
      config: { api },
      mailbox: many,
      shutdownMs: 10_000,
    })
    const config = { writer, loadBalancerClass, namespace }
    const allocator = context.spawn({ id: "allocator", actor: allocatorActor, config, mailbox: many })
    const watched = { services: true, configuration: true }
    context.spawn({ id: "api", actor: apiActor, config: { api, watched, subscriber: allocator } })
    return null
  },
  receive: (state) => state,
}
