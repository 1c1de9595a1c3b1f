/**
 * What the server must know of a custom resource: a CustomResourceDefinition of `apiextensions.k8s.io/v1`, as the plain
 * JSON object one would apply to a cluster.
 */
export interface ResourceDefinition {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly group: string
    readonly scope: string
    readonly names: {
      readonly plural: string
      readonly singular?: string
      readonly kind: string
      readonly listKind?: string
      readonly shortNames?: readonly string[]
      readonly categories?: readonly string[]
    }
    readonly versions: readonly DefinitionVersion[]
    /** Kept, not followed: conversions are functions handed to the server. */
    readonly conversion?: unknown
  }
}

export interface DefinitionVersion {
  readonly name: string
  readonly served: boolean
  readonly storage: boolean
  readonly deprecated?: boolean
  readonly deprecationWarning?: string
  readonly schema?: { readonly openAPIV3Schema?: Schema }
  readonly subresources?: { readonly status?: object; readonly scale?: object }
  readonly additionalPrinterColumns?: readonly PrinterColumn[]
}

export interface PrinterColumn {
  readonly name: string
  readonly type: string
  readonly jsonPath: string
  readonly format?: string
  readonly description?: string
  readonly priority?: number
}

/** A structural schema: OpenAPI v3 as CustomResourceDefinitions use it. The built-in kinds are described with it too. */
export interface Schema {
  readonly type?: string | undefined
  readonly description?: string | undefined
  readonly properties?: Readonly<Record<string, Schema>> | undefined
  readonly additionalProperties?: Schema | boolean | undefined
  readonly items?: Schema | undefined
  readonly required?: readonly string[] | undefined
  readonly enum?: readonly unknown[] | undefined
  readonly default?: unknown
  readonly nullable?: boolean | undefined
  readonly format?: string | undefined
  readonly pattern?: string | undefined
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly exclusiveMinimum?: boolean | undefined
  readonly exclusiveMaximum?: boolean | undefined
  readonly multipleOf?: number | undefined
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  readonly minItems?: number | undefined
  readonly maxItems?: number | undefined
  readonly uniqueItems?: boolean | undefined
  readonly minProperties?: number | undefined
  readonly maxProperties?: number | undefined
  readonly allOf?: readonly Schema[] | undefined
  readonly anyOf?: readonly Schema[] | undefined
  readonly oneOf?: readonly Schema[] | undefined
  readonly not?: Schema | undefined
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean | undefined
  readonly "x-kubernetes-int-or-string"?: boolean | undefined
  readonly "x-kubernetes-embedded-resource"?: boolean | undefined
  readonly "x-kubernetes-list-type"?: string | undefined
  readonly "x-kubernetes-list-map-keys"?: readonly string[] | undefined
  readonly "x-kubernetes-map-type"?: string | undefined
  readonly "x-kubernetes-validations"?: readonly ValidationRule[] | undefined
  readonly "x-kubernetes-patch-merge-key"?: string | undefined
  readonly "x-kubernetes-patch-strategy"?: string | undefined
}

export interface ValidationRule {
  readonly rule: string
  readonly message?: string
  readonly messageExpression?: string
  readonly reason?: string
  readonly fieldPath?: string
  readonly optionalOldSelf?: boolean
}
