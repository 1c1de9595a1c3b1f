// Whole speakers by seed: what must never happen, and how soon what must happen does.
import test from "ava"
import type { LivenessCounts } from "../../cluster/liveness/state.ts"
import { ip } from "../arp/frames.ts"
import { type Cluster, cluster, type Options, web } from "./cluster.ts"

const seeds = [1, 2, 3, 4, 5, 6]

async function bySeed(options: Options, story: (it: Cluster, seed: number) => Promise<void>): Promise<void> {
  for (const seed of seeds) {
    const it = cluster(seed, options)
    await it.settled()
    await it.answeredBy("charlie", 1000)
    await story(it, seed)
  }
}

test("the leader's speaker is killed: its machine refuses connections, and the next one answers", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.sim.network.killProcess("charlie")
    const tookMs = await it.answeredBy("bravo", 1000)
    t.true(tookMs < 400, `seed ${seed}: ${tookMs}`)
    t.deepEqual(
      it.said("takeOver").map(({ host, fields }) => [host, fields["cause"]]),
      [["bravo", "process-dead"]],
      `seed ${seed}`,
    )
    // Gossip comes to the same end: nothing moves, and nothing is announced anew.
    await it.sim.runFor(20_000)
    t.deepEqual(await it.client.ask(web, it.sim), ["bravo"])
    const status = await it.status("bravo")
    t.true(status?.services[0]?.layer2.announced)
    t.deepEqual(status?.liveness?.wire?.taken, [])
    t.is(it.said("takeOver").length, 1)
    t.deepEqual(
      it.api.events.filter(({ reason }) => reason === "takenOver").map(({ message }) => message),
      [`node "bravo" answers for ${web} on eth0 in place of "charlie": its speaker has died`],
    )
  })
})

test("the leader's machine is gone: others on the segment and gossip say so", async (t) => {
  await bySeed({ hosts: 4 }, async (it, seed) => {
    it.sim.network.kill("charlie")
    const tookMs = await it.answeredBy("bravo", 2000)
    t.true(tookMs < 500, `seed ${seed}: ${tookMs}`)
    t.is(it.said("takeOver")[0]?.fields["cause"], "node-gone")
    t.is(it.said("takeOver").length, 1, `seed ${seed}: the others kept still`)
  })
})

test("the first two die at once: the third answers, one step later", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.sim.network.killProcess("charlie")
    it.sim.network.killProcess("bravo")
    const tookMs = await it.answeredBy("alpha", 2000)
    t.true(tookMs < 700, `seed ${seed}: ${tookMs}`)
  })
})

test("a speaker that hangs is replaced, and takes its address back when it moves again", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.sim.network.pause("charlie", "process")
    const tookMs = await it.answeredBy("bravo", 3000)
    t.true(tookMs >= 400 && tookMs < 600, `seed ${seed}: ${tookMs}`)
    t.is(it.said("takeOver")[0]?.fields["cause"], "speaker-hung")
    await it.sim.runFor(500)
    it.sim.network.resume("charlie")
    const backMs = await it.answeredBy("charlie", 1000)
    t.true(backMs < 200, `seed ${seed}: ${backMs}`)
    await it.sim.runFor(10_000)
    t.deepEqual(await it.client.ask(web, it.sim), ["charlie"])
  })
})

test("pauses of 300 ms and a loss of one frame in twenty make nobody take over", async (t) => {
  for (const size of [3, 5]) {
    for (const seed of seeds.slice(0, 3)) {
      const it = cluster(seed, { hosts: size, loss: 0.05 })
      await it.settled()
      for (let i = 0; i < 8; i++) {
        const host = it.hosts[(seed + i) % size] ?? "alpha"
        it.sim.network.pause(host, "process")
        await it.sim.runFor(300)
        it.sim.network.resume(host)
        await it.sim.runFor(2500)
      }
      t.deepEqual(it.said("takeOver"), [], `seed ${seed}, ${size} hosts`)
      await it.sim.runFor(11_000)
      const counts: (LivenessCounts | undefined)[] = []
      for (const host of it.hosts) {
        const status = await it.status(host)
        t.is(status?.liveness?.state, "on")
        counts.push(status?.liveness?.wire?.counts)
      }
      const sum = (what: "pauses" | "probesMissed") => counts.reduce((all, one) => all + (one?.[what] ?? 0), 0)
      t.true(sum("pauses") > 0, "who slept has noticed")
      t.true(sum("probesMissed") > 0, "there was something to be wrong about")
    }
  }
})

test("who is cut off accuses nobody", async (t) => {
  await bySeed({ hosts: 4 }, async (it) => {
    it.sim.network.setLink("bravo", "eth0", true)
    it.sim.network.partition("bravo")
    await it.sim.runFor(3000)
    t.deepEqual(it.said("takeOver"), [])
  })
})

test("gossip is split while the segment is whole: one answers, and both nodes and MACs are named", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.cutGossip("charlie")
    const fromMs = it.sim.nowMs()
    let twice = 0
    while (it.sim.nowMs() - fromMs < 25_000) {
      const answers = await it.client.ask(web, it.sim)
      if (answers.length > 1) twice++
      await it.sim.runFor(90)
    }
    t.true(twice <= 1, `seed ${seed}: two answered ${twice} times`)
    t.deepEqual(await it.client.ask(web, it.sim), ["charlie"])
    const event = it.api.events.find(({ reason }) => reason === "brainSplit")
    t.is(event?.type, "Warning")
    t.regex(event?.message ?? "", /"bravo" \(02:[0-9a-f:]+\) calls "charlie" dead.*192\.0\.2\.10.*02:/)
    t.true(it.said("brainSplit").length > 0)

    // On the wire bravo goes on watching: it takes over from who dies now, though gossip has nothing to say.
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1500)
  })
})

