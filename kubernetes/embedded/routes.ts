import type { Kind } from "./kinds/kind.ts"
import type { Registry } from "./registry.ts"
import { ApiError, methodNotAllowed } from "./status.ts"

export interface Route {
  readonly kind: Kind
  readonly namespace: string
  /** Empty for the collection. */
  readonly name: string
  readonly subresource: string
}

/** A path that belongs to nothing: answered in plain text, as the real server does. */
export class PageNotFound extends Error {}

/** Finds what `/api/…` and `/apis/…` paths mean. Throws `PageNotFound`, or 404 where a known group lacks the resource. */
export function route(registry: Registry, path: readonly string[]): Route {
  const core = path[0] === "api"
  const [group, version, rest] = core
    ? ["", path[1] ?? "", path.slice(2)]
    : [path[1] ?? "", path[2] ?? "", path.slice(3)]
  let namespace = ""
  let parts = rest
  // `/namespaces/x/services` is in a namespace; `/namespaces/x` and `/namespaces/x/status` are the namespace itself.
  const own = parts.length <= 2 || (parts.length === 3 && (parts[2] === "status" || parts[2] === "finalize"))
  if (parts[0] === "namespaces" && parts.length > 1 && !(own && group === "")) {
    namespace = parts[1] ?? ""
    parts = parts.slice(2)
  }
  const [resource = "", name = "", subresource = "", ...more] = parts
  const kind = registry.find(group, version, resource)
  const misplaced = kind !== undefined && (more.length > 0 || (!kind.namespaced && namespace !== ""))
  if (kind === undefined || misplaced) {
    const builtinGroup = registry.kinds.some((known) => known.group === group && !known.custom)
    if (!builtinGroup || resource === "") throw new PageNotFound()
    throw new ApiError(404, "NotFound", "the server could not find the requested resource", {})
  }
  if (kind.namespaced && namespace === "" && name !== "") throw new PageNotFound()
  if (subresource !== "" && !(subresource === "status" && kind.subresources.includes("status"))) {
    if (kind.subresources.includes(subresource)) throw methodNotAllowed()
    throw new ApiError(404, "NotFound", "the server could not find the requested resource", {})
  }
  return { kind, namespace, name, subresource }
}
