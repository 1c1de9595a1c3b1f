import assert from "node:assert/strict"
import test from "ava"
import fc from "fast-check"
import { decideService } from "../../actors/announcer/service-decision.ts"
import { compile } from "../../config/compile.ts"
import type { EndpointFacts, NodeFacts, ServiceFacts } from "../../config/facts.ts"
import { endpoints, ip, node, service } from "../announcer/facts.ts"
import { nothing } from "../support/configuration.ts"
import { plain, put, type Speaker, speaker } from "./harness.ts"

/**
 * Services come, go and change, members come and go, and actors die at any moment, in the middle of it all. The first
 * Service never changes and this node always leads it: it must be in every table and every set of routes. In the end
 * the threads know exactly what the pure decisions say.
 */

const nodes = ["alpha", "bravo", "charlie"]
const names = ["a", "b", "c", "d"]
const paths = [
  "/speaker/cluster",
  "/speaker/layer2",
  "/speaker/bgp",
  "/speaker/bfd",
  "/speaker/announcer",
  "/speaker/announcer/default~steady",
  ...names.map((name) => `/speaker/announcer/default~${name}`),
  "/speaker/api",
]

type Action =
  | { readonly kind: "kill"; readonly path: string }
  | { readonly kind: "service"; readonly name: string; readonly last: number; readonly local: boolean }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "endpoints"; readonly name: string; readonly on: readonly string[] }
  | { readonly kind: "members"; readonly others: readonly string[] }
  | { readonly kind: "node"; readonly name: string; readonly networkUnavailable: boolean }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "quiet" }

const name = fc.constantFrom(...names)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("kill"), path: fc.constantFrom(...paths) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("service"),
      name,
      last: fc.integer({ min: 10, max: 40 }),
      local: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), name }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("endpoints"), name, on: fc.subarray(nodes) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("members"), others: fc.subarray(["alpha", "bravo"]) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("node"),
      name: fc.constantFrom("alpha", "bravo"),
      networkUnavailable: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass"), ms: fc.integer({ min: 1, max: 300 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("quiet") }) },
)

/** What the cluster should hold after the actions, by the actions alone. */
class Model {
  readonly services = new Map<string, ServiceFacts>()
  readonly endpoints = new Map<string, EndpointFacts>()
  readonly nodes = new Map<string, NodeFacts>(nodes.map((name) => [name, node(name)]))
  others: readonly string[] = ["alpha", "bravo"]

  wanted(): { readonly table: readonly string[]; readonly routes: readonly string[] } {
    const compiled = compile({ ...nothing, ...plain, nodes: [...this.nodes.values()] }, { nodeName: "charlie" })
    if (!compiled.ok) throw new Error("the configuration is valid")
    const surroundings = {
      nodeName: "charlie",
      snapshot: compiled.value,
      nodes: this.nodes,
      speakers: new Set(["charlie", ...this.others]),
      ignoreExcludeLoadBalancer: false,
    }
    const table = new Set<string>()
    const routes = new Set<string>()
    for (const [key, facts] of this.services) {
      const { decision } = decideService(facts, this.endpoints.get(key), surroundings)
      if (decision.kind !== "considered") continue
      if (decision.layer2.decision.kind === "announce") for (const ip of decision.ips) table.add(ip)
      if (decision.bgp.decision.kind === "announce") {
        for (const { prefix } of decision.bgp.decision.routes) routes.add(prefix)
      }
    }
    return { table: [...table].toSorted(), routes: [...routes].toSorted() }
  }
}

async function perform(it: Speaker, model: Model, action: Action): Promise<void> {
  switch (action.kind) {
    case "kill":
      return void (await it.system.kill(action.path))
    case "service": {
      const key = `default/${action.name}`
      const facts = service({
        key,
        name: action.name,
        ingress: [{ ip: ip(`192.0.2.${action.last}`) }],
        externalTrafficPolicy: action.local ? "Local" : "Cluster",
      })
      model.services.set(key, facts)
      if (!model.endpoints.has(key)) model.endpoints.set(key, { ...endpoints("alpha"), key })
      return put(it.cluster, action.name, facts.ingress[0]?.ip ?? "", facts)
    }
    case "delete":
      model.services.delete(`default/${action.name}`)
      return it.cluster.deleteService(`default/${action.name}`)
    case "endpoints": {
      const facts = { ...endpoints(...action.on), key: `default/${action.name}` }
      model.endpoints.set(facts.key, facts)
      return it.cluster.putEndpoints(facts)
    }
    case "members":
      model.others = action.others
      return it.memberStates(model.others)
    case "node": {
      const facts = node(action.name, { networkUnavailable: action.networkUnavailable })
      model.nodes.set(action.name, facts)
      return it.cluster.putNode(facts)
    }
    case "pass":
      return it.pass(action.ms)
    case "quiet":
      return it.quiet()
  }
}

test("whatever dies whenever, the threads know what should be, and what is steady never flaps", async (t) => {
  let told = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 10, maxLength: 80, size: "max" }),
      fc.option(fc.nat(), { nil: undefined }),
      async (actions, seed) => {
        const it = await speaker(seed === undefined ? {} : { seed })
        const model = new Model()
        const key = "default/steady"
        const steady = service({ key, name: "steady", externalTrafficPolicy: "Local", ingress: [{ ip: "192.0.2.9" }] })
        model.services.set(key, steady)
        model.endpoints.set(key, { ...endpoints("charlie"), key })
        await it.change((cluster) => {
          cluster.putService(steady)
          cluster.putEndpoints({ ...endpoints("charlie"), key })
        })
        it.memberStates(model.others)
        await it.quiet()
        const [tables, routes] = [it.layer2.flat().length, it.bgp.flat().length]

        for (const each of actions) await perform(it, model, each)
        await it.pass(30_000)
        it.memberStates(model.others)
        await it.quiet()

        const wanted = model.wanted()
        assert.deepEqual(it.addresses(), wanted.table)
        assert.deepEqual(
          it.peers()?.map(({ routes }) => routes.flatMap(({ prefixes }) => prefixes).toSorted()),
          [wanted.routes],
        )
        for (const message of it.layer2.flat().slice(tables)) {
          if (message.kind !== "table") continue
          told++
          assert.ok(message.entries.some(({ ip }) => ip === "192.0.2.9"))
        }
        for (const message of it.bgp.flat().slice(routes)) {
          if (message.kind !== "peers") continue
          assert.ok(
            message.peers.every(({ routes }) => routes.some(({ prefixes }) => prefixes.includes("192.0.2.9/32"))),
          )
        }
        await it.system.stop()
      },
    ),
    { numRuns: 200 },
  )
  t.log(`${told} tables`)
  t.true(told > 500, "the property saw tables")
})
