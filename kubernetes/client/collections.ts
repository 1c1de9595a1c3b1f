/** Where the lists are that this room watches. */
export interface Collection {
  readonly path: string
  /** Plural name. */
  readonly resource: string
  readonly kind: string
  readonly apiVersion: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

const core = (resource: string, kind: string, namespace?: string): Collection => ({
  path: `/api/v1${namespace === undefined ? "" : `/namespaces/${namespace}`}/${resource}`,
  resource,
  kind,
  apiVersion: "v1",
})

export const services = core("services", "Service")
export const nodes = core("nodes", "Node")
export const namespaces = core("namespaces", "Namespace")
export const pods = (namespace: string, labelSelector: string): Collection => ({
  ...core("pods", "Pod", namespace),
  labelSelector,
})

export const secrets = (namespace: string): Collection => core("secrets", "Secret", namespace)
export const configMaps = (namespace: string): Collection => core("configmaps", "ConfigMap", namespace)

export const endpointSlices: Collection = {
  path: "/apis/discovery.k8s.io/v1/endpointslices",
  resource: "endpointslices",
  kind: "EndpointSlice",
  apiVersion: "discovery.k8s.io/v1",
}

/** A `metallb.io` kind in our namespace; peers are read in the version that has every field. */
export const custom = (namespace: string, resource: string, kind: string, version = "v1beta1"): Collection => ({
  path: `/apis/metallb.io/${version}/namespaces/${namespace}/${resource}`,
  resource,
  kind,
  apiVersion: `metallb.io/${version}`,
})

/** Ours, and optional: a cluster may not have the kind. */
export const sessionStateCollection = (namespace: string): Collection => ({
  path: `/apis/troupe.dev/v1beta1/namespaces/${namespace}/bgpsessionstates`,
  resource: "bgpsessionstates",
  kind: "BGPSessionState",
  apiVersion: "troupe.dev/v1beta1",
})