test("while one member does not take part, gossip alone decides", async (t) => {
  const it = cluster(1, { plainHosts: ["alpha"] })
  await it.settled()
  await it.answeredBy("charlie", 1000)
  t.deepEqual((await it.status("bravo"))?.liveness, {
    state: "off",
    reason: "alpha takes no part in it",
    ...((await it.status("bravo"))?.liveness?.wire === undefined
      ? {}
      : { wire: (await it.status("bravo"))?.liveness?.wire }),
  } as never)
  it.sim.network.killProcess("charlie")
  await it.sim.runFor(2000)
  t.deepEqual(await it.client.ask(web, it.sim), [])
  await it.answeredBy("bravo", 15_000)
  t.deepEqual(it.said("takeOver"), [])
})

test("a stranger's claim is defended against once in ten seconds, and reported", async (t) => {
  const it = cluster(1)
  await it.settled()
  const mac = "02:00:00:00:00:01"
  for (let i = 0; i < 30; i++) {
    it.client.claim(web)
    await it.sim.runFor(500)
  }
  const told = it.said("conflict")
  t.deepEqual(
    told.map(({ host, fields }) => [host, fields["mac"], fields["answer"]]),
    [
      ["charlie", mac, "defended"],
      ["charlie", mac, "defended"],
    ],
  )
  t.true((told[1]?.atMs ?? 0) - (told[0]?.atMs ?? 0) >= 10_000)
  const event = it.api.events.find(({ reason }) => reason === "addressConflict")
  t.is(event?.type, "Warning")
  t.regex(event?.message ?? "", /192\.0\.2\.10 is claimed on eth0 by 02:00:00:00:00:01.*"charlie" has it with MAC 02:/)
})

test("several addresses of one leader move together, each to its own successor", async (t) => {
  // Led by charlie, charlie, bravo, alpha; after charlie come bravo and bravo.
  const addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"].map(ip)
  for (const seed of seeds.slice(0, 3)) {
    const it = cluster(seed, { addresses })
    await it.settled()
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000, addresses[0])
    await it.answeredBy("bravo", 1000, addresses[1])
    t.deepEqual(await it.client.ask(ip("192.0.2.12"), it.sim), ["bravo"])
    t.deepEqual(await it.client.ask(ip("192.0.2.13"), it.sim), ["alpha"])
    it.start("charlie")
    await it.answeredBy("charlie", 10_000, addresses[0])
    await it.answeredBy("charlie", 2000, addresses[1])
  }
})

test("IPv6 is watched by solicitations", async (t) => {
  const address = ip("2001:db8::10")
  for (const seed of seeds.slice(0, 3)) {
    const it = cluster(seed, { ipv6: true, addresses: [address] })
    await it.settled()
    const leaders = []
    for (const host of it.hosts) {
      const status = await it.status(host)
      if (status?.services[0]?.layer2.announced === true) leaders.push(host)
    }
    const [leader = ""] = leaders
    t.is(leaders.length, 1)
    it.sim.network.killProcess(leader)
    await it.sim.runFor(400)
    t.deepEqual(
      it.said("takeOver").map(({ fields }) => [fields["ip"], fields["from"], fields["cause"]]),
      [[address, leader, "process-dead"]],
      `seed ${seed}`,
    )
    // The old leader's advertisement is heard, and the address goes back.
    it.start(leader)
    await it.sim.runFor(5000)
    t.deepEqual(
      it.said("yield").map(({ fields }) => [fields["ip"], fields["to"]]),
      [[address, leader]],
      `seed ${seed}`,
    )
  }
})

test("who leaves in an orderly way is followed at once, and nobody contradicts", async (t) => {
  await bySeed({}, async (it, seed) => {
    await it.shutDown("charlie")
    await it.answeredBy("bravo", 500)
    await it.sim.runFor(5000)
    t.deepEqual([it.said("yield"), it.said("takeOver"), it.said("contest")], [[], [], []], `seed ${seed}`)
  })
})

test("a gossip thread that dies on the one who took over changes nothing", async (t) => {
  await bySeed({}, async (it) => {
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000)
    t.true(await it.killActor("bravo", "/speaker/cluster"))
    for (let i = 0; i < 50; i++) {
      t.deepEqual(await it.client.ask(web, it.sim), ["bravo"])
      await it.sim.runFor(200)
    }
  })
})

test("a watch that crashes takes no address away", async (t) => {
  await bySeed({}, async (it, seed) => {
    it.sim.network.killProcess("charlie")
    await it.answeredBy("bravo", 1000)
    t.true(await it.killActor("bravo", "/speaker/layer2/eth0/watch"))
    for (let i = 0; i < 20; i++) {
      t.deepEqual(await it.client.ask(web, it.sim), ["bravo"], `seed ${seed}`)
      await it.sim.runFor(50)
    }
  })
})
