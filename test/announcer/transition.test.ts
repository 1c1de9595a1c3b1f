import test from "ava"
import type { ServiceDecision } from "../../actors/announcer/service-decision.ts"
import { type Announcement, move, type Step } from "../../actors/announcer/transition.ts"
import type { Withdrawal } from "../../actors/announcer/withdrawal.ts"
import { ip } from "./facts.ts"

const route = (prefix: string) => ({ prefix, localPref: 0, communities: [], peers: [] })
const routes = [route("192.0.2.10/32")]
const everywhere = { interfaces: "all", interfacesMissing: false } as const
const nowhere = { interfaces: ["eth7"], interfacesMissing: true } as const
const held = (protocols: Pick<Announcement, "bgp" | "layer2">, ...ips: readonly string[]): Announcement => ({
  pool: "first",
  ips: (ips.length === 0 ? ["192.0.2.10"] : ips).map(ip),
  ...protocols,
})

interface Wanted {
  readonly bgp: Withdrawal | { readonly routes: typeof routes }
  readonly layer2: Withdrawal | "undecided" | (Announcement["layer2"] & {})
  readonly ips?: readonly string[]
}

function considered({ bgp, layer2, ips = ["192.0.2.10"] }: Wanted): ServiceDecision {
  return {
    kind: "considered",
    pool: "first",
    ips: ips.map(ip),
    bgp: {
      decision: typeof bgp === "string" ? { kind: "withhold", reason: bgp } : { kind: "announce", ...bgp },
      because: [],
    },
    layer2: {
      decision:
        layer2 === "undecided"
          ? { kind: "undecided" }
          : typeof layer2 === "string"
            ? { kind: "withhold", reason: layer2 }
            : { kind: "announce", ...layer2 },
      because: [],
    },
  }
}

const words = (steps: readonly Step[]) =>
  steps.map((step) => {
    switch (step.kind) {
      case "announced":
        return `announced ${step.protocol}`
      case "interfaces-missing":
        return `missing ${step.interfaces.join()} for ${step.ips.join()}`
      case "withdrawn":
        return `withdrawn ${step.reason}`
    }
  })

const both = held({ bgp: { routes }, layer2: everywhere })
const table: readonly (readonly [
  string,
  Announcement | undefined,
  ServiceDecision,
  readonly string[],
  Announcement | undefined,
])[] = [
  ["nothing to nothing", undefined, considered({ bgp: "notOwner", layer2: "notOwner" }), [], undefined],
  [
    "both begin, BGP first",
    undefined,
    considered({ bgp: { routes }, layer2: everywhere }),
    ["announced bgp", "announced layer2"],
    both,
  ],
  ["both stay", both, considered({ bgp: { routes }, layer2: everywhere }), [], both],
  ["one goes", both, considered({ bgp: "noEndpoints", layer2: everywhere }), [], held({ layer2: everywhere })],
  [
    "the last goes, for its own reason",
    held({ bgp: { routes } }),
    considered({ bgp: "noLocalEndpoints", layer2: "notOwner" }),
    ["withdrawn noLocalEndpoints"],
    undefined,
  ],
  [
    "both go, for the reason of the last",
    both,
    considered({ bgp: "noEndpoints", layer2: "notOwner" }),
    ["withdrawn notOwner"],
    undefined,
  ],
  [
    "the other takes its place",
    held({ bgp: { routes } }),
    considered({ bgp: "noEndpoints", layer2: everywhere }),
    ["withdrawn noEndpoints", "announced layer2"],
    held({ layer2: everywhere }),
  ],
  [
    "other routes",
    both,
    considered({ bgp: { routes: [route("192.0.2.0/24")] }, layer2: everywhere }),
    ["announced bgp"],
    held({ bgp: { routes: [route("192.0.2.0/24")] }, layer2: everywhere }),
  ],
  [
    "other addresses",
    both,
    considered({ bgp: { routes }, layer2: "notOwner", ips: ["192.0.2.20"] }),
    ["withdrawn loadBalancerIPChanged", "announced bgp"],
    held({ bgp: { routes } }, "192.0.2.20"),
  ],
  [
    "one address more",
    held({ layer2: everywhere }),
    considered({ bgp: "notOwner", layer2: everywhere, ips: ["192.0.2.10", "2001:db8::1"] }),
    ["withdrawn loadBalancerIPChanged", "announced layer2"],
    held({ layer2: everywhere }, "192.0.2.10", "2001:db8::1"),
  ],
  [
    "the same addresses in another order",
    held({ layer2: everywhere }, "192.0.2.10", "2001:db8::1"),
    considered({ bgp: "notOwner", layer2: everywhere, ips: ["2001:db8::1", "192.0.2.10"] }),
    [],
    held({ layer2: everywhere }, "2001:db8::1", "192.0.2.10"),
  ],
  [
    "interfaces that are not here",
    undefined,
    considered({ bgp: "notOwner", layer2: nowhere }),
    ["announced layer2", "missing eth7 for 192.0.2.10"],
    held({ layer2: nowhere }),
  ],
  ["layer 2 undecided", both, considered({ bgp: { routes }, layer2: "undecided" }), [], both],
  ["stopped", both, { kind: "stopped", reason: "serviceDeleted" }, ["withdrawn serviceDeleted"], undefined],
  ["stopped, nothing being announced", undefined, { kind: "stopped", reason: "noIPAllocated" }, [], undefined],
  ["another class", both, { kind: "ignored" }, [], undefined],
]

for (const [name, before, decision, steps, after] of table) {
  test(name, (t) => {
    const moved = move(before, decision)
    t.deepEqual(words(moved.steps), [...steps])
    t.deepEqual(moved.after, after)
  })
}

test("the same announcement is the same object", (t) => {
  t.is(move(both, considered({ bgp: { routes: [route("192.0.2.10/32")] }, layer2: { ...everywhere } })).after, both)
})
