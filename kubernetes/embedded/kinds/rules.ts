import { display, at, copy, equal, isObject, type KubeObject, listAt, textAt } from "../object.ts"
import { type Cause, invalidValue, notSupported, required } from "../status.ts"
import { definitionFaults } from "./definition-faults.ts"
import type { Rules } from "./kind.ts"

// The built-in kinds with a rule or two of their own. The Service and the Event have files to themselves.

/** Main resource: the old status stays. Status endpoint: only the status is new. */
export function keepOtherHalf(object: KubeObject, old: KubeObject | undefined, subresource: string): void {
  const half = subresource === "status" ? "spec" : "status"
  if (old === undefined) {
    if (half === "status") delete object.status
    return
  }
  const before = old[half]
  if (before === undefined) delete object[half]
  else object[half] = copy(before)
}

export const namespaceRules: Rules = {
  names: "label",
  statusSubresource: true,
  deleteReturnsObject: true,
  defaults: (namespace) => {
    const labels = (namespace.metadata.labels ??= {})
    if (namespace.metadata.name !== undefined) labels["kubernetes.io/metadata.name"] = namespace.metadata.name
  },
  prepare: (namespace, old, subresource) => {
    keepOtherHalf(namespace, old, subresource)
    if (old === undefined) {
      namespace.spec = { ...namespace.spec, finalizers: ["kubernetes"] }
      namespace.status = { phase: "Active" }
    } else if (subresource === "" && old.spec !== undefined) namespace.spec = copy(old.spec)
  },
  selectable: {
    "status.phase": (namespace) => textAt(namespace, "status", "phase"),
    name: (namespace) => namespace.metadata.name ?? "",
  },
}

const emptyNodeInfo = Object.fromEntries(
  [
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
  ].map((name) => [name, ""]),
)
export const emptyNodeStatus = { daemonEndpoints: { kubeletEndpoint: { Port: 0 } }, nodeInfo: emptyNodeInfo }

export const nodeRules: Rules = {
  statusSubresource: true,
  prepare: (node, old, subresource) => {
    node.spec ??= {}
    if (old !== undefined) {
      keepOtherHalf(node, old, subresource)
      node.status = { ...copy(emptyNodeStatus), ...node.status }
      return
    }
    node.status = { ...copy(emptyNodeStatus), ...node.status }
    // Until a kubelet has reported: what the admission of a real server adds.
    const taints = listAt(node, "spec", "taints")
    const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }
    const present = taints.some(
      (taint) => textAt(taint, "key") === notReady.key && textAt(taint, "effect") === "NoSchedule",
    )
    if (!present && !isReady(node)) node.spec["taints"] = [...taints, notReady]
  },
  selectable: {
    "spec.unschedulable": (node) => display(at(node, "spec", "unschedulable") === true),
  },
}

function isReady(node: KubeObject): boolean {
  return listAt(node, "status", "conditions").some(
    (condition) => textAt(condition, "type") === "Ready" && textAt(condition, "status") === "True",
  )
}

export const podRules: Rules = {
  statusSubresource: true,
  deleteReturnsObject: true,
  prepare: (pod, old, subresource) => {
    keepOtherHalf(pod, old, subresource)
    if (old === undefined) pod.status = { phase: "Pending", qosClass: "BestEffort" }
  },
  validate: (pod) => (listAt(pod, "spec", "containers").length === 0 ? [required("spec.containers")] : []),
  selectable: {
    "spec.nodeName": (pod) => textAt(pod, "spec", "nodeName"),
    "spec.restartPolicy": (pod) => textAt(pod, "spec", "restartPolicy"),
    "spec.schedulerName": (pod) => textAt(pod, "spec", "schedulerName"),
    "spec.serviceAccountName": (pod) => textAt(pod, "spec", "serviceAccountName"),
    "spec.hostNetwork": (pod) => display(at(pod, "spec", "hostNetwork") === true),
    "status.phase": (pod) => textAt(pod, "status", "phase"),
    "status.podIP": (pod) => textAt(pod, "status", "podIP"),
    "status.nominatedNodeName": (pod) => textAt(pod, "status", "nominatedNodeName"),
  },
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function checkKeys(object: KubeObject, old: KubeObject | undefined): Cause[] {
  const out: Cause[] = []
  for (const field of ["data", "binaryData"]) {
    const map = object[field]
    if (!isObject(map)) continue
    for (const key of Object.keys(map)) {
      if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
        const text =
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        out.push(invalidValue(`${field}[${key}]`, key, text))
      }
    }
  }
  if (old?.["immutable"] === true) {
    for (const field of ["data", "binaryData", "immutable"]) {
      if (!equal(object[field], old[field])) {
        const message = "Forbidden: field is immutable when `immutable` is set"
        out.push({ reason: "FieldValueForbidden", message, field })
      }
    }
  }
  return out
}

