import { dualStack, pool, service } from "./objects.ts"
import type { Scenario } from "./scenario.ts"

export const familyScenarios: readonly Scenario[] = [
  {
    name: "dual stack: required, preferred, and single",
    async run(t, { apply, gets, told, event, toldWhyNot }) {
      await apply(
        pool("both", ["192.0.2.0/31", "2001:db8::/127"]),
        service("required", dualStack("RequireDualStack")),
        service("preferred", dualStack("PreferDualStack")),
      )
      const [required, preferred] = await Promise.all([told("required", /^True/), told("preferred", /^True/)])
      // Always IPv4 first.
      for (const { addresses } of [required, preferred]) t.regex(addresses.join(), /^192\.0\.2\.[01],2001:db8::1?$/)
      await apply(service("third", dualStack("RequireDualStack")))
      await toldWhyNot("third", /NoAddressAvailable/)
      // One family in one pool, the other in another: who requires both gets none, who prefers both gets one.
      await apply(
        pool("four", ["198.51.100.0/31"]),
        pool("six", ["2001:db8:6::/127"]),
        service("one", dualStack("PreferDualStack")),
        service("six-only", { spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] } }),
      )
      await gets("one", ["198.51.100.0"])
      await gets("six-only", ["2001:db8:6::"])
      await toldWhyNot("third", /four: no IPv6 range; six: no IPv4 range/)
      // The pool learns the other family: who prefers both gets it as well.
      await apply(pool("four", ["198.51.100.0/31", "2001:db8:4::/127"]))
      await event("one", 'Normal IPAllocated: Assigned additional IP "2001:db8:4::"')
      await gets("one", ["198.51.100.0", "2001:db8:4::"])
      await gets("third", ["198.51.100.1", "2001:db8:4::1"])
    },
  },
  {
    name: "a Service changes its families: one, both, one",
    async run(t, { apply, gets, event, see, ok }) {
      const single = service("web", { spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] } })
      await apply(pool("p", ["192.0.2.0/29", "2001:db8::/125"]), single)
      await gets("web", ["192.0.2.0"])
      await apply(service("web", dualStack("PreferDualStack")))
      await event("web", 'Normal IPAllocated: Assigned additional IP "2001:db8::"')
      await gets("web", ["192.0.2.0", "2001:db8::"])
      // Required of a Service that has both: nothing changes.
      const { version } = await see("web")
      await apply(service("other", dualStack("RequireDualStack")))
      await gets("other", ["192.0.2.1", "2001:db8::1"])
      t.is((await see("web")).version, version)
      await ok(["patch", "service", "web", "-n", "troupe-apps", "--type=merge", "-p", JSON.stringify(backToOne)])
      await gets("web", ["192.0.2.0"])
      await apply(service("next", dualStack("RequireDualStack")))
      // The lower IPv6 address is free again.
      await gets("next", ["192.0.2.2", "2001:db8::"])
    },
  },
]

/** The server takes the second cluster IP back by itself. */
const backToOne = { spec: { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] } }
