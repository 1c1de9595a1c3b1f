import type { NamespaceFacts, NodeFacts, SpeakerPodFacts, Taint } from "../../../config/facts.ts"
import { parseIp } from "../../../protocols/ip.ts"
import { isObject, type JsonObject, listOf, objectAt, textMap, textOf } from "../json.ts"

/** Nodes, namespaces and the speakers' Pods in our words. Total, as everything in this folder. */

export function nodeFacts(node: JsonObject): NodeFacts {
  const metadata = objectAt(node, "metadata")
  const status = objectAt(node, "status")
  const taints = taintsOf(objectAt(node, "spec"))
  return {
    name: textOf(metadata["name"]),
    labels: textMap(metadata["labels"]),
    networkUnavailable: listOf(status["conditions"])
      .filter(isObject)
      .some(({ type, status }) => type === "NetworkUnavailable" && status === "True"),
    internalIPs: listOf(status["addresses"])
      .filter(isObject)
      .filter(({ type }) => type === "InternalIP")
      .map(({ address }) => parseIp(textOf(address)))
      .filter((ip) => ip !== undefined),
    ...(taints.length === 0 ? {} : { taints }),
  }
}

/** When a taint was set plays no part: only what is there. */
function taintsOf(spec: JsonObject): readonly Taint[] {
  const taints = listOf(spec["taints"])
    .filter(isObject)
    .map(({ key, value, effect }) => ({ key: textOf(key), value: textOf(value), effect: textOf(effect) }))
  const order = ({ key, effect }: Taint) => `${key} ${effect}`
  return taints.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

export function namespaceFacts(namespace: JsonObject): NamespaceFacts {
  const metadata = objectAt(namespace, "metadata")
  return { name: textOf(metadata["name"]), labels: textMap(metadata["labels"]) }
}

/** Undefined while the Pod has no address: nobody can be reached there. */
export function speakerPodFacts(pod: JsonObject): SpeakerPodFacts | undefined {
  const podIP = textOf(objectAt(pod, "status")["podIP"])
  return podIP === "" ? undefined : { name: textOf(objectAt(pod, "metadata")["name"]), podIP }
}
