import { Complaint } from "../cli/complaint.ts"
import * as actions from "./actions.ts"
import { killActor } from "../cli/debug-client.ts"
import type { Lab } from "./lab.ts"
import { debugSocket } from "./layout.ts"

/**
 * The story of the lab, unattended: an address is assigned, traffic reaches it by ARP and by BGP, the leader dies, the
 * successor takes over, traffic reaches it again. One line a step; throws at the first step that does not hold.
 */
export async function demo(lab: Lab, say: (line: string) => void): Promise<void> {
  const began = performance.now()
  const step = async (what: string, run: () => Promise<string>): Promise<string> => {
    const from = performance.now()
    const result = await run()
    const now = performance.now()
    say(`${((now - began) / 1000).toFixed(2).padStart(7)} s  ok  ${what}: ${result} (${(now - from).toFixed(0)} ms)`)
    return result
  }
  const names = lab.layout.nodes.map(({ name }) => name)

  await step("pools, advertisements and the BGP peer", async () => {
    await actions.applyConfiguration(lab)
    return "applied"
  })
  await step("the speakers know each other", () => actions.speakersAgree(lab))
  const web = await step("Service web gets an address", () => actions.addService(lab, "web"))
  await step(`curl ${web} from the client`, () => actions.answered(lab, web))
  const leader = await step(`who answers ARP for ${web}`, () => actions.arpAnswerer(lab, web))

  const shop = await step("Service shop gets an address for BGP", () => actions.addService(lab, "shop", "routed"))
  const prefix = `${shop}/32`
  if (lab.hasRouter) {
    await step(`the router has ${prefix}`, () => actions.routedVia(lab, prefix, names))
    await step(`curl ${shop} from the client, by the router's route`, () => actions.answered(lab, shop))
  } else {
    say("                 BIRD is not installed: the steps with BGP are left out")
  }

  await step("an actor dies: the layer 2 thread of the leader", async () => {
    await killActor(debugSocket(lab.layout, leader), "/speaker/layer2")
    return `${await actions.answersAgain(lab, web, leader)} answers again`
  })

  const killed = performance.now()
  await step(`kill -9 the speaker on ${leader}`, async () => {
    if (!(await lab.processes.kill(leader))) throw new Complaint(`the speaker on ${leader} was not running`)
    return "dead"
  })
  const successor = await step("the successor answers ARP", () => actions.arpAnswerer(lab, web, { not: leader }))
  say(
    `           address ${web} moved from ${leader} to ${successor} in ${((performance.now() - killed) / 1000).toFixed(2)} s`,
  )
  await step(`curl ${web} again`, () => actions.answered(lab, web))
  if (lab.hasRouter) {
    const rest = names.filter((name) => name !== leader)
    await step(`the router forgot ${leader}`, () => actions.routedVia(lab, prefix, rest))
    await step(`curl ${shop} again`, () => actions.answered(lab, shop))
  }

  await step(`the speaker on ${leader} is back and leads again`, async () => {
    lab.startSpeaker(leader)
    return actions.arpAnswerer(lab, web, { not: successor })
  })
  if (lab.hasRouter) await step(`the router has ${prefix} by all nodes`, () => actions.routedVia(lab, prefix, names))
}
