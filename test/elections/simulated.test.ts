// Election policies among whole speakers by seed: who answers, who keeps, and that all agree.
import test from "ava"
import { node } from "../announcer/facts.ts"
import { ip } from "../arp/frames.ts"
import { type Cluster, cluster, type Options, web } from "../liveness/cluster.ts"
import type { Ip } from "../../protocols/ip.ts"

const seeds = [1, 2, 3]
/** A claim is made after two seconds. */
const claimedMs = 4000

async function bySeed(options: Options, story: (it: Cluster, seed: number) => Promise<void>): Promise<void> {
  for (const seed of seeds) {
    const it = cluster(seed, options)
    await it.settled()
    await story(it, seed)
  }
}

/** For so long, every address is answered by exactly one at a time, and always the same. */
async function stays(it: Cluster, host: string, forMs: number, address = web): Promise<void> {
  const untilMs = it.sim.nowMs() + forMs
  while (it.sim.nowMs() < untilMs) {
    const answers = await it.client.ask(address, it.sim)
    if (answers.join() !== host) throw new Error(`seed ${it.sim.seed}: ${answers.join()} at ${it.sim.nowMs()} ms`)
    await it.sim.runFor(50)
  }
}

const reasons = async (it: Cluster, host: string, service = 0): Promise<readonly string[]> =>
  (await it.status(host))?.services[service]?.layer2.reasons ?? []

test("without a policy the leader that comes back has its address back", async (t) => {
  await bySeed({}, async (it) => {
    await it.answeredBy("charlie", 1000)
    await it.sim.runFor(claimedMs)
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000)
    await it.sim.runFor(12_000)
    it.start("charlie")
    await it.answeredBy("charlie", 10_000)
    t.false((await reasons(it, "charlie")).some((reason) => reason.includes("sticky")))
  })
})

for (const [what, awayMs] of [
  ["long after gossip called it dead", 12_000],
  ["before gossip knows", 1000],
] as const) {
  test(`sticky: the leader is killed and comes back ${what}; its successor keeps the address`, async (t) => {
    await bySeed({ policy: "sticky" }, async (it, seed) => {
      await it.answeredBy("charlie", 1000)
      await it.sim.runFor(claimedMs)
      it.sim.network.killProcess("charlie")
      const tookMs = await it.answeredBy("bravo", 1000)
      t.true(tookMs < 400, `seed ${seed}: ${tookMs}`)
      await it.sim.runFor(awayMs)
      it.start("charlie")
      await stays(it, "bravo", 20_000)
      for (const host of ["alpha", "bravo", "charlie"]) {
        t.true(
          (await reasons(it, host)).includes(`kept: sticky, bravo has claimed ${web} in epoch 2`),
          `seed ${seed}: ${host}`,
        )
      }
      // And on it goes when that one dies.
      it.sim.network.killProcess("bravo")
      await it.answeredBy("charlie", 1000)
      await it.sim.runFor(claimedMs)
      it.start("bravo")
      await stays(it, "charlie", 12_000)
    })
  })
}

test("sticky: a leader that hung and moves again finds its successor's claim", async (t) => {
  await bySeed({ policy: "sticky" }, async (it, seed) => {
    await it.answeredBy("charlie", 1000)
    await it.sim.runFor(claimedMs)
    it.sim.network.pause("charlie", "process")
    await it.answeredBy("bravo", 3000)
    await it.sim.runFor(seed * 1000)
    it.sim.network.resume("charlie")
    const settledMs = await it.answeredBy("bravo", 2000)
    t.true(settledMs < 1500, `seed ${seed}: ${settledMs}`)
    await it.sim.runFor(1000)
    await stays(it, "bravo", 15_000)
  })
})

test("sticky: a cut of gossip moves nothing and leaves no claim behind", async (t) => {
  await bySeed({ policy: "sticky" }, async (it) => {
    await it.answeredBy("charlie", 1000)
    await it.sim.runFor(claimedMs)
    it.cutGossip("charlie")
    await it.sim.runFor(20_000)
    await it.answeredBy("charlie", 1000)
    it.mendGossip()
    await it.sim.runFor(70_000)
    await stays(it, "charlie", 3000)
    t.true((await reasons(it, "alpha")).includes(`kept: sticky, charlie has claimed ${web} in epoch 1`))
  })
})

