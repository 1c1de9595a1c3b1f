import type { SpeakerStatus } from "../actors/announcer/messages.ts"
import { speakerStatus } from "../cli/debug-client.ts"
import { curl, forgetMac, learnedMac } from "./client.ts"
import type { Lab } from "./lab.ts"
import { debugSocket } from "./layout.ts"
import { configuration, service } from "./objects.ts"
import { serviceIps } from "./observe.ts"
import { kernelNextHops, routerRoutes } from "./router.ts"
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

/** The same with an address of each family. */
export async function addDualStackService(lab: Lab, name: string, pool?: string): Promise<DualStack> {
  await lab.kube.apply(service(name, pool, true))
  return until(`two addresses for Service ${name}`, 30_000, async () => {
    const [ipv4, ipv6] = await addressesOf(lab, name)
    return ipv4 !== undefined && ipv6 !== undefined && { ipv4, ipv6 }
  })
}

export interface DualStack {
  readonly ipv4: string
  readonly ipv6: string
}

export const addressOf = async (lab: Lab, name: string): Promise<string | undefined> =>
  (await addressesOf(lab, name))[0]

async function addressesOf(lab: Lab, name: string): Promise<readonly string[]> {
  const services = await lab.kube.list("/api/v1/namespaces/default/services")
  const found = services.find((one) => one.metadata.name === name)
  return found === undefined ? [] : serviceIps(found)
}

/** Until curl gets an answer; gives it. */
export function answered(lab: Lab, ip: string, limitMs = 30_000): Promise<string> {
  return until(`an answer from ${ip}`, limitMs, async () => {
    const fetched = await curl(lab.layout, ip, 0.5)
    return fetched.ok ? fetched.text : undefined
  })
}

/** The node that answers when the client's kernel asks afresh, by ARP or for IPv6 by NDP; asks until it is one but `not`. */
export function arpAnswerer(
  lab: Lab,
  ip: string,
  options: { readonly not?: string; readonly limitMs?: number } = {},
): Promise<string> {
  const who = options.not === undefined ? "a node" : `a node other than ${options.not}`
  return until(
    `${who} to answer ${ip.includes(":") ? "NDP" : "ARP"} for ${ip}`,
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

/** Until that node is the one that answers for the address; meanwhile another may stand in. */
export function answersAgain(lab: Lab, ip: string, node: string): Promise<string> {
  return until(`${node} to answer for ${ip}`, 15_000, async () =>
    (await arpAnswerer(lab, ip, { limitMs: 10_000 })) === node ? node : undefined,
  )
}

/** The nodes that the router would send the prefix to, once they are as many as wanted. */
export function routedVia(lab: Lab, prefix: string, nodes: readonly string[], limitMs = 30_000): Promise<string> {
  const wanted = hopsOf(lab, prefix, nodes)
  return until(`the router to have ${prefix} via ${nodes.join(", ")}`, limitMs, async () => {
    const route = (await routerRoutes(lab.layout)).find((one) => one.prefix === prefix)
    return route?.nextHops.join(" ") === wanted ? nodes.join(", ") : undefined
  })
}

/** Until the router's kernel spreads the traffic for the prefix over these nodes (equal-cost multipath). */
export function spreadOver(lab: Lab, prefix: string, nodes: readonly string[]): Promise<string> {
  const wanted = hopsOf(lab, prefix, nodes)
  return until(`the router's kernel to spread ${prefix} over ${nodes.join(", ")}`, 30_000, async () =>
    (await kernelNextHops(lab.layout, prefix)).join(" ") === wanted ? nodes.join(", ") : undefined,
  )
}

function hopsOf(lab: Lab, prefix: string, nodes: readonly string[]): string {
  const hosts = lab.layout.nodes.filter(({ name }) => nodes.includes(name))
  return hosts
    .map(({ address, address6 }) => (prefix.includes(":") ? address6 : address))
    .sort()
    .join(" ")
}
