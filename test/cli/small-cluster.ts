import { objectSet, type ObjectSet } from "../../cli/manifests/objects.ts"
import type { Manifest } from "../../cli/manifests/parse.ts"
import type { JsonObject } from "../../kubernetes/client/json.ts"

/** Objects as an API server shows them, for plans and explanations. */

export const home = "metallb-system"
export const options = { home, loadBalancerClass: "" }

export const manifest = (object: JsonObject): Manifest => ({ file: "test", object, lineOf: () => 1 })
export const set = (...objects: JsonObject[]): ObjectSet => objectSet(objects, home)

export const resource = (kind: string, name: string, spec: JsonObject = {}, version = "v1beta1"): JsonObject => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: home },
  spec,
})
export const pool = (name: string, addresses: string[], more: JsonObject = {}) =>
  resource("IPAddressPool", name, { addresses, ...more })
export const peer = (name: string, more: JsonObject = {}) =>
  resource("BGPPeer", name, { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1", ...more }, "v1beta2")

export const node = (name: string, labels: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels },
  status: {},
})

export const speaker = (nodeName: string): JsonObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `speaker-${nodeName}`, namespace: home, labels: { component: "speaker" } },
  spec: { nodeName },
  status: { podIP: "192.0.2.9" },
})

interface ServiceOptions {
  readonly ip?: string
  readonly pool?: string
  readonly annotations?: JsonObject
  readonly labels?: JsonObject
  readonly spec?: JsonObject
}

export const service = (name: string, { ip, pool, annotations = {}, labels = {}, spec = {} }: ServiceOptions = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name,
    namespace: "default",
    labels,
    annotations: { ...(pool !== undefined && { "metallb.io/ip-allocated-from-pool": pool }), ...annotations },
  },
  spec: {
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.7"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    ports: [{ protocol: "TCP", port: 80 }],
    ...spec,
  },
  status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } },
})

export const endpoints = (name: string, ...nodes: string[]): JsonObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  addressType: "IPv4",
  metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
  endpoints: nodes.map((nodeName) => ({ addresses: ["10.1.0.1"], nodeName, conditions: { ready: true } })),
})

export const nodes = ["n1", "n2", "n3"]
/** Three nodes with a speaker each. */
export const machines = [...nodes.map((name) => node(name)), ...nodes.map(speaker)]
