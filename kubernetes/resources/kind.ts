import { type TObject, type TProperties, Type } from "typebox"
import { type Json, type StructuralSchema, structural } from "./structural.ts"

/** One custom resource kind, as this room describes it. */
export interface ResourceKind {
  /** Absent: MetalLB's. */
  readonly group?: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  /** In the order they are listed; exactly one is stored. */
  readonly versions: readonly ResourceVersion[]
  /** Where the versions differ, a webhook translates. */
  readonly conversion?: boolean
}

export interface ResourceVersion {
  readonly name: string
  readonly description: string
  readonly storage: boolean
  readonly deprecationWarning?: string
  /** `spec` and `status`. */
  readonly properties: TProperties
  readonly columns: readonly PrinterColumn[]
}

/** A column of `kubectl get`. `wide` ones show with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string
  readonly path: string
  readonly type: "string" | "boolean" | "integer" | "date"
  readonly wide?: boolean
}

/** `apiextensions.k8s.io/v1`, plain data. */
export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1"
  readonly kind: "CustomResourceDefinition"
  readonly metadata: { readonly annotations: Readonly<Record<string, string>>; readonly name: string }
  readonly spec: {
    readonly group: string
    readonly names: {
      readonly kind: string
      readonly listKind: string
      readonly plural: string
      readonly singular: string
    }
    readonly scope: "Namespaced"
    readonly versions: readonly DefinitionVersion[]
    readonly conversion?: Json
  }
}

export interface DefinitionVersion {
  readonly additionalPrinterColumns?: readonly {
    readonly jsonPath: string
    readonly name: string
    readonly type: string
    readonly priority?: number
  }[]
  readonly deprecated?: boolean
  readonly deprecationWarning?: string
  readonly name: string
  readonly schema: { readonly openAPIV3Schema: StructuralSchema }
  readonly served: boolean
  readonly storage: boolean
  readonly subresources: { readonly status: Readonly<Record<string, never>> }
}

export const group = "metallb.io"

/** The whole object: what every Kubernetes object has, then `spec` and `status`. */
export function objectSchema(version: ResourceVersion): TObject {
  return Type.Object(
    {
      apiVersion: Type.Optional(Type.String({ description: "Group and version of this object's schema." })),
      kind: Type.Optional(Type.String({ description: "The kind of this object." })),
      metadata: Type.Optional(Type.Object({})),
      ...version.properties,
    },
    { description: version.description },
  )
}

// MetalLB's definitions carry this annotation; tools compare on it, so ours do too.
const annotations = { "controller-gen.kubebuilder.io/version": "v0.19.0" }

const conversion: Json = {
  strategy: "Webhook",
  webhook: {
    conversionReviewVersions: ["v1beta1", "v1beta2"],
    clientConfig: {
      service: { namespace: "metallb-system", name: "metallb-webhook-service", path: "/convert" },
    },
  },
}

export function customResourceDefinition(resource: ResourceKind): CustomResourceDefinition {
  const { kind, plural, singular, group: own = group } = resource
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { annotations, name: `${plural}.${own}` },
    spec: {
      group: own,
      names: { kind, listKind: `${kind}List`, plural, singular },
      scope: "Namespaced",
      versions: resource.versions.map(definitionVersion),
      ...(resource.conversion === true && { conversion }),
    },
  }
}

function definitionVersion(version: ResourceVersion): DefinitionVersion {
  const columns = version.columns.map(({ name, path, type, wide }) => ({
    jsonPath: path,
    name,
    ...(wide === true && { priority: 10 }),
    type,
  }))
  return {
    ...(columns.length > 0 && { additionalPrinterColumns: columns }),
    ...(version.deprecationWarning !== undefined && {
      deprecated: true,
      deprecationWarning: version.deprecationWarning,
    }),
    name: version.name,
    schema: { openAPIV3Schema: structural(objectSchema(version)) },
    served: true,
    storage: version.storage,
    subresources: { status: {} },
  }
}
