import test from "ava"
import fc from "fast-check"
import { decideLayer2, type Layer2Decision } from "../../actors/announcer/layer2-decision.ts"
import { describeLayer2, type Layer2Reason } from "../../actors/announcer/layer2-reasons.ts"
import type { Surroundings } from "../../actors/announcer/surroundings.ts"
import type { EndpointFacts, ServiceFacts } from "../../config/facts.ts"
import type { L2Advertisement } from "../../config/snapshot.ts"
import { endpoints, ip, l2, node, service, surroundings } from "./facts.ts"

interface Case {
  readonly service?: Partial<ServiceFacts>
  readonly advertisements?: readonly L2Advertisement[]
  readonly endpoints?: EndpointFacts
  readonly around?: Partial<Surroundings>
}

/** 192.0.2.10 is led by charlie, then bravo, then alpha. This node is charlie unless the case says otherwise. */
function decide({ service: facts = {}, advertisements = [l2()], endpoints: there, around = {} }: Case) {
  return decideLayer2(
    service(facts),
    [ip("192.0.2.10")],
    advertisements,
    there ?? endpoints("alpha"),
    surroundings(around),
  )
}

const withheld = (reason: string) => ({ kind: "withhold", reason })
const everywhere = { kind: "announce", interfaces: "all", interfacesMissing: false }
const web = [{ matchLabels: { app: "web" } }]
const db = [{ matchLabels: { app: "db" } }]
const shared = { "metallb.io/allow-shared-ip": "" }
const endpoint = { addresses: ["10.244.0.1"], nodeName: "alpha" }
const nodesWith = (name: string, over: Parameters<typeof node>[1]) =>
  new Map(["alpha", "bravo", "charlie"].map((each) => [each, node(each, each === name ? over : {})]))
const taint = (key: string, value = "", effect = "NoSchedule") => ({ taints: [{ key, value, effect }] })
const exclude = "node.kubernetes.io/exclude-from-external-load-balancers"

