import fc from "fast-check"
import type { ServiceFacts } from "../../config/facts.ts"
import { compile } from "../../config/compile.ts"
import { nothing } from "./configuration.ts"
import { type PoolSpecs, poolFactsOf } from "./pools.ts"
import { dualStack, service } from "./service.ts"

/** Small worlds, so that Services get in each other's way. */
const entries = ["10.0.0.0/31", "10.0.0.2-10.0.0.4", "10.0.0.254-10.0.1.1", "fc00::/127", "fc00::2/127"]

export const arbitraryPools: fc.Arbitrary<PoolSpecs> = fc
  .dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.record({
      addresses: fc.subarray(entries, { minLength: 1 }),
      autoAssign: fc.boolean(),
      avoidBuggyIPs: fc.boolean(),
      pinned: fc.constantFrom(undefined, {}, { namespaces: ["x"] }, { priority: 5 }),
    }),
    { noNullPrototype: true },
  )
  .map((pools) =>
    Object.fromEntries(
      Object.entries(pools).map(([name, { pinned, ...spec }]) => [
        name,
        { ...spec, ...(pinned && { serviceAllocation: pinned }) },
      ]),
    ),
  )
  .filter((specs) => compile({ ...nothing, pools: poolFactsOf(specs) }).ok)

export const serviceKeys = ["x/1", "x/2", "y/1", "y/2", "y/3"]

const families: fc.Arbitrary<Partial<ServiceFacts>> = fc.constantFrom<Partial<ServiceFacts>>(
  {},
  {},
  { clusterIPs: ["fd00::1"], ipFamilies: ["IPv6"] },
  dualStack,
  { ...dualStack, ipFamilies: ["IPv6", "IPv4"] },
  { ...dualStack, ipFamilyPolicy: "RequireDualStack" },
)

export const arbitraryService: fc.Arbitrary<ServiceFacts> = fc
  .record({
    key: fc.constantFrom(...serviceKeys),
    family: families,
    port: fc.constantFrom(80, 81),
    sharing: fc.constantFrom("", "", "k"),
    local: fc.boolean(),
    pool: fc.constantFrom("", "", "", "a", "nope"),
    addresses: fc.constantFrom("", "", "", "10.0.0.1", "10.0.0.3", "fc00::1", "10.0.0.1,fc00::1", "bad"),
    type: fc.constantFrom("LoadBalancer", "LoadBalancer", "LoadBalancer", "ClusterIP"),
  })
  .map(({ key, family, port, sharing, local, pool, addresses, type }) =>
    service(key, {
      ...family,
      type,
      ports: [{ protocol: "TCP", port }],
      externalTrafficPolicy: local ? "Local" : "Cluster",
      selector: { app: "same" },
      annotations: {
        ...(sharing && { "metallb.io/allow-shared-ip": sharing }),
        ...(pool && { "metallb.io/address-pool": pool }),
        ...(addresses && { "metallb.io/loadBalancerIPs": addresses }),
      },
    }),
  )
