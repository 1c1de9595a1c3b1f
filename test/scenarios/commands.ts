import type { Plan } from "../../cli/planning/plan.ts"
import type { Explanation } from "../../cli/planning/explain.ts"
import { community, pool, service, team } from "./objects.ts"
import type { Scenario } from "./scenario.ts"

const manual = { autoAssign: false }

export const commandScenarios: readonly Scenario[] = [
  {
    name: "what `troupe plan` says is what happens after the apply",
    async run(t, world) {
      const { apply, ok, gets, toldWhyNot, troupe } = world
      await apply(
        pool("p", ["192.0.2.0/30"]),
        pool("q", ["198.51.100.0/30"], { serviceAllocation: { namespaces: [team] } }),
        service("a"),
        service("b"),
        service("c", { asks: { loadBalancerIPs: "192.0.2.3" } }),
        service("blue", { namespace: team }),
        service("wants", { asks: { "address-pool": "r" } }),
      )
      await gets("blue", ["198.51.100.0"], team)
      await gets("c", ["192.0.2.3"])
      await toldWhyNot("wants", /UnknownPool/)
      const change = world.file(
        "change.json",
        pool("p", ["192.0.2.1/32", "192.0.2.3/32"]),
        pool("q", ["198.51.100.0/30"]),
        pool("r", ["203.0.113.0/30"], manual),
        service("new"),
      )
      const before = await world.seeAll()
      const planned = await troupe("plan", "-f", change, "--output", "json")
      t.is(planned.code, 0, planned.error)
      const { services, valid } = JSON.parse(planned.out) as Plan
      t.true(valid)
      // A plan writes nothing.
      t.deepEqual(await world.seeAll(), before)

      await ok(["apply", "-f", change])
      const expected = new Map([...before].map(([name, { addresses }]) => [name, addresses]))
      for (const { service: key, addresses } of services) {
        const name = key.split("/")[1] ?? ""
        t.deepEqual(addresses.before, expected.get(name) ?? [])
        expected.set(name, addresses.after)
      }
      t.true(services.some(({ service: key }) => key === "troupe-apps/wants"))
      for (const [name, addresses] of expected) await gets(name, addresses, name === "blue" ? team : undefined)
      const again = await troupe("plan", "-f", change, "--output", "json", "--exit-code")
      t.is(again.code, 0, again.out)
    },
  },
  {
    name: "`troupe config check` reads the cluster, and says all that is wrong with it",
    async run(t, { apply, troupe }) {
      await apply(pool("p", ["192.0.2.0/24"]))
      const good = await troupe("config", "check")
      t.is(good.code, 0, good.error)
      t.regex(good.out, /1 resource, mode native: valid/)
      await apply(
        pool("q", ["192.0.2.128/25"]),
        pool("r", ["nonsense"]),
        community("names", [{ name: "x", value: "1:2:3:4:5" }]),
      )
      const bad = await troupe("config", "check", "--output", "json")
      t.is(bad.code, 1)
      const { valid, findings } = JSON.parse(bad.out) as { valid: boolean; findings: readonly { text: string }[] }
      t.false(valid)
      const said = findings.map(({ text }) => text).join("\n")
      t.regex(said, /CIDR "192\.0\.2\.128\/25" in pool "q" overlaps with already defined CIDR "192\.0\.2\.0\/24"/)
      t.regex(said, /invalid CIDR "nonsense" in pool "r"/)
      t.regex(said, /parsing community "x"/)
    },
  },
  {
    name: "`troupe explain service` gives the reasons that the Service has",
    async run(t, { apply, gets, toldWhyNot, troupe }) {
      await apply(pool("full", ["192.0.2.1/32"]), pool("manual", ["192.0.2.2/32"], manual), service("served"))
      await gets("served", ["192.0.2.1"])
      await apply(service("waits"))
      await toldWhyNot("waits", /full: no free IPv4 address; manual: autoAssign is false$/)
      const explain = async (name: string) => {
        const { code, out, error } = await troupe("explain", "service", `troupe-apps/${name}`, "--output", "json")
        t.is(code, 0, error)
        return JSON.parse(out) as Explanation
      }
      const served = await explain("served")
      t.deepEqual([served.addresses, served.pool, served.allocation.state], [["192.0.2.1"], "full", "assigned"])
      const waits = await explain("waits")
      t.is(waits.allocation.state, "waiting")
      t.is(waits.allocation.due, undefined)
      t.deepEqual(waits.allocation.pools, [
        { pool: "full", says: "no available IPs in pool full" },
        { pool: "manual", says: "pool manual has autoAssign false" },
      ])
    },
  },
]