const table: readonly (readonly [string, Case, object, Layer2Reason["rule"]])[] = [
  ["the leader announces, an endpoint being anywhere", {}, everywhere, "election"],
  ["another leads", { around: { nodeName: "bravo" } }, withheld("notOwner"), "election"],
  ["no endpoints", { endpoints: endpoints() }, withheld("notOwner"), "no-endpoints"],
  [
    "no endpoint is ready or serving",
    { endpoints: { key: "default/web", endpoints: [{ ...endpoint, ready: false, serving: false }] } },
    withheld("notOwner"),
    "no-endpoints",
  ],
  [
    "a terminating endpoint that still serves counts",
    { endpoints: { key: "default/web", endpoints: [{ ...endpoint, ready: false, serving: true }] } },
    everywhere,
    "election",
  ],
  [
    "ready absent counts as ready, even when serving is false",
    { endpoints: { key: "default/web", endpoints: [{ ...endpoint, serving: false }] } },
    everywhere,
    "election",
  ],
  [
    "an unhealthy endpoint does not hide a healthy one with its address",
    { endpoints: { key: "default/web", endpoints: [{ ...endpoint, ready: false }, endpoint] } },
    everywhere,
    "election",
  ],
  ["no advertisement", { advertisements: [] }, withheld("noMatchingAdvertisement"), "no-advertisement-selects-service"],
  [
    "no advertisement selects the Service",
    { service: { labels: { app: "web" } }, advertisements: [l2({ serviceSelectors: db })] },
    withheld("noMatchingAdvertisement"),
    "no-advertisement-selects-service",
  ],
  [
    "one of several selectors is enough",
    { service: { labels: { app: "web" } }, advertisements: [l2({ serviceSelectors: [...db, ...web] })] },
    everywhere,
    "election",
  ],
  [
    "sharing and a selecting advertisement exclude each other",
    {
      service: { labels: { app: "web" }, annotations: shared },
      advertisements: [l2(), l2({ name: "web-only", serviceSelectors: web })],
    },
    withheld("sharedIPWithServiceSelector"),
    "shared-ip-with-service-selector",
  ],
  [
    "so does the old name of the annotation",
    {
      service: { labels: { app: "web" }, annotations: { "metallb.universe.tf/allow-shared-ip": "key" } },
      advertisements: [l2({ serviceSelectors: web })],
    },
    withheld("sharedIPWithServiceSelector"),
    "shared-ip-with-service-selector",
  ],
  [
    "sharing comes before the question whether the node is covered",
    {
      service: { labels: { app: "web" }, annotations: shared },
      advertisements: [l2({ serviceSelectors: web, nodes: new Set(["alpha"]) })],
    },
    withheld("sharedIPWithServiceSelector"),
    "shared-ip-with-service-selector",
  ],
  [
    "an advertisement that selects other Services does no harm to sharing",
    {
      service: { labels: { app: "web" }, annotations: shared },
      advertisements: [l2(), l2({ name: "db-only", serviceSelectors: db })],
    },
    everywhere,
    "election",
  ],
  [
    "no matching advertisement covers this node",
    { advertisements: [l2({ nodes: new Set(["alpha"]) })] },
    withheld("noMatchingAdvertisement"),
    "no-advertisement-covers-node",
  ],
  [
    "nobody is elected before the members are known",
    { around: { speakers: "unknown" } },
    { kind: "undecided" },
    "members-unknown",
  ],
  [
    "a dead leader is followed by the next",
    { around: { nodeName: "bravo", speakers: new Set(["alpha", "bravo"]) } },
    everywhere,
    "election",
  ],
  [
    "this node counts as a member of its own ring",
    { around: { speakers: new Set(["alpha", "bravo"]) } },
    everywhere,
    "election",
  ],
  ["without gossip every node counts", { around: { speakers: "off" } }, everywhere, "election"],
  [
    "without gossip a node that the API server has not shown does not count",
    { around: { speakers: "off", nodes: new Map() } },
    withheld("notOwner"),
    "no-candidates",
  ],
  ["a member whose node is unknown counts", { around: { nodes: new Map() } }, everywhere, "election"],
  [
    "network unavailable",
    { around: { nodes: nodesWith("charlie", { networkUnavailable: true }) } },
    withheld("notOwner"),
    "node-dropped",
  ],
  [
    "network unavailable at the leader: the next takes over",
    { around: { nodeName: "bravo", nodes: nodesWith("charlie", { networkUnavailable: true }) } },
    everywhere,
    "node-dropped",
  ],
  [
    "exclude label, empty",
    { around: { nodes: nodesWith("charlie", { labels: { [exclude]: "" } }) } },
    withheld("notOwner"),
    "node-dropped",
  ],
  [
    "exclude label, false",
    { around: { nodes: nodesWith("charlie", { labels: { [exclude]: "false" } }) } },
    withheld("notOwner"),
    "node-dropped",
  ],
  [
    "exclude label, told to ignore it",
    { around: { ignoreExcludeLoadBalancer: true, nodes: nodesWith("charlie", { labels: { [exclude]: "" } }) } },
    everywhere,
    "election",
  ],
  [
    "out of service, whatever value and effect",
    {
      around: { nodes: nodesWith("charlie", taint("node.kubernetes.io/out-of-service", "nodeshutdown", "NoExecute")) },
    },
    withheld("nodeOutOfService"),
    "node-dropped",
  ],
  [
    "drained by taint",
    { around: { nodes: nodesWith("charlie", taint("troupe.dev/drain")) } },
    withheld("nodeDrained"),
    "node-dropped",
  ],
  [
    "drained by taint: the next takes over",
    { around: { nodeName: "bravo", nodes: nodesWith("charlie", taint("troupe.dev/drain")) } },
    everywhere,
    "election",
  ],
  [
    "cordoned is not drained",
    { around: { nodes: nodesWith("charlie", taint("node.kubernetes.io/unschedulable")) } },
    everywhere,
    "election",
  ],
  ["drained by command", { around: { drained: new Set(["charlie"]) } }, withheld("nodeDrained"), "node-dropped"],
  [
    "drained, and nobody else: nobody announces",
    { around: { drained: new Set(["charlie"]), speakers: new Set(["charlie"]) } },
    withheld("nodeDrained"),
    "no-candidates",
  ],
  ["its speaker is stopping", { around: { leaving: true } }, withheld("speakerStopping"), "election"],
  [
    "drained, and MetalLB's speaker is next: who knows of it takes over",
    { around: { nodeName: "alpha", drained: new Set(["charlie"]), unaware: new Set(["bravo"]) } },
    everywhere,
    "election",
  ],
  [
    "drained, and only MetalLB's speakers could take over: it goes on",
    { around: { drained: new Set(["charlie"]), unaware: new Set(["alpha", "bravo"]) } },
    everywhere,
    "drain-waits",
  ],
  [
    "drained without leading: MetalLB's speaker leads as before",
    { around: { nodeName: "alpha", drained: new Set(["bravo"]), unaware: new Set(["charlie"]) } },
    withheld("notOwner"),
    "election",
  ],
  [
    "out of service never goes on",
    {
      around: {
        nodes: nodesWith("charlie", taint("node.kubernetes.io/out-of-service")),
        unaware: new Set(["alpha", "bravo"]),
      },
    },
    withheld("nodeOutOfService"),
    "no-candidates",
  ],
  [
    "a candidate needs one of the advertisements, not one that covers this node too",
    {
      advertisements: [
        l2({ name: "mine", nodes: new Set(["alpha"]) }),
        l2({ name: "other", nodes: new Set(["bravo"]) }),
      ],
      around: { nodeName: "alpha" },
    },
    withheld("notOwner"),
    "election",
  ],
  [
    "Local: only nodes with an endpoint",
    { service: { externalTrafficPolicy: "Local" } },
    withheld("notOwner"),
    "node-dropped",
  ],
  [
    "Local: the leader among the nodes with an endpoint",
    {
      service: { externalTrafficPolicy: "Local" },
      endpoints: endpoints("bravo", "alpha"),
      around: { nodeName: "bravo" },
    },
    everywhere,
    "election",
  ],
  [
    "Local: an endpoint without a node is nowhere",
    {
      service: { externalTrafficPolicy: "Local" },
      endpoints: { key: "default/web", endpoints: [{ addresses: ["10.244.0.1"] }] },
    },
    withheld("notOwner"),
    "no-candidates",
  ],
  ["anything but Local is Cluster", { service: { externalTrafficPolicy: "" } }, everywhere, "election"],
  [
    "preferences move the address",
    { advertisements: [l2({ scores: new Map([["alpha", 1]]) })], around: { nodeName: "alpha" } },
    everywhere,
    "election",
  ],
  [
    "the scores of several advertisements add up, each for its own nodes only",
    {
      advertisements: [
        l2({ scores: new Map([["alpha", 30]]) }),
        l2({
          name: "b",
          nodes: new Set(["bravo"]),
          scores: new Map([
            ["bravo", 20],
            ["alpha", 90],
          ]),
        }),
        l2({ name: "c", scores: new Map([["bravo", 11]]) }),
      ],
      around: { nodeName: "bravo" },
    },
    everywhere,
    "election",
  ],
  [
    "interfaces: the union of the advertisements that cover this node",
    {
      advertisements: [
        l2({ interfaces: ["eth1", "eth0"] }),
        l2({ name: "b", interfaces: ["eth2"] }),
        l2({ name: "c", interfaces: "all", nodes: new Set(["alpha"]) }),
      ],
    },
    { kind: "announce", interfaces: ["eth0", "eth1", "eth2"], interfacesMissing: false },
    "interfaces",
  ],
  [
    "interfaces: one advertisement without a list opens all",
    { advertisements: [l2({ interfaces: ["eth1"] }), l2({ name: "b" })] },
    everywhere,
    "interfaces",
  ],
  [
    "interfaces: none of them is here, and the election stands",
    { advertisements: [l2({ interfaces: ["eth1"] })], around: { interfaces: new Set(["eth0"]) } },
    { kind: "announce", interfaces: ["eth1"], interfacesMissing: true },
    "interfaces-missing",
  ],
  [
    "interfaces: one of them is enough",
    { advertisements: [l2({ interfaces: ["eth1", "eth0"] })], around: { interfaces: new Set(["eth0"]) } },
    { kind: "announce", interfaces: ["eth0", "eth1"], interfacesMissing: false },
    "interfaces",
  ],
]

