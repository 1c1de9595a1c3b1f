import { display, at, copy, equal, isObject, type JsonObject, type KubeObject, listAt, textAt } from "../object.ts"
import { ApiError, type Cause, duplicate, invalidValue } from "../status.ts"
import type { ServiceAllocator } from "./allocator.ts"
import type { Rules } from "./kind.ts"
import { validateService } from "./service-validation.ts"

// What a real API server does with a Service beyond storing it: defaults, fields that follow the type, and the addresses
// and ports it hands out.

const hasClusterIp = (service: KubeObject): boolean => typeOf(service) !== "ExternalName"
const mayHaveNodePorts = (service: KubeObject): boolean =>
  typeOf(service) === "NodePort" || typeOf(service) === "LoadBalancer"
const hasNodePorts = (service: KubeObject): boolean =>
  typeOf(service) === "NodePort" ||
  (typeOf(service) === "LoadBalancer" && at(service, "spec", "allocateLoadBalancerNodePorts") !== false)
const typeOf = (service: KubeObject): string => textAt(service, "spec", "type")
const external = (service: KubeObject): boolean =>
  typeOf(service) === "NodePort" ||
  typeOf(service) === "LoadBalancer" ||
  (typeOf(service) === "ClusterIP" && listAt(service, "spec", "externalIPs").length > 0)
const needsHealthPort = (service: KubeObject): boolean =>
  typeOf(service) === "LoadBalancer" && textAt(service, "spec", "externalTrafficPolicy") === "Local"
const isHeadless = (service: KubeObject): boolean =>
  typeOf(service) === "ClusterIP" && textAt(service, "spec", "clusterIP") === "None"

const hasSelector = (service: KubeObject): boolean => {
  const selector = at(service, "spec", "selector")
  return isObject(selector) && Object.keys(selector).length > 0
}

export function serviceRules(allocator: ServiceAllocator): Rules {
  return {
    defaults,
    prepare,
    validate: (object, old, subresource) => validateService(object, old, subresource, allocator.portRange),
    allocate: (object, old) => allocate(allocator, object, old),
    names: "rfc1035",
    createOnUpdate: true,
    deleteReturnsObject: true,
    statusSubresource: true,
    selectable: {
      "spec.clusterIP": (object) => textAt(object, "spec", "clusterIP"),
      "spec.type": (object) => typeOf(object),
    },
  }
}

function specOf(service: KubeObject): JsonObject {
  service.spec ??= {}
  return service.spec
}

function portsOf(service: KubeObject): JsonObject[] {
  return listAt(service, "spec", "ports").filter(isObject)
}

function defaults(service: KubeObject): void {
  const spec = specOf(service)
  spec["type"] ??= "ClusterIP"
  spec["sessionAffinity"] ??= "None"
  if (spec["sessionAffinity"] === "None") delete spec["sessionAffinityConfig"]
  else spec["sessionAffinityConfig"] ??= { clientIP: { timeoutSeconds: 10_800 } }
  for (const port of portsOf(service)) {
    port["protocol"] ??= "TCP"
    port["targetPort"] ??= port["port"]
  }
  if (external(service)) spec["externalTrafficPolicy"] ??= "Cluster"
  if (hasClusterIp(service)) spec["internalTrafficPolicy"] ??= "Cluster"
  if (typeOf(service) === "LoadBalancer") {
    spec["allocateLoadBalancerNodePorts"] ??= true
    for (const entry of listAt(service, "status", "loadBalancer", "ingress")) {
      if (isObject(entry) && typeof entry["ip"] === "string") entry["ipMode"] ??= "VIP"
    }
  }
  for (const condition of listAt(service, "status", "conditions")) {
    if (!isObject(condition)) continue
    condition["lastTransitionTime"] ??= null
    condition["reason"] ??= ""
    condition["message"] ??= ""
  }
}

function prepare(service: KubeObject, old: KubeObject | undefined, subresource: string): void {
  if (subresource === "status") {
    if (old?.spec !== undefined) service.spec = copy(old.spec)
    const status = (service.status ??= {})
    if (!isObject(status["loadBalancer"])) status["loadBalancer"] = {}
    return
  }
  service.status = old?.status === undefined ? { loadBalancer: {} } : copy(old.status)
  if (typeOf(service) !== "LoadBalancer") service.status["loadBalancer"] = {}
  if (old === undefined) return
  keepAllocated(service, old)
  dropForType(service, old)
}

