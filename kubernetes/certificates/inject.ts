import { isDeepStrictEqual } from "node:util"
import { ok, type Result } from "../../protocols/result.ts"
import type { Cluster } from "../client/cluster.ts"
import type { Collection } from "../client/collections.ts"
import type { ApiFailure } from "../client/failure.ts"
import { isObject, type JsonObject, listOf, objectAt } from "../client/json.ts"
import { asManager } from "./secret.ts"

/** An object that tells the API server whom to call, and by which CA to trust it. */
export interface Target {
  readonly collection: Collection
  readonly name: string
  /** The object with this CA everywhere; undefined when it has no place for one. */
  readonly withBundle: (object: JsonObject, caBundle: string) => JsonObject | undefined
}

export type Injected = "written" | "unchanged" | "missing" | "no-webhook"

const clusterWide = (group: string, resource: string, kind: string, name: string): Collection => ({
  path: `/apis/${group}/v1/${resource}`,
  resource,
  kind,
  apiVersion: `${group}/v1`,
  fieldSelector: `metadata.name=${name}`,
})

const configurationName = "metallb-webhook-configuration"
const definitionName = "bgppeers.metallb.io"

export const targets: readonly Target[] = [
  {
    collection: clusterWide(
      "admissionregistration.k8s.io",
      "validatingwebhookconfigurations",
      "ValidatingWebhookConfiguration",
      configurationName,
    ),
    name: configurationName,
    withBundle(object, caBundle) {
      const webhooks = listOf(object["webhooks"]).filter(isObject)
      if (webhooks.length === 0) return undefined
      const trusting = webhooks.map((webhook) => ({
        ...webhook,
        clientConfig: { ...objectAt(webhook, "clientConfig"), caBundle },
      }))
      return { ...object, webhooks: trusting }
    },
  },
  {
    collection: clusterWide(
      "apiextensions.k8s.io",
      "customresourcedefinitions",
      "CustomResourceDefinition",
      definitionName,
    ),
    name: definitionName,
    withBundle(object, caBundle) {
      const spec = objectAt(object, "spec")
      const conversion = objectAt(spec, "conversion")
      const webhook = objectAt(conversion, "webhook")
      if (!isObject(webhook["clientConfig"])) return undefined
      const clientConfig = { ...webhook["clientConfig"], caBundle }
      return { ...object, spec: { ...spec, conversion: { ...conversion, webhook: { ...webhook, clientConfig } } } }
    },
  },
]

/** Makes the API server trust this CA where it does not yet. */
export async function inject(
  cluster: Cluster,
  { collection, name, withBundle }: Target,
  caCert: string,
  signal: AbortSignal,
): Promise<Result<Injected, ApiFailure>> {
  const { resource } = collection
  const path = `${collection.path}/${name}`
  // Exact: the schemas in a definition may hold numbers that are sent back as they came.
  const got = await cluster.request({ verb: "get", path, resource, exact: true, signal })
  if (!got.ok) return got.error.kind === "refused" && got.error.status === 404 ? ok("missing") : got
  const object = objectAt(got.value)
  const wanted = withBundle(object, Buffer.from(caCert).toString("base64"))
  if (wanted === undefined) return ok("no-webhook")
  if (isDeepStrictEqual(object, wanted)) return ok("unchanged")
  const written = await cluster.request({ verb: "update", path, resource, query: asManager, body: wanted, signal })
  return written.ok ? ok("written") : written
}
