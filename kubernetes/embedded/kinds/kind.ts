import type { PrinterColumn, Schema } from "../definition.ts"
import type { JsonObject, KubeObject } from "../object.ts"
import type { Cause } from "../status.ts"

/** One served resource in one version. Versions of a resource share `storageKey` and so their objects. */
export interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly listKind: string
  readonly resource: string
  readonly singular: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
  /** All that discovery lists; only `status`, `finalize` and `token` are served. */
  readonly subresources: readonly string[]
  readonly storageKey: string
  readonly custom: boolean
  /** Of the whole object; undefined for kinds kept as they come. */
  readonly schema?: Schema
  /** What an empty object of the kind looks like on the wire, below `metadata`. */
  readonly empty: JsonObject
  readonly columns: readonly Column[]
  /** Only custom resources: instead of `columns`. */
  readonly printerColumns?: readonly PrinterColumn[]
  readonly deprecationWarning?: string
  readonly rules: Rules
}

/** What a kind does beyond storing. Each is optional; the common rules are in `rest.ts`. */
export interface Rules {
  /** Static defaults, before field ownership is computed. Changes the object. */
  readonly defaults?: (object: KubeObject) => void
  /** After ownership, before validation: what the server decides itself (`old` on update). Changes the object. */
  readonly prepare?: (object: KubeObject, old: KubeObject | undefined, subresource: string) => void
  readonly validate?: (object: KubeObject, old: KubeObject | undefined, subresource: string) => readonly Cause[]
  /** After validation: chooses what must be unique (addresses, ports). Changes the object. */
  readonly allocate?: (object: KubeObject, old: KubeObject | undefined) => readonly Cause[]
  /** Whether `metadata.generation` is kept for this kind: on change of anything but metadata and status. */
  readonly generation?: boolean
  /** Names allowed: a subdomain unless said otherwise. */
  readonly names?: "subdomain" | "label" | "rfc1035" | "path"
  /** PUT of an absent object creates it. */
  readonly createOnUpdate?: boolean
  /** PUT without resourceVersion is refused. */
  readonly versionedUpdate?: boolean
  /** DELETE answers with the object instead of a Status. */
  readonly deleteReturnsObject?: boolean
  /** The main resource keeps the old status. */
  readonly statusSubresource?: boolean
  /** Fields usable in fieldSelector beside metadata.name and metadata.namespace. */
  readonly selectable?: Readonly<Record<string, (object: KubeObject) => string>>
  /** From and to the stored form, for kinds served in several versions. */
  readonly decode?: (object: KubeObject) => KubeObject
  readonly encode?: (object: KubeObject) => KubeObject
}

export interface Column {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly priority: number
  readonly description: string
  readonly cell: (object: KubeObject, nowMs: number) => unknown
}

export function apiVersionOf(kind: Pick<Kind, "group" | "version">): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`
}
