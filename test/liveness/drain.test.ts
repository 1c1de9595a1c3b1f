// Planned hand-over with whole speakers, by seed: a client that goes on asking always gets an answer.
import test, { type ExecutionContext } from "ava"
import type { DrainStatus } from "../../actors/announcer/drain-messages.ts"
import type { NodeFacts } from "../../config/facts.ts"
import { ip } from "../arp/frames.ts"
import { type Cluster, cluster, type Options, web } from "./cluster.ts"

const seeds = [1, 2, 3]

async function bySeed(options: Options, story: (it: Cluster, seed: number) => Promise<void>): Promise<void> {
  for (const seed of seeds) {
    const it = cluster(seed, options)
    await it.settled()
    await it.answeredBy("charlie", 1000)
    await story(it, seed)
  }
}

/** Who answered, change by change, and how often nobody did. */
async function asking(it: Cluster, ms: number, address = web) {
  const by: string[] = []
  let unanswered = 0
  const endMs = it.sim.nowMs() + ms
  while (it.sim.nowMs() < endMs) {
    const answers = await it.client.ask(address, it.sim)
    if (answers.length === 0) unanswered++
    const text = answers.toSorted().join("+")
    if (text !== by.at(-1)) by.push(text)
    await it.sim.runFor(10)
  }
  return { by, unanswered }
}

function goesTo(t: ExecutionContext, found: Awaited<ReturnType<typeof asking>>, to: string, seed: number): void {
  t.is(found.unanswered, 0, `seed ${seed}: ${found.by.join(", ")}`)
  t.is(found.by.at(-1), to, `seed ${seed}: ${found.by.join(", ")}`)
}

const layer2Of = ({ services }: DrainStatus) => services.find(({ protocol }) => protocol === "layer2")

const taint = (key: string): Partial<NodeFacts> => ({ taints: [{ key, value: "", effect: "NoSchedule" }] })

test("a speaker that is stopped answers until the next one is heard, and not much longer", async (t) => {
  await bySeed({}, async (it, seed) => {
    const fromMs = it.sim.nowMs()
    const left = it.leave("charlie").then(() => it.sim.nowMs() - fromMs)
    goesTo(t, await asking(it, 3000), "bravo", seed)
    const tookMs = await left
    t.true(tookMs < 1000, `seed ${seed}: ${tookMs}`)
    t.deepEqual(
      it.said("handOver").flatMap(({ host, fields }) => (fields["ip"] === web ? [[host, fields["to"]]] : [])),
      [["charlie", "bravo"]],
    )
    t.deepEqual(it.said("takeOver"), [])
  })
})

test("nobody else is there: a speaker that is stopped does not wait", async (t) => {
  const it = cluster(1, { hosts: 1 })
  await it.settled()
  await it.answeredBy("alpha", 1000)
  const fromMs = it.sim.nowMs()
  await it.shutDown("alpha")
  t.true(it.sim.nowMs() - fromMs < 200, String(it.sim.nowMs() - fromMs))
  t.true(it.lines.some(({ fields }) => fields["message"] === "no other node can announce these services"))
})

test("drained by command: handed over without a gap, whatever dies it stays so, and back without a gap", async (t) => {
  await bySeed({}, async (it, seed) => {
    t.like(layer2Of(await it.drainStatus("charlie")), { state: "announced", to: "bravo", alone: false })
    it.drain("charlie", true)
    goesTo(t, await asking(it, 3000), "bravo", seed)
    const status = await it.drainStatus("charlie")
    t.like(status, { command: true, fault: "drain-command", done: true, routes: {} })
    t.like(layer2Of(status), { service: "default/web-0", protocol: "layer2", state: "gone", to: "bravo" })
    t.deepEqual(
      it.api.events.filter(({ reason }) => reason === "handedOver").map(({ message }) => message),
      [`node "charlie" has handed over ${web} on eth0 (it is drained: \`troupe drain\` was run there) to "bravo"`],
    )
    for (const path of ["/speaker/announcer", "/speaker/layer2", "/speaker/cluster", "/speaker/api"]) {
      t.true(await it.killActor("charlie", path))
      goesTo(t, await asking(it, 4000), "bravo", seed)
      t.true((await it.drainStatus("charlie")).command, path)
    }
    // Its successor falls silent: the drained one does not stand in.
    it.sim.network.killProcess("bravo")
    await it.answeredBy("alpha", 2000)
    it.start("bravo")
    await it.answeredBy("bravo", 10_000)
    it.drain("charlie", false)
    goesTo(t, await asking(it, 3000), "charlie", seed)
    t.deepEqual(
      it.said("takeOver").map(({ host }) => host),
      ["alpha"],
      `seed ${seed}`,
    )
  })
})

