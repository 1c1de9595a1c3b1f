import { objectAt, textOf } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import { home, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./daemons.ts"

const lease = `/apis/coordination.k8s.io/v1/namespaces/${home}/leases/troupe-controller`

export const electionScenarios: readonly Scenario[] = [
  {
    name: "the leader is killed: the standby takes over, and nobody's address changes",
    async run(t, world) {
      const { apply, gets, seeAll, read } = world
      const holder = async () => textOf(objectAt(await read(lease), "spec")["holderIdentity"])
      const leads = async () =>
        /^troupe_leader (\d)$/m.exec((await world.daemons.controller.ask("/metrics")) ?? "")?.[1]
      const names = Array.from({ length: 12 }, (_, i) => `s${i}`)
      await apply(pool("p", ["192.0.2.0/26"]), ...names.map((name) => service(name)))
      await until("an address for everybody", patienceMs, async () =>
        [...(await seeAll()).values()].every(({ addresses }) => addresses.length === 1),
      )
      const before = await seeAll()
      const first = await holder()
      t.is(await leads(), "1")
      const standby = await world.daemons.start("controller", "--webhook-mode=disabled", "--pod-name=standby")
      await world.daemons.ready(standby, "standby")
      // It has its caches and no allocator.
      t.false((await standby.ask("/debug/actors"))?.includes("/controller/allocator"))

      await world.daemons.stopController("SIGKILL")
      const killedMs = performance.now()
      world.daemons.adopt(standby)
      await apply(service("late"))
      await gets("late", ["192.0.2.12"])
      t.log(`an address ${Math.round(performance.now() - killedMs)} ms after the kill, with a lease of 3 s`)
      t.regex(await holder(), /^standby_/)
      t.not(await holder(), first)
      await until("the metric", patienceMs, async () => (await leads()) === "1")
      const after = new Map(await seeAll())
      after.delete("late")
      t.deepEqual(after, new Map(before))

      // In order: it gives the lease up, and the next one need not wait for it to run out.
      await world.daemons.stopController()
      t.is(await holder(), "")
    },
  },
]