for (const [name, given, decision, rule] of table) {
  test(name, (t) => {
    const verdict = decide(given)
    t.deepEqual(verdict.decision, decision as Layer2Decision)
    t.true(
      verdict.because.some((reason) => reason.rule === rule),
      JSON.stringify(verdict.because),
    )
    for (const reason of verdict.because) t.regex(describeLayer2(reason), /^\S.*\S$/)
  })
}

test("the reasons name every node that was looked at", (t) => {
  const verdict = decide({
    service: { externalTrafficPolicy: "Local" },
    endpoints: endpoints("bravo", "charlie"),
    around: {
      speakers: new Set(["alpha", "charlie"]),
      nodes: new Map([...nodesWith("alpha", { networkUnavailable: true }), ["delta", node("delta")]]),
    },
  })
  t.deepEqual(verdict.because.slice(0, 3), [
    { rule: "node-dropped", node: "alpha", why: "network-unavailable" },
    { rule: "node-dropped", node: "bravo", why: "not-a-member" },
    { rule: "node-dropped", node: "delta", why: "not-a-member" },
  ])
})

const names = ["alpha", "bravo", "charlie", "delta", "echo"]
const some = fc.subarray(names)
const advertisement = fc.record({
  nodes: some,
  scores: fc.dictionary(fc.constantFrom(...names), fc.nat({ max: 3 })),
  serviceSelectors: fc.constantFrom([], web, db),
})

