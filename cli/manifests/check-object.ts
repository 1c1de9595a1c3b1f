import { checkRules } from "../../kubernetes/embedded/schema/cel.ts"
import { prune } from "../../kubernetes/embedded/schema/prune.ts"
import { validate } from "../../kubernetes/embedded/schema/validate.ts"
import type { Schema } from "../../kubernetes/embedded/definition.ts"
import { type JsonObject, objectAt, textOf } from "../../kubernetes/client/json.ts"
import { definitions } from "../../kubernetes/resources/definitions.ts"
import { isOurs, metallbGroup } from "./objects.ts"

export interface ObjectFault {
  /** `spec.addresses[0]`; empty for the object itself. */
  readonly path: string
  readonly text: string
}

export interface ObjectCheck {
  readonly faults: readonly ObjectFault[]
  readonly warnings: readonly ObjectFault[]
  /** Its values are those of its kind: it can be read as a part of the configuration. */
  readonly readable: boolean
}

const fine: ObjectCheck = { faults: [], warnings: [], readable: true }
const only = (path: string, text: string): ObjectCheck => ({ faults: [{ path, text }], warnings: [], readable: false })

/**
 * What an API server has against one object, by itself: its schema, fields that the schema does not know (kubectl refuses
 * them), its CEL rules. Only kinds of `metallb.io` are looked at.
 */
export function checkObject(object: JsonObject): ObjectCheck {
  if (!isOurs(object)) return fine
  const { apiVersion, kind } = object
  const found = definitions.find(({ spec }) => spec.names.kind === kind)
  if (found === undefined) return only("kind", `no kind ${textOf(kind)} in ${metallbGroup}${removed(textOf(kind))}`)
  const version = found.spec.versions.find(({ name }) => `${metallbGroup}/${name}` === apiVersion)
  if (version === undefined) {
    const known = found.spec.versions.map(({ name }) => `${metallbGroup}/${name}`).join(", ")
    return only("apiVersion", `${textOf(kind)} has no version ${textOf(apiVersion)}; it has ${known}`)
  }
  const { metadata: _, ...body } = object
  const schema = version.schema.openAPIV3Schema as Schema
  const unknown: string[] = []
  prune(schema, body, "", unknown)
  const invalid = validate(schema, body, "")
  const broken = invalid.length > 0 ? invalid : checkRules(schema, body, undefined, "")
  const deprecation = version.deprecationWarning
  return {
    faults: [
      ...nameFaults(object),
      ...unknown.map((path) => ({ path, text: `unknown field "${path}"` })),
      ...broken.map(({ field = "", message }) => ({ path: field, text: message })),
    ],
    readable: broken.length === 0,
    warnings: deprecation === undefined ? [] : [{ path: "apiVersion", text: deprecation }],
  }
}

const removed = (kind: string): string =>
  kind === "AddressPool" ? ": it became IPAddressPool, with advertisements of their own" : ""

/** RFC 1123 subdomain, as Kubernetes wants it. */
function nameFaults(object: JsonObject): ObjectFault[] {
  const name = textOf(objectAt(object, "metadata")["name"])
  if (name === "") return [{ path: "metadata.name", text: "Required value: name or generateName is required" }]
  const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
  if (name.length <= 253 && new RegExp(`^${label}(\\.${label})*$`).test(name)) return []
  const text = `Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`
  return [{ path: "metadata.name", text }]
}
