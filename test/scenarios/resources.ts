import { objectAt } from "../../kubernetes/client/json.ts"
import { until } from "../../lab/wait.ts"
import {
  bfdProfile,
  bgpAdvertisement,
  bgpPeer,
  community,
  dualStack,
  home,
  layer2Advertisement,
  pool,
  service,
} from "./objects.ts"
import type { Scenario } from "./scenario.ts"
import { patienceMs } from "./daemons.ts"

const statusObject = (kind: string, name: string) => ({
  apiVersion: "metallb.io/v1beta1",
  kind,
  metadata: { name, namespace: home },
})

const oneOfEach = [
  pool("p", ["192.0.2.0/24"]),
  layer2Advertisement("l2", { ipAddressPools: ["p"], interfaces: ["eth0"] }),
  bgpAdvertisement("bgp", { ipAddressPools: ["p"], communities: ["blue"], peers: ["router"] }),
  bgpPeer("router", { myASN: 64_500, peerASN: 64_501, peerAddress: "192.0.2.254", bfdProfile: "fast" }),
  bfdProfile("fast", { receiveInterval: 50, transmitInterval: 50, detectMultiplier: 3 }),
  community("names", [{ name: "blue", value: "64500:1" }]),
  statusObject("ServiceL2Status", "l2-x"),
  statusObject("ServiceBGPStatus", "bgp-x"),
  statusObject("ConfigurationState", "somebody"),
]

/** Headers of `kubectl get`; of every kind those that MetalLB prints. */
const columns: Readonly<Record<string, RegExp>> = {
  ipaddresspools: /^NAME +AUTO ASSIGN +AVOID BUGGY IPS +ADDRESSES\np +true +false +\["192\.0\.2\.0\/24"\]\n$/,
  l2advertisements:
    /^NAME +IPADDRESSPOOLS +IPADDRESSPOOL SELECTORS +INTERFACES +NODE SELECTORS\nl2 +\["p"\] .*\["eth0"\]/,
  bgpadvertisements:
    /^NAME +IPADDRESSPOOLS +IPADDRESSPOOL SELECTORS +PEERS +NODE SELECTORS\nbgp +\["p"\] .*\["router"\]/,
  bgppeers: /^NAME +ADDRESS +ASN +BFD PROFILE +MULTI HOPS\nrouter +192\.0\.2\.254 +64501 +fast/,
  bfdprofiles: /^NAME +PASSIVE MODE +TRANSMIT INTERVAL +RECEIVE INTERVAL +MULTIPLIER\nfast +50 +50 +3\n$/,
  communities: /^NAME +AGE\nnames +\d+s\n$/,
  servicel2statuses: /^NAME +ALLOCATED NODE +SERVICE NAME +SERVICE NAMESPACE\nl2-x/,
  servicebgpstatuses: /^NAME +NODE +SERVICE NAME +SERVICE NAMESPACE\nbgp-x/,
  configurationstates: /^NAME +RESULT +ERRORSUMMARY +AGE\ncontroller +Valid .*\d+s\nsomebody/,
}

/** What a schema or a CEL rule refuses, and in which words. */
const refusals = [
  [bgpPeer("no-as", { peerASN: 1, peerAddress: "192.0.2.1" }), /spec\.myASN: Required value/],
  [
    bgpPeer("port", { myASN: 1, peerASN: 1, peerPort: 0 }),
    /spec\.peerPort: Invalid value: 0: .*greater than or equal to 1/,
  ],
  [
    bgpPeer("local", { myASN: 1, peerASN: 1, localASN: 0 }),
    /spec\.localASN: Invalid value: 0: .*greater than or equal to 1/,
  ],
  [bgpPeer("dynamic", { myASN: 1, dynamicASN: "any" }), /spec\.dynamicASN: Unsupported value: "any"/],
  [bgpPeer("hurried", { myASN: 1, connectTime: "500ms" }), /connect time should be between 1 seconds to 65535/],
  [bgpPeer("halves", { myASN: 1, connectTime: "1500ms" }), /connect time should contain a whole number of seconds/],
  [
    bfdProfile("slow", { receiveInterval: 60_001 }),
    /spec\.receiveInterval: Invalid value: 60001: .*less than or equal to 60000/,
  ],
  [
    bgpAdvertisement("both", { aggregationLength: 24, serviceSelectors: [{ matchLabels: { a: "b" } }] }),
    /serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default/,
  ],
  [
    layer2Advertisement("heavy", { preferredNodeSelectors: [{ weight: 101, preference: {} }] }),
    /spec\.preferredNodeSelectors\[0\]\.weight: Invalid value: 101: .*less than or equal to 100/,
  ],
  [{ ...pool("nothing", []), spec: {} }, /spec\.addresses: Required value/],
] as const

