import type { ClusterApi, Watched } from "../config/cluster-api.ts"
import type {
  ConfigurationFacts,
  EndpointFacts,
  NodeFacts,
  ServiceFacts,
  ServiceKey,
  SpeakerPodFacts,
} from "../config/facts.ts"
import type { Actor } from "../supervision/actor.ts"
import type { ActorRef } from "../supervision/reference.ts"

/**
 * The cluster's facts as messages. Each carries the whole present state of one thing. After a (re)start everything that
 * exists is told, then `synced` with all keys: what the subscriber knows beyond them is gone.
 *
 * In a tree it is the last child under `rest_for_one`: when the subscriber restarts, this restarts after it and tells
 * all again, so nobody has to remember what was said.
 */
export type ApiMessage =
  | { readonly kind: "service"; readonly key: ServiceKey; readonly service: ServiceFacts | undefined }
  | { readonly kind: "endpoints"; readonly key: ServiceKey; readonly endpoints: EndpointFacts }
  | { readonly kind: "node"; readonly name: string; readonly node: NodeFacts | undefined }
  | { readonly kind: "configuration"; readonly facts: ConfigurationFacts }
  | { readonly kind: "speaker-pods"; readonly pods: readonly SpeakerPodFacts[] }
  | { readonly kind: "synced"; readonly services: ReadonlySet<ServiceKey>; readonly nodes: ReadonlySet<string> }
  | { readonly kind: "connection"; readonly connected: boolean; readonly reason: string }

export interface ApiConfig {
  readonly api: ClusterApi
  readonly watched: Watched
  readonly subscriber: ActorRef<ApiMessage>
}

interface ApiState {
  readonly stop: () => void
}

export const apiActor: Actor<ApiConfig, ApiState, never> = {
  kind: "api",
  start({ api, watched, subscriber }, context) {
    const services = new Set<ServiceKey>()
    const nodes = new Set<string>()
    const keep = <K>(set: Set<K>, key: K, there: boolean) => (there ? set.add(key) : set.delete(key))
    const tell = (message: ApiMessage) => context.send(subscriber, message)
    return api.watch(watched, {
      service(key, service) {
        keep(services, key, service !== undefined)
        tell({ kind: "service", key, service })
      },
      endpoints: (key, endpoints) => tell({ kind: "endpoints", key, endpoints }),
      node(name, node) {
        keep(nodes, name, node !== undefined)
        tell({ kind: "node", name, node })
      },
      configuration: (facts) => tell({ kind: "configuration", facts }),
      speakerPods: (pods) => tell({ kind: "speaker-pods", pods }),
      synced: () => tell({ kind: "synced", services: new Set(services), nodes: new Set(nodes) }),
      connection: (connected, reason) => tell({ kind: "connection", connected, reason }),
    })
  },
  receive: (state) => state,
  stop: (state) => state.stop(),
}