export const configMapRules: Rules = { validate: checkKeys, createOnUpdate: false }

export const secretRules: Rules = {
  defaults: (secret) => {
    secret["type"] ??= "Opaque"
    const plain = secret["stringData"]
    if (!isObject(plain)) return
    const data: Record<string, unknown> = isObject(secret["data"]) ? secret["data"] : {}
    for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(display(value)).toString("base64")
    secret["data"] = data
    delete secret["stringData"]
  },
  validate: (secret, old) => {
    const out = checkKeys(secret, old)
    if (old !== undefined && old["type"] !== secret["type"]) {
      out.push(invalidValue("type", secret["type"], "field is immutable"))
    }
    for (const [key, value] of Object.entries(isObject(secret["data"]) ? secret["data"] : {})) {
      // The text is not repeated: it may be a secret that was only encoded wrongly.
      if (typeof value !== "string" || !base64.test(value))
        out.push({ message: "illegal base64 data", field: `data.${key}` })
    }
    return out
  },
  selectable: { type: (secret) => textAt(secret, "type") },
}

export const serviceAccountRules: Rules = { deleteReturnsObject: true }

export const endpointSliceRules: Rules = {
  generation: true,
  defaults: (slice) => {
    for (const port of listAt(slice, "ports")) {
      if (!isObject(port)) continue
      port["name"] ??= ""
      port["protocol"] ??= "TCP"
    }
  },
  validate: (slice, old) => {
    const out: Cause[] = []
    const type = textAt(slice, "addressType")
    const allowed = ["FQDN", "IPv4", "IPv6"]
    if (type === "") out.push(required("addressType"))
    else if (!allowed.includes(type)) out.push(notSupported("addressType", type, allowed))
    if (old !== undefined && type !== textAt(old, "addressType")) {
      out.push(invalidValue("addressType", type, "field is immutable"))
    }
    for (const [i, endpoint] of listAt(slice, "endpoints").entries()) {
      if (listAt(endpoint, "addresses").length === 0) {
        out.push(required(`endpoints[${i}].addresses`, "must contain at least 1 address"))
      }
    }
    return out
  },
}

export const leaseRules: Rules = {
  createOnUpdate: true,
  versionedUpdate: true,
  validate: (lease) => {
    const out: Cause[] = []
    const seconds = at(lease, "spec", "leaseDurationSeconds")
    const transitions = at(lease, "spec", "leaseTransitions")
    if (seconds !== undefined && Number(seconds) <= 0) {
      out.push(invalidValue("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    }
    if (transitions !== undefined && Number(transitions) < 0) {
      out.push(invalidValue("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    }
    return out
  },
}

export const definitionRules: Rules = {
  generation: true,
  statusSubresource: true,
  deleteReturnsObject: false,
  defaults: (definition) => {
    const spec = (definition.spec ??= {})
    const conversion = (spec["conversion"] ??= { strategy: "None" })
    const service = at(conversion, "webhook", "clientConfig", "service")
    if (isObject(service)) service["port"] ??= 443
  },
  prepare: (definition, old, subresource) => {
    keepOtherHalf(definition, old, subresource)
    if (subresource === "status") return
    const spec = definition.spec ?? {}
    const condition = (type: string, reason: string, message: string) => ({
      type,
      status: "True",
      lastTransitionTime: definition.metadata.creationTimestamp,
      reason,
      message,
    })
    const stored = listAt(spec, "versions").filter((version) => at(version, "storage") === true)
    definition.status = {
      conditions: [
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ],
      acceptedNames: copy(spec["names"]),
      storedVersions: stored.map((version) => textAt(version, "name")),
    }
  },
  validate: definitionFaults,
}

/** Kinds that are only kept: spec and status as they come, a generation for the spec. */
export const workloadRules: Rules = { generation: true, statusSubresource: true, prepare: keepOtherHalf }
