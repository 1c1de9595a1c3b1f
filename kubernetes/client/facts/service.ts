import type { ServiceCondition, ServiceFacts } from "../../../config/facts.ts"
import {
  isObject,
  type JsonObject,
  listOf,
  numberOf,
  objectAt,
  optionalText,
  textMap,
  textOf,
  textsOf,
} from "../json.ts"

/** A `v1` Service in our words. Total: what is missing or of another type reads as empty. */
export function serviceFacts(service: JsonObject): ServiceFacts {
  const metadata = objectAt(service, "metadata")
  const spec = objectAt(service, "spec")
  const namespace = textOf(metadata["namespace"])
  const name = textOf(metadata["name"])
  const clusterIPs = textsOf(spec["clusterIPs"])
  const clusterIP = textOf(spec["clusterIP"])
  const conditions = serviceConditions(service)
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    uid: textOf(metadata["uid"]),
    resourceVersion: textOf(metadata["resourceVersion"]),
    labels: textMap(metadata["labels"]),
    annotations: textMap(metadata["annotations"]),
    type: textOf(spec["type"]),
    ...optionalText("loadBalancerClass", spec["loadBalancerClass"]),
    ...optionalText("loadBalancerIP", spec["loadBalancerIP"]),
    clusterIPs: clusterIPs.length > 0 || clusterIP === "" ? clusterIPs : [clusterIP],
    ipFamilies: textsOf(spec["ipFamilies"]),
    ipFamilyPolicy: textOf(spec["ipFamilyPolicy"]),
    externalTrafficPolicy: textOf(spec["externalTrafficPolicy"]),
    selector: textMap(spec["selector"]),
    ports: listOf(spec["ports"])
      .filter(isObject)
      .map((port) => ({ protocol: textOf(port["protocol"]) || "TCP", port: numberOf(port["port"]) })),
    ingress: listOf(objectAt(service, "status", "loadBalancer")["ingress"])
      .filter(isObject)
      .map((entry) => ({ ip: textOf(entry["ip"]) })),
    ...(Object.keys(conditions).length > 0 && { conditions }),
  }
}

function serviceConditions(service: JsonObject): Readonly<Record<string, ServiceCondition>> {
  const found = listOf(objectAt(service, "status")["conditions"]).filter(isObject)
  return Object.fromEntries(
    found.flatMap(({ type, status, reason, message }) =>
      typeof type === "string" && (status === "True" || status === "False" || status === "Unknown")
        ? [[type, { status, reason: textOf(reason), message: textOf(message) }] as const]
        : [],
    ),
  )
}
