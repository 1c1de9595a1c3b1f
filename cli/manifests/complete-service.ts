import { isObject, type JsonObject, listOf, objectAt, textOf, textsOf } from "../../kubernetes/client/json.ts"
import type { ObjectSet } from "./objects.ts"

export type ClusterFamilies = readonly ["IPv4" | "IPv6"] | readonly ["IPv4" | "IPv6", "IPv4" | "IPv6"]

/**
 * The families of the cluster's Services, the primary one first: its ServiceCIDRs say it, or its nodes' Pod networks, or
 * else the cluster IPs that there are. `certain`: not just that no Service shows a second one.
 */
export function familiesOf(objects: ObjectSet): { readonly families: ClusterFamilies; readonly certain: boolean } {
  const all = [...objects.values()]
  const of = (wanted: string) => all.filter(({ kind }) => kind === wanted)
  const services = of("Service")
  const own = services.find((service) => textOf(objectAt(service, "metadata")["name"]) === "kubernetes")
  const ranges = of("ServiceCIDR").flatMap((object) => textsOf(objectAt(object, "spec")["cidrs"]))
  const networks = of("Node").flatMap((object) => textsOf(objectAt(object, "spec")["podCIDRs"]))
  const said = [...[own, ...services].map((service) => clusterIPs(service)[0] ?? ""), ...ranges, ...networks]
  const primary = said.map(familyOf).find((family) => family !== undefined) ?? "IPv4"
  const other = primary === "IPv4" ? "IPv6" : "IPv4"
  const shown = [...services.flatMap(clusterIPs), ...ranges, ...(ranges.length > 0 ? [] : networks)]
  const both = shown.some((text) => familyOf(text) === other)
  return { families: both ? [primary, other] : [primary], certain: both || ranges.length + networks.length > 0 }
}

const clusterIPs = (service: JsonObject | undefined): readonly string[] => {
  const { clusterIPs, clusterIP } = objectAt(service, "spec")
  const all = textsOf(clusterIPs)
  return all.length > 0 || typeof clusterIP !== "string" ? all : [clusterIP]
}
const familyOf = (ip: string) => (ip.includes(":") ? "IPv6" : ip.includes(".") ? "IPv4" : undefined)

/** In place of cluster IPs that only a server can give: their family is all that matters here. */
const placeholder = { IPv4: "0.0.0.0", IPv6: "::" } as const

/**
 * What an API server adds to a Service that matters for its addresses; it ends a status that has lost its type. Families
 * that an update does not name stay as they were.
 */
export function completeService(service: JsonObject, families: ClusterFamilies, before?: JsonObject): JsonObject {
  const { ipFamilyPolicy, ipFamilies: familiesBefore } = objectAt(before, "spec")
  const spec = { ipFamilyPolicy, ipFamilies: familiesBefore, ...objectAt(service, "spec") } as JsonObject
  const type = textOf(spec["type"]) || "ClusterIP"
  const status = type === "LoadBalancer" ? service["status"] : { ...objectAt(service, "status"), loadBalancer: {} }
  const given = clusterIPs(service)
  if (type === "ExternalName" || given.includes("None")) return { ...service, spec: { ...spec, type }, status }
  const policy = textOf(spec["ipFamilyPolicy"]) || "SingleStack"
  const named = textsOf(spec["ipFamilies"])
  const [first = families[0]] = named.length > 0 ? named : given.flatMap((ip) => familyOf(ip) ?? [])
  const second = named[1] ?? (first === "IPv4" ? "IPv6" : "IPv4")
  const two = policy === "RequireDualStack" || (policy === "PreferDualStack" && families.length === 2)
  const ipFamilies = two ? [first, second] : [first]
  const ips = ipFamilies.map((family) => given.find((ip) => familyOf(ip) === family) ?? ipOf(family))
  return {
    ...service,
    spec: {
      externalTrafficPolicy: type === "ClusterIP" ? undefined : "Cluster",
      ...spec,
      type,
      ipFamilyPolicy: policy,
      ipFamilies,
      clusterIP: ips[0],
      clusterIPs: ips,
      ports: listOf(spec["ports"]).map((port) => (isObject(port) ? { protocol: "TCP", ...port } : port)),
    },
    status,
  }
}

const ipOf = (family: string): string => (family === "IPv6" ? placeholder.IPv6 : placeholder.IPv4)
