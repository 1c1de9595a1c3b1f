import type { ConfigurationFacts, ResourceFacts } from "../../config/facts.ts"
import { err, ok, type Result } from "../../protocols/result.ts"
import type { Cluster } from "../client/cluster.ts"
import { type Collection, nodes } from "../client/collections.ts"
import { nodeFacts } from "../client/facts/cluster.ts"
import { configurationCollections } from "../client/facts/configuration.ts"
import { resourceFacts } from "../client/facts/resource.ts"
import { isObject, type JsonObject, listOf, objectAt, textOf } from "../client/json.ts"
import type { Needed } from "./review.ts"

// Of the ten seconds that the API server waits for a webhook.
const listTimeoutMs = 8_000
const pageSize = 500
const maxPages = 200

/**
 * What there is now, read from the API server itself: a copy kept by a watch may lack what was written a moment ago.
 * An object that our schema refuses is left out, as everywhere. The error is MetalLB's text.
 */
export async function readExisting(
  cluster: Cluster,
  namespace: string,
  needed: readonly Needed[],
): Promise<Result<Partial<ConfigurationFacts>, string>> {
  const collections = { ...configurationCollections(namespace), nodes }
  const lists = await Promise.all(needed.map((name) => list(cluster, collections[name])))
  const found: Partial<Record<Needed, unknown>> = {}
  for (const [index, name] of needed.entries()) {
    const listed = lists[index]
    if (listed === undefined) continue
    if (!listed.ok) return err(failure(name, needed, collections[name].kind, listed.error))
    found[name] = name === "nodes" ? listed.value.map(nodeFacts) : resources(listed.value, collections[name])
  }
  // The schema check gave each spec the shape of its kind.
  return ok(found as Partial<ConfigurationFacts>)
}

function failure(name: Needed, needed: readonly Needed[], kind: string, inner: string): string {
  if (needed.includes("peers")) return `failed to get existing ${kind} objects: ${inner}`
  return `${inner}\nfailed to get existing ${name === "l2Advertisements" ? "v1beta1.L2Advertisement" : kind} objects`
}

function resources(objects: readonly JsonObject[], { apiVersion, kind }: Collection): readonly ResourceFacts[] {
  return objects.flatMap((object) => {
    const facts = resourceFacts(object, apiVersion, kind)
    return facts.ok ? [facts.value] : []
  })
}

async function list(cluster: Cluster, { path, resource }: Collection): Promise<Result<readonly JsonObject[], string>> {
  const found: JsonObject[] = []
  let next: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const query = { limit: pageSize, continue: next }
    const answer = await cluster.request({ verb: "list", path, resource, query, timeoutMs: listTimeoutMs })
    if (!answer.ok) return err(answer.error.message)
    found.push(...listOf(objectAt(answer.value)["items"]).filter(isObject))
    next = textOf(objectAt(answer.value, "metadata")["continue"]) || undefined
    if (next === undefined) return ok(found)
  }
  return err(`there are more than ${maxPages * pageSize} ${resource}`)
}
