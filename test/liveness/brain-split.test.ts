// Whole speakers: what the Service says of a split, from its beginning to its end.
import test from "ava"
import { brainSplit } from "../../actors/announcer/brain-split.ts"
import type { ServiceCondition } from "../../config/facts.ts"
import { MemoryWitness } from "../witness/memory-store.ts"
import { type Cluster, cluster } from "./cluster.ts"

const key = "default/web-0"
const condition = ({ api }: Cluster): ServiceCondition | undefined => api.services.get(key)?.conditions?.[brainSplit]
const events = ({ api }: Cluster) => api.events.filter(({ reason }) => reason === "brainSplit")
/** Statuses in the order in which they came about. */
function history({ api }: Cluster): readonly string[] {
  const all = api.conditionSets.flatMap(({ services }) => services.get(key)?.condition.status ?? [])
  return all.filter((status, i) => status !== all[i - 1])
}
const other: ServiceCondition = { status: "True", reason: "Fine", message: "of somebody else" }

for (const seed of [1, 2]) {
  test(`gossip is split: said in the words of the Event for as long as it lasts, then healed (seed ${seed})`, async (t) => {
    const it = cluster(seed)
    await it.settled()
    await it.answeredBy("charlie", 1000)
    it.api.changeService(key, { conditions: { Other: other } })
    await it.sim.runFor(60_000)
    t.deepEqual(it.api.conditionSets, [], "without a split nothing is written")
    it.cutGossip("charlie")
    await it.sim.runFor(40_000)
    const told = condition(it)
    t.like(told, { status: "True", reason: "GossipSplit" })
    t.true(
      events(it).some(({ message }) => message === told?.message),
      told?.message,
    )
    await it.sim.runFor(150_000)
    t.deepEqual(history(it), ["True"], "it does not come and go")
    t.is(condition(it)?.status, "True")
    it.mendGossip()
    await it.sim.runFor(120_000)
    t.like(condition(it), { status: "False", reason: "Healed" })
    t.deepEqual(history(it), ["True", "False"])
    t.deepEqual(it.api.services.get(key)?.conditions?.["Other"], other)
    const sets = it.api.conditionSets.length
    await it.sim.runFor(60_000)
    t.is(it.api.conditionSets.length, sets)
  })

  test(`the one that had the address dies during the split: no two nodes any more (seed ${seed})`, async (t) => {
    const it = cluster(seed)
    await it.settled()
    await it.answeredBy("charlie", 1000)
    it.cutGossip("charlie")
    await it.sim.runFor(60_000)
    t.is(condition(it)?.status, "True")
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000)
    await it.sim.runFor(45_000)
    t.like(condition(it), { status: "False", reason: "Healed" })
  })

  test(`both halves of a cut segment announce: said by one of them, and healed with it (seed ${seed})`, async (t) => {
    const it = cluster(seed, {
      witness: (nowMs) => ({ store: new MemoryWitness(nowMs).store(), onSplit: "settle" }),
    })
    await it.settled()
    await it.answeredBy("charlie", 1000)
    for (const name of ["alpha", "bravo"]) it.sim.network.partition("charlie", name)
    await it.sim.runFor(120_000)
    const told = condition(it)
    t.like(told, { status: "True", reason: "BothAnnounce" })
    t.true(events(it).some(({ message }) => message === told?.message))
    it.sim.network.heal()
    await it.sim.runFor(150_000)
    t.like(condition(it), { status: "False", reason: "Healed" })
    t.deepEqual(history(it), ["True", "False"])
  })
}

test("a speaker that starts ends what it said in an earlier life, and nobody else's", async (t) => {
  const it = cluster(1)
  const said = (node: string): ServiceCondition => ({
    status: "True",
    reason: "GossipSplit",
    message: `brain split: gossip of node "${node}" (02:00:00:00:00:01) calls "bravo" dead, which has 192.0.2.10 on eth0 with MAC 02:00:00:00:00:02`,
  })
  it.api.changeService(key, { conditions: { [brainSplit]: said("delta") } })
  it.api.putNode(it.nodeOf("delta"))
  await it.settled()
  await it.sim.runFor(60_000)
  t.deepEqual(it.api.conditionSets, [], "delta may be back")
  it.api.deleteNode("delta")
  await it.sim.runFor(20_000)
  t.like(condition(it), { status: "False", reason: "Healed" })
  const written = it.api.conditionSets.flatMap(({ services }) => [...services.values()])
  t.is(written.length, 1, "by bravo, whom it named, and nobody else")
  t.regex(condition(it)?.message ?? "", /"bravo"/)

  it.api.changeService(key, { conditions: { [brainSplit]: said("alpha") } })
  await it.sim.runFor(20_000)
  t.like(condition(it), { status: "False", reason: "Healed" })
  t.regex(condition(it)?.message ?? "", /"alpha"/)
})
