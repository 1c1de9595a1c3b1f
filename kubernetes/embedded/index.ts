export type { Chaos } from "./chaos.ts"
export type { DefinitionVersion, PrinterColumn, ResourceDefinition, Schema, ValidationRule } from "./definition.ts"
export type { Conversion } from "./kinds/custom.ts"
export type { JsonObject, KubeObject, Metadata } from "./object.ts"
export {
  type EmbeddedApi,
  type EmbeddedApiOptions,
  type EmbeddedCounts,
  type Listen,
  type ObjectAccess,
  startEmbeddedApi,
} from "./server.ts"
export { ApiError } from "./status.ts"