test("speakers with the same facts elect exactly one leader, or none when nobody is a candidate", (t) => {
  let led = 0
  fc.assert(
    fc.property(
      fc.array(advertisement, { maxLength: 4 }),
      some,
      some,
      fc.subarray(names, { minLength: 1 }),
      fc.boolean(),
      fc.nat({ max: 255 }),
      (ads, alive, unavailable, endpointsOn, local, last) => {
        const advertisements = ads.map(({ nodes, scores, serviceSelectors }, i) =>
          l2({ name: `ad-${i}`, nodes: new Set(nodes), scores: new Map(Object.entries(scores)), serviceSelectors }),
        )
        const verdicts = alive.map((nodeName) =>
          decideLayer2(
            service({ labels: { app: "web" }, externalTrafficPolicy: local ? "Local" : "Cluster" }),
            [ip(`192.0.2.${last}`)],
            advertisements,
            endpoints(...endpointsOn),
            surroundings({
              nodeName,
              speakers: new Set(alive),
              nodes: new Map(
                names.map((name) => [name, node(name, { networkUnavailable: unavailable.includes(name) })]),
              ),
            }),
          ),
        )
        const leaders = verdicts.filter(({ decision }) => decision.kind === "announce").length
        const selecting = advertisements.filter(({ serviceSelectors }) => serviceSelectors !== db)
        const candidates = alive.filter(
          (name) =>
            !unavailable.includes(name) &&
            selecting.some(({ nodes }) => nodes.has(name)) &&
            (!local || endpointsOn.includes(name)),
        )
        led += leaders
        t.is(leaders, candidates.length === 0 ? 0 : 1)
      },
    ),
    { numRuns: 500 },
  )
  t.true(led > 50, "the property saw leaders")
})
