// What the announcer tells the layer 2 thread about those before it, the ring about itself, and people.
import test from "ava"
import type { Layer2Happened, Layer2Wire } from "../../actors/announcer/layer2/messages.ts"
import type { Member } from "../../cluster/messages.ts"
import { markVersion } from "../../cluster/speaker-mark.ts"
import type { ActorRef } from "../../supervision/reference.ts"
import { node } from "../announcer/facts.ts"
import { ip } from "../arp/frames.ts"
import { member, put, type Speaker, speaker } from "../speaker/harness.ts"

const wire = { liveness: true, strangers: "defend" } as const
const macs: Readonly<Record<string, string>> = {
  alpha: "02:00:00:00:00:0a",
  bravo: "02:00:00:00:00:0b",
  charlie: "02:00:00:00:00:0c",
}
const marked = (name: string, state: Member["state"] = "alive"): Member => ({
  ...member(name, state),
  mark: { version: 1, macs: [macs[name] ?? ""] },
})
const all = () => ["alpha", "bravo", "charlie"].map((name) => marked(name))

const told = (it: Speaker): Layer2Wire | undefined =>
  it.layer2.at(-1)?.findLast((message) => message.kind === "table")?.wire

/** 192.0.2.10 is led by charlie, which is us; .12 by bravo, then alpha, then charlie; .13 by alpha, then charlie. */
async function started(over: Parameters<typeof speaker>[0] = {}): Promise<Speaker> {
  const it = await speaker({ wire, ...over })
  await it.change((cluster) => {
    for (const last of [10, 12, 13]) put(cluster, `web-${last}`, `192.0.2.${last}`)
  })
  await it.members(...all())
  return it
}

test("standby: each address that this node would have next, with those before it", async (t) => {
  const it = await started()
  t.deepEqual(it.addresses(), ["192.0.2.10"])
  const now = told(it)
  t.true(now?.liveness)
  t.deepEqual(
    now?.members.map(({ name, address, port, macs: own, state }) => [name, address, port, own, state]),
    [
      ["alpha", "10.0.0.1", 7946, [macs["alpha"]], "alive"],
      ["bravo", "10.0.0.2", 7946, [macs["bravo"]], "alive"],
    ],
  )
  t.deepEqual(now?.standby, [
    { ip: "192.0.2.12", interfaces: "all", before: ["bravo", "alpha"] },
    { ip: "192.0.2.13", interfaces: "all", before: ["alpha"] },
  ])
})

test("a leader that gossip calls dead stays in the order, with what it said of itself", async (t) => {
  const it = await started()
  await it.members(member("alpha", "dead"), marked("bravo"), marked("charlie"))
  t.true(it.addresses()?.includes("192.0.2.13"))
  t.deepEqual(it.table()?.find((entry) => entry.ip === "192.0.2.13")?.before, ["alpha"])
  const alpha = told(it)?.members.find(({ name }) => name === "alpha")
  t.deepEqual([alpha?.state, alpha?.macs], ["dead", [macs["alpha"]]])
  t.true(told(it)?.liveness, "the dead need not take part")
})

test("a living member that says nothing of itself switches it off, and its mark switches it on", async (t) => {
  const it = await started()
  await it.members(member("alpha"), marked("bravo"), marked("charlie"))
  t.false(told(it)?.liveness)
  t.deepEqual(told(it)?.standby, [])
  t.deepEqual((await it.status()).liveness, { state: "off", reason: "alpha takes no part in it" })
  await it.members(...all())
  t.true(told(it)?.liveness)
  t.is(told(it)?.standby.length, 2)
})

test("by configuration: strangers only, or nothing at all", async (t) => {
  const strangersOnly = await started({ wire: { liveness: false, strangers: "cease" } })
  t.like(told(strangersOnly), { liveness: false, strangers: "cease", standby: [] })
  const nothing = await speaker()
  await nothing.members(...all())
  t.is(told(nothing), undefined)
  t.is((await nothing.status()).liveness, undefined)
})

test("the ring hears by which MACs this node announces, again when gossip begins anew", async (t) => {
  const it = await started()
  await it.layer2Report({ macs: ["02:00:00:00:00:0c"] })
  const marks = () => it.gossip.at(-1)?.filter((message) => message.kind === "mark")
  const mark = { kind: "mark", mark: { version: markVersion, macs: ["02:00:00:00:00:0c"], claims: [] } } as const
  t.deepEqual(marks(), [mark])
  await it.layer2Report({ macs: ["02:00:00:00:00:0c"], requestsReceived: { "192.0.2.10": 1 } })
  t.is(marks()?.length, 1)
  await it.kill("/speaker/cluster")
  t.deepEqual(marks(), [mark])
})

test("a node with a drain taint hands over as soon as somebody knows of drains", async (t) => {
  const it = await started()
  const taints = [{ key: "troupe.dev/drain", value: "", effect: "NoSchedule" }]
  await it.change((cluster) => cluster.putNode(node("charlie", { taints })))
  t.true(it.addresses()?.includes("192.0.2.10"), "the others would not announce in its place")
  const knowing = ["alpha", "bravo", "charlie"].map(
    (name): Member => ({ ...marked(name), mark: { version: markVersion, macs: [macs[name] ?? ""] } }),
  )
  await it.members(...knowing)
  t.deepEqual(it.addresses(), [])
})

test("a member that contradicts us is asked what it knows, once for all addresses", async (t) => {
  const it = await started()
  const to = it.layer2.at(-1)?.findLast((message) => message.kind === "tell-happenings")?.to as ActorRef<Layer2Happened>
  const contested = (address: string, by: "alpha" | "bravo") =>
    it.system.send(to, {
      kind: "layer2-happened",
      interface: "eth0",
      mac: macs["charlie"] ?? "",
      happening: { what: "contested", ip: ip(address), by, mac: macs[by] ?? "", defended: true },
    })
  for (const address of ["192.0.2.12", "192.0.2.13"]) contested(address, "bravo")
  contested("192.0.2.12", "alpha")
  await it.quiet()
  t.deepEqual(
    it.gossip.at(-1)?.filter((message) => message.kind === "sync"),
    [
      { kind: "sync", name: "bravo" },
      { kind: "sync", name: "alpha" },
    ],
  )
})

test("what happened on the wire becomes an Event of the Service", async (t) => {
  const it = await started()
  const to = it.layer2.at(-1)?.findLast((message) => message.kind === "tell-happenings")?.to as ActorRef<Layer2Happened>
  const where = { kind: "layer2-happened", interface: "eth0", mac: macs["charlie"] ?? "" } as const
  const address = ip("192.0.2.12")
  it.system.send(to, {
    ...where,
    happening: { what: "taken-over", ip: address, from: "bravo", cause: "process-dead", because: [] },
  })
  it.system.send(to, {
    ...where,
    happening: { what: "conflict", ip: address, mac: "02:00:00:00:00:ee", answer: "defended" },
  })
  it.system.send(to, {
    ...where,
    happening: { what: "brain-split", ip: address, node: "bravo", mac: macs["bravo"] ?? "" },
  })
  await it.quiet()
  const events = it.cluster.events.filter(({ key }) => key === "default/web-12")
  t.deepEqual(
    events.slice(-3).map(({ type, reason }) => [type, reason]),
    [
      ["Normal", "takenOver"],
      ["Warning", "addressConflict"],
      ["Warning", "brainSplit"],
    ],
  )
  t.true(events.at(-1)?.message.includes("02:00:00:00:00:0b"))
  t.true(events.at(-1)?.message.includes("02:00:00:00:00:0c"))
})
