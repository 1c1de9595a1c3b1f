import type { JsonObject } from "../../kubernetes/client/json.ts"
import { listOf, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { describeExplanation } from "../commands/explain.ts"
import { objectSet } from "../manifests/objects.ts"
import { explainer, type ExplainOptions } from "../planning/explain.ts"

/** More than people read. */
const limit = 200

/** `troupe explain` for each Service of type LoadBalancer, those without an address first. */
export function explanations(
  all: readonly JsonObject[],
  options: ExplainOptions,
): {
  readonly files: readonly { readonly name: string; readonly content: string }[]
  readonly failures: readonly string[]
} {
  const services = all
    .filter((object) => object["kind"] === "Service" && objectAt(object, "spec")["type"] === "LoadBalancer")
    .map((service) => {
      const { namespace, name } = objectAt(service, "metadata")
      const has = listOf(objectAt(service, "status", "loadBalancer")["ingress"]).length > 0
      return { key: `${textOf(namespace)}/${textOf(name)}`, has }
    })
    .sort((a, b) => Number(a.has) - Number(b.has) || (a.key < b.key ? -1 : 1))
  const files: { name: string; content: string }[] = []
  const failures: string[] = []
  if (services.length > limit)
    failures.push(`explain: ${services.length - limit} of ${services.length} Services are left out`)
  if (services.length === 0) return { files, failures }
  try {
    const explain = explainer(objectSet(all, options.home), options)
    for (const { key } of services.slice(0, limit)) {
      const explanation = explain(key)
      if (explanation) files.push({ name: `${key}.txt`, content: `${describeExplanation(explanation)}\n` })
    }
  } catch (error) {
    // Whatever is wrong with the cluster's objects must not cost the rest of the archive.
    failures.push(`explain: ${error instanceof Error ? error.message : "failed"}`)
  }
  return { files, failures }
}
