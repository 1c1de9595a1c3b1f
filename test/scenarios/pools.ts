import { objectAt } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import { dualStack, home, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./daemons.ts"
import type { World } from "./world.ts"

const manual = { autoAssign: false }

/** What `kubectl get configurationstate` says of the controller's configuration. */
const configuration = ({ custom }: World, result: "Valid" | "Invalid") =>
  until(`the configuration to be ${result}`, patienceMs, async () => {
    const status = objectAt(await custom("configurationstates", "controller"), "status")
    return status["result"] === result ? status : undefined
  })

const stale = async ({ daemons }: World): Promise<string | undefined> =>
  /^metallb_k8s_client_config_stale_bool (\d)$/m.exec((await daemons.controller.ask("/metrics")) ?? "")?.[1]

const counters = ({ custom }: World, name: string, assigned: number) =>
  until(`the status of pool ${name}`, patienceMs, async () => {
    const status = objectAt(await custom("ipaddresspools", name), "status")
    return status["assignedIPv4"] === assigned ? status["availableIPv4"] : undefined
  })

export const poolScenarios: readonly Scenario[] = [
  {
    name: "a pool grows, is split and renamed: everybody keeps the address",
    async run(t, { apply, gets, told, ok }) {
      await apply(pool("p", ["192.0.2.0/31"]), service("a"), service("b"), service("waits"))
      await gets("a", ["192.0.2.0"])
      await gets("b", ["192.0.2.1"])
      await apply(pool("p", ["192.0.2.0/30"]))
      await gets("waits", ["192.0.2.2"])
      // From one pool to two of other names, without a moment when neither is there: overlapping pools are refused as a
      // whole, so that the old one stays in force until it is gone.
      await apply(pool("low", ["192.0.2.0/31"]), pool("high", ["192.0.2.2/31"]))
      await ok(["delete", "ipaddresspool", "p", "-n", home])
      t.deepEqual((await told("a", / from pool low/)).addresses, ["192.0.2.0"])
      t.deepEqual((await told("b", / from pool low/)).addresses, ["192.0.2.1"])
      t.is((await told("waits", / from pool high/)).pool, "high")
    },
  },
  {
    name: "a pool shrinks, is closed to a Service, is deleted: only whose address is gone moves",
    async run(t, { apply, gets, see, told, event, toldWhyNot, ok }) {
      await apply(pool("p", ["192.0.2.0/30"]), pool("other", ["198.51.100.0/24"], manual))
      await apply(service("stays", { asks: { loadBalancerIPs: "192.0.2.0" } }), service("moves"))
      await gets("moves", ["192.0.2.1"])
      await apply(pool("p", ["192.0.2.0/32", "192.0.2.3/32"]))
      await gets("moves", ["192.0.2.3"])
      await event(
        "moves",
        'Normal ClearAssignment: current IP for "troupe-apps/moves" not allowed by config, will attempt for new IP assignment: ["192.0.2.1"] is not allowed in config',
      )
      t.deepEqual((await see("stays")).addresses, ["192.0.2.0"])
      // Not given out any more, and nobody loses it.
      await apply(pool("p", ["192.0.2.0/32", "192.0.2.3/32"], manual))
      await told("moves", /^True KeptAddress/)
      t.deepEqual((await see("moves")).addresses, ["192.0.2.3"])
      // Closed to this namespace: with nothing else to be had it waits.
      await apply(pool("p", ["192.0.2.0/32", "192.0.2.3/32"], { serviceAllocation: { namespaces: ["elsewhere"] } }))
      t.is((await toldWhyNot("moves", /p: not for namespace troupe-apps/)).pool, undefined)
      t.deepEqual((await see("stays")).addresses, [])
      await apply(pool("other", ["198.51.100.0/24"]))
      await gets("moves", ["198.51.100.0"])
      await ok(["delete", "ipaddresspool", "--all", "-n", home])
      await gets("moves", [])
      await toldWhyNot("moves", /NoPools/)
    },
  },
  {
    name: "an address comes free, and who waits for it is served: delete, another type, another wish",
    async run(t, { apply, gets, see, toldWhyNot, ok }) {
      await apply(pool("p", ["192.0.2.1/32"]), pool("manual", ["192.0.2.2/32"], manual), service("a"))
      await gets("a", ["192.0.2.1"])
      await apply(service("b"))
      await toldWhyNot("b", /manual: autoAssign is false; p: no free IPv4 address/)
      await ok(["delete", "service", "a", "-n", "troupe-apps"])
      await gets("b", ["192.0.2.1"])
      await apply(service("c"))
      await toldWhyNot("c", /NoAddressAvailable/)
      await apply(service("b", { spec: { type: "ClusterIP" } }))
      await gets("c", ["192.0.2.1"])
      t.like(await see("b"), { addresses: [], pool: undefined })
      await apply(service("d"))
      await toldWhyNot("d", /NoAddressAvailable/)
      await apply(service("c", { asks: { "address-pool": "manual" } }))
      await gets("c", ["192.0.2.2"])
      await gets("d", ["192.0.2.1"])
    },
  },
  {
    name: "the status of a pool follows who uses it, and cannot be forged",
    async run(t, world) {
      const { apply, request, ok } = world
      await apply(pool("p", ["192.0.2.0/29"]), service("a"), service("b"))
      t.is(await counters(world, "p", 2), 6)
      await ok(["delete", "service", "a", "-n", "troupe-apps"])
      t.is(await counters(world, "p", 1), 7)
      await request({
        verb: "patch",
        path: `/apis/metallb.io/v1beta1/namespaces/${home}/ipaddresspools/p/status`,
        resource: "ipaddresspools/status",
        contentType: "application/merge-patch+json",
        body: { status: { assignedIPv4: 99 } },
      })
      t.is(await counters(world, "p", 1), 7)
    },
  },
  {
    name: "an invalid configuration is named, and the last valid one stays in force",
    async run(t, world) {
      const { apply, gets, ok } = world
      await apply(pool("p", ["192.0.2.0/29"]), service("before"))
      await gets("before", ["192.0.2.0"])
      await configuration(world, "Valid")
      t.is(await stale(world), "0")
      await apply(pool("q", ["192.0.2.4/30"]))
      const { errorSummary, conditions } = await configuration(world, "Invalid")
      const fault =
        'parsing address pool q: CIDR "192.0.2.4/30" in pool "q" overlaps with already defined CIDR "192.0.2.0/29"'
      t.true(String(errorSummary).startsWith("configuration error: "))
      t.true(String(errorSummary).includes(fault.slice("parsing address pool q: ".length)), String(errorSummary))
      t.like((conditions as object[])[0], {
        type: "poolReconcilerValid",
        status: "False",
        reason: "ConfigurationError",
      })
      t.is(await stale(world), "1")
      t.regex(await ok(["get", "configurationstates", "-n", home]), /controller +Invalid +configuration error: /)
      await apply(service("meanwhile"))
      await gets("meanwhile", ["192.0.2.1"])
      // The very configuration that was in force before heals it.
      await ok(["delete", "ipaddresspool", "q", "-n", home])
      t.is((await configuration(world, "Valid"))["errorSummary"] ?? "", "")
      t.is(await stale(world), "0")
    },
  },
  {
    name: "a restarted controller takes over everything, and writes nothing",
    async run(t, world) {
      const { apply, gets, told, toldWhyNot, seeAll } = world
      const shared = (port: number) => ({
        asks: { loadBalancerIPs: "192.0.2.9", "allow-shared-ip": "k" },
        spec: { ports: [{ port }] },
      })
      await apply(
        pool("p", ["192.0.2.8/29", "2001:db8::/126"]),
        pool("old", ["198.51.100.0/31"]),
        pool("spare", ["203.0.113.1/32"], manual),
        service("s1", shared(80)),
        service("s2", shared(81)),
        service("asked", { asks: { loadBalancerIPs: "192.0.2.12" } }),
        service("impossible", { asks: { loadBalancerIPs: "203.0.113.2" } }),
      )
      for (const name of ["s1", "s2", "asked"]) await told(name, /^True/)
      await toldWhyNot("impossible", /AddressNotInPool/)
      await apply(
        service("both", dualStack("RequireDualStack")),
        service("pinned", { asks: { "address-pool": "p" } }),
        ...Array.from({ length: 6 }, (_, i) => service(`plain-${i}`)),
      )
      for (const name of ["both", "pinned"]) await told(name, /^True/)
      for (let i = 0; i < 6; i++) await told(`plain-${i}`, /^True/)
      // Not given out any more: whom it serves keeps the address.
      await apply(pool("old", ["198.51.100.0/31"], manual))
      const kept = await seeAll().then((all) => [...all].filter(([, { pool: from }]) => from === "old"))
      t.is(kept.length, 2)
      for (const [name] of kept) await told(name, /KeptAddress/)
      const before = await seeAll()

      await world.daemons.stopController()
      await world.daemons.startController()
      // Later than everything else that it may have wanted to write.
      await apply(service("sentinel", { asks: { "address-pool": "spare" } }))
      await gets("sentinel", ["203.0.113.1"])
      const after = new Map(await seeAll())
      after.delete("sentinel")
      t.deepEqual(after, new Map(before))
    },
  },
  {
    name: "pools changed while no controller was there",
    async run(t, world) {
      const { apply, gets, see } = world
      await apply(pool("p", ["192.0.2.0/30"]), service("a"), service("b"))
      await gets("b", ["192.0.2.1"])
      await world.daemons.stopController("SIGKILL")
      // Who has an address that is still good claims it before anybody gets a new one.
      await apply(pool("p", ["192.0.2.1/32", "192.0.2.2/32"]), service("a0-newcomer"))
      await world.daemons.startController()
      await gets("b", ["192.0.2.1"])
      const [a, newcomer] = await Promise.all([see("a"), see("a0-newcomer")])
      t.deepEqual([...a.addresses, ...newcomer.addresses], ["192.0.2.2"])
    },
  },
]