test("drained by taint, and the taint taken away: without a gap either way", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.api.putNode(it.nodeOf("charlie", taint("troupe.dev/drain")))
    goesTo(t, await asking(it, 3000), "bravo", seed)
    t.is((await it.status("charlie"))?.fault, "drain-taint")
    it.api.putNode(it.nodeOf("charlie"))
    goesTo(t, await asking(it, 3000), "charlie", seed)
  })
})

test("without gossip: a taint is known to all, and the next leader is heard", async (t) => {
  await bySeed({ gossip: false }, async (it, seed) => {
    it.api.putNode(it.nodeOf("charlie", taint("troupe.dev/drain")))
    goesTo(t, await asking(it, 3000), "bravo", seed)
    t.is(it.said("handOver")[0]?.fields["afterMs"] !== 2000, true)
    it.api.putNode(it.nodeOf("charlie"))
    goesTo(t, await asking(it, 3000), "charlie", seed)
  })
})

test("without liveness on the wire, and without a speaker of ours next in line", async (t) => {
  await bySeed({ liveness: false }, async (it, seed) => {
    it.drain("charlie", true)
    goesTo(t, await asking(it, 3000), "bravo", seed)
  })
})

test("out of service: the next one waits for nobody, and a node that is up after all is silent", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.sim.network.kill("charlie")
    it.api.putNode(it.nodeOf("charlie", taint("node.kubernetes.io/out-of-service")))
    const tookMs = await it.answeredBy("bravo", 1000)
    t.true(tookMs < 50, `seed ${seed}: ${tookMs}`)
  })
  await bySeed({}, async (it, seed) => {
    it.api.putNode(it.nodeOf("charlie", taint("node.kubernetes.io/out-of-service")))
    await it.sim.runFor(100)
    t.deepEqual((await asking(it, 3000)).by, ["bravo"], `seed ${seed}`)
    t.is((await it.status("charlie"))?.fault, "out-of-service")
  })
})

test("MetalLB's speaker is next: one of ours takes it; where there is none, the drained node goes on", async (t) => {
  await bySeed({ plainHosts: ["bravo"] }, async (it, seed) => {
    it.drain("charlie", true)
    await it.sim.runFor(500)
    // The plain speaker of this test goes by the same decisions as ours, so that it is not asked here.
    t.like(layer2Of(await it.drainStatus("charlie")), { state: "gone", to: "alpha" }, `seed ${seed}`)
  })
  const it = cluster(7, { hosts: 3, plainHosts: ["alpha", "bravo"] })
  await it.settled()
  await it.answeredBy("charlie", 1000)
  t.like(layer2Of(await it.drainStatus("charlie")), { state: "announced", alone: true })
  it.drain("charlie", true)
  await it.sim.runFor(1000)
  const status = await it.drainStatus("charlie")
  t.like(layer2Of(status), { state: "stays", alone: true })
  t.true((await it.client.ask(web, it.sim)).includes("charlie"))
})

test("an IPv6 address: the next leader is heard by its unsolicited advertisement", async (t) => {
  const address = ip("2001:db8::10")
  const it = cluster(5, { ipv6: true, addresses: [address] })
  await it.settled()
  const statuses = await Promise.all(it.hosts.map(async (host) => it.status(host)))
  const layer2 = statuses[0]?.services[0]?.layer2
  const leader = layer2?.leader ?? ""
  it.drain(leader, true)
  await it.sim.runFor(1500)
  const handed = it.said("handOver")
  t.deepEqual(
    handed.map(({ host, fields }) => [host, fields["ip"]]),
    [[leader, address]],
  )
  const next = String(handed[0]?.fields["to"])
  t.true((await it.status(next))?.services[0]?.layer2.announced)
  t.true(Number(handed[0]?.fields["afterMs"]) < 500)
})

test("all addresses of a node are handed over at once", async (t) => {
  const addresses = Array.from({ length: 250 }, (_, i) => ip(`192.0.2.${i}`))
  const it = cluster(3, { hosts: 2, addresses })
  await it.settled()
  const leads = async (host: string) =>
    (await it.status(host))?.services.flatMap(({ ips, layer2 }) => (layer2.announced ? ips : [])) ?? []
  const led = await leads("bravo")
  t.true(led.length > 50 && led.length < 200, String(led.length))
  const fromMs = it.sim.nowMs()
  const left = it.leave("bravo").then(() => it.sim.nowMs() - fromMs)
  await it.sim.runFor(3000)
  t.true((await left) < 1000)
  t.deepEqual(
    it
      .said("handOver")
      .flatMap(({ fields }) => (fields["to"] === "alpha" ? [String(fields["ip"])] : []))
      .sort(),
    led.toSorted(),
  )
  t.is((await leads("alpha")).length, 250)
})
