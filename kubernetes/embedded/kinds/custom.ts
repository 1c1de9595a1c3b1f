import type { DefinitionVersion, ResourceDefinition, Schema } from "../definition.ts"
import type { KubeObject } from "../object.ts"
import { metadataSchema } from "../schema/shape.ts"
import type { Kind } from "./kind.ts"
import { keepOtherHalf } from "./rules.ts"

/** Turns an object of one version of a resource into another version; `apiVersion` is set by the caller. */
export type Conversion = (object: KubeObject, toVersion: string) => KubeObject

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
const text: Schema = { type: "string" }

/** One Kind per served version. Objects are kept in the storage version. */
export function customKinds(definition: ResourceDefinition, convert: Conversion | undefined): Kind[] {
  const { group, versions } = definition.spec
  const storage = versions.find((version) => version.storage)?.name ?? versions[0]?.name ?? ""
  return versions
    .filter((version) => version.served)
    .map((version) => customKind(definition, version, `${group}/${storage}`, storage, convert))
}

function customKind(
  definition: ResourceDefinition,
  version: DefinitionVersion,
  storageApiVersion: string,
  storage: string,
  convert: Conversion | undefined,
): Kind {
  const { group, names, scope } = definition.spec
  const apiVersion = `${group}/${version.name}`
  const hasStatus = version.subresources?.status !== undefined
  const converted = (object: KubeObject, to: string, toApiVersion: string): KubeObject => ({
    ...(convert === undefined ? object : convert(object, to)),
    apiVersion: toApiVersion,
  })
  const warning = version.deprecationWarning ?? `${apiVersion} ${names.kind} is deprecated`
  return {
    group,
    version: version.name,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    namespaced: scope === "Namespaced",
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs,
    subresources: hasStatus ? ["status"] : [],
    storageKey: `${group}/${names.plural}`,
    custom: true,
    schema: withMetadata(version.schema?.openAPIV3Schema),
    empty: {},
    columns: [],
    printerColumns: version.additionalPrinterColumns ?? [
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
    ],
    ...(version.deprecated === true ? { deprecationWarning: warning } : {}),
    rules: {
      generation: true,
      versionedUpdate: true,
      statusSubresource: hasStatus,
      ...(hasStatus ? { prepare: keepOtherHalves } : {}),
      ...(version.name === storage
        ? {}
        : {
            encode: (object) => converted(object, storage, storageApiVersion),
            decode: (object) => converted(object, version.name, apiVersion),
          }),
    },
  }
}

/** The status endpoint of a custom resource changes nothing but the status, not even labels. */
function keepOtherHalves(object: KubeObject, old: KubeObject | undefined, subresource: string): void {
  if (subresource !== "status" || old === undefined) {
    keepOtherHalf(object, old, subresource)
    return
  }
  const { managedFields, resourceVersion } = object.metadata
  for (const key of Object.keys(object)) {
    if (!["apiVersion", "kind", "status"].includes(key)) delete object[key]
  }
  for (const [key, value] of Object.entries(old)) {
    if (!["apiVersion", "kind", "status", "metadata"].includes(key)) object[key] = value
  }
  object.metadata = {
    ...old.metadata,
    ...(managedFields === undefined ? {} : { managedFields }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  }
}

function withMetadata(schema: Schema | undefined): Schema {
  if (schema === undefined) return { type: "object", "x-kubernetes-preserve-unknown-fields": true }
  return {
    ...schema,
    properties: { ...schema.properties, apiVersion: text, kind: text, metadata: metadataSchema },
  }
}
