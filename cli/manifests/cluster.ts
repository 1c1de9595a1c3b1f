import { Complaint } from "../complaint.ts"
import type { Cluster } from "../../kubernetes/client/cluster.ts"
import {
  type Collection,
  endpointSlices,
  namespaces,
  nodes,
  pods,
  secrets,
  services,
} from "../../kubernetes/client/collections.ts"
import { configurationCollections } from "../../kubernetes/client/facts/configuration.ts"
import { isObject, type JsonObject, listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { loadCluster } from "../../kubernetes/client/load.ts"

export interface ClusterOptions {
  readonly kubeconfig?: string
  readonly context?: string
}

export interface ClusterObjects {
  readonly server: string
  readonly objects: readonly JsonObject[]
  /** What could not be listed and is not needed for everything. */
  readonly warnings: readonly string[]
}

/** From Kubernetes 1.33 on: which families Services can have. */
const serviceCidrs: Collection = {
  path: "/apis/networking.k8s.io/v1/servicecidrs",
  resource: "servicecidrs",
  kind: "ServiceCIDR",
  apiVersion: "networking.k8s.io/v1",
}

const pageSize = 500
const maxPages = 400

/** Lists everything that decisions are made on, once; nothing is written. A Complaint when something essential fails. */
export async function readCluster(
  options: ClusterOptions,
  home: string,
  parts: "everything" | "configuration",
): Promise<ClusterObjects> {
  const cluster = await loadCluster(options)
  if (!cluster.ok) throw new Complaint(cluster.error)
  try {
    const resources = Object.values(configurationCollections(home))
    const essential =
      parts === "everything"
        ? [services, endpointSlices, nodes, namespaces, ...resources]
        : [nodes, namespaces, ...resources]
    const useful = parts === "everything" ? [pods(home, ""), serviceCidrs] : [secrets(home)]
    const lists = await Promise.all(essential.map((collection) => list(cluster.value, collection)))
    const more = await Promise.all(useful.map((collection) => list(cluster.value, collection)))
    const objects: JsonObject[] = []
    for (const found of lists) {
      if ("failure" in found) throw new Complaint(`cannot list ${found.resource}: ${found.failure}`)
      objects.push(...found.objects)
    }
    const warnings: string[] = []
    for (const found of more)
      if ("failure" in found) warnings.push(`cannot list ${found.resource}: ${found.failure}`)
      else objects.push(...found.objects)
    return { server: cluster.value.server, objects, warnings }
  } finally {
    await cluster.value.close()
  }
}

export type Listed =
  | { readonly objects: readonly JsonObject[] }
  | { readonly resource: string; readonly failure: string }

/** All of a collection. `exact`: whole numbers that a number cannot hold come as BigInt. */
export async function list(
  cluster: Pick<Cluster, "request">,
  { path, resource, kind, apiVersion, labelSelector, fieldSelector }: Collection,
  exact = false,
): Promise<Listed> {
  const objects: JsonObject[] = []
  let next: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const query = { limit: pageSize, continue: next, labelSelector, fieldSelector }
    const answer = await cluster.request({ verb: "list", path, resource, query, exact })
    // A kind that is not installed has no objects.
    if (!answer.ok && answer.error.kind === "refused" && answer.error.status === 404) return { objects }
    if (!answer.ok) return { resource, failure: answer.error.message }
    const items = listOf(objectAt(answer.value)["items"]).filter(isObject)
    objects.push(...items.map((item) => ({ ...item, apiVersion, kind })))
    next = textOf(objectAt(answer.value, "metadata")["continue"]) || undefined
    if (next === undefined) return { objects }
  }
  return { resource, failure: `more than ${maxPages * pageSize}` }
}
