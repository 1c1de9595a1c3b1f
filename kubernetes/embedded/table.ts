import { exactJsonText } from "../client/exact-json.ts"
import { ageOf } from "./duration.ts"
import type { PrinterColumn } from "./definition.ts"
import { jsonPath } from "./jsonpath.ts"
import { nameColumn } from "./kinds/columns.ts"
import type { Column, Kind } from "./kinds/kind.ts"
import { type JsonObject, type KubeObject, omit } from "./object.ts"

export type IncludeObject = "None" | "Metadata" | "Object"

/** `meta.k8s.io/v1 Table`, what kubectl prints. `metadata` is that of the list, or of the single object. */
export function table(
  kind: Kind,
  rows: readonly KubeObject[],
  options: {
    readonly metadata: JsonObject
    readonly version: string
    readonly include: IncludeObject
    readonly nowMs: number
    /** Later events of a watch repeat no columns. */
    readonly columns: boolean
  },
): JsonObject {
  const columns = columnsOf(kind)
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.metadata,
    columnDefinitions: options.columns ? columns.map((column) => omit(column, "cell")) : null,
    rows: rows.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.nowMs)),
      ...(options.include === "None"
        ? {}
        : { object: options.include === "Object" ? object : partial(object, options.version) }),
    })),
  }
}

export function partial(object: KubeObject, version: string): JsonObject {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata }
}

function columnsOf(kind: Kind): readonly Column[] {
  return kind.printerColumns === undefined ? kind.columns : [nameColumn, ...kind.printerColumns.map(printed)]
}

function printed(column: PrinterColumn): Column {
  return {
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: column.description ?? `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
    priority: column.priority ?? 0,
    cell: (object, nowMs) => cell(column, jsonPath(column.jsonPath, object), nowMs),
  }
}

function cell(column: PrinterColumn, found: readonly unknown[], nowMs: number): unknown {
  const value = found[0]
  if (value === undefined) return null
  switch (column.type) {
    case "integer":
      if (typeof value === "bigint") return value
      return typeof value === "number" ? Math.trunc(value) : null
    case "number":
      return typeof value === "number" || typeof value === "bigint" ? value : null
    case "boolean":
      return typeof value === "boolean" ? value : null
    case "date":
      return typeof value === "string" ? ageOf(value, nowMs) : null
    default:
      return found.map((item) => (typeof item === "string" ? item : exactJsonText(item))).join(",")
  }
}