/** A client that sends its own copy without the allocated values does not mean to give them up. */
function keepAllocated(service: KubeObject, old: KubeObject): void {
  const spec = specOf(service)
  if (hasClusterIp(service) && hasClusterIp(old)) {
    if (spec["clusterIP"] === undefined && spec["clusterIPs"] === undefined) {
      copyFields(old, service, ["clusterIP", "clusterIPs"])
    } else if (spec["clusterIPs"] === undefined && spec["clusterIP"] === at(old, "spec", "clusterIP")) {
      copyFields(old, service, ["clusterIPs"])
    } else if (
      spec["clusterIP"] !== at(old, "spec", "clusterIP") &&
      equal(spec["clusterIPs"], at(old, "spec", "clusterIPs"))
    ) {
      // Only the old field was written: the list follows it.
      spec["clusterIPs"] = [spec["clusterIP"]]
    } else if (spec["clusterIP"] === undefined) spec["clusterIP"] = listAt(service, "spec", "clusterIPs")[0]
    for (const field of ["ipFamilies", "ipFamilyPolicy"])
      if (spec[field] === undefined) copyFields(old, service, [field])
  }
  if (hasNodePorts(service) && mayHaveNodePorts(old)) {
    for (const port of portsOf(service)) {
      if (port["nodePort"] !== undefined) continue
      const before = portsOf(old).find((had) => had["port"] === port["port"] && had["protocol"] === port["protocol"])
      if (before?.["nodePort"] !== undefined) port["nodePort"] = before["nodePort"]
    }
  }
  if (needsHealthPort(service) && needsHealthPort(old)) {
    if (at(service, "spec", "healthCheckNodePort") === undefined) copyFields(old, service, ["healthCheckNodePort"])
  }
}

function copyFields(from: KubeObject, to: KubeObject, fields: readonly string[]): void {
  for (const field of fields) {
    const value = at(from, "spec", field)
    if (value !== undefined) specOf(to)[field] = copy(value)
  }
}

/** Fields that belong to the old type and came along unchanged. Changed ones stay, for validation to refuse. */
function dropForType(service: KubeObject, old: KubeObject): void {
  const spec = specOf(service)
  const drop = (field: string) => {
    if (equal(spec[field], at(old, "spec", field))) delete spec[field]
  }
  if (hasClusterIp(old) && !hasClusterIp(service)) {
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"])
      drop(field)
  }
  if (mayHaveNodePorts(old) && !mayHaveNodePorts(service)) {
    for (const [i, port] of portsOf(service).entries()) {
      const before = portsOf(old).find((had) => had["nodePort"] === port["nodePort"]) ?? portsOf(old)[i]
      if (before?.["nodePort"] === port["nodePort"]) delete port["nodePort"]
    }
  }
  if (needsHealthPort(old) && !needsHealthPort(service)) drop("healthCheckNodePort")
  if (external(old) && !external(service)) drop("externalTrafficPolicy")
  if (typeOf(old) === "LoadBalancer" && typeOf(service) !== "LoadBalancer") {
    drop("allocateLoadBalancerNodePorts")
    drop("loadBalancerClass")
  }
}

function allocate(allocator: ServiceAllocator, service: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const spec = specOf(service)
  if (!hasClusterIp(service)) return []
  const causes = [...families(allocator, service, old)]
  if (causes.length > 0) return causes
  if (isHeadless(service)) spec["clusterIPs"] = ["None"]
  else causes.push(...clusterAddresses(allocator, service, old))
  if (mayHaveNodePorts(service)) causes.push(...nodePorts(allocator, service, old))
  checkHealthPort(allocator, spec["healthCheckNodePort"])
  if (needsHealthPort(service) && spec["healthCheckNodePort"] === undefined) {
    spec["healthCheckNodePort"] = allocator.nodePort("TCP", new Set(usedPorts(service)))
  }
  return causes
}

/** No fault of the object, says a real server. */
function checkHealthPort({ portRange: [first, last] }: ServiceAllocator, port: unknown): void {
  if (typeof port !== "number" || (port >= first && port <= last)) return
  const range = `The range of valid ports is ${first}-${last}`
  const message = `failed to allocate requested HealthCheck NodePort ${port}: provided port is not in the valid range. ${range}`
  throw new ApiError(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] })
}