test("sticky: parted from the others in every way, both sides answer; healed, one of them keeps it", async (t) => {
  await bySeed({ policy: "sticky" }, async (it, seed) => {
    await it.answeredBy("charlie", 1000)
    await it.sim.runFor(claimedMs)
    for (const other of ["alpha", "bravo"]) it.sim.network.partition("charlie", other)
    await it.sim.runFor(15_000)
    t.deepEqual((await it.client.ask(web, it.sim)).toSorted(), ["bravo", "charlie"], `seed ${seed}`)
    it.sim.network.heal()
    // On the wire, before gossip is whole: bravo knows of charlie's claim, charlie of none but its own.
    await it.answeredBy("charlie", 5000)
    await it.sim.runFor(2000)
    await stays(it, "charlie", 75_000)
    for (const host of it.hosts) {
      t.true((await reasons(it, host)).includes(`kept: sticky, charlie has claimed ${web} in epoch 1`), `seed ${seed}`)
    }
  })
})

test("sticky: all restarted at once, the hash decides, and all agree", async (t) => {
  await bySeed({ policy: "sticky" }, async (it) => {
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000)
    await it.sim.runFor(claimedMs)
    for (const host of ["alpha", "bravo"]) it.sim.network.killProcess(host)
    await it.sim.runFor(1000)
    for (const host of it.hosts) it.start(host)
    await it.answeredBy("charlie", 20_000)
    await it.sim.runFor(claimedMs)
    await stays(it, "charlie", 5000)
    t.true((await reasons(it, "alpha")).some((reason) => reason.startsWith("kept: sticky, charlie")))
  })
})

test("sticky: an announcer that dies keeps its claims", async (t) => {
  await bySeed({ policy: "sticky" }, async (it) => {
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000)
    await it.sim.runFor(claimedMs)
    it.start("charlie")
    await stays(it, "bravo", 8000)
    for (const path of ["/speaker/announcer", "/speaker/cluster", "/speaker/layer2"]) {
      t.true(await it.killActor("bravo", path))
      await it.sim.runFor(2000)
      await it.answeredBy("bravo", 2000)
      await stays(it, "bravo", 6000)
    }
  })
})

test("sticky: a node that was drained does not get its address back", async (t) => {
  await bySeed({ policy: "sticky" }, async (it) => {
    await it.answeredBy("charlie", 1000)
    await it.sim.runFor(claimedMs)
    it.api.putNode(node("charlie", { taints: [{ key: "troupe.dev/drain", value: "", effect: "NoSchedule" }] }))
    await it.answeredBy("bravo", 3000)
    await it.sim.runFor(claimedMs)
    it.api.putNode(node("charlie"))
    await stays(it, "bravo", 10_000)
    const announced = it.said("serviceAnnounced").findLast(({ host }) => host === "bravo")
    t.deepEqual(announced?.fields["because"], undefined, "the hash has moved it, and the claim came later")
    it.sim.network.killProcess("bravo")
    await it.answeredBy("charlie", 1000)
    await it.sim.runFor(1000)
    const taken = it.said("serviceAnnounced").findLast(({ host }) => host === "charlie")
    t.deepEqual(taken?.fields["because"], [`kept: sticky, charlie has claimed ${web} in epoch 2`])
  })
})

