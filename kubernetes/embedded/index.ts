export type { ResourceDefinition } from "./definition.ts"
export type { KubeObject } from "./object.ts"
export { type EmbeddedApi, type EmbeddedApiOptions, startEmbeddedApi } from "./server.ts"
