// Faults of every kind, one after the other, by seed: whatever happened, one answers in the end, and while all hear each
// other two never answer for longer than it takes to settle it.
import test from "ava"
import { type Cluster, cluster, web } from "./cluster.ts"

type Fault = (it: Cluster, host: string) => Promise<void>
const lasting = (begin: (it: Cluster, host: string) => void, ms: number, end: Fault): Fault =>
  async function fault(it, host) {
    begin(it, host)
    await watched(it, ms)
    await end(it, host)
  }

const faults: Readonly<Record<string, Fault>> = {
  kill: lasting(
    ({ sim }, host) => sim.network.killProcess(host),
    4000,
    async (it, host) => it.start(host),
  ),
  "kill, back at once": lasting(
    ({ sim }, host) => sim.network.killProcess(host),
    300,
    async (it, host) => it.start(host),
  ),
  "pause 300 ms": lasting(
    ({ sim }, host) => sim.network.pause(host, "process"),
    300,
    async ({ sim }, host) => sim.network.resume(host),
  ),
  "pause 2 s": lasting(
    ({ sim }, host) => sim.network.pause(host, "process"),
    2000,
    async ({ sim }, host) => sim.network.resume(host),
  ),
  "pause 10 s": lasting(
    ({ sim }, host) => sim.network.pause(host, "process"),
    10_000,
    async ({ sim }, host) => sim.network.resume(host),
  ),
  "gossip cut": lasting(
    (it, host) => it.cutGossip(host),
    20_000,
    async (it) => it.mendGossip(),
  ),
  leave: async (it, host) => {
    await it.shutDown(host)
    await watched(it, 1000)
    it.start(host)
  },
}

/** How long two answered without a break, at the longest. */
const longest = new WeakMap<Cluster, number>()

async function watched(it: Cluster, ms: number): Promise<void> {
  const endMs = it.sim.nowMs() + ms
  let sinceMs: number | undefined
  while (it.sim.nowMs() < endMs) {
    const beganMs = it.sim.nowMs()
    const twice = (await it.client.ask(web, it.sim)).length > 1
    sinceMs = twice ? (sinceMs ?? beganMs) : undefined
    if (sinceMs !== undefined) longest.set(it, Math.max(longest.get(it) ?? 0, it.sim.nowMs() - sinceMs))
    await it.sim.runFor(40)
  }
}

for (let seed = 1; seed <= 12; seed++) {
  test(`seed ${seed}`, async (t) => {
    const it = cluster(seed, { hosts: seed % 2 === 0 ? 3 : 5, loss: seed % 3 === 0 ? 0.02 : 0 })
    await it.settled()
    await it.answeredBy("charlie", 5000)
    const story: string[] = []
    const random = (below: number) => it.random.u32() % below
    const kinds = Object.keys(faults)
    for (let i = 0; i < 6; i++) {
      const kind = kinds[random(kinds.length)] ?? "kill"
      // Mostly the one that matters.
      const host = random(3) > 0 ? "charlie" : (it.hosts[random(it.hosts.length)] ?? "charlie")
      story.push(`${kind} of ${host}`)
      await faults[kind]?.(it, host)
      await watched(it, 4000)
    }
    await it.sim.runFor(60_000)
    // Where frames are lost, so may be the question.
    await t.notThrowsAsync(it.answeredBy("charlie", 1000), story.join(", "))
    const longestMs = longest.get(it) ?? 0
    t.log(`${story.join(", ")}: two answered for ${Math.round(longestMs)} ms at the longest`)
    t.true(longestMs <= 400, `two answered for ${longestMs} ms: ${story.join(", ")}`)
  })
}
