import { curl, learnedMac } from "./client.ts"
import type { KubeObject } from "./kube.ts"
import type { Lab } from "./lab.ts"
import { type RouterRoute, routerRoutes } from "./router.ts"

/** What is true now, seen from outside: the API, the client's kernel, the router. */
export interface Observation {
  readonly services: readonly ObservedService[]
  readonly routes: readonly RouterRoute[]
  readonly events: readonly { readonly at: string; readonly text: string }[]
}

export interface ObservedService {
  readonly name: string
  /** Of a dual-stack Service one row each. */
  readonly ip: string | undefined
  readonly pool: string | undefined
  /** Which node the client's kernel has as the neighbour with the address; only for addresses of the segment. */
  readonly arp: string | undefined
  /** The answer of the application to curl, or what went wrong. */
  readonly answer: string | undefined
  readonly ok: boolean
}

export async function observe(lab: Lab): Promise<Observation> {
  const [services, events, routes] = await Promise.all([
    lab.kube.list("/api/v1/services"),
    lab.kube.list("/api/v1/events"),
    lab.hasRouter ? routerRoutes(lab.layout) : [],
  ])
  const balanced = services.filter((service) => (service["spec"] as { type?: string }).type === "LoadBalancer")
  return {
    services: await Promise.all(
      balanced.flatMap((service) => {
        const ips = serviceIps(service)
        return ips.length === 0
          ? [observeService(lab, service, undefined)]
          : ips.map((ip) => observeService(lab, service, ip))
      }),
    ),
    routes,
    events: recent(events),
  }
}

async function observeService(lab: Lab, service: KubeObject, ip: string | undefined): Promise<ObservedService> {
  const { name, namespace, annotations } = service.metadata
  const fetched = ip === undefined ? undefined : await curl(lab.layout, ip, 1)
  const mac = onSegment(ip) ? await learnedMac(lab.layout, ip) : undefined
  return {
    name: namespace === "default" ? name : `${namespace}/${name}`,
    ip,
    pool: annotations?.["metallb.io/ip-allocated-from-pool"],
    arp: mac === undefined ? undefined : (lab.macs.get(mac) ?? mac),
    answer: fetched?.text,
    ok: fetched?.ok ?? false,
  }
}

/** Whether it is ARP or NDP that leads there. */
export const onSegment = (ip: string | undefined): ip is string =>
  ip?.startsWith("192.0.2.") === true || ip?.startsWith("2001:db8:1::") === true

export function serviceIps(service: KubeObject): string[] {
  const status = service["status"] as { loadBalancer?: { ingress?: { ip?: string }[] } } | undefined
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
}

function recent(events: readonly KubeObject[]): Observation["events"] {
  return events
    .map((event) => {
      const { lastTimestamp, firstTimestamp, reason, message, involvedObject } = event as KubeObject & {
        lastTimestamp?: string
        firstTimestamp?: string
        reason?: string
        message?: string
        involvedObject?: { name?: string }
      }
      return { at: lastTimestamp ?? firstTimestamp ?? "", text: `${involvedObject?.name}: ${reason}: ${message}` }
    })
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, 6)
}
