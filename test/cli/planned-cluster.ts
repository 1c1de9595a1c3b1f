import { controllerActor } from "../../actors/controller.ts"
import type { AllocatorMessage, AllocatorMetrics, Explanation } from "../../actors/allocator/messages.ts"
import { objectSet, type ObjectSet } from "../../cli/manifests/objects.ts"
import { kubernetesClusterApi } from "../../kubernetes/client/cluster-api.ts"
import { type JsonObject, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { type EmbeddedApi, startEmbeddedApi } from "../../kubernetes/embedded/index.ts"
import { conversions } from "../../kubernetes/resources/convert.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { realWorld } from "../../supervision/real-world.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { refTo, startSystem } from "../../supervision/system.ts"
import { recordingLog } from "../supervision/help.ts"
import { connectTo, hurried } from "../kubernetes/client/fake-api.ts"

export const home = "metallb-system"

/** The lab's API server with a dual-stack cluster, and a real controller when it is asked for. */
export interface PlannedCluster {
  readonly server: EmbeddedApi
  /** What a reader of the API sees. */
  readonly objects: () => ObjectSet
  /** One object as `kubectl apply` writes it. The error is the server's. */
  readonly apply: (object: JsonObject) => Promise<string | undefined>
  readonly startController: () => void
  /** Until the controller has seen everything and rests. */
  readonly settled: () => Promise<void>
  /** Addresses by Service. */
  readonly addresses: () => Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

const kinds = [
  ["v1", "Service"],
  ["v1", "Node"],
  ["v1", "Namespace"],
  ["v1", "Pod"],
  ["discovery.k8s.io/v1", "EndpointSlice"],
  ...["IPAddressPool", "L2Advertisement", "BGPAdvertisement", "Community", "BFDProfile"].map((kind) => [
    "metallb.io/v1beta1",
    kind,
  ]),
  ["metallb.io/v1beta2", "BGPPeer"],
] as const

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

export async function plannedCluster(): Promise<PlannedCluster> {
  const server = await startEmbeddedApi({
    listen: [{}],
    definitions,
    conversions,
    serviceCidrs: ["10.96.0.0/16", "fd00:96::/108"],
  })
  for (const name of [home, "x", "y"]) server.objects.put({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
  const podCIDRs = ["10.244.0.0/24", "fd00:244::/64"]
  server.objects.put({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" }, spec: { podCIDRs } })
  const time = hurried(20)
  const cluster = await connectTo(server, { time })
  const log = recordingLog()
  const api = kubernetesClusterApi(cluster, { namespace: home, log, time })
  const system = startSystem({ name: "controller", world: realWorld(), log })
  const allocator = refTo<AllocatorMessage>("/controller/allocator")
  const ask = async <R>(make: (replyTo: ActorRef<R>) => AllocatorMessage): Promise<R> => {
    // It is not there at once.
    for (const deadline = performance.now() + 60_000; performance.now() < deadline; ) {
      const asked = await system.ask<AllocatorMessage, R>(allocator, make, 10_000)
      if (asked.ok) return asked.value
      await new Promise((resolve) => setImmediate(resolve))
    }
    throw new Error("the allocator does not answer")
  }
  const services = () => server.objects.list("v1", "Service")
  let round = 0

  /** Everything that was written before this pool is known once the controller knows the pool. */
  async function configurationSeen(): Promise<void> {
    const name = `zz-${round++}`
    if (round > 1) server.objects.delete("metallb.io/v1beta1", "IPAddressPool", `zz-${round - 2}`, home)
    server.objects.put({
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name, namespace: home },
      spec: { addresses: [`198.51.100.${round}/32`], autoAssign: false },
    })
    await until(async () => {
      const { pools } = await ask<AllocatorMetrics>((replyTo) => ({ kind: "metrics", replyTo }))
      return pools.some(({ pool }) => pool === name)
    })
  }

  /** All Services are decided on as they are now, nothing is written any more, and nobody has had a turn for a while. */
  async function resting(): Promise<string | undefined> {
    const { turns, ready } = await ask<AllocatorMetrics>((replyTo) => ({ kind: "metrics", replyTo }))
    if (!ready) return undefined
    for (const { metadata, spec, status } of services()) {
      const key = `${metadata.namespace}/${metadata.name}`
      const known = await ask<Explanation | undefined>((replyTo) => ({ kind: "explain", key, replyTo }))
      // Of another type now, it is forgotten once it has nothing any more.
      if (known === undefined && objectAt(spec)["type"] !== "LoadBalancer" && ingressOf(status) === "") continue
      if (known?.verdict === undefined || known.service.resourceVersion !== metadata.resourceVersion) return undefined
      if (known.verdict.decision.ingress.join(" ") !== ingressOf(status)) return undefined
    }
    return `${turns} ${server.revision()}`
  }

  return {
    server,
    objects: () =>
      objectSet(
        kinds.flatMap(([apiVersion = "", kind = ""]) => server.objects.list(apiVersion, kind)),
        home,
      ),
    async apply(object) {
      const said = {
        ...object,
        metadata: {
          ...objectAt(object, "metadata"),
          annotations: { ...objectAt(object, "metadata", "annotations"), [lastApplied]: JSON.stringify(object) },
        },
      }
      const { namespace, name } = objectAt(object, "metadata")
      const kind = textOf(object["kind"])
      const group = textOf(object["apiVersion"])
      const root = group.includes("/") ? `/apis/${group}` : `/api/${group}`
      const resource = `${kind.toLowerCase()}s`.replace(/ys$/, "ies")
      const path = `${root}${namespace === undefined ? "" : `/namespaces/${textOf(namespace)}`}/${resource}/${textOf(name)}`
      const query = { fieldManager: "test", force: true }
      const contentType = "application/apply-patch+yaml"
      const answer = await cluster.request({ verb: "patch", path, resource, query, body: said, contentType })
      return answer.ok ? undefined : answer.error.message
    },
    startController: () =>
      void system.spawn({ id: "controller", actor: controllerActor, config: { api, namespace: home } }),
    async settled() {
      await configurationSeen()
      let before: string | undefined
      let same = 0
      await until(async () => {
        const now = await resting()
        same = now !== undefined && now === before ? same + 1 : 0
        before = now
        return same >= 4
      })
    },
    addresses: () =>
      Object.fromEntries(
        services().map(({ metadata, status }) => [`${metadata.namespace}/${metadata.name}`, ingressOf(status)]),
      ),
    async close() {
      await system.stop()
      await api.stop()
      await cluster.close()
      await server.close()
    },
  }
}

function ingressOf(status: unknown): string {
  const ingress = objectAt(status, "loadBalancer")["ingress"]
  return (Array.isArray(ingress) ? ingress : []).map((entry) => textOf(objectAt(entry)["ip"])).join(" ")
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 60_000; !(await holds()); ) {
    if (performance.now() > deadline) throw new Error("the controller does not come to rest")
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}
