import type { Kind } from "./kinds/kind.ts"
import { apiVersionOf } from "./kinds/kind.ts"
import { isObject, type JsonObject, type KubeObject, omit } from "./object.ts"
import { outward } from "./forms.ts"
import { fieldSelector, labelSelector, type Match } from "./selectors.ts"
import { badRequest, expired, forbiddenField, invalidOptions, tooLargeVersion } from "./status.ts"
import type { Store } from "./store.ts"

export interface ListResult {
  readonly items: readonly KubeObject[]
  readonly metadata: JsonObject
}

/** Both selectors of a request. They look at the stored form of an object. */
export function selection(kind: Kind, query: URLSearchParams): Match {
  const labels = labelSelector(query.get("labelSelector") ?? "")
  const fields = fieldSelector(kind, query.get("fieldSelector") ?? "")
  return (object) => labels(object) && fields(object)
}

export function versionIn(query: URLSearchParams): number | undefined {
  const text = query.get("resourceVersion") ?? ""
  if (text === "") return undefined
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  }
  return Number(text)
}

/** A list, or one page of it. Pages after the first show the state at the first one's revision. */
export function list(store: Store, kind: Kind, namespace: string, query: URLSearchParams): ListResult {
  const matches = selection(kind, query)
  const selective = (query.get("labelSelector") ?? "") !== "" || (query.get("fieldSelector") ?? "") !== ""
  const limit = limitIn(query)
  const token = query.get("continue") ?? ""
  const page = token === "" ? { revision: exactVersion(store, query), after: "" } : decodeToken(token)
  const revision = page.revision ?? store.revision
  const all =
    page.revision === undefined
      ? store.list(kind.storageKey, namespace)
      : store.listAt(kind.storageKey, namespace, revision)
  if (all === undefined) {
    throw expired(
      token === ""
        ? `The resourceVersion for the provided list is too old.`
        : "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.",
    )
  }
  const rest = all.filter((object) => matches(object) && (page.after === "" || pathOf(object) > page.after))
  const items = limit === 0 ? rest : rest.slice(0, limit)
  const last = items.at(-1)
  const more = rest.length - items.length
  const next = more > 0 && last !== undefined ? encodeToken(revision, pathOf(last)) : ""
  return {
    items: items.map((object) => outward(kind, object)),
    metadata: {
      resourceVersion: String(revision),
      ...(next !== "" || kind.custom ? { continue: next } : {}),
      ...(next !== "" && !selective ? { remainingItemCount: more } : {}),
    },
  }
}

/** As JSON: items of built-in kinds do not repeat what the list says about them. */
export function listBody(kind: Kind, result: ListResult): JsonObject {
  const items = kind.custom ? result.items : result.items.map((object) => omit(object, "apiVersion", "kind"))
  return { kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata: result.metadata, items }
}

function limitIn(query: URLSearchParams): number {
  const text = query.get("limit") ?? ""
  if (text === "") return 0
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/** The revision to show exactly, or undefined for the present. */
function exactVersion(store: Store, query: URLSearchParams): number | undefined {
  const version = versionIn(query)
  if (version === undefined && query.has("resourceVersionMatch")) {
    const text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
    throw invalidOptions("ListOptions", [forbiddenField("resourceVersionMatch", text)])
  }
  if (version === undefined || version === 0) return undefined
  if (version > store.revision) throw tooLargeVersion(version, store.revision)
  return query.get("resourceVersionMatch") === "Exact" ? version : undefined
}

function pathOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name ?? ""}`
}

function encodeToken(revision: number, last: string): string {
  const token = { v: "meta.k8s.io/v1", rv: revision, start: `${last}\u0000` }
  return Buffer.from(JSON.stringify(token)).toString("base64url")
}

function decodeToken(text: string): { revision: number; after: string } {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, "base64url").toString())
    if (isObject(token) && Number.isSafeInteger(token["rv"]) && typeof token["start"] === "string") {
      return { revision: Number(token["rv"]), after: token["start"].split("\u0000")[0] ?? "" }
    }
  } catch {
    // Falls through to the same refusal.
  }
  throw badRequest(`continue key is not valid: ${JSON.stringify(text.slice(0, 100))}`)
}
