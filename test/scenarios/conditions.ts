import { brainSplit } from "../../actors/announcer/brain-split.ts"
import type { ServiceCondition } from "../../config/facts.ts"
import { kubernetesClusterApi } from "../../kubernetes/client/cluster-api.ts"
import { isObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"
import { until } from "../../lab/wait.ts"
import { memoryLog } from "../kubernetes/client/fake-api.ts"
import { patienceMs } from "./daemons.ts"
import { apps, home, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"

const path = `/api/v1/namespaces/${apps}/services/web`
const assigned = "troupe.dev/AddressAssigned"

export const conditionScenarios: readonly Scenario[] = [
  {
    name: "a speaker says in a Service that there is a brain split, by its role, beside what the controller says",
    async run(t, world) {
      const { apply, gets, read, ok } = world
      const cluster = await loadCluster({ kubeconfig: await world.kubeconfigOf("speaker") })
      if (!cluster.ok) throw new Error(cluster.error)
      const log = memoryLog()
      const api = kubernetesClusterApi(cluster.value, { namespace: home, log })
      t.teardown(async () => {
        await api.stop()
        await cluster.value.close()
      })
      await new Promise<void>((resolve) => api.watch({ services: true }, { synced: resolve }))
      // Without an address first: then the controller has something to say.
      await apply(service("web"))
      const now = async () => {
        const found = await read(path)
        const conditions = listOf(objectAt(found, "status")["conditions"]).filter(isObject)
        const of = (type: string) => conditions.find((each) => each["type"] === type)
        return {
          uid: textOf(objectAt(found, "metadata")["uid"]),
          of,
          types: conditions.map((each) => textOf(each["type"])),
        }
      }
      await until(
        "the controller's condition",
        patienceMs,
        async () => (await now()).of(assigned)?.["status"] === "False",
      )
      const tell = async (uid: string, condition: ServiceCondition) => {
        api.desiredServiceConditions({ type: brainSplit, services: new Map([[`${apps}/web`, { uid, condition }]]) })
      }
      const { uid } = await now()
      const meant = await cluster.value.request({
        verb: "patch",
        path: `${path}/status`,
        resource: "services/status",
        contentType: "application/strategic-merge-patch+json",
        body: { metadata: { uid: "11111111-2222-3333-4444-555555555555" }, status: { conditions: [] } },
      })
      t.like(meant, { error: { status: 422 } }, "what is meant for another of that name")
      await tell(uid, { status: "True", reason: "GossipSplit", message: "two have it" })
      await ok(["wait", "-n", apps, `--for=condition=${brainSplit}`, "service/web", "--timeout=60s"])
      t.like((await now()).of(brainSplit), { status: "True", reason: "GossipSplit", message: "two have it" })
      t.is((await now()).of(assigned)?.["status"], "False")

      await apply(pool("p", ["192.0.2.100/30"]))
      await gets("web", ["192.0.2.100"])
      t.deepEqual((await now()).types.toSorted(), [assigned, brainSplit])
      t.like((await now()).of(brainSplit), { status: "True" })
      await tell(uid, { status: "False", reason: "Healed", message: "one has it" })
      await ok(["wait", "-n", apps, `--for=condition=${brainSplit}=False`, "service/web", "--timeout=60s"])
      t.like((await now()).of(brainSplit), { reason: "Healed", message: "one has it" })
      t.is((await now()).of(assigned)?.["status"], "True")
      await gets("web", ["192.0.2.100"])
      t.deepEqual(log.lines, [])
    },
  },
]
