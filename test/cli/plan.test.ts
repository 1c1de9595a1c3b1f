import test from "ava"
import fc from "fast-check"
import { plan } from "../../cli/planning/plan.ts"
import type { Manifest } from "../../cli/manifests/parse.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"
import { home, plannedCluster } from "./planned-cluster.ts"

const manifest = (object: JsonObject): Manifest => ({ file: "test", object, lineOf: () => 1 })
const options = { home, loadBalancerClass: "" }

/** A small world, so that Services get in each other's way. */
const lines = ["10.0.0.0/32", "10.0.0.1/32", "10.0.0.2-10.0.0.3", "fc00::/128", "fc00::1/128"]
const pool = fc
  .record({
    name: fc.constantFrom("a", "b", "c"),
    addresses: fc.subarray(lines, { minLength: 1 }),
    autoAssign: fc.option(fc.boolean(), { nil: undefined }),
    avoidBuggyIPs: fc.option(fc.boolean(), { nil: undefined }),
    serviceAllocation: fc.constantFrom(
      undefined,
      undefined,
      {},
      { namespaces: ["x"] },
      { priority: 5, serviceSelectors: [{ matchLabels: { tier: "front" } }] },
    ),
  })
  .map(poolNamed)

function poolNamed({ name, addresses, ...spec }: { readonly name: string; readonly addresses: string[] } & JsonObject) {
  return {
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name, namespace: home },
    spec: { addresses, ...present(spec) },
  }
}

const families = fc.constantFrom<JsonObject>(
  {},
  {},
  { ipFamilies: ["IPv6"] },
  { ipFamilyPolicy: "PreferDualStack" },
  { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6", "IPv4"] },
)
const service = fc
  .record({
    key: fc.constantFrom("x/s1", "x/s2", "y/s1", "y/s2", "y/s3"),
    family: families,
    port: fc.constantFrom(80, 81),
    sharing: fc.constantFrom("", "", "k"),
    local: fc.boolean(),
    pool: fc.constantFrom("", "", "", "a", "nope"),
    addresses: fc.constantFrom("", "", "", "", "", "10.0.0.1", "10.0.0.3", "fc00::1", "10.0.0.1,fc00::1", "bad"),
    front: fc.boolean(),
    type: fc.constantFrom("LoadBalancer", "LoadBalancer", "LoadBalancer", "LoadBalancer", "ClusterIP"),
  })
  .map(serviceNamed)

interface Drawn {
  readonly key: string
  readonly family: JsonObject
  readonly port: number
  readonly sharing: string
  readonly local: boolean
  readonly pool: string
  readonly addresses: string
  readonly front: boolean
  readonly type: string
}

function serviceNamed({ key, family, port, sharing, local, pool, addresses, front, type }: Drawn) {
  const [namespace = "", name = ""] = key.split("/")
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace,
      labels: front ? { tier: "front" } : {},
      annotations: {
        ...(sharing && { "metallb.io/allow-shared-ip": sharing }),
        ...(pool && { "metallb.io/address-pool": pool }),
        ...(addresses && { "metallb.io/loadBalancerIPs": addresses }),
      },
    },
    spec: {
      ...family,
      type,
      selector: { app: "same" },
      ports: [{ name: "web", protocol: "TCP", port }],
      ...(type === "LoadBalancer" && { externalTrafficPolicy: local ? "Local" : "Cluster" }),
    },
  }
}

function present(spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined))
}

/** Each line belongs to one pool at most. */
const disjoint = fc
  .tuple(
    fc.uniqueArray(pool, { selector: ({ metadata }) => metadata.name, minLength: 2, maxLength: 3 }),
    fc.array(fc.nat(3), { minLength: lines.length, maxLength: lines.length }),
  )
  .map(([pools, owners]) =>
    pools.flatMap((one, i) => {
      const addresses = lines.filter((_, line) => owners[line] === i)
      return addresses.length === 0 ? [] : [{ ...one, spec: { ...one.spec, addresses } }]
    }),
  )
  .filter((pools) => pools.length > 0)

