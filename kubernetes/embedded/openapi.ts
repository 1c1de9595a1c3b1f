import { createHash } from "node:crypto"
import type { Schema } from "./definition.ts"
import { type Kind, apiVersionOf } from "./kinds/kind.ts"
import type { JsonObject } from "./object.ts"
import type { Registry } from "./registry.ts"

// The OpenAPI documents, as far as kubectl reads them: whether the server validates fields (the `fieldValidation`
// parameter of PATCH), and the schemas for `kubectl explain`. Merge keys are left out: kubectl knows the built-in kinds'.

function pathOf(kind: Kind): string {
  return kind.group === "" ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`
}

export function openApiIndex(registry: Registry): JsonObject {
  const paths = [...new Set(registry.kinds.map(pathOf))]
  return {
    paths: Object.fromEntries(
      paths.map((path) => {
        const text = JSON.stringify(openApiDocument(registry, path.split("/")))
        const hash = createHash("sha512").update(text).digest("hex").toUpperCase()
        return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]
      }),
    ),
  }
}

/** Of one group and version, e.g. `["apis", "metallb.io", "v1beta1"]`. Undefined when nothing is served there. */
export function openApiDocument(registry: Registry, path: readonly string[]): JsonObject | undefined {
  const wanted = path.join("/")
  const kinds = registry.kinds.filter((kind) => pathOf(kind) === wanted)
  if (kinds.length === 0) return undefined
  return {
    openapi: "3.0.0",
    info: { title, version },
    paths: Object.fromEntries(kinds.flatMap(operations)),
    components: { schemas: Object.fromEntries(kinds.map((kind) => [nameOf(kind), schemaOf(kind)])) },
  }
}

const title = "Kubernetes"
const version = "v1.36.2"

/** `io.metallb.v1beta1.IPAddressPool` */
function nameOf(kind: Kind): string {
  const group = kind.group === "" ? "io.k8s.api.core" : kind.group.split(".").reverse().join(".")
  return `${group}.${kind.version}.${kind.kind}`
}

function gvk(kind: Kind): JsonObject {
  return { group: kind.group, version: kind.version, kind: kind.kind }
}

function operations(kind: Kind): [string, JsonObject][] {
  const base = `/${pathOf(kind)}${kind.namespaced ? "/namespaces/{namespace}" : ""}/${kind.resource}`
  const query = (name: string) => ({ name, in: "query", schema: { type: "string", uniqueItems: true } })
  const parameters = ["dryRun", "fieldManager", "fieldValidation"].map(query)
  const reference = { $ref: `#/components/schemas/${nameOf(kind)}` }
  const responses = { 200: { description: "OK", content: { "application/json": { schema: reference } } } }
  const write = (action: string, types: readonly string[]) => ({
    operationId: `${action}${kind.kind}`,
    parameters,
    requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: reference }])) },
    responses,
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk(kind),
  })
  const read = { operationId: `read${kind.kind}`, responses, "x-kubernetes-group-version-kind": gvk(kind) }
  const patches = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"]
  return [
    [base, { post: write("post", ["application/json"]) }],
    [`${base}/{name}`, { get: read, put: write("put", ["application/json"]), patch: write("patch", patches) }],
  ]
}

function schemaOf(kind: Kind): JsonObject {
  const shown = kind.schema === undefined ? openSchema : kind.schema
  return {
    ...published(shown),
    description: shown.description ?? `${kind.kind} of ${apiVersionOf(kind)}.`,
    "x-kubernetes-group-version-kind": [gvk(kind)],
  }
}

const openSchema: Schema = {
  type: "object",
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { type: "object" },
    spec: { type: "object" },
    status: { type: "object" },
  },
}

/** Without what only this server reads. */
function published(schema: Schema): JsonObject {
  const {
    properties,
    items,
    additionalProperties,
    "x-kubernetes-patch-merge-key": _,
    "x-kubernetes-patch-strategy": __,
    ...rest
  } = schema
  return {
    ...rest,
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([key, below]) => [key, published(below)])) }),
    ...(items === undefined ? {} : { items: published(items) }),
    ...(additionalProperties === undefined
      ? {}
      : {
          additionalProperties:
            typeof additionalProperties === "object" ? published(additionalProperties) : additionalProperties,
        }),
  }
}
