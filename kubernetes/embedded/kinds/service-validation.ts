import { parseIp } from "../../../protocols/ip.ts"
import { parsePrefix } from "../../../protocols/prefix.ts"
import { labelValueFault, qualifiedNameFault } from "../metadata.ts"
import { nameFault } from "../names.ts"
import { display, at, equal, isObject, type JsonObject, type KubeObject, listAt, textAt } from "../object.ts"
import { type Cause, duplicate, forbiddenField, invalidValue, notSupported, required } from "../status.ts"

const IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
const portText = "must be between 1 and 65535, inclusive"
const isPort = (value: unknown): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535

/** The rules on a Service that matter to a load balancer, with the texts of a real API server. */
export function validateService(
  service: KubeObject,
  old: KubeObject | undefined,
  subresource: string,
  nodePorts: readonly [number, number],
): Cause[] {
  const out: Cause[] = []
  if (subresource === "status") {
    checkStatus(service, out)
    return out
  }
  const type = textAt(service, "spec", "type")
  const ports = listAt(service, "spec", "ports").filter(isObject)
  const headless = type === "ClusterIP" && textAt(service, "spec", "clusterIP") === "None"
  if (ports.length === 0 && !headless && type !== "ExternalName") out.push(required("spec.ports"))
  checkPorts(ports, type, nodePorts, out)
  oneOf(service, "sessionAffinity", ["ClientIP", "None"], out)
  oneOf(service, "type", ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], out)
  oneOf(service, "ipFamilyPolicy", ["PreferDualStack", "RequireDualStack", "SingleStack"], out)
  checkPolicies(service, type, out)
  checkAddresses(service, type, out)
  checkLoadBalancer(service, type, out)
  checkSelector(service, out)
  checkAffinity(service, out)
  if (old !== undefined) checkUpdate(service, old, type, out)
  return out
}

function oneOf(service: KubeObject, field: string, allowed: readonly string[], out: Cause[]): void {
  const value = at(service, "spec", field)
  if (value !== undefined && !allowed.includes(display(value))) out.push(notSupported(`spec.${field}`, value, allowed))
}

function checkPorts(ports: readonly JsonObject[], type: string, range: readonly [number, number], out: Cause[]): void {
  const names = new Set<string>()
  const seen = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const path = `spec.ports[${i}]`
    const name = textAt(port, "name")
    const protocol = textAt(port, "protocol")
    if (name === "" && ports.length > 1) out.push(required(`${path}.name`))
    const fault = name === "" ? undefined : nameFault("label", name, false)
    if (fault !== undefined) out.push(invalidValue(`${path}.name`, name, fault))
    else if (name !== "" && names.has(name)) out.push(duplicate(`${path}.name`, name))
    names.add(name)
    if (!isPort(port["port"])) out.push(invalidValue(`${path}.port`, port["port"] ?? 0, portText))
    if (!["SCTP", "TCP", "UDP"].includes(protocol)) {
      out.push(notSupported(`${path}.protocol`, protocol, ["SCTP", "TCP", "UDP"]))
    }
    const target = port["targetPort"]
    if (typeof target === "number" && !isPort(target)) out.push(invalidValue(`${path}.targetPort`, target, portText))
    if (typeof target === "string" && !/^(?=.*[a-z])[a-z0-9](?:-?[a-z0-9]){0,14}$/.test(target)) {
      const text = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
      out.push(invalidValue(`${path}.targetPort`, target, text))
    }
    const key = `${protocol}/${display(port["port"])}`
    if (seen.has(key)) out.push(duplicate(path, { protocol, port: port["port"] }))
    seen.add(key)
    const node = port["nodePort"]
    if (typeof node !== "number") continue
    if (type === "ClusterIP" || type === "ExternalName") {
      out.push(forbiddenField(`${path}.nodePort`, `may not be used when \`type\` is '${type}'`))
    } else if (node < range[0] || node > range[1]) {
      const text = `provided port is not in the valid range. The range of valid ports is ${range[0]}-${range[1]}`
      out.push(invalidValue(`${path}.nodePort`, node, text))
    }
  }
}

function checkPolicies(service: KubeObject, type: string, out: Cause[]): void {
  const policy = at(service, "spec", "externalTrafficPolicy")
  const externalIps = listAt(service, "spec", "externalIPs").length > 0
  const external = type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && externalIps)
  if (policy !== undefined) {
    const field = "spec.externalTrafficPolicy"
    if (!external) out.push(invalidValue(field, policy, "may only be set for externally-accessible services"))
    else if (policy !== "Cluster" && policy !== "Local") out.push(notSupported(field, policy, ["Cluster", "Local"]))
  } else if (external) out.push(required("spec.externalTrafficPolicy"))
  oneOf(service, "internalTrafficPolicy", ["Cluster", "Local"], out)
  const health = at(service, "spec", "healthCheckNodePort")
  if (health !== undefined && !(type === "LoadBalancer" && policy === "Local")) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    out.push(invalidValue("spec.healthCheckNodePort", health, text))
  }
}

