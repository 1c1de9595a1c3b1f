import { parseObject, parsePatch, parseYamlText } from "./body.ts"
import type { DeleteOptions } from "./deletion.ts"
import { list, listBody } from "./list.ts"
import type { Wanted } from "./negotiate.ts"
import { at, type JsonObject, type KubeObject, textAt } from "./object.ts"
import { jsonPatch } from "./patch/json.ts"
import { mergePatch } from "./patch/merge.ts"
import { strategicMergePatch } from "./patch/strategic.ts"
import { keyOf, type Resources, type Target, type Written } from "./resources.ts"
import { review } from "./reviews.ts"
import { badRequest, forbiddenField, invalidOptions, methodNotAllowed, unsupportedMediaType } from "./status.ts"
import type { Store } from "./store.ts"
import { type IncludeObject, partial, table } from "./table.ts"

export interface Call {
  readonly method: string
  readonly target: Target
  readonly query: URLSearchParams
  readonly mediaType: string
  readonly body: Buffer
  readonly wanted: Wanted
}

export interface Answer {
  readonly code: number
  readonly body: JsonObject
}

/** Answers a request on a resource; watches are answered elsewhere. Throws `ApiError`. */
export class Handlers {
  readonly #store: Store
  readonly #resources: Resources
  readonly #nowMs: () => number

  constructor(store: Store, resources: Resources, nowMs: () => number) {
    this.#store = store
    this.#resources = resources
    this.#nowMs = nowMs
  }

