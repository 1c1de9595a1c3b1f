import { copy, equal, isObject, type JsonObject, set } from "../object.ts"
import { ApiError, badRequest } from "../status.ts"

const MAX_OPERATIONS = 10_000

/** JSON patch (RFC 6902). 400 for what is no patch, 422 for an operation that cannot be done. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw badRequest("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
  }
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      413,
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    )
  }
  let document = copy(target)
  for (const operation of patch) {
    if (!isObject(operation)) throw badRequest("error decoding patch: an operation is not an object")
    document = perform(document, operation)
  }
  return document
}

function perform(document: unknown, operation: JsonObject): unknown {
  const path = pointer(operation["path"])
  const has = Object.hasOwn(operation, "value")
  switch (operation["op"]) {
    case "add":
      if (!has) throw refused()
      return add(document, path, copy(operation["value"]))
    case "remove":
      return remove(document, path)
    case "replace":
      if (!has) throw refused()
      // The library of the real server puts in what was not there.
      if (read(document, path) === undefined) return add(document, path, copy(operation["value"]))
      return add(remove(document, path), path, copy(operation["value"]))
    case "move": {
      const from = pointer(operation["from"])
      const value = read(document, from)
      if (value === undefined) throw refused()
      return add(remove(document, from), path, value)
    }
    case "copy": {
      const value = read(document, pointer(operation["from"]))
      if (value === undefined) throw refused()
      return add(document, path, copy(value))
    }
    case "test":
      if (!equal(read(document, path) ?? null, operation["value"] ?? null)) throw refused()
      return document
    default:
      throw refused()
  }
}

// The real server hides the cause in the same way.
function refused(): ApiError {
  return new ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})
}

/** RFC 6901. */
function pointer(value: unknown): string[] {
  if (typeof value !== "string" || (value !== "" && !value.startsWith("/"))) throw refused()
  return value
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
}

function index(step: string, end: number): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(step) || Number(step) > end) throw refused()
  return Number(step)
}

function read(document: unknown, path: readonly string[]): unknown {
  let current = document
  for (const step of path) {
    if (Array.isArray(current)) current = current[index(step, current.length - 1)]
    else if (isObject(current) && Object.hasOwn(current, step)) current = current[step]
    else return undefined
  }
  return current
}

function parent(document: unknown, path: readonly string[]): { container: unknown; step: string } {
  const container = read(document, path.slice(0, -1))
  return { container, step: path.at(-1) ?? "" }
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value
  const { container, step } = parent(document, path)
  if (Array.isArray(container)) {
    container.splice(step === "-" ? container.length : index(step, container.length), 0, value)
  } else if (isObject(container)) set(container, step, value)
  else throw refused()
  return document
}

function remove(document: unknown, path: readonly string[]): unknown {
  if (path.length === 0) return null
  const { container, step } = parent(document, path)
  if (Array.isArray(container)) container.splice(index(step, container.length - 1), 1)
  else if (isObject(container) && Object.hasOwn(container, step)) delete container[step]
  else throw refused()
  return document
}
