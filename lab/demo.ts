import { Complaint } from "../cli/complaint.ts"
import { killActor } from "../cli/debug-client.ts"
import * as actions from "./actions.ts"
import type { Lab } from "./lab.ts"
import { debugSocket } from "./layout.ts"
import { service } from "./objects.ts"
import { watchRouterLog } from "./router-log.ts"
import { until } from "./wait.ts"

type Step = (what: string, run: () => Promise<string>) => Promise<string>

/**
 * The story of the lab, unattended: addresses of both families are assigned, traffic reaches them by ARP, NDP and BGP,
 * parts of the leader die and then all of it, the successor takes over, the router never notices. One line a step;
 * throws at the first step that does not hold.
 */
export async function demo(lab: Lab, say: (line: string) => void): Promise<void> {
  const began = performance.now()
  const step: Step = async (what, run) => {
    const from = performance.now()
    const result = await run()
    const now = performance.now()
    say(`${((now - began) / 1000).toFixed(2).padStart(7)} s  ok  ${what}: ${result} (${(now - from).toFixed(0)} ms)`)
    return result
  }
  await step("pools, advertisements and the BGP peer", async () => {
    await actions.applyConfiguration(lab)
    return "applied"
  })
  await step("the speakers know each other", () => actions.speakersAgree(lab))
  const web = await addressed(lab, step, "web")
  await reached(lab, step, web, "")
  const leader = await step(`who answers ARP for ${web.ipv4}`, () => actions.arpAnswerer(lab, web.ipv4))
  await step(`who answers NDP for ${web.ipv6}`, () => actions.arpAnswerer(lab, web.ipv6))
  await step("an actor dies: the layer 2 thread of the leader", async () => {
    await killActor(debugSocket(lab.layout, leader), "/speaker/layer2")
    return `${await actions.answersAgain(lab, web.ipv4, leader)} answers again`
  })
  const router = lab.hasRouter ? await routed(lab, step, leader) : undefined
  if (router === undefined) say("                 BIRD is not installed: the steps with BGP are left out")

  const killed = performance.now()
  await step(`kill -9 the speaker on ${leader}`, async () => {
    if (!(await lab.processes.kill(leader))) throw new Complaint(`the speaker on ${leader} was not running`)
    return "dead"
  })
  const successor = await step("the successor answers ARP", () => actions.arpAnswerer(lab, web.ipv4, { not: leader }))
  const tookS = ((performance.now() - killed) / 1000).toFixed(2)
  say(`           address ${web.ipv4} moved from ${leader} to ${successor} in ${tookS} s`)
  await step("and NDP", () => actions.arpAnswerer(lab, web.ipv6, { not: leader }))
  await reached(lab, step, web, " again")
  if (router !== undefined) await reached(lab, step, router.shop, ": its routes are kept")

  await step(`the speaker on ${leader} is back and leads again`, async () => {
    lab.startSpeaker(leader)
    return actions.arpAnswerer(lab, web.ipv4, { not: successor })
  })
  await router?.end()
}

async function addressed(lab: Lab, step: Step, name: string, pool?: string): Promise<actions.DualStack> {
  let found: actions.DualStack | undefined
  await step(`Service ${name} gets addresses${pool === undefined ? "" : " for BGP"}`, async () => {
    found = await actions.addDualStackService(lab, name, pool)
    return `${found.ipv4}, ${found.ipv6}`
  })
  return found ?? { ipv4: "", ipv6: "" }
}

async function reached(lab: Lab, step: Step, { ipv4, ipv6 }: actions.DualStack, how: string): Promise<void> {
  for (const ip of [ipv4, ipv6]) await step(`curl ${ip} from the client${how}`, () => actions.answered(lab, ip))
}

/**
 * The part with the router. It keeps the routes of a session that comes back (graceful restart), whatever of the speaker
 * dies: BIRD's log tells whether anything has changed for it.
 */
async function routed(lab: Lab, step: Step, victim: string) {
  const names = lab.layout.nodes.map(({ name }) => name)
  const shop = await addressed(lab, step, "shop", "routed")
  const prefixes = [`${shop.ipv4}/32`, `${shop.ipv6}/128`]
  for (const prefix of prefixes) await step(`the router has ${prefix}`, () => actions.routedVia(lab, prefix, names))
  for (const prefix of prefixes) {
    await step(`its kernel spreads ${prefix} over`, () => actions.spreadOver(lab, prefix, names))
  }
  await reached(lab, step, shop, ", by the router's routes")

  const events = watchRouterLog(lab.layout, prefixes)
  const kept = (restarts: number): Promise<string> =>
    until("the router to see the session restart gracefully", 30_000, async () => {
      const seen = events()
      if (seen.changes.length > 0) throw new Complaint(`the router's log: ${seen.changes.join("; ")}`)
      return seen.restarts >= restarts && `${seen.restarts} graceful restart${restarts > 1 ? "s" : ""}, 0 route changes`
    })
  for (const [at, [what, path]] of (
    [
      ["the BGP session's actor", "/speaker/bgp/router"],
      ["the BGP thread", "/speaker/bgp"],
    ] as const
  ).entries()) {
    await step(`${what} on ${victim} dies; BIRD's log`, async () => {
      await killActor(debugSocket(lab.layout, victim), path)
      return kept(at + 1)
    })
  }
  return {
    shop,
    /** The killed speaker is back: still nothing has changed. That the log would tell is seen when the Service goes. */
    async end(): Promise<void> {
      await step("what BIRD's log says of all three", () => kept(3))
      for (const prefix of prefixes)
        await step(`the router has ${prefix} by all nodes`, () => actions.routedVia(lab, prefix, names))
      await step("Service shop is deleted; BIRD's log", async () => {
        await lab.kube.remove(service("shop"))
        return until("the router to drop the routes", 30_000, async () => {
          const gone = events().changes.filter((change) => change.includes("> removed "))
          return gone.length === names.length * prefixes.length && `${gone.length} routes removed`
        })
      })
    },
  }
}