  answer(call: Call): Answer {
    const { kind, name, namespace, subresource } = call.target
    // All namespaces at once can only be read.
    const reads = call.method === "GET" || call.method === "HEAD"
    if (kind.namespaced && namespace === "" && !reads) throw methodNotAllowed()
    if (subresource !== "" && call.method === "DELETE") throw methodNotAllowed()
    switch (call.method) {
      case "GET":
      case "HEAD":
        requireVerb(call, name === "" ? "list" : "get")
        return name === "" ? this.#list(call) : this.#shown(call, 200, this.#resources.get(call.target))
      case "POST":
        if (name !== "") throw methodNotAllowed()
        requireVerb(call, "create")
        return this.#create(call)
      case "PUT": {
        if (name === "") throw methodNotAllowed()
        requireVerb(call, "update")
        const body = parseObject(call.body, call.mediaType, kind.kind, kind.custom)
        return this.#written(
          call,
          this.#resources.update(call.target, () => body as KubeObject, { replace: true }),
        )
      }
      case "PATCH":
        if (name === "") throw methodNotAllowed()
        requireVerb(call, "patch")
        return this.#written(call, this.#patch(call))
      case "DELETE":
        requireVerb(call, name === "" ? "deletecollection" : "delete")
        return name === "" ? this.#deleteCollection(call) : this.#delete(call)
      default:
        throw methodNotAllowed()
    }
  }

  /** How this client sees an object, inside a watch. */
  show(call: Call): (object: KubeObject, first: boolean) => JsonObject {
    const { wanted, target } = call
    const include = includeIn(call.query)
    const nowMs = this.#nowMs
    const { as, version } = wanted
    if (as === "object") return (object) => object
    if (as !== "Table") return (object) => partial(object, version)
    return (object, first) => {
      const metadata = { resourceVersion: object.metadata.resourceVersion }
      return table(target.kind, [object], { metadata, version, include, nowMs: nowMs(), columns: first })
    }
  }

  #create(call: Call): Answer {
    const { kind } = call.target
    const body = parseObject(call.body, call.mediaType, kind.kind, kind.custom)
    if (kind.verbs.length === 1) {
      const answer = review(kind.resource, typeof body === "object" && body !== null ? (body as JsonObject) : {})
      if (answer === undefined) throw methodNotAllowed()
      return { code: 201, body: answer }
    }
    return this.#shown(call, 201, this.#resources.create(call.target, body))
  }

  #patch(call: Call): Written {
    const { target } = call
    const { kind } = target
    if (call.query.has("force") && call.mediaType !== "application/apply-patch+yaml")
      throw invalidOptions("PatchOptions", [forbiddenField("force", "may not be specified for non-apply patch")])
    const change = (patch: (object: KubeObject, by: unknown) => unknown): Written => {
      const by = parsePatch(call.body)
      return this.#resources.update(target, (old) => patch(old, by) as KubeObject, { replace: false })
    }
    switch (call.mediaType) {
      case "application/merge-patch+json":
        return change((old, by) => {
          if (typeof by !== "object" || by === null || Array.isArray(by)) {
            throw badRequest("error decoding patch: the patch is not an object")
          }
          return mergePatch(old, by)
        })
      case "application/json-patch+json":
        return change(jsonPatch)
      case "application/apply-patch+yaml":
        return this.#resources.apply(target, parseYamlText(call.body), call.query.get("force") === "true")
      case "application/strategic-merge-patch+json":
        if (!kind.custom) return change((old, by) => strategicMergePatch(kind.schema, old, by))
        break
      default:
        break
    }
    throw unsupportedMediaType([
      "application/json-patch+json",
      "application/merge-patch+json",
      ...(kind.custom ? [] : ["application/strategic-merge-patch+json"]),
      "application/apply-patch+yaml",
    ])
  }

  #list(call: Call): Answer {
    const { kind, namespace } = call.target
    const result = list(this.#store, kind, namespace, call.query)
    const { as, version } = call.wanted
    if (as === "Table") {
      const include = includeIn(call.query)
      const { continue: next, ...rest } = result.metadata
      const metadata = next === "" || next === undefined ? rest : result.metadata
      const options = { metadata, version, include, nowMs: this.#nowMs(), columns: true }
      return { code: 200, body: table(kind, result.items, options) }
    }
    if (as !== "object") {
      const items = result.items.map((object) => partial(object, version))
      const apiVersion = `meta.k8s.io/${version}`
      return { code: 200, body: { kind: "PartialObjectMetadataList", apiVersion, metadata: result.metadata, items } }
    }
    return { code: 200, body: listBody(kind, result) }
  }

  #delete(call: Call): Answer {
    const { target } = call
    const { kind } = target
    const options = deleteOptions(call)
    const dryRun = target.dryRun || options.dryRun
    const { object, gone } = this.#resources.delete({ ...target, dryRun }, options)
    if (!gone || kind.rules.deleteReturnsObject === true) return this.#shown(call, 200, object)
    const { uid } = object.metadata
    const group = kind.group === "" ? {} : { group: kind.group }
    const details = { name: target.name, ...group, kind: kind.resource, uid }
    return { code: 200, body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details } }
  }

  #deleteCollection(call: Call): Answer {
    const { target } = call
    const { kind, namespace } = target
    const options = deleteOptions(call)
    const result = list(this.#store, kind, namespace, call.query)
    for (const { metadata } of result.items) {
      const one = { ...target, namespace: metadata.namespace ?? "", name: metadata.name ?? "" }
      // One delete may have taken another along.
      if (this.#store.get(keyOf(one)) !== undefined)
        this.#resources.delete({ ...one, dryRun: target.dryRun || options.dryRun }, {})
    }
    return { code: 200, body: listBody(kind, result) }
  }

  #written(call: Call, written: Written): Answer {
    return this.#shown(call, written.created ? 201 : 200, written.object)
  }

  #shown(call: Call, code: number, object: KubeObject): Answer {
    const { as, version } = call.wanted
    if (as === "Table") {
      const metadata = { resourceVersion: object.metadata.resourceVersion }
      const options = { metadata, version, include: includeIn(call.query), nowMs: this.#nowMs(), columns: true }
      return { code, body: table(call.target.kind, [object], options) }
    }
    return { code, body: as === "PartialObjectMetadata" ? partial(object, version) : object }
  }
}

function requireVerb(call: Call, verb: string): void {
  if (!call.target.kind.verbs.includes(verb)) throw methodNotAllowed()
}

function includeIn(query: URLSearchParams): IncludeObject {
  const text = query.get("includeObject") ?? ""
  if (text === "" || text === "Metadata") return "Metadata"
  if (text === "None" || text === "Object") return text
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(text)}`)
}

function deleteOptions(call: Call): DeleteOptions & { readonly dryRun: boolean } {
  if (call.body.length === 0) return { dryRun: false }
  const body = parseObject(call.body, call.mediaType, "DeleteOptions", false)
  const uid = textAt(body, "preconditions", "uid")
  const resourceVersion = textAt(body, "preconditions", "resourceVersion")
  const dryRun = at(body, "dryRun")
  return {
    ...(uid === "" ? {} : { uid }),
    ...(resourceVersion === "" ? {} : { resourceVersion }),
    dryRun: Array.isArray(dryRun) && dryRun.includes("All"),
  }
}