const world = fc.record({
  pools: disjoint,
  services: fc.uniqueArray(service, {
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    minLength: 3,
    maxLength: 5,
  }),
  changes: fc.array(fc.oneof(service, fc.record({ pool, clash: fc.nat(4).map((n) => n === 0) })), {
    minLength: 2,
    maxLength: 5,
  }),
})

const plain: Drawn = {
  key: "x/s1",
  family: {},
  port: 80,
  sharing: "",
  local: false,
  pool: "",
  addresses: "",
  front: false,
  type: "LoadBalancer",
}
const dual: JsonObject = { ipFamilyPolicy: "PreferDualStack" }

/** It asks for the one address it has, and somebody waits for that address and its IPv6 neighbour. */
const asksForItsOwn: typeof world extends fc.Arbitrary<infer T> ? T : never = {
  pools: [poolNamed({ name: "b", addresses: ["10.0.0.1/32", "fc00::1/128"] })],
  services: [
    serviceNamed({ ...plain, sharing: "k", local: true }),
    serviceNamed({ ...plain, key: "y/s2", family: dual, sharing: "k", addresses: "10.0.0.1,fc00::1" }),
  ],
  changes: [serviceNamed({ ...plain, family: dual, port: 81, addresses: "10.0.0.1" })],
}

type Pool = typeof pool extends fc.Arbitrary<infer T> ? T : never
type Change = typeof service extends fc.Arbitrary<infer T> ? T | Pool : never

test("what is planned is what a real controller then does, and nothing else", async (t) => {
  let moved = 0
  let invalid = 0
  let compared = 0
  await fc.assert(
    fc.asyncProperty(world, async ({ pools, services, changes }) => {
      const cluster = await plannedCluster()
      const applied: Change[] = []
      const inForce = new Map<string, Pool>(pools.map((one) => [one.metadata.name, one]))
      /** Without the addresses that other pools have, unless it is to clash with them. */
      const drawn = (change: (typeof changes)[number]): Change | undefined => {
        if (!("pool" in change)) return change
        const { pool, clash } = change
        const others = [...inForce.values()].filter(({ metadata }) => metadata.name !== pool.metadata.name)
        const taken = others.flatMap(({ spec }) => spec.addresses)
        const addresses = pool.spec.addresses.filter((line) => clash || !taken.includes(line))
        return addresses.length === 0 ? undefined : { ...pool, spec: { ...pool.spec, addresses } }
      }
      try {
        for (const one of [...pools, ...services]) await cluster.apply(one)
        cluster.startController()
        await cluster.settled()
        for (const drawing of changes) {
          const change = drawn(drawing)
          if (change === undefined) continue
          const before = cluster.addresses()
          const planned = plan(cluster.objects(), [manifest(change)], options)
          // What a server does not take (a primary family cannot change, say) is not written: nothing to compare.
          if ((await cluster.apply(change)) !== undefined) continue
          compared++
          applied.push(change)
          if (!planned.valid) {
            // Pools that overlap stay out of force, and then no later ones come through either: put it back.
            invalid++
            t.deepEqual(planned.services, [])
            const { name } = change.metadata
            const old = inForce.get(name)
            if (old === undefined) cluster.server.objects.delete("metallb.io/v1beta1", "IPAddressPool", name, home)
            else await cluster.apply(old)
          } else if (change.kind === "IPAddressPool") inForce.set(change.metadata.name, change as Pool)
          await cluster.settled()
          moved += planned.services.length
          const after = planned.services.map(({ service, addresses }) => [service, addresses.after.join(" ")])
          const known = change.kind === "Service" ? { [keyOf(change)]: "" } : {}
          t.deepEqual(
            cluster.addresses(),
            { ...known, ...before, ...Object.fromEntries(after) },
            JSON.stringify([...pools, ...services, "then", ...applied]),
          )
        }
      } finally {
        await cluster.close()
      }
    }),
    { numRuns: 30, examples: [[asksForItsOwn]] },
  )
  t.log(`${compared} changes, ${moved} Services moved, ${invalid} times pools clashed`)
  t.true(compared > 0 && moved > 0)
})

const keyOf = ({ metadata }: Change): string => `${metadata.namespace}/${metadata.name}`