function families(allocator: ServiceAllocator, service: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const spec = specOf(service)
  const [primary = "IPv4", secondary] = allocator.families
  const wanted = listAt(service, "spec", "ipFamilies").map(display)
  const given = listAt(service, "spec", "clusterIPs")
    .map(display)
    .filter((address) => address !== "None")
  for (const [i, address] of (given.length > 0 ? given : [textAt(spec, "clusterIP")]).entries()) {
    if (address !== "" && address !== "None") wanted[i] ??= address.includes(":") ? "IPv6" : "IPv4"
  }
  for (const [i, family] of wanted.entries()) {
    if (family !== primary && family !== secondary) {
      return [invalidValue(`spec.ipFamilies[${i}]`, family, "not configured on this cluster")]
    }
  }
  if (isHeadless(service) && !hasSelector(service)) return headlessFamilies(spec, wanted, primary)
  const policy = spec["ipFamilyPolicy"] ?? (given.length > 1 ? "RequireDualStack" : "SingleStack")
  if (policy === "RequireDualStack" && secondary === undefined) {
    return [invalidValue("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")]
  }
  if (policy === "SingleStack" && wanted.length > 1) {
    const before = at(old, "spec", "ipFamilyPolicy")
    if (old === undefined || before === "SingleStack") {
      return [
        invalidValue(
          "spec.ipFamilyPolicy",
          policy,
          "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ),
      ]
    }
    wanted.length = 1
    if (given.length > 1) spec["clusterIPs"] = given.slice(0, 1)
  }
  if (wanted.length === 0) wanted.push(primary)
  if (policy !== "SingleStack" && secondary !== undefined && wanted.length === 1) {
    wanted.push(wanted[0] === primary ? secondary : primary)
  }
  spec["ipFamilies"] = wanted
  spec["ipFamilyPolicy"] = policy
  return []
}

/** Whose endpoints somebody else writes: it may have both families whatever the cluster has. */
function headlessFamilies(spec: JsonObject, wanted: string[], primary: string): readonly Cause[] {
  spec["ipFamilyPolicy"] ??= "RequireDualStack"
  if (wanted.length === 0) wanted.push(primary)
  if (spec["ipFamilyPolicy"] !== "SingleStack" && wanted.length === 1)
    wanted.push(wanted[0] === "IPv4" ? "IPv6" : "IPv4")
  spec["ipFamilies"] = wanted
  return []
}

function clusterAddresses(
  allocator: ServiceAllocator,
  service: KubeObject,
  old: KubeObject | undefined,
): readonly Cause[] {
  const spec = specOf(service)
  const wanted = listAt(service, "spec", "clusterIPs").map(display)
  if (wanted.length === 0 && textAt(spec, "clusterIP") !== "") wanted.push(textAt(spec, "clusterIP"))
  const had = listAt(old, "spec", "clusterIPs")
  const result: string[] = []
  const crossed = wrongFamilies(service, wanted)
  if (crossed.length > 0) return crossed
  for (const [i, family] of listAt(service, "spec", "ipFamilies").map(display).entries()) {
    const asked = wanted[i]
    if (asked !== undefined) {
      const owned = had.includes(asked)
      const fail = (why: string) => invalidValue("spec.clusterIPs", [asked], `failed to allocate IP ${asked}: ${why}`)
      if (!owned && !allocator.covers(asked)) {
        return [fail("the provided network does not match the current range")]
      }
      if (!owned && allocator.addressTaken(asked)) return [fail("provided IP is already allocated")]
      result.push(asked)
      continue
    }
    const free = allocator.address(family === "IPv6" ? "IPv6" : "IPv4")
    if (free === undefined)
      return [invalidValue(`spec.clusterIPs[${i}]`, "", "failed to allocate a serviceIP: range is full")]
    result.push(free)
  }
  spec["clusterIPs"] = result
  spec["clusterIP"] = result[0]
  return []
}

function wrongFamilies(service: KubeObject, wanted: readonly string[]): readonly Cause[] {
  return listAt(service, "spec", "ipFamilies")
    .map(display)
    .flatMap((family, i) => {
      const asked = wanted[i]
      if (asked === undefined || asked.includes(":") === (family === "IPv6")) return []
      const text = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``
      return [invalidValue(`spec.clusterIPs[${i}]`, asked, text)]
    })
}

function usedPorts(service: KubeObject): string[] {
  return portsOf(service)
    .filter((port) => port["nodePort"] !== undefined)
    .map((port) => `${textAt(port, "protocol")}/${display(port["nodePort"])}`)
}

function nodePorts(allocator: ServiceAllocator, service: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const had = new Set(old === undefined ? [] : usedPorts(old))
  const mine = new Set<string>()
  for (const [i, port] of portsOf(service).entries()) {
    const number = port["nodePort"]
    if (typeof number !== "number") continue
    const field = `spec.ports[${i}].nodePort`
    const protocol = textAt(port, "protocol")
    const id = `${protocol}/${number}`
    if (mine.has(id)) return [duplicate(field, number)]
    if (!had.has(id) && allocator.portTaken(number, protocol)) {
      return [invalidValue(field, number, "provided port is already allocated")]
    }
    mine.add(id)
  }
  for (const [i, port] of portsOf(service).entries()) {
    if (port["nodePort"] !== undefined || !hasNodePorts(service)) continue
    const protocol = textAt(port, "protocol")
    // One port with two protocols has one node port, where both are free.
    const twin = portsOf(service).find((other) => other["port"] === port["port"] && other["nodePort"] !== undefined)
    const shared = typeof twin?.["nodePort"] === "number" ? twin["nodePort"] : undefined
    const usable = shared !== undefined && !mine.has(`${protocol}/${shared}`) && !allocator.portTaken(shared, protocol)
    const free = usable ? shared : allocator.nodePort(protocol, mine)
    if (free === undefined)
      return [invalidValue(`spec.ports[${i}].nodePort`, 0, "failed to allocate a nodePort: range is full")]
    port["nodePort"] = free
    mine.add(`${protocol}/${free}`)
  }
  return []
}
