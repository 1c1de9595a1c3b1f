import type {
  ConfigurationFacts,
  Endpoint,
  EndpointFacts,
  NamespaceFacts,
  NodeFacts,
  ResourceFacts,
  SecretFacts,
  ServiceFacts,
  ServiceKey,
} from "../../config/facts.ts"
import { namespaceFacts, nodeFacts } from "../../kubernetes/client/facts/cluster.ts"
import { configurationCollections } from "../../kubernetes/client/facts/configuration.ts"
import { sliceFacts } from "../../kubernetes/client/facts/endpoints.ts"
import { resourceFacts } from "../../kubernetes/client/facts/resource.ts"
import { keepSecret } from "../../kubernetes/client/facts/secret.ts"
import { serviceFacts } from "../../kubernetes/client/facts/service.ts"
import { type JsonObject, objectAt, textMap, textOf } from "../../kubernetes/client/json.ts"
import { convertBGPPeer } from "../../kubernetes/resources/convert.ts"
import { idOf, isOurs, type ObjectId, type ObjectSet } from "./objects.ts"

/** Everything a decision is made on, read once. */
export interface ClusterFacts {
  readonly services: ReadonlyMap<ServiceKey, ServiceFacts>
  readonly endpoints: ReadonlyMap<ServiceKey, EndpointFacts>
  readonly nodes: ReadonlyMap<string, NodeFacts>
  readonly configuration: ConfigurationFacts
  /** Nodes with a speaker Pod that has an address. `off`: no such Pod is known, so every node counts. */
  readonly speakers: ReadonlySet<string> | "off"
  /** Resources that their schema refuses: nobody reads them. */
  readonly unreadable: readonly { readonly id: ObjectId; readonly text: string }[]
}

/** Objects in our words, by the translators that the daemons use. */
export function clusterFacts(objects: ObjectSet, home: string, withSecrets = false): ClusterFacts {
  const services = new Map<ServiceKey, ServiceFacts>()
  const endpoints = new Map<ServiceKey, Endpoint[]>()
  const nodes = new Map<string, NodeFacts>()
  const namespaces: NamespaceFacts[] = []
  const secrets: SecretFacts[] = []
  const speakers = new Set<string>()
  const secret = keepSecret()
  for (const object of objects.values()) {
    const { kind, namespace, name } = idOf(object, home)
    const whole = { ...object, metadata: { ...objectAt(object, "metadata"), namespace } }
    if (isOurs(object)) continue
    if (kind === "Service") services.set(`${namespace}/${name}`, serviceFacts(whole))
    else if (kind === "EndpointSlice") {
      const slice = sliceFacts(whole)
      if (slice) endpoints.set(slice.service, [...(endpoints.get(slice.service) ?? []), ...slice.endpoints])
    } else if (kind === "Node") nodes.set(name, nodeFacts(object))
    else if (kind === "Namespace") namespaces.push(namespaceFacts(object))
    else if (kind === "Secret" && namespace === home) secrets.push(secret(encoded(object)))
    else if (kind === "Pod" && namespace === home && isSpeaker(object))
      speakers.add(textOf(objectAt(object, "spec")["nodeName"]))
  }
  const { configuration, unreadable } = resources(objects, home)
  return {
    services,
    endpoints: new Map([...endpoints].map(([key, all]) => [key, { key, endpoints: all }])),
    nodes,
    configuration: {
      ...configuration,
      ...(withSecrets && { passwordSecrets: secrets }),
      nodes: [...nodes.values()],
      namespaces,
    },
    speakers: speakers.size === 0 ? "off" : speakers,
    unreadable,
  }
}

type Resources = Omit<ConfigurationFacts, "nodes" | "namespaces" | "passwordSecrets">

function resources(objects: ObjectSet, home: string) {
  const unreadable: { readonly id: ObjectId; readonly text: string }[] = []
  const found: Record<string, ResourceFacts[]> = {}
  for (const [list, { kind, apiVersion }] of Object.entries(configurationCollections(home))) {
    const all: ResourceFacts[] = []
    found[list] = all
    for (const object of objects.values()) {
      const id = idOf(object, home)
      if (!isOurs(object) || id.kind !== kind || id.namespace !== home) continue
      const current = kind === "BGPPeer" ? convertBGPPeer(object, "v1beta2") : object
      const facts = resourceFacts(current, apiVersion, kind)
      if (facts.ok) all.push(facts.value)
      else unreadable.push({ id, text: facts.error.map(({ path, rule }) => `${path} ${rule}`).join("; ") })
    }
  }
  // The schema check, made just now, gave each spec the shape of its kind.
  return { configuration: found as unknown as Resources, unreadable }
}

/** As in manifests and in the chart. */
function isSpeaker(pod: JsonObject): boolean {
  const labels = textMap(objectAt(pod, "metadata")["labels"])
  const component = labels["app.kubernetes.io/component"] ?? labels["component"]
  return component === "speaker" && textOf(objectAt(pod, "status")["podIP"]) !== ""
}

/** A manifest may say `stringData`; a server never does. */
function encoded(secret: JsonObject): JsonObject {
  const { password } = objectAt(secret, "stringData")
  if (typeof password !== "string") return secret
  return { ...secret, data: { ...objectAt(secret, "data"), password: Buffer.from(password).toString("base64") } }
}
