// One speaker whose wire watch tells of splits, many at once.
import test from "ava"
import { brainSplit } from "../../actors/announcer/brain-split.ts"
import type { Layer2Happened } from "../../actors/announcer/layer2/messages.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { ip } from "../arp/frames.ts"
import { member, put, type Speaker, speaker } from "./harness.ts"

const wire = { liveness: true, strangers: "defend" } as const
const addresses = Array.from({ length: 150 }, (_, i) => `192.0.2.${i + 1}`)

async function split(it: Speaker, ...ips: readonly string[]): Promise<void> {
  const to = it.layer2.at(-1)?.findLast((message) => message.kind === "tell-happenings")?.to as ActorRef<Layer2Happened>
  for (const address of ips)
    it.system.send(to, {
      kind: "layer2-happened",
      interface: "eth0",
      mac: "02:00:00:00:00:0c",
      happening: { what: "brain-split", ip: ip(address), node: "bravo", mac: "02:00:00:00:00:0b" },
    })
  await it.quiet()
}

async function started(ips: readonly string[]): Promise<Speaker> {
  const it = await speaker({ wire })
  await it.change((cluster) => {
    for (const [i, address] of ips.entries()) put(cluster, `web-${i}`, address)
  })
  await it.members(member("alpha", "dead"), member("bravo", "dead"), member("charlie"))
  return it
}
const saying = ({ cluster }: Speaker, status: string): number =>
  [...cluster.services.values()].filter(({ conditions }) => conditions?.[brainSplit]?.status === status).length

test("a hundred Services at a time, and how many wait is in the log once", async (t) => {
  const it = await started(addresses)
  await it.pass(60_000)
  t.deepEqual(it.cluster.conditionSets, [])
  await split(it, ...addresses)
  await it.pass(1000)
  t.is(saying(it, "True"), 100)
  const fields = () => it.lines.map((line) => line.fields).filter(({ event }) => event === "brainSplitConditions")
  t.deepEqual(
    fields().map(({ written, waiting }) => [written, waiting]),
    [[100, 50]],
  )
  await it.pass(5000)
  t.is(saying(it, "True"), 150)
  t.true(it.cluster.conditionSets.every(({ services }) => services.size <= 100))
  // No further sign: over, as many at a time.
  await it.pass(60_000)
  t.is(saying(it, "False"), 150)
  t.is(fields().length, 2)
  const sets = it.cluster.conditionSets.length
  await it.pass(600_000)
  t.is(it.cluster.conditionSets.length, sets)
})

test("while this node has left the address to the other one it lasts, also across a restart of the announcer", async (t) => {
  const it = await started(["192.0.2.10", "192.0.2.11"])
  const yielded = { ...noCounts, taken: [], yielded: ["192.0.2.10"] }
  await it.layer2Report({ wire: yielded })
  await split(it, "192.0.2.10", "192.0.2.11")
  await it.pass(120_000)
  t.is(it.cluster.services.get("default/web-0")?.conditions?.[brainSplit]?.status, "True")
  t.is(it.cluster.services.get("default/web-1")?.conditions?.[brainSplit]?.status, "False")
  await it.kill("/speaker/announcer")
  await it.members(member("alpha", "dead"), member("bravo", "dead"), member("charlie"))
  await it.layer2Report({ wire: yielded })
  await it.pass(120_000)
  t.is(it.cluster.services.get("default/web-0")?.conditions?.[brainSplit]?.status, "True")
  await it.layer2Report({ wire: { ...yielded, yielded: [] } })
  await it.pass(60_000)
  t.is(it.cluster.services.get("default/web-0")?.conditions?.[brainSplit]?.status, "False")
})

const noCounts = {
  counts: {
    takeovers: {},
    yields: 0,
    contests: 0,
    conflicts: 0,
    splits: 0,
    remembered: 0,
    pauses: 0,
    probesSent: 0,
    probesMissed: 0,
  },
}
