// When a Service says that two nodes have an address of it, and when that it is over.
import test from "ava"
import {
  bothAnnounce,
  conditionToWrite,
  gossipSplit,
  type Onlooker,
  type Split,
} from "../../actors/announcer/brain-split.ts"
import type { ServiceCondition } from "../../config/facts.ts"

const [macA, macB] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
const onWire = (self: string, node: string) =>
  gossipSplit(self, { ip: "192.0.2.10", node, mac: macB, interface: "eth0", ownMac: macA })
const conflict = { ip: "192.0.2.10", node: "bravo", macs: [macB], epoch: 2, ownEpoch: 1 }
const byWitness = bothAnnounce("alpha", [macA], conflict)

const nowMs = 1_000_000
const split = (over: Partial<Split> = {}): Split => ({
  ip: "192.0.2.10",
  node: "bravo",
  reason: "GossipSplit",
  message: onWire("alpha", "bravo"),
  seenMs: nowMs,
  yielded: false,
  ...over,
})
const says = (message: string, over: Partial<ServiceCondition> = {}): ServiceCondition => ({
  status: "True",
  reason: "GossipSplit",
  message,
  ...over,
})
const healed = says('node "bravo" has seen no other node …', { status: "False", reason: "Healed" })

type Row = readonly [
  string,
  ServiceCondition | undefined,
  readonly Split[],
  ServiceCondition["status"] | undefined,
  Partial<Onlooker>?,
]
const rows: readonly Row[] = [
  ["nothing is seen and nothing is said", undefined, [], undefined],
  ["a split is seen", undefined, [split()], "True"],
  ["again after one that was over", healed, [split()], "True"],
  ["it says so already", says(onWire("alpha", "bravo")), [split()], undefined],
  ["the other one has said so first", says(onWire("bravo", "alpha")), [split()], undefined],
  [
    "likewise, by the witness",
    says(byWitness, { reason: "BothAnnounce" }),
    [split({ reason: "BothAnnounce" })],
    undefined,
  ],
  [
    "who left the address knows better than who has it",
    says(onWire("bravo", "alpha")),
    [split({ yielded: true })],
    "True",
  ],
  ["but not better than itself", says(onWire("alpha", "bravo")), [split({ yielded: true })], undefined],
  ["another two nodes are named", says(onWire("alpha", "charlie")), [split()], "True"],
  ["nodes whose names begin alike are others", says(onWire("alpha", "bravo-2")), [split()], "True"],
  ["old news is not worth a write", undefined, [split({ seenMs: nowMs - 13_000 })], undefined],
  ["old news is not over", says(onWire("alpha", "bravo")), [split({ seenMs: nowMs - 29_000 })], undefined],
  ["no sign any more: over, whoever of us said it", says(onWire("alpha", "bravo")), [], "False"],
  ["the other one said it, and says that it is over", says(onWire("bravo", "alpha")), [], undefined],
  [
    "the other one is no node any more",
    says(onWire("bravo", "alpha")),
    [],
    "False",
    { isNode: (name) => name === "alpha" },
  ],
  ["of others that are gone", says(onWire("bravo", "charlie")), [], undefined, { isNode: (name) => name === "alpha" }],
  ["just started: it may be seen again", says(onWire("alpha", "bravo")), [], undefined, { sinceMs: nowMs - 29_000 }],
  ["over already", healed, [], undefined],
  ["words of nobody we know", says("something else"), [], undefined],
]
for (const [name, present, splits, status, over] of rows) {
  test(name, (t) => {
    const by = { self: "alpha", nowMs, sinceMs: 0, isNode: () => true, ...over }
    const written = conditionToWrite(present, splits, by)
    t.is(written?.status, status)
    if (written === undefined) return
    // What was written is not written again, by whoever comes next.
    t.is(conditionToWrite(written, splits, by), undefined)
    const bravo = split({ node: "alpha", message: onWire("bravo", "alpha") })
    if (splits.length > 0) t.is(conditionToWrite(written, [bravo], { ...by, self: "bravo" }), undefined)
  })
}

test("both nodes, both MACs and the address are named, in the words of the Event", (t) => {
  const [told, witnessed] = [split(), split({ reason: "BothAnnounce", message: byWitness })].map((seen) =>
    conditionToWrite(undefined, [seen], { self: "alpha", nowMs, sinceMs: 0, isNode: () => true }),
  )
  t.deepEqual(told, {
    status: "True",
    reason: "GossipSplit",
    message: `brain split: gossip of node "alpha" (${macA}) calls "bravo" dead, which has 192.0.2.10 on eth0 with MAC ${macB}`,
  })
  t.deepEqual(witnessed, {
    status: "True",
    reason: "BothAnnounce",
    message: `brain split: node "alpha" (${macA}) and node "bravo" (${macB}) both announce 192.0.2.10, by the witness; epochs 1 and 2`,
  })
})
