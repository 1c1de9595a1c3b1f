import { ageOf } from "../duration.ts"
import { display, at, isObject, type KubeObject, listAt, textAt } from "../object.ts"
import type { Column } from "./kind.ts"

// The columns of `kubectl get`, per kind, as a real server fills them.

export type Cell = Column["cell"]
export const column = (name: string, cell: Cell, type = "string", priority = 0): Column => ({
  name,
  type,
  format: "",
  priority,
  description: `${name} of the object.`,
  cell,
})
export const wide = (name: string, cell: Cell, type = "string"): Column => column(name, cell, type, 1)
export const orNone = (text: string): string => (text === "" ? "<none>" : text)
const orUnknown = (text: string): string => (text === "" ? "<unknown>" : text)
const field =
  (...path: readonly (string | number)[]): Cell =>
  (object) =>
    textAt(object, ...path)

export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  priority: 0,
  description: "Name of the object, unique within its namespace.",
  cell: (object) => object.metadata.name ?? "",
}
export const ageColumn = column("Age", (object, nowMs) => ageOf(object.metadata.creationTimestamp, nowMs))

export const plain: readonly Column[] = [nameColumn, ageColumn]

export function labelText(labels: unknown): string {
  if (!isObject(labels)) return "<none>"
  const parts = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${display(labels[key])}`)
  return orNone(parts.join(","))
}

function externalAddresses(object: KubeObject): string {
  const external = listAt(object, "spec", "externalIPs").map(display)
  switch (textAt(object, "spec", "type")) {
    case "ExternalName":
      return textAt(object, "spec", "externalName")
    case "LoadBalancer": {
      const ingress = listAt(object, "status", "loadBalancer", "ingress")
      const addresses = ingress.map((entry) => textAt(entry, "ip") || textAt(entry, "hostname")).filter(Boolean)
      const all = [...addresses, ...external]
      return all.length === 0 ? "<pending>" : all.join(",")
    }
    default:
      return orNone(external.join(","))
  }
}

function servicePorts(object: KubeObject): string {
  const ports = listAt(object, "spec", "ports").map((port) => {
    const node = at(port, "nodePort")
    const outside = typeof node === "number" && node > 0 ? `:${node}` : ""
    return `${display(at(port, "port"))}${outside}/${textAt(port, "protocol")}`
  })
  return orNone(ports.join(","))
}

export const service: readonly Column[] = [
  nameColumn,
  column("Type", field("spec", "type")),
  column("Cluster-IP", (object) => orNone(textAt(object, "spec", "clusterIP"))),
  column("External-IP", externalAddresses),
  column("Port(s)", servicePorts),
  ageColumn,
  wide("Selector", (object) => labelText(at(object, "spec", "selector"))),
]

function nodeStatus(object: KubeObject): string {
  const ready = listAt(object, "status", "conditions").find((condition) => textAt(condition, "type") === "Ready")
  const status = ready === undefined ? "Unknown" : textAt(ready, "status") === "True" ? "Ready" : "NotReady"
  return at(object, "spec", "unschedulable") === true ? `${status},SchedulingDisabled` : status
}

function nodeRoles(object: KubeObject): string {
  const prefix = "node-role.kubernetes.io/"
  const roles = Object.entries(object.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(prefix) && key.length > prefix.length) return [key.slice(prefix.length)]
    return key === "kubernetes.io/role" && value !== "" ? [value] : []
  })
  return orNone([...new Set(roles)].sort().join(","))
}

const nodeAddress =
  (type: string): Cell =>
  (object) =>
    orNone(
      textAt(
        listAt(object, "status", "addresses").find((entry) => textAt(entry, "type") === type),
        "address",
      ),
    )
const nodeInfo =
  (name: string): Cell =>
  (object) =>
    orUnknown(textAt(object, "status", "nodeInfo", name))

export const node: readonly Column[] = [
  nameColumn,
  column("Status", nodeStatus),
  column("Roles", nodeRoles),
  ageColumn,
  column("Version", field("status", "nodeInfo", "kubeletVersion")),
  wide("Internal-IP", nodeAddress("InternalIP")),
  wide("External-IP", nodeAddress("ExternalIP")),
  wide("OS-Image", nodeInfo("osImage")),
  wide("Kernel-Version", nodeInfo("kernelVersion")),
  wide("Container-Runtime", nodeInfo("containerRuntimeVersion")),
]

function shortened(items: readonly string[]): string {
  if (items.length === 0) return "<unset>"
  return items.length > 3 ? `${items.slice(0, 3).join(",")} + ${items.length - 3} more...` : items.join(",")
}

export const endpointSlice: readonly Column[] = [
  nameColumn,
  column("AddressType", field("addressType")),
  column("Ports", (object) => {
    const ports = listAt(object, "ports").map((port) => display(at(port, "port") ?? "*"))
    return shortened(ports)
  }),
  column("Endpoints", (object) =>
    shortened(listAt(object, "endpoints").flatMap((endpoint) => listAt(endpoint, "addresses").map(display))),
  ),
  ageColumn,
]

export const endpoints: readonly Column[] = [
  nameColumn,
  column("Endpoints", (object) => {
    const all = listAt(object, "subsets").flatMap((subset) =>
      listAt(subset, "addresses").flatMap((address) =>
        listAt(subset, "ports").map((port) => `${textAt(address, "ip")}:${display(at(port, "port"))}`),
      ),
    )
    return all.length === 0 ? "<none>" : shortened(all)
  }),
  ageColumn,
]

function podReady(object: KubeObject): string {
  const states = listAt(object, "status", "containerStatuses")
  const ready = states.filter((state) => at(state, "ready") === true).length
  return `${ready}/${listAt(object, "spec", "containers").length}`
}

function podStatus(object: KubeObject): string {
  if (object.metadata.deletionTimestamp !== undefined) return "Terminating"
  return textAt(object, "status", "reason") || textAt(object, "status", "phase")
}

export const pod: readonly Column[] = [
  nameColumn,
  column("Ready", podReady),
  column("Status", podStatus),
  column("Restarts", (object) =>
    display(
      listAt(object, "status", "containerStatuses").reduce<number>(
        (sum, state) => sum + Number(at(state, "restartCount") ?? 0),
        0,
      ),
    ),
  ),
  ageColumn,
  wide("IP", (object) => orNone(textAt(object, "status", "podIP"))),
  wide("Node", (object) => orNone(textAt(object, "spec", "nodeName"))),
  wide("Nominated Node", (object) => orNone(textAt(object, "status", "nominatedNodeName"))),
  wide("Readiness Gates", () => "<none>"),
]

export const namespace: readonly Column[] = [nameColumn, column("Status", field("status", "phase")), ageColumn]

const count =
  (...fields: readonly string[]): Cell =>
  (object) =>
    fields.reduce((sum, name) => sum + (isObject(object[name]) ? Object.keys(object[name]).length : 0), 0)
export const configMap: readonly Column[] = [
  nameColumn,
  column("Data", (o, n) => display(count("data", "binaryData")(o, n))),
  ageColumn,
]
export const secret: readonly Column[] = [
  nameColumn,
  column("Type", field("type")),
  column("Data", (o, n) => display(count("data")(o, n))),
  ageColumn,
]
export const serviceAccount: readonly Column[] = [
  nameColumn,
  column("Secrets", (object) => display(listAt(object, "secrets").length)),
  ageColumn,
]
export const lease: readonly Column[] = [nameColumn, column("Holder", field("spec", "holderIdentity")), ageColumn]
export const definition: readonly Column[] = [
  nameColumn,
  column("Created At", (object) => object.metadata.creationTimestamp ?? ""),
]

function lastSeen(object: KubeObject, nowMs: number): string {
  const series = textAt(object, "series", "lastObservedTime")
  return ageOf(series || textAt(object, "lastTimestamp") || textAt(object, "eventTime") || undefined, nowMs)
}

export const event: readonly Column[] = [
  column("Last Seen", lastSeen),
  column("Type", field("type")),
  column("Reason", field("reason")),
  column("Object", (object) => {
    const kind = textAt(object, "involvedObject", "kind").toLowerCase()
    const name = textAt(object, "involvedObject", "name")
    return name === "" ? kind : `${kind}/${name}`
  }),
  wide("Subobject", field("involvedObject", "fieldPath")),
  wide("Source", (object) => {
    const component = textAt(object, "source", "component") || textAt(object, "reportingComponent")
    const host = textAt(object, "source", "host")
    return host === "" ? component : `${component}, ${host}`
  }),
  column("Message", (object) => textAt(object, "message").trim()),
  wide("First Seen", (object, nowMs) =>
    ageOf(textAt(object, "firstTimestamp") || textAt(object, "eventTime") || undefined, nowMs),
  ),
  wide("Count", (object) => display(at(object, "series", "count") ?? at(object, "count") ?? 1)),
  { ...wide("Name", (object) => object.metadata.name ?? ""), format: "name" },
]