test("a speaker that is not ours in the ring: policies are off and the hash decides; without it they are on", async (t) => {
  const it = cluster(1, { policy: "sticky", plainHosts: ["alpha"] })
  await it.settled()
  await it.sim.runFor(claimedMs)
  it.sim.network.killProcess("charlie")
  await it.answeredBy("bravo", 15_000)
  await it.sim.runFor(claimedMs)
  t.true(
    (await reasons(it, "bravo")).includes(
      "election policy sticky is off: alpha is no speaker of ours, or does not listen on the wire",
    ),
  )
  it.start("charlie")
  await it.answeredBy("charlie", 15_000)
  it.sim.network.killProcess("alpha")
  await it.sim.runFor(20_000)
  t.deepEqual(
    it
      .said("electionPolicies")
      .map(({ host, fields }) => [host, fields["reason"] === undefined])
      .slice(-2),
    [
      ["bravo", true],
      ["charlie", true],
    ].sort(([a]) => (a === it.said("electionPolicies").at(-2)?.host ? -1 : 1)),
  )
  t.true((await reasons(it, "bravo")).some((reason) => reason.startsWith("kept: sticky, charlie")))
  t.deepEqual((await it.status("charlie"))?.policies, { state: "on", claims: 1 })
})

const twelve: readonly Ip[] = Array.from({ length: 12 }, (_, i) => ip(`192.0.2.${100 + i}`))

async function answeredBy(it: Cluster): Promise<ReadonlyMap<Ip, string>> {
  const by = new Map<Ip, string>()
  for (const address of twelve) by.set(address, (await it.client.ask(address, it.sim)).join())
  return by
}
const shares = (by: ReadonlyMap<Ip, string>): Readonly<Record<string, number>> =>
  Object.fromEntries([...Map.groupBy(by.values(), (host) => host)].map(([host, all]) => [host, all.length]))

test("spread: evenly, and a node that goes and comes back moves its own addresses alone", async (t) => {
  await bySeed({ policy: "spread", addresses: twelve }, async (it, seed) => {
    await it.sim.runFor(2000)
    const before = await answeredBy(it)
    t.deepEqual(shares(before), { alpha: 4, bravo: 4, charlie: 4 }, `seed ${seed}`)
    it.sim.network.killProcess("charlie")
    await it.sim.runFor(1500)
    const soon = await answeredBy(it)
    t.deepEqual(shares(soon), { alpha: 6, bravo: 6 }, `seed ${seed}: on the wire`)
    await it.sim.runFor(12_000)
    t.deepEqual(await answeredBy(it), soon, `seed ${seed}: gossip comes to the same end`)
    for (const [address, host] of before) if (host !== "charlie") t.is(soon.get(address), host)
    it.start("charlie")
    await it.sim.runFor(10_000)
    t.deepEqual(await answeredBy(it), before, `seed ${seed}`)
    t.true((await reasons(it, "alpha")).some((reason) => /^spread: (alpha|bravo|charlie) has 4 of 12/.test(reason)))
  })
})

test("spread and sticky: placed evenly, then kept", async (t) => {
  await bySeed({ policy: "spread,sticky", addresses: twelve }, async (it, seed) => {
    await it.sim.runFor(claimedMs)
    t.deepEqual(shares(await answeredBy(it)), { alpha: 4, bravo: 4, charlie: 4 }, `seed ${seed}`)
    it.sim.network.killProcess("charlie")
    await it.sim.runFor(12_000)
    const after = await answeredBy(it)
    t.deepEqual(shares(after), { alpha: 6, bravo: 6 }, `seed ${seed}`)
    it.start("charlie")
    await it.sim.runFor(15_000)
    t.deepEqual(await answeredBy(it), after, `seed ${seed}`)
  })
})

test("subnet-aware: only who is in the subnet, and what interfaces do is known at once", async (t) => {
  const extra = { alpha: ["192.0.2.201"], bravo: ["192.0.2.202"] }
  await bySeed({ policy: "subnet-aware", extra }, async (it, seed) => {
    // By the hash it would be charlie.
    await it.answeredBy("bravo", 1000)
    t.true(
      (await reasons(it, "bravo")).includes(
        `charlie is no candidate: no interface has an address in the subnet of ${web}`,
      ),
    )
    it.sim.network.setLink("bravo", "eth0", false)
    await it.answeredBy("alpha", 2000)
    it.sim.network.setLink("bravo", "eth0", true)
    const backMs = await it.answeredBy("bravo", 5000)
    t.true(backMs < 5000, `seed ${seed}: ${backMs}`)
  })
})