function checkAddresses(service: KubeObject, type: string, out: Cause[]): void {
  const primary = textAt(service, "spec", "clusterIP")
  const all = listAt(service, "spec", "clusterIPs").map(display)
  if (type === "ExternalName") {
    if (all.length > 0) out.push(forbiddenField("spec.clusterIPs", "may not be set when `type` is 'ExternalName'"))
    if (textAt(service, "spec", "externalName") === "") out.push(required("spec.externalName"))
    return
  }
  if (all.length > 0 && primary !== all[0]) {
    out.push(invalidValue("spec.clusterIPs", all, "first value must match `clusterIP`"))
  }
  for (const [i, address] of (all.length === 0 && primary !== "" ? [primary] : all).entries()) {
    if (address === "None") {
      if (type !== "ClusterIP") {
        out.push(invalidValue(`spec.clusterIPs[${i}]`, address, `may not be set to 'None' for ${type} services`))
      }
    } else if (parseIp(address) === undefined) out.push(invalidValue(`spec.clusterIPs[${i}]`, address, IP_TEXT))
  }
  const families = listAt(service, "spec", "ipFamilies")
  if (families.length > 2) out.push(invalidValue("spec.ipFamilies", families, "may only hold up to 2 values"))
  if (families.length === 2 && families[0] === families[1]) out.push(duplicate("spec.ipFamilies[1]", families[1]))
  for (const [i, family] of families.entries()) {
    if (family !== "IPv4" && family !== "IPv6")
      out.push(notSupported(`spec.ipFamilies[${i}]`, family, ["IPv4", "IPv6"]))
  }
  for (const [i, address] of listAt(service, "spec", "externalIPs").entries()) {
    if (parseIp(display(address)) === undefined) out.push(invalidValue(`spec.externalIPs[${i}]`, address, IP_TEXT))
  }
}

function checkLoadBalancer(service: KubeObject, type: string, out: Cause[]): void {
  for (const [i, range] of listAt(service, "spec", "loadBalancerSourceRanges").entries()) {
    if (type !== "LoadBalancer") {
      out.push(forbiddenField("spec.loadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"))
      break
    }
    if (parsePrefix(display(range).trim()) === undefined) {
      const text = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
      out.push(invalidValue(`spec.loadBalancerSourceRanges[${i}]`, range, text))
    }
  }
  const wanted = at(service, "spec", "loadBalancerClass")
  if (wanted !== undefined && type !== "LoadBalancer") {
    out.push(forbiddenField("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"))
  }
  const wrong = wanted === undefined ? undefined : qualifiedNameFault(display(wanted))
  if (wrong !== undefined) out.push(invalidValue("spec.loadBalancerClass", wanted, wrong))
  if (at(service, "spec", "allocateLoadBalancerNodePorts") !== undefined && type !== "LoadBalancer") {
    const text = "may only be used when `type` is 'LoadBalancer'"
    out.push(forbiddenField("spec.allocateLoadBalancerNodePorts", text))
  }
}

function checkSelector(service: KubeObject, out: Cause[]): void {
  const selector = at(service, "spec", "selector")
  for (const [key, value] of Object.entries(isObject(selector) ? selector : {})) {
    const faults = [
      [key, qualifiedNameFault(key)],
      [value, labelValueFault(display(value))],
    ] as const
    for (const [what, fault] of faults) if (fault !== undefined) out.push(invalidValue("spec.selector", what, fault))
  }
}

function checkAffinity(service: KubeObject, out: Cause[]): void {
  const seconds = at(service, "spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds")
  if (typeof seconds !== "number" || (seconds > 0 && seconds <= 86_400)) return
  const field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
  out.push(invalidValue(field, seconds, "must be greater than 0 and less than 86400"))
}

function checkUpdate(service: KubeObject, old: KubeObject, type: string, out: Cause[]): void {
  const before = textAt(old, "spec", "type")
  const had = listAt(old, "spec", "clusterIPs")
  const now = listAt(service, "spec", "clusterIPs")
  if (type !== "ExternalName" && before !== "ExternalName" && had[0] !== undefined && had[0] !== now[0]) {
    out.push(invalidValue("spec.clusterIPs[0]", now.length === 0 ? "" : now, "may not change once set"))
  }
  if (type === "LoadBalancer" && before === "LoadBalancer") {
    const was = at(old, "spec", "loadBalancerClass")
    const is = at(service, "spec", "loadBalancerClass")
    if (!equal(was, is)) out.push(invalidValue("spec.loadBalancerClass", is ?? null, "may not change once set"))
  }
}

function checkStatus(service: KubeObject, out: Cause[]): void {
  const ingress = listAt(service, "status", "loadBalancer", "ingress")
  const path = "status.loadBalancer.ingress"
  if (ingress.length > 0 && textAt(service, "spec", "type") !== "LoadBalancer") {
    out.push(forbiddenField(path, 'may only be used when `spec.type` is "LoadBalancer"'))
  }
  for (const [i, entry] of ingress.entries()) {
    const ip = textAt(entry, "ip")
    const hostname = textAt(entry, "hostname")
    const mode = at(entry, "ipMode")
    if (ip !== "" && parseIp(ip) === undefined) out.push(invalidValue(`${path}[${i}].ip`, ip, IP_TEXT))
    if (ip !== "" && mode !== undefined && mode !== "VIP" && mode !== "Proxy") {
      out.push(notSupported(`${path}[${i}].ipMode`, mode, ["Proxy", "VIP"]))
    }
    if (ip === "" && mode !== undefined) {
      out.push(forbiddenField(`${path}[${i}].ipMode`, "may not be specified when `ip` is not set"))
    }
    const fault = hostname === "" ? undefined : nameFault("subdomain", hostname, false)
    if (fault !== undefined) out.push(invalidValue(`${path}[${i}].hostname`, hostname, fault))
    if (hostname !== "" && parseIp(hostname) !== undefined) {
      out.push(invalidValue(`${path}[${i}].hostname`, hostname, "must be a DNS name, not an IP address"))
    }
  }
}
