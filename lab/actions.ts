import type { SpeakerStatus } from "../actors/announcer/messages.ts"
import { speakerStatus } from "../cli/debug-client.ts"
import { curl, forgetMac, learnedMac } from "./client.ts"
import type { Lab } from "./lab.ts"
import { debugSocket } from "./layout.ts"
import { configuration, service } from "./objects.ts"
import { serviceIp } from "./observe.ts"
import { routerRoutes } from "./router.ts"
import { until } from "./wait.ts"

/** What one can do to a lab and wait for; the demonstration, the keys and the tests are made of these. */

export async function applyConfiguration(lab: Lab): Promise<void> {
  for (const object of configuration(lab.layout)) await lab.kube.apply(object)
}

/**
 * Until every speaker that runs knows every other: from then on all agree on who leads. A node that has just started
 * leads nothing, and one that started first may lead what another will.
 */
export function speakersAgree(lab: Lab): Promise<string> {
  const names = lab.layout.nodes.map(({ name }) => name).filter((name) => lab.processes.isRunning(name))
  return until("the speakers to know each other", 30_000, async () => {
    for (const name of names) {
      const status = await speakerStatus(debugSocket(lab.layout, name)).catch(() => undefined)
      if (!status || typeof status.gossip === "string" || !status.gossip.settled) return undefined
      if (!names.every((other) => knows(status, other))) return undefined
    }
    return names.join(", ")
  })
}

const knows = ({ gossip }: SpeakerStatus, name: string): boolean =>
  typeof gossip !== "string" && gossip.speakers.includes(name)

/** Creates a Service and waits for its address. */
export async function addService(lab: Lab, name: string, pool?: string): Promise<string> {
  await lab.kube.apply(service(name, pool))
  return until(`an address for Service ${name}`, 30_000, () => addressOf(lab, name))
}

export async function addressOf(lab: Lab, name: string): Promise<string | undefined> {
  const services = await lab.kube.list("/api/v1/namespaces/default/services")
  const found = services.find((one) => one.metadata.name === name)
  return found && serviceIp(found)
}

/** Until curl gets an answer; gives it. */
export function answered(lab: Lab, ip: string, limitMs = 30_000): Promise<string> {
  return until(`an answer from ${ip}`, limitMs, async () => {
    const fetched = await curl(lab.layout, ip, 0.5)
    return fetched.ok ? fetched.text : undefined
  })
}

/** The node that answers a fresh ARP request of the client's kernel; asks until one in `accept` does. */
export function arpAnswerer(
  lab: Lab,
  ip: string,
  options: { readonly not?: string; readonly limitMs?: number } = {},
): Promise<string> {
  const who = options.not === undefined ? "a node" : `a node other than ${options.not}`
  return until(
    `${who} to answer ARP for ${ip}`,
    options.limitMs ?? 30_000,
    async () => {
      await forgetMac(lab.layout, ip)
      const fetched = await curl(lab.layout, ip, 0.35)
      const mac = fetched.ok ? await learnedMac(lab.layout, ip) : undefined
      const node = mac === undefined ? undefined : lab.macs.get(mac)
      return node === options.not ? undefined : node
    },
    10,
  )
}

/** Until that node is the one that answers; meanwhile another may stand in. */
export function answersAgain(lab: Lab, ip: string, node: string): Promise<string> {
  return until(`${node} to answer ARP for ${ip}`, 15_000, async () =>
    (await arpAnswerer(lab, ip, { limitMs: 10_000 })) === node ? node : undefined,
  )
}

/** The nodes that the router would send the prefix to, once they are as many as wanted. */
export function routedVia(lab: Lab, prefix: string, nodes: readonly string[], limitMs = 30_000): Promise<string> {
  const hops = lab.layout.nodes.filter(({ name }) => nodes.includes(name)).map(({ address }) => address)
  const wanted = hops.sort().join(" ")
  return until(`the router to have ${prefix} via ${nodes.join(", ")}`, limitMs, async () => {
    const route = (await routerRoutes(lab.layout)).find((one) => one.prefix === prefix)
    return route?.nextHops.join(" ") === wanted ? nodes.join(", ") : undefined
  })
}
