import { pool, service, type ServiceOptions, team } from "./objects.ts"
import type { Scenario } from "./scenario.ts"

const manual = { autoAssign: false }
const local = (app: string): ServiceOptions["spec"] => ({ externalTrafficPolicy: "Local", selector: { app } })
const port = (number: number, protocol = "TCP") => ({
  ports: [{ name: `${protocol.toLowerCase()}${number}`, port: number, protocol }],
})

export const addressScenarios: readonly Scenario[] = [
  {
    name: "a Service gets the lowest address, and says from where",
    async run(t, { apply, gets, told, event, ok }) {
      await apply(pool("web", ["192.0.2.8-192.0.2.20"]), service("first"), service("second"))
      await gets("first", ["192.0.2.8"])
      const { pool: from } = await gets("second", ["192.0.2.9"])
      t.is(from, "web")
      await told("first", /^True AutomaticPool: 192\.0\.2\.8 from pool web: /)
      await event("first", 'Normal IPAllocated: Assigned IP ["192.0.2.8"]')
      t.regex(await ok(["get", "service", "first", "-n", "troupe-apps"]), / 192\.0\.2\.8 /)
      const described = await ok(["describe", "service", "first", "-n", "troupe-apps"])
      t.regex(described, /LoadBalancer Ingress: +192\.0\.2\.8/)
      // Once: of what is told again kubectl says how often.
      t.regex(described, /Normal +IPAllocated +\S+ +metallb-controller +Assigned IP \["192\.0\.2\.8"\]/)
    },
  },
  {
    name: "pools by priority, then those without in the order of their names; one without autoAssign never",
    async run(t, { apply, gets }) {
      const first = (name: string, address: string, priority: number) =>
        pool(name, [`${address}/32`], { serviceAllocation: { priority, namespaces: ["troupe-apps"] } })
      await apply(
        pool("a-manual", ["192.0.2.1/32"], manual),
        pool("b-plain", ["192.0.2.2/32"]),
        pool("a-plain", ["192.0.2.3/32"]),
        first("y-later", "192.0.2.4", 20),
        first("z-first", "192.0.2.5", 10),
        first("x-last", "192.0.2.6", 0),
      )
      const expected = ["192.0.2.5", "192.0.2.4", "192.0.2.6", "192.0.2.3", "192.0.2.2"]
      await apply(...expected.map((_, i) => service(`s${i}`)))
      const got = await Promise.all(expected.map((address, i) => gets(`s${i}`, [address])))
      t.deepEqual(
        got.map(({ pool: from }) => from),
        ["z-first", "y-later", "x-last", "a-plain", "b-plain"],
      )
    },
  },
  {
    name: "a pool for a namespace, for labelled namespaces, for labelled Services",
    async run(t, { apply, gets, toldWhyNot, event, ok }) {
      const teams = { key: "team", operator: "In", values: ["green", "blue"] }
      const only = (name: string, address: string, serviceAllocation: object) =>
        pool(name, [`${address}/32`], { serviceAllocation: { priority: 1, ...serviceAllocation } })
      await apply(
        only("by-name", "192.0.2.1", { namespaces: [team] }),
        only("by-label", "192.0.2.2", { priority: 2, namespaceSelectors: [{ matchExpressions: [teams] }] }),
        only("by-service", "192.0.2.3", { serviceSelectors: [{ matchLabels: { tier: "front" } }] }),
        service("there", { namespace: team }),
        service("front", { labels: { tier: "front" } }),
        service("nobody"),
      )
      t.is((await gets("there", ["192.0.2.1"], team)).pool, "by-name")
      t.is((await gets("front", ["192.0.2.3"])).pool, "by-service")
      const { condition } = await toldWhyNot("nobody", /NoAddressAvailable/)
      t.regex(condition, /by-label, by-name: not for namespace troupe-apps; by-service: not for its labels/)
      await event(
        "nobody",
        'Warning AllocationFailed: Failed to allocate IP for "troupe-apps/nobody": no available IPs',
      )
      // A label on the namespace opens the pool to it.
      await ok("label namespace troupe-apps team=green")
      t.is((await gets("nobody", ["192.0.2.2"])).pool, "by-label")
      await ok("label namespace troupe-apps team-")
      await gets("nobody", [])
    },
  },
  {
    name: "an address asked for: by the annotation, the old annotation, the field of the Service",
    async run(t, { apply, gets, told, event, toldWhyNot }) {
      await apply(
        pool("p", ["192.0.2.0/29"], manual),
        service("new", { asks: { loadBalancerIPs: "192.0.2.3" } }),
        service("old", { annotations: { "metallb.universe.tf/loadBalancerIPs": "192.0.2.4" } }),
        service("field", { spec: { loadBalancerIP: "192.0.2.5" } }),
        service("outside", { asks: { loadBalancerIPs: "192.0.2.99" } }),
        service("unreadable", { asks: { loadBalancerIPs: "192.0.2.x" } }),
        service("twice", { asks: { loadBalancerIPs: "192.0.2.6" }, spec: { loadBalancerIP: "192.0.2.6" } }),
        service("family", { asks: { loadBalancerIPs: "2001:db8::1" } }),
      )
      await gets("new", ["192.0.2.3"])
      await told("new", /^True RequestedAddresses: /)
      await gets("old", ["192.0.2.4"])
      await event(
        "old",
        "Warning deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs",
      )
      await gets("field", ["192.0.2.5"])
      const failed = (name: string, why: string) =>
        event(name, `Warning AllocationFailed: Failed to allocate IP for "troupe-apps/${name}": ${why}`)
      await failed("outside", '["192.0.2.99"] is not allowed in config')
      await failed("unreadable", 'invalid metallb.io/loadBalancerIPs: "192.0.2.x"')
      await failed("twice", "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP")
      await failed("family", 'requested loadBalancer IP(s) ["2001:db8::1"] does not match the ipFamily of the service')
      await toldWhyNot("outside", /AddressNotInPool/)
      // Another wish moves it; an impossible one of a Service that has an address changes nothing.
      await apply(service("new", { asks: { loadBalancerIPs: "192.0.2.1" } }))
      await gets("new", ["192.0.2.1"])
      await apply(service("new", { asks: { loadBalancerIPs: "nonsense" } }))
      await event(
        "new",
        'Warning LoadBalancerFailed: invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "nonsense"',
      )
      t.deepEqual((await toldWhyNot("new", /keeps 192\.0\.2\.1 meanwhile/)).addresses, ["192.0.2.1"])
    },
  },
  {
    name: "a pool asked for",
    async run(t, { apply, gets, told, event }) {
      await apply(
        pool("auto", ["192.0.2.0/29"]),
        pool("manual", ["192.0.2.8/29"], manual),
        service("new", { asks: { "address-pool": "manual" } }),
        service("old", { annotations: { "metallb.universe.tf/address-pool": "manual" } }),
        service("unknown", { asks: { "address-pool": "nowhere" } }),
        service("torn", { asks: { "address-pool": "auto", loadBalancerIPs: "192.0.2.10" } }),
      )
      t.is((await told("new", /^True RequestedPool: 192\.0\.2\.(8|9) from pool manual/)).pool, "manual")
      t.is((await told("old", /^True RequestedPool: 192\.0\.2\.(8|9) from pool manual/)).pool, "manual")
      await event(
        "unknown",
        'Warning AllocationFailed: Failed to allocate IP for "troupe-apps/unknown": unknown pool "nowhere"',
      )
      await event(
        "torn",
        'Warning AllocationFailed: Failed to allocate IP for "troupe-apps/torn": requested loadBalancer IP(s) ["192.0.2.10"] is not compatible with requested address pool auto',
      )
      await apply(service("new", { asks: { "address-pool": "auto" } }))
      await gets("new", ["192.0.2.0"])
    },
  },
  {
    name: "addresses are shared by key, port and traffic policy",
    async run(t, { apply, gets, event, toldWhyNot }) {
      const at = { loadBalancerIPs: "192.0.2.1" }
      const shared = (key: string, spec: object) => ({ asks: { ...at, "allow-shared-ip": key }, spec: { ...spec } })
      await apply(pool("p", ["192.0.2.0/29"]), service("a", shared("k", port(80))))
      await gets("a", ["192.0.2.1"])
      await apply(
        service("b", shared("k", port(443))),
        service("udp", shared("k", port(80, "UDP"))),
        service("same-port", shared("k", port(80))),
        service("other-key", shared("x", port(8080))),
        service("no-key", { asks: at, spec: port(8081) }),
        service("local", shared("k", { ...port(8082), ...local("local") })),
      )
      await gets("b", ["192.0.2.1"])
      await gets("udp", ["192.0.2.1"])
      await event(
        "same-port",
        'Warning AllocationFailed: Failed to allocate IP for "troupe-apps/same-port": port TCP/80 is already in use on "192.0.2.1"',
      )
      await toldWhyNot("same-port", /PortTaken: .* by troupe-apps\/a/)
      for (const name of ["other-key", "no-key", "local"])
        await toldWhyNot(name, /SharingConflict: can't change sharing key for "192\.0\.2\.1", address also in use by/)
      // Two with Local and the same Pods behind them may.
      const onSame = (key: number) => ({
        asks: { loadBalancerIPs: "192.0.2.2", "allow-shared-ip": "l" },
        spec: { ...port(key), ...local("same") },
      })
      await apply(service("l1", onSame(1001)), service("l2", onSame(1002)))
      for (const name of ["l1", "l2"]) await gets(name, ["192.0.2.2"])
      // The port comes free, and the one that waits for it is served.
      await apply(service("a", shared("k", port(8443))))
      await gets("same-port", ["192.0.2.1"])
      t.pass()
    },
  },
  {
    name: "addresses that old clients cannot use are left out on request",
    async run(t, { apply, gets }) {
      await apply(pool("p", ["192.0.2.255/32", "198.51.100.0/31"], { avoidBuggyIPs: true }), service("web"))
      await gets("web", ["198.51.100.1"])
      // Later, of a pool in use: who has such an address gets another.
      await apply(pool("q", ["203.0.113.0/30"], manual), service("moved", { asks: { "address-pool": "q" } }))
      await gets("moved", ["203.0.113.0"])
      await apply(pool("q", ["203.0.113.0/30"], { ...manual, avoidBuggyIPs: true }))
      await gets("moved", ["203.0.113.1"])
      t.pass()
    },
  },
  {
    name: "Services of another class are another's",
    async run(t, world) {
      const { apply, gets, see } = world
      // Of two controllers neither knows what the other gives: each class has its own pool.
      const ofClass = (name: string, pool: string, loadBalancerClass?: string) =>
        service(name, { asks: { "address-pool": pool }, spec: loadBalancerClass ? { loadBalancerClass } : {} })
      const other = "example.org/lb"
      await apply(pool("p", ["192.0.2.0/29"]), pool("q", ["198.51.100.0/29"]))
      await apply(ofClass("theirs", "q", other), ofClass("ours", "p"))
      await gets("ours", ["192.0.2.0"])
      t.like(await see("theirs"), { addresses: [], condition: "" })
      await world.daemons.stopController()
      const theirs = await world.daemons.start("controller", "--webhook-mode=disabled", `--lb-class=${other}`)
      await gets("theirs", ["198.51.100.0"])
      await apply(ofClass("more", "p"), ofClass("more-theirs", "q", other))
      await gets("more-theirs", ["198.51.100.1"])
      t.deepEqual((await see("more")).addresses, [])
      t.deepEqual((await see("ours")).addresses, ["192.0.2.0"])
      await world.daemons.end(theirs)
    },
  },
]