export const resourceScenarios: readonly Scenario[] = [
  {
    name: "one object of each kind is applied, printed and explained",
    async run(t, { ok, custom }) {
      const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: oneOfEach })
      const applied = await ok("apply --server-side -f -", list)
      t.is(applied.match(/ serverside-applied\n/g)?.length, oneOfEach.length)
      for (const [plural, header] of Object.entries(columns))
        t.regex(
          await ok(["get", plural, "-n", home, ...(header.source.includes("NODE SELECTORS") ? ["-o", "wide"] : [])]),
          header,
        )
      const before = await custom("ipaddresspools", "p")
      await ok("apply --server-side -f -", list)
      t.is(
        objectAt(await custom("ipaddresspools", "p"), "metadata")["generation"],
        objectAt(before, "metadata")["generation"],
      )
      const explained = await ok("explain ipaddresspool.spec.serviceAllocation")
      t.regex(explained, /priority\s+<integer>/)
      t.regex(explained, /namespaceSelectors\s+<\[\]Object>/)
      await ok(["delete", "configurationstate", "somebody", "-n", home])
    },
  },
  {
    name: "fields that are left out have MetalLB's defaults",
    async run(t, { apply, custom, read }) {
      const metadata = (name: string) => ({ name, namespace: home })
      await apply(
        pool("p", ["192.0.2.0/24"]),
        bgpPeer("router", { myASN: 64_500, peerASN: 64_501, peerAddress: "192.0.2.254" }),
        { apiVersion: "metallb.io/v1beta1", kind: "BGPAdvertisement", metadata: metadata("all"), spec: {} },
        { apiVersion: "metallb.io/v1beta1", kind: "L2Advertisement", metadata: metadata("all") },
      )
      t.deepEqual((await custom("ipaddresspools", "p"))?.["spec"], {
        addresses: ["192.0.2.0/24"],
        autoAssign: true,
        avoidBuggyIPs: false,
      })
      const peer = await read(`/apis/metallb.io/v1beta2/namespaces/${home}/bgppeers/router`)
      t.like(peer?.["spec"], { peerPort: 179, disableMP: false, dualStackAddressFamily: false })
      t.deepEqual((await custom("bgpadvertisements", "all"))?.["spec"], {
        aggregationLength: 32,
        aggregationLengthV6: 128,
      })
      t.is((await custom("l2advertisements", "all"))?.["spec"], undefined)
    },
  },
  {
    name: "schemas and CEL rules refuse what is wrong, without a webhook",
    async run(t, { apply, refused, ok }) {
      const said = await refused(...refusals.map(([object]) => object))
      for (const [, words] of refusals) t.regex(said, words)
      t.is(said.split("\n").filter((line) => line.includes(" is invalid")).length, refusals.length)
      const graceful = (enableGracefulRestart: boolean) =>
        bgpPeer("router", { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", enableGracefulRestart })
      await apply(graceful(true))
      t.regex(await refused(graceful(false)), /EnableGracefulRestart cannot be changed after creation/)
      t.is(await ok(["get", "bgppeers", "-n", home, "-o", "name"]), "bgppeer.metallb.io/router\n")
    },
  },
  {
    name: "who a service status is about can be written once",
    async run(t, { apply, request, custom }) {
      await apply(statusObject("ServiceL2Status", "l2-once"))
      const write = (node: string) =>
        request({
          verb: "patch",
          path: `/apis/metallb.io/v1beta1/namespaces/${home}/servicel2statuses/l2-once/status`,
          resource: "servicel2statuses/status",
          contentType: "application/merge-patch+json",
          body: { status: { node, serviceName: "web", serviceNamespace: "default" } },
        })
      await write("a")
      const failed = await t.throwsAsync(write("b"))
      t.regex(failed?.message ?? "", /status\.node.*Value is immutable/)
      t.is(objectAt(await custom("servicel2statuses", "l2-once"), "status")["node"], "a")
    },
  },
  {
    name: "a pool's status counts, past 2^53 too",
    async run(t, { apply, gets, custom, ok }) {
      await apply(pool("large", ["192.0.2.0/28", "2001:db8::/64"]), service("web", dualStack("RequireDualStack")))
      await gets("web", ["192.0.2.0", "2001:db8::"])
      const status = await until("the counters", patienceMs, async () => {
        const now = objectAt(await custom("ipaddresspools", "large"), "status")
        return now["assignedIPv4"] === 1 ? now : undefined
      })
      const available = 9223372036854775806n
      t.deepEqual(status, { assignedIPv4: 1, assignedIPv6: 1, availableIPv4: 15, availableIPv6: available })
      const path = "jsonpath={.status.availableIPv6}"
      t.is(await ok(["get", "ipaddresspool", "large", "-n", home, "-o", path]), String(available))
    },
  },
]
