import { setTimeout } from "node:timers/promises"
import { load } from "../../bench/handoff/load.ts"
import { askDrain, speakerStatus } from "../../cli/debug-client.ts"
import { addService, applyConfiguration, arpAnswerer, routedVia, speakersAgree } from "../../lab/actions.ts"
import { startLab } from "../../lab/lab.ts"
import { debugSocket, layout } from "../../lab/layout.ts"
import { until } from "../../lab/wait.ts"
import { labTest } from "./support.ts"

const test = await labTest()

test("the leader is drained, and its successor stopped, under load: every new request is answered", async (t) => {
  t.timeout(240_000)
  const lab = await startLab(layout(`handover${process.pid}`, 3), { said: () => undefined })
  try {
    await applyConfiguration(lab)
    const [ip, routed] = [await addService(lab, "web"), `${await addService(lab, "routed", "routed")}/32`]
    await speakersAgree(lab)
    const leader = await arpAnswerer(lab, ip)
    const others = lab.layout.nodes.map(({ name }) => name).filter((name) => name !== leader)
    if (lab.hasRouter) await routedVia(lab, routed, [leader, ...others])
    const statusOf = (node: string) => askDrain(debugSocket(lab.layout, node), "status", false)
    // The client's kernel is made to ask by ARP all the time. A machine that is busy may be slow: late is not failed.
    const requests = load(lab, ip, { perSecond: 100, timeoutMs: 10_000, forgetEveryMs: 50 })
    await setTimeout(500)

    await askDrain(debugSocket(lab.layout, leader), "drain", false)
    const drained = await until("the drain", 20_000, async () => {
      const status = await statusOf(leader)
      return status.done ? status : undefined
    })
    const next = drained.services.find(({ protocol }) => protocol === "layer2")?.to ?? ""
    t.not(next, leader)
    t.is(await arpAnswerer(lab, ip), next)
    if (lab.hasRouter) {
      await routedVia(lab, routed, others)
      const status = await speakerStatus(debugSocket(lab.layout, leader))
      t.deepEqual(
        status?.sessions.map(({ state, prefixesSent, downs }) => [state, prefixesSent, downs]),
        [["established", 0, 0]],
      )
    }

    process.kill(lab.processes.pid(next) ?? 0, "SIGTERM")
    const third = lab.layout.nodes.find(({ name }) => name !== leader && name !== next)?.name ?? ""
    t.is(await arpAnswerer(lab, ip, { not: next }), third)
    await setTimeout(500)

    const { requests: count, failed, failures, cut, longestGapMs, by } = await requests.end()
    t.log(`${count} requests, ${cut} open while it moved, longest gap ${Math.round(longestGapMs)} ms`)
    t.deepEqual([failed, failures], [0, {}])
    t.true(count >= 100, `${count} requests`)
    t.deepEqual(Object.keys(by), [leader, next, third], "in this order")
  } finally {
    await lab.stop()
  }
})
